// What the verbs that change a running cluster have in common: they ask before, write what is
// wanted into the PostgresCluster, and show how the operator brings it about.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "adapters/cli/kube_access.h"
#include "adapters/cli/output.h"

namespace pgo::cli {

// Asks on a terminal, unless `no_prompt`; in a pipe there is nobody to ask. kUnavailable if the
// answer is no: nothing was changed.
Status AskFirst(const std::string& warning, bool no_prompt, Console& console);

// How the replicas of a cluster do: what --query of failover and scaledown shows.
Status ShowReplicas(const Snapshot& snapshot, const Common& common, Console& console);

// Changes the PostgresCluster by what `change` makes of its newest version: a merge patch, applied
// only if nobody changed it meanwhile, else made again. Returns it as it is then.
Result<Json> Change(Kube& kube, const ClusterKey& key,
                    const std::function<Result<Json>(const Json& cluster)>& change);

struct Waiting {
  ClusterKey key;
  std::int64_t since_us = 0;  // wall time of the change
  std::int64_t timeout_s = 0;
  std::string late;       // what has not happened, if the time is over: "hippo is not scaled"
  std::string condition;  // type of the condition whose being False means a refusal; "" none
};
// Shows the instances until `done` says so. An Event OperationRefused since then, or the condition,
// ends it as kConflict with the operator's words.
Status WaitShowing(Kube& kube, const Waiting& waiting, Output& output,
                   const std::function<Result<bool>(const Snapshot&)>& done);

// The annotation of the cluster; "" if it has none.
std::string AnnotationOf(const cluster::ClusterView& view, std::string_view name);

}  // namespace pgo::cli
