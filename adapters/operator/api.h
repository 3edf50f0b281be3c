// What the operator answers over HTTP: the journal for `pgo`, health for Kubernetes, metrics.
#pragma once

#include "adapters/http/server.h"
#include "adapters/operator/guard.h"
#include "adapters/operator/metrics.h"
#include "adapters/operator/standing.h"

namespace pgo {

// GET /version, /head, /frames?from=&to=&subject= (a bundle; subjects separated by commas),
// /journal (what it consists of), /place?at=MICROSECONDS or ?seq= (journal/query/place.h).
// All but /version are for who may see all clusters, or those of `namespace=`: then a bundle leaves
// out what is not of that namespace, unless the asker may see all. 503 while the journal is closed.
http::Response AnswerApi(const http::Request& request, const Standing& standing,
                         const ReplicaDesk& desk, Guard& guard);
// GET /healthz, /readyz, and /metrics of a listener that is open to everybody.
http::Response AnswerHealth(const http::Request& request, OperatorMetrics& metrics,
                            const Standing& standing);
// GET /metrics, for who may.
http::Response AnswerMetrics(const http::Request& request, OperatorMetrics& metrics,
                             const Standing& standing, Guard& guard);

}  // namespace pgo
