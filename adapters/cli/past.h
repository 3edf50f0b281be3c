// The state at a moment, rebuilt by folding a journal from a baseline up to it. Nothing is decided
// anew and nothing is guessed: what could not be seen is said.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/cli/kube_access.h"
#include "adapters/cli/output.h"
#include "adapters/cli/when.h"
#include "engine/engine.h"
#include "journal/query/place.h"

namespace pgo::cli {

// Why what was seen last may not be what was at that moment. A mark with seq 0 is not recorded.
struct Unseen {
  std::string why;  // "the operator did not run"
  journal::Place::Mark from, to;
};

struct Past {
  ClusterKey key;
  journal::Place::Mark at;  // the newest record folded
  Engine engine;
  std::unique_ptr<Snapshot> snapshot;  // of the cluster
  std::vector<Unseen> unseen;          // windows that the moment lies in
  std::uint64_t elided = 0;            // records left out of the bundle, which say nothing here
};

// The cluster is meant by name, or is the only one known at the moment; `ns` "" is any namespace.
// kNotFound if it was not there then, kInvalid if several fit.
Result<Past> PastAt(const journal::Reader& reader, const Moment& moment, const std::string& cluster,
                    const std::string& ns);

// "12:03:41.118 (#4127)", with the date.
std::string MarkText(const journal::Place::Mark& mark);
// Lines "NOT OBSERVED: …" and what a bundle left out; "" if there is nothing of that.
std::string UnseenText(const Past& past);
// As `pgo state` and `pgo diff` print them on their own.
std::string StateText(const Past& past, const Output& out);
std::string DiffText(const Past& from, const Past& to, const Output& out);
// {"at", "seq", "observed", "not_observed": [{why, from, to}], "elided"}
Json PastJson(const Past& past);

}  // namespace pgo::cli
