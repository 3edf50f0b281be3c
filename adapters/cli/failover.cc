// `pgo failover`: lists the replicas, or asks the operator for a switchover and waits for it.
#include <algorithm>

#include "adapters/cli/instances.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/operation.h"
#include "adapters/cli/verbs.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

bool IsReplica(const InstanceLine& line) { return line.role != "primary" && !line.pod.empty(); }

// The instance that is meant, by its own or its pod's name; "" lets the operator choose.
Result<std::string> Target(const cluster::ClusterView& view, const std::string& wanted) {
  const auto lines = InstanceLines(view);
  if (std::ranges::none_of(lines, IsReplica)) {
    return Fail(Code::kConflict, "cluster " + view.key.name +
                                     " has no replica to switch to; add one with `pgo scale " +
                                     view.key.name + "`");
  }
  if (wanted.empty()) return std::string();
  std::string replicas;
  for (const InstanceLine& line : lines) {
    const bool meant = line.instance == wanted || line.pod == wanted;
    if (meant && IsReplica(line)) return line.instance;
    if (meant) {
      return Fail(Code::kInvalid, "--target: \"" + wanted +
                                      "\": must be a replica; it is the primary "
                                      "already, so there is nothing to do");
    }
    if (IsReplica(line)) replicas += (replicas.empty() ? "" : ", ") + line.instance;
  }
  return Fail(Code::kInvalid,
              "--target: \"" + wanted + "\": must be an instance of cluster " + view.key.name +
                  "; choose one of: " + (replicas.empty() ? "(there is no replica)" : replicas));
}

Json PatchFor(const Failover& options, const std::string& target, const std::string& id) {
  Json patch = Json::object();
  Put(patch, {"metadata", "annotations", kube::kTriggerSwitchover}, id);
  Json switchover = Json::object();
  switchover["enabled"] = true;
  switchover["type"] = options.force ? "Failover" : "Switchover";
  switchover["targetInstance"] = target.empty() ? Json(nullptr) : Json(target);
  Put(patch, {"spec", "patroni", "switchover"}, std::move(switchover));
  return patch;
}

// What the operator said about the cluster since then, if it refused or gave up.
std::string RefusalSince(Kube& kube, const ClusterKey& key, std::int64_t since_us) {
  auto events = kube.List("Event", key.ns);
  if (!events) return "";
  for (const Json& event : *events) {
    const Json& about = GetObject(event, {"regarding"});
    if (GetString(about, {"kind"}) != "PostgresCluster" || GetString(about, {"name"}) != key.name) {
      continue;
    }
    const std::string reason = GetString(event, {"reason"});
    if (reason != "NoCandidate" && reason != "FailoverAbandoned") continue;
    const auto at = ParseWall(
        GetString(event, {"eventTime"}, GetString(event, {"metadata", "creationTimestamp"})));
    if (at && *at >= since_us) return reason + ": " + GetString(event, {"note"});
  }
  return "";
}

struct Change {
  std::string from, to;  // pods
  std::int64_t took_us = 0;
};

Result<Change> WaitChange(Kube& kube, const ClusterKey& key, const std::string& from,
                          std::int64_t since_us, const Failover& options, Output& output) {
  Progress progress(output);
  Change change{from, "", 0};
  const std::string late = "no new primary after " + std::to_string(options.timeout_s) +
                           " s; look with `pgo why " + key.name + "`";
  Status waited = WaitUntil(options.timeout_s, late, [&]() -> Result<bool> {
    // Events have whole seconds, and the clocks may differ a little.
    const std::string refused = RefusalSince(kube, key, since_us - kSecond);
    if (!refused.empty()) return Fail(Code::kConflict, refused);
    auto snapshot = ReadCluster(kube, key);
    if (!snapshot) return Fail(snapshot.error());
    for (const InstanceLine& line : InstanceLines((*snapshot)->view)) {
      const std::string state = line.state.substr(0, line.state.find(','));
      progress.Set(line.instance, Pad(line.instance, 20) + "  " +
                                      Pad(line.role.empty() ? "-" : line.role, 7) + "  " + state);
    }
    progress.Draw();
    const auto* primary = (*snapshot)->view.Primary();
    if (primary == nullptr || primary->pod->name == from) return false;
    change.to = primary->pod->name;
    return true;
  });
  progress.End();
  if (!waited) return Fail(waited.error());
  change.took_us = WallNow() - since_us;
  return change;
}

}  // namespace

Status Run(const Failover& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  const ClusterKey key{(*kube)->ns(), options.cluster};
  auto snapshot = ReadCluster(**kube, key);
  if (!snapshot) return Fail(snapshot.error());
  const cluster::ClusterView& view = (*snapshot)->view;
  if (options.query) return ShowReplicas(**snapshot, common, console);
  auto target = Target(view, options.target);
  if (!target) return Fail(target.error());
  const std::string from = view.lock.leader;
  const std::int64_t asked = WallNow();
  auto patched = (*kube)->MergePatch({"PostgresCluster", key.ns, key.name},
                                     PatchFor(options, *target, WallText(asked)));
  if (!patched) return Fail(patched.error());
  const bool json = common.output == "json";
  Output& out = json ? console.err : console.out;
  out.Line("asked for a switchover of " + key.name + " from " + (from.empty() ? "(nobody)" : from) +
           " to " + (target->empty() ? "the furthest replica" : *target));
  if (!options.wait) return {};
  auto change = WaitChange(**kube, key, from, asked, options, out);
  if (!change) return Fail(change.error());
  out.Line(change->to + " is primary after " + DurationText(change->took_us));
  if (json) {
    console.out.Print(Pretty({{"cluster", key.name},
                              {"from", change->from},
                              {"to", change->to},
                              {"milliseconds", change->took_us / 1000}}));
  }
  return {};
}

}  // namespace pgo::cli
