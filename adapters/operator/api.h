// What the operator answers over HTTP: the journal for `pgo`, health for Kubernetes, metrics.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "adapters/http/server.h"
#include "journal/store/journal.h"

namespace pgo {

// Counted from committed frames; read by /metrics.
struct Counters {
  std::atomic<std::uint64_t> events = 0, actions = 0, frames = 0, failovers = 0;
  std::atomic<bool> leading = false, journal_failed = false;
};

// GET /version, /head, /frames?from=&to=&subject= (a bundle; subjects separated by commas).
http::Response AnswerApi(const http::Request& request, const journal::Journal& journal);
// GET /healthz, /readyz, /metrics.
http::Response AnswerHealth(const http::Request& request, const Counters& counters,
                            const journal::Journal& journal);

}  // namespace pgo
