// What may be reached. A campaign lists those that it did not reach.
#include <array>

#include "replay-tests/simulation/oracles.h"

namespace pgo::simulation {
namespace {

constexpr auto kFaults = std::to_array<std::string_view>(
    {"ApiDown", "CutOff", "CutOffApi", "DeletePod of a primary", "ForceDelete of a primary",
     "Freeze", "FreezeOperator", "KillContainer of a primary", "KillServer of a primary",
     "PowerOff", "PowerOffTold"});
constexpr auto kUsers = std::to_array<std::string_view>(
    {"ChangeParameter", "ChangeTemplate", "Pause", "Reload", "Restart", "Scale", "Switchover"});
constexpr auto kNotices = std::to_array<std::string_view>(
    {"CompletedByOther", "FailoverAbandoned", "FailoverComplete", "FirstPrimary", "NoCandidate",
     "OperationComplete", "OperationRefused", "PendingRestart", "Restart", "Rollout", "WalLost"});
constexpr auto kOthers = std::to_array<std::string_view>(
    {"async: acknowledged commits were lost by a change of primary",
     "async: an old primary still acknowledged",
     "failover: a named candidate was cleared",
     "failover: a switchover was asked for",
     "failover: the operator named a candidate",
     "failover: the operator nudged Patroni",
     "failover: the operator released a lock",
     "kubelet: a pod was deleted before its kubelet saw it",
     "kubelet: a pod waits for a volume that another node still holds",
     "kubernetes: leftover Endpoints were collected",
     "kubernetes: pods of a silent node are evicted",
     "liveness: well after a minute",
     "liveness: well within a minute",
     "operator: killed after an action was journaled",
     "operator: killed after an action was sent",
     "operator: killed before an action was journaled",
     "operator: killed before an outcome was journaled",
     "patroni: a copy broke off and began again",
     "patroni: a rewind broke off and began again",
     "patroni: demoted without the API server",
     "patroni: failsafe kept a primary without the API server",
     "patroni: the race for the lock was lost by compare-and-swap",
     "postgres: rewound from a higher timeline",
     "postgres: rewound to another timeline",
     "request: a precondition failed",
     "request: done long after its timeout",
     "request: done, but its answer was lost",
     "rollout: a pod is replaced",
     "rollout: a restart in place",
     "scaling: a volume with all commits was deleted",
     "scaling: an instance leaves",
     "watch: 410 Gone, listed again with a gap"});

}  // namespace

std::vector<std::string> KnownSituations() {
  std::vector<std::string> out;
  for (const auto name : kFaults) out.push_back("fault: " + std::string(name));
  for (const auto name : kUsers) out.push_back("user: " + std::string(name));
  for (const auto name : kNotices) out.push_back("notice: " + std::string(name));
  for (const auto name : kOthers) out.emplace_back(name);
  return out;
}

}  // namespace pgo::simulation
