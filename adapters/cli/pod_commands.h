// Questions to the pods of a cluster: which to ask, how psql is called, how its answers are read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/cli/kube_access.h"

namespace pgo::cli {

using Answers = std::map<std::string, Result<CommandOutput>>;  // by the question's name

// All at the same time, for a pod that hangs must not hold up the others.
Answers AskAll(Kube& kube, const std::map<std::string, PodCommand>& questions);

// psql as the superuser through the pod's own socket; each statement is a transaction. It is
// interrupted after 5 s (exit status 124).
PodCommand PsqlIn(const Snapshot& snapshot, const std::string& pod,
                  const std::vector<std::string>& statements);
inline constexpr int kInterrupted = 124;

// The first line or lines of the output as JSON: of statements that select json. Errors hold the
// last line that the command wrote on standard error.
Result<Json> JsonAnswer(const Result<CommandOutput>& answer);
// What went wrong, in a few words; "" if the command ended well.
std::string ProblemOf(const Result<CommandOutput>& answer);

// The pod whose database is to be asked about the whole cluster: the primary's, else any that runs.
std::optional<std::string> PodToAsk(const Snapshot& snapshot);

}  // namespace pgo::cli
