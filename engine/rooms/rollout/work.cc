#include <algorithm>

#include "engine/base/digest.h"
#include "engine/cluster/health.h"
#include "engine/kube/names.h"
#include "engine/rooms/rollout/rollout.h"

namespace pgo::rooms::rollout {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;
using cluster::Member;

constexpr std::int64_t kRestartsMax = 2;

bool IsSynchronous(const ClusterView& view, const InstanceView& instance) {
  const auto& published = view.sync.standbys;
  return std::ranges::find(published, instance.pod->name) != published.end();
}

bool IsAsked(const Input& in, const Request& request, const std::string& name) {
  if (request.restart.empty() || !request.refusal.empty()) return false;
  const auto& wanted = request.instances;
  if (!wanted.empty() && std::ranges::find(wanted, name) == wanted.end()) return false;
  const Operation& op = in.memory.operation;
  return op.ask != request.restart || std::ranges::find(op.done, name) == op.done.end();
}

// Patroni's word that settings wait for a restart, unless it is one that was restarted for already.
bool IsPending(const Input& in, const InstanceView& instance) {
  if (!instance.pod->member || !instance.pod->member->pending_restart) return false;
  const auto before = in.memory.restarted.find(instance.pod->uid);
  if (before == in.memory.restarted.end()) return true;
  if (before->second.config != ConfigDigest(in.view)) return true;
  const std::int64_t settled =
      before->second.at_us + 2 * in.view.spec().patroni.sync_period_s * kSecond;
  return before->second.count < kRestartsMax && in.now.elapsed_us >= settled;
}

// Until the controller has looked at the newest template, its revision is that of an older one.
bool IsJudged(const InstanceView& instance) {
  const Json& set = instance.stateful_set->object;
  return GetInt(set, {"status", "observedGeneration"}) >= GetInt(set, {"metadata", "generation"});
}

// Who is outdated is known of all or of none: with one template looked at, and that the primary's,
// the rollout would begin where it ought to end, and switch the primary twice.
bool AllJudged(const ClusterView& view) {
  return std::ranges::all_of(view.instances, [](const auto& i) {
    return i.second.stateful_set == nullptr || IsJudged(i.second);
  });
}

// The smaller goes first.
int Turn(const Input& in, const Work& work) {
  if (!Serves(in.view, work.instance)) return 0;
  if (work.need == Need::kSettings) return work.primary ? 1 : 2;
  if (work.primary) return 4;
  return work.synchronous ? 3 : 2;
}

}  // namespace

bool IsOutdated(const InstanceView& instance) {
  if (instance.stateful_set == nullptr || !instance.pod || !IsJudged(instance)) return false;
  const Json& set = instance.stateful_set->object;
  const std::string wanted = GetString(set, {"status", "updateRevision"});
  const std::string has =
      GetString(instance.pod->subject->object, {"metadata", "labels", "controller-revision-hash"});
  return !wanted.empty() && !has.empty() && wanted != has;
}

bool WaitsToBeAsked(const InstanceView& instance) {
  if (!IsOutdated(instance) || !instance.pod->database_running) return false;
  const std::string wanted = GetString(
      instance.stateful_set->object, {"spec", "template", "metadata", "annotations", kube::kAsked});
  return !wanted.empty() && wanted == GetString(instance.pod->subject->object,
                                                {"metadata", "annotations", kube::kAsked});
}

bool AnyOutdated(const ClusterView& view) {
  return std::ranges::any_of(view.instances, [](const auto& i) { return IsOutdated(i.second); });
}

bool Serves(const ClusterView& view, const InstanceView* instance) {
  if (instance == nullptr || !instance->pod || !instance->pod->ready || instance->pod->deleting) {
    return false;
  }
  return view.Primary() == instance || cluster::IsStreaming(view, instance);
}

std::string ConfigDigest(const ClusterView& view) {
  if (view.dcs_config == nullptr) return "";
  return Sha256Hex(GetString(view.dcs_config->object, {"metadata", "annotations", "config"}))
      .substr(0, 16);
}

std::vector<Work> CollectWork(const Input& in, const Request& request) {
  std::vector<Work> out;
  const bool known = in.templates_applied && AllJudged(in.view);
  for (const Member& member : cluster::Roster(in.view)) {
    const InstanceView* instance = member.instance;
    if (instance == nullptr || instance->stateful_set == nullptr || !instance->pod) continue;
    if (instance->pod->deleting) continue;
    Work work{instance, Need::kReplace, cluster::HoldsLock(in.view, *instance),
              IsSynchronous(in.view, *instance)};
    const bool asked = IsAsked(in, request, instance->name);
    const bool outdated = IsOutdated(*instance) && known && (asked || !WaitsToBeAsked(*instance));
    if (!outdated && asked) {
      work.need = Need::kRestart;
    } else if (!outdated && IsPending(in, *instance)) {
      work.need = Need::kSettings;
    } else if (!outdated) {
      continue;
    }
    out.push_back(work);
  }
  std::ranges::stable_sort(out,
                           [&](const Work& a, const Work& b) { return Turn(in, a) < Turn(in, b); });
  return out;
}

std::string WhyNotNow(const ClusterView& view) {
  const InstanceView* primary = view.Primary();
  if (primary == nullptr) return "there is no primary";
  const auto roster = cluster::Roster(view);
  for (const Member& member : roster) {
    if (Serves(view, member.instance)) continue;
    return member.name + (member.instance == primary ? " is not ready" : " does not stream yet");
  }
  if (!view.spec().synchronous_mode || roster.size() < 2) return "";
  if (view.sync.leader != primary->pod->name) {
    return kube::SyncName(view.key.name) + " does not speak of " + primary->pod->name + " yet";
  }
  for (const std::string& standby : view.sync.standbys) {
    if (cluster::IsStreaming(view, view.ByPod(standby))) return "";
  }
  return "no synchronous standby streams";
}

}  // namespace pgo::rooms::rollout
