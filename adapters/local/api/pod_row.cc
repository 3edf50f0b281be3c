// The rules are those of printPod in Kubernetes' pkg/printers/internalversion/printers.go.
#include "adapters/local/api/pod_row.h"

#include <algorithm>

#include "adapters/local/api/human.h"
#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

struct Tally {
  std::int64_t ready = 0, restarts = 0;
  std::string last_restart;

  void Add(const Json& status) {
    restarts += GetInt(status, {"restartCount"});
    last_restart =
        std::max(last_restart, GetString(status, {"lastState", "terminated", "finishedAt"}));
  }
};

bool IsSidecar(const Json& pod, const std::string& container) {
  for (const Json& spec : GetArray(pod, {"spec", "initContainers"})) {
    if (GetString(spec, {"name"}) == container)
      return GetString(spec, {"restartPolicy"}) == "Always";
  }
  return false;
}

// "Signal:9", "ExitCode:1", or the reason.
std::string EndOf(const Json& terminated) {
  const std::string reason = GetString(terminated, {"reason"});
  if (!reason.empty()) return reason;
  if (const auto signal = GetInt(terminated, {"signal"})) return "Signal:" + std::to_string(signal);
  return "ExitCode:" + std::to_string(GetInt(terminated, {"exitCode"}));
}

// "Init:…" while init containers run; "" when they are done.
std::string Initializing(const Json& pod, Tally& sidecars, Tally& all) {
  const Json& statuses = GetArray(pod, {"status", "initContainerStatuses"});
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    const Json& status = statuses[i];
    all.Add(status);
    const bool sidecar = IsSidecar(pod, GetString(status, {"name"}));
    if (sidecar) sidecars.Add(status);
    const Json* terminated = Find(status, {"state", "terminated"});
    if (terminated != nullptr && GetInt(*terminated, {"exitCode"}) == 0) continue;
    if (sidecar && GetBool(status, {"started"})) {
      sidecars.ready += GetBool(status, {"ready"}) ? 1 : 0;
      continue;
    }
    if (terminated != nullptr) return "Init:" + EndOf(*terminated);
    const std::string waiting = GetString(status, {"state", "waiting", "reason"});
    if (!waiting.empty() && waiting != "PodInitializing") return "Init:" + waiting;
    return "Init:" + std::to_string(i) + "/" +
           std::to_string(GetArray(pod, {"spec", "initContainers"}).size());
  }
  return {};
}

bool ConditionIsTrue(const Json& pod, const char* type) {
  for (const Json& condition : GetArray(pod, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == type) return GetString(condition, {"status"}) == "True";
  }
  return false;
}

// What the containers' states say, the first container having the last word.
std::string OfContainers(const Json& pod, std::string reason, Tally& tally) {
  bool running = false;
  const Json& statuses = GetArray(pod, {"status", "containerStatuses"});
  for (auto it = statuses.rbegin(); it != statuses.rend(); ++it) {
    tally.Add(*it);
    const std::string waiting = GetString(*it, {"state", "waiting", "reason"});
    const Json* terminated = Find(*it, {"state", "terminated"});
    if (!waiting.empty()) {
      reason = waiting;
    } else if (terminated != nullptr) {
      reason = EndOf(*terminated);
    } else if (GetBool(*it, {"ready"}) && Find(*it, {"state", "running"}) != nullptr) {
      running = true;
      ++tally.ready;
    }
  }
  if (reason == "Completed" && running)
    reason = ConditionIsTrue(pod, "Ready") ? "Running" : "NotReady";
  return reason;
}

}  // namespace

PodRow RowOfPod(const Json& pod) {
  const std::string phase = GetString(pod, {"status", "phase"});
  std::string reason = GetString(pod, {"status", "reason"}, phase);
  Tally sidecars, all;
  const std::string initializing = Initializing(pod, sidecars, all);
  Tally tally = sidecars;
  if (initializing.empty() || ConditionIsTrue(pod, "Initialized")) {
    reason = OfContainers(pod, std::move(reason), tally);
  } else {
    reason = initializing;
    tally.restarts = all.restarts;
    tally.last_restart = all.last_restart;
  }
  if (Deleting(pod) && phase != "Succeeded" && phase != "Failed") reason = "Terminating";
  std::size_t total = GetArray(pod, {"spec", "containers"}).size();
  for (const Json& spec : GetArray(pod, {"spec", "initContainers"}))
    total += GetString(spec, {"restartPolicy"}) == "Always" ? 1 : 0;
  std::string restarts = std::to_string(tally.restarts);
  if (tally.restarts > 0 && !tally.last_restart.empty())
    restarts += " (" + Age(tally.last_restart) + " ago)";
  return {std::to_string(tally.ready) + "/" + std::to_string(total), reason, restarts};
}

}  // namespace pgo::local
