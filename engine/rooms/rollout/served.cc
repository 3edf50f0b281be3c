// Annotations: those that were dealt with, and the one that asks for a reload.
#include "engine/kube/names.h"
#include "engine/rooms/rollout/commands.h"
#include "engine/rooms/rollout/steps.h"

namespace pgo::rooms::rollout {

// Annotations that were dealt with.
void ClearServed(const Input& in, Plan& plan) {
  const auto value = [&](std::string_view name) {
    return GetString(in.view.subject->object, {"metadata", "annotations", name});
  };
  std::vector<std::string_view> served;
  const std::string restart = value(kube::kRestart);
  if (!restart.empty() && restart == in.memory.served_restart) {
    served = {kube::kRestart, kube::kRestartInstances, kube::kRestartRolling};
  }
  const std::string reload = value(kube::kReload);
  if (!reload.empty() && reload == in.memory.served_reload) served.push_back(kube::kReload);
  if (!served.empty()) plan.Do(TakeOff(in, served));
}

void ReloadAll(const Input& in, const std::string& id, Plan& plan) {
  std::int64_t told = 0;
  std::string failed;
  bool waits = false;
  for (const auto& member : cluster::Roster(in.view)) {
    // One that does not run reads its configuration when it starts.
    if (member.instance == nullptr || !member.instance->pod) continue;
    const auto& pod = *member.instance->pod;
    if (pod.deleting || !pod.database_running) continue;
    const auto* entry = arbiter::Look(in.ledger, kRoom, "reload/" + id + "/" + pod.uid);
    const bool settled = entry != nullptr && !entry->in_flight;
    if (settled && entry->outcome == Outcome::kOk) {
      ++told;
    } else if (settled && entry->attempt >= kAttemptsMax) {
      failed += (failed.empty() ? "" : "; ") + pod.name + ": " + entry->message;
    } else {
      waits = true;
      plan.Do(Reload(in, *member.instance, id));
    }
  }
  if (waits) return;
  auto p = Say(in, failed.empty() ? Reason::kOperationComplete : Reason::kOperationRefused,
               "configuration read again by " + Instances(told) +
                   (failed.empty() ? "" : "; not by " + failed),
               "reload/" + id);
  p.causes = {in.view.subject->seq.value()};
  p.facts["reloaded"] = id;
  p.facts["ended"] = true;
  Put(p.facts, {"operation", "kind"}, "Reload");
  plan.Do(std::move(p));
}

}  // namespace pgo::rooms::rollout
