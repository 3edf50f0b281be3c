// What the operator answers over HTTP: the journal for `pgo`, health for Kubernetes, metrics.
#pragma once

#include "adapters/http/server.h"
#include "adapters/operator/metrics.h"
#include "adapters/operator/standing.h"

namespace pgo {

// GET /version, /head, /frames?from=&to=&subject= (a bundle; subjects separated by commas),
// /journal (what it consists of), /place?at=MICROSECONDS or ?seq= (journal/query/place.h).
// 503 while the journal is closed.
http::Response AnswerApi(const http::Request& request, const Standing& standing,
                         const ReplicaDesk& desk);
// GET /healthz, /readyz, /metrics.
http::Response AnswerHealth(const http::Request& request, OperatorMetrics& metrics,
                            const Standing& standing);

}  // namespace pgo
