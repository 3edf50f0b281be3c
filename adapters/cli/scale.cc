// `pgo scale` and `pgo scaledown`: write the number of instances that is wanted, and wait for it.
#include <algorithm>

#include "adapters/cli/instances.h"
#include "adapters/cli/operation.h"
#include "adapters/cli/verbs.h"
#include "engine/cluster/roster.h"
#include "engine/cluster/spec.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

using cluster::InstanceSet;

std::string SetNames(const std::vector<InstanceSet>& sets) {
  std::string out;
  for (const auto& set : sets) out += (out.empty() ? "" : ", ") + set.name;
  return out;
}

// Index of the set that is meant: by name, else the only one.
Result<std::size_t> WhichSet(const std::vector<InstanceSet>& sets, const std::string& wanted,
                             const std::string& cluster) {
  if (wanted.empty() && sets.size() == 1) return std::size_t{0};
  const auto found = std::ranges::find(sets, wanted, &InstanceSet::name);
  if (found != sets.end()) return static_cast<std::size_t>(found - sets.begin());
  return Fail(Code::kInvalid, "--instance-set: \"" + wanted + "\": must name a set of cluster " +
                                  cluster + "; choose one of: " + SetNames(sets));
}

// spec.instances is a list, and a merge patch writes lists whole.
Json ReplicasPatch(const Json& cluster, std::size_t set, std::int64_t replicas) {
  Json instances = GetArray(cluster, {"spec", "instances"});
  instances[set]["replicas"] = replicas;
  Json patch = Json::object();
  Put(patch, {"spec", "instances"}, std::move(instances));
  return patch;
}

// What 4.7 let each replica have of its own is a matter of instance sets now.
Status NotPerReplica(const Scale& options) {
  const std::pair<const char*, const std::string*> all[] = {
      {"--storage-config", &options.storage_config},
      {"--service-type", &options.service_type},
      {"--node-label", &options.node_label},
      {"--node-affinity-type", &options.node_affinity},
      {"--toleration", &options.toleration},
      {"--ccp-image-tag", &options.ccp_image_tag}};
  for (const auto& [flag, value] : all) {
    if (value->empty()) continue;
    return Fail(Code::kInvalid, std::string(flag) + ": \"" + *value +
                                    "\": must not be given: all replicas of a set are alike; add a "
                                    "set with it to spec.instances of the manifest instead");
  }
  return {};
}

struct Counts {
  std::string set;
  std::int64_t before = 0, after = 0;
};

Json CountsJson(const std::string& cluster, const Counts& counts) {
  return {{"cluster", cluster},
          {"instance_set", counts.set},
          {"replicas_before", counts.before},
          {"replicas", counts.after}};
}

std::string CountsText(const std::string& cluster, const Counts& counts) {
  return cluster + ": set " + counts.set + " from " + std::to_string(counts.before) + " to " +
         std::to_string(counts.after) + (counts.after == 1 ? " instance" : " instances");
}

Result<Counts> ScaleUp(Kube& kube, const ClusterKey& key, const Scale& options) {
  Counts counts;
  auto changed = Change(kube, key, [&](const Json& cluster) -> Result<Json> {
    const auto spec = cluster::ParseSpec(cluster).spec;
    auto set = WhichSet(spec.instances, options.instance_set, key.name);
    if (!set) return Fail(set.error());
    const InstanceSet& meant = spec.instances[*set];
    counts = {meant.name, meant.replicas, meant.replicas + options.replica_count};
    return ReplicasPatch(cluster, *set, counts.after);
  });
  if (!changed) return Fail(changed.error());
  return counts;
}

bool AllSettled(const Snapshot& snapshot) {
  const auto lines = InstanceLines(snapshot.view);
  return std::ranges::all_of(lines, &InstanceLine::settled) &&
         ReadyOf(snapshot.view.subject->object).ok();
}

Status ScaleOne(Kube& kube, const Scale& options, const std::string& name, Output& out,
                Json& scaled) {
  const ClusterKey key{kube.ns(), name};
  const std::int64_t since = WallNow();
  auto counts = ScaleUp(kube, key, options);
  if (!counts) return Fail(counts.error());
  out.Line("scaling " + CountsText(name, *counts));
  if (options.wait) {
    const Waiting waiting{key, since, options.timeout_s, name + " is not scaled", ""};
    Status done = WaitShowing(kube, waiting, out, [](const Snapshot& s) -> Result<bool> {
      return s.view.subject != nullptr && AllSettled(s);
    });
    if (!done) return done;
    out.Line("scaled " + CountsText(name, *counts) + " in " + DurationText(WallNow() - since));
  }
  scaled.push_back(CountsJson(name, *counts));
  return {};
}

// The instance that is meant to go, or why it cannot.
Result<std::string> Target(const cluster::ClusterView& view, const std::string& wanted) {
  std::string replicas;
  for (const InstanceLine& line : InstanceLines(view)) {
    const bool meant = line.instance == wanted || line.pod == wanted;
    const bool primary = line.pod == view.lock.leader && !line.pod.empty();
    if (meant && primary) {
      return Fail(Code::kInvalid, "--target: \"" + wanted +
                                      "\": must be a replica, and it is the primary; make another "
                                      "one the primary first: pgo failover " +
                                      view.key.name);
    }
    if (meant) return line.instance;
    if (!primary) replicas += (replicas.empty() ? "" : ", ") + line.instance;
  }
  return Fail(Code::kInvalid,
              "--target: \"" + wanted + "\": must be an instance of cluster " + view.key.name +
                  "; choose one of: " + (replicas.empty() ? "(there is no replica)" : replicas));
}

Result<Counts> ScaleDownBy(Kube& kube, const ClusterKey& key, const ScaleDown& options,
                           const std::string& target, const std::string& target_set) {
  Counts counts;
  auto changed = Change(kube, key, [&](const Json& cluster) -> Result<Json> {
    const auto spec = cluster::ParseSpec(cluster).spec;
    const std::string& wanted = target.empty() ? options.instance_set : target_set;
    auto set = WhichSet(spec.instances, wanted, key.name);
    if (!set) return Fail(set.error());
    const InstanceSet& meant = spec.instances[*set];
    const std::string field = "spec.instances[" + std::to_string(*set) + "].replicas: ";
    if (meant.replicas < 2) {
      return Fail(Code::kInvalid, field + std::to_string(meant.replicas) +
                                      ": must stay at least 1; to be rid of the last instance, "
                                      "take the set out of the manifest or delete the cluster");
    }
    counts = {meant.name, meant.replicas, meant.replicas - 1};
    Json patch = ReplicasPatch(cluster, *set, counts.after);
    Put(patch, {"metadata", "annotations", kube::kScaleDownTarget},
        target.empty() ? Json(nullptr) : Json(target));
    Put(patch, {"metadata", "annotations", kube::kScaleDownData},
        std::string(options.keep_data ? cluster::kDataKept : cluster::kDataDeleted));
    return patch;
  });
  if (!changed) return Fail(changed.error());
  return counts;
}

// No instance is too many any more and none is leaving.
bool IsDown(const Snapshot& snapshot, const Counts& counts) {
  std::int64_t present = 0;
  for (const auto& [name, instance] : snapshot.view.instances) {
    if (instance.leaving) return false;
    if (instance.set == counts.set && instance.stateful_set != nullptr) ++present;
  }
  return present <= counts.after && AnnotationOf(snapshot.view, kube::kScaleDownData).empty();
}

}  // namespace

Status Run(const Scale& options, const Common& common, Console& console) {
  if (auto fine = NotPerReplica(options); !fine) return fine;
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  // All of them are there before the first is changed.
  if (auto found = FindClusters(**kube, options.clusters, "", false); !found) {
    return Fail(found.error());
  }
  std::string names;
  for (const auto& name : options.clusters) names += " " + name;
  if (auto sure = AskFirst("this adds replicas to" + names, options.no_prompt, console); !sure) {
    return sure;
  }
  const bool json = common.output == "json";
  Output& out = json ? console.err : console.out;
  Json scaled = Json::array();
  for (const auto& name : options.clusters) {
    if (auto done = ScaleOne(**kube, options, name, out, scaled); !done) return done;
  }
  if (json) console.out.Print(Pretty(scaled));
  return {};
}

Status Run(const ScaleDown& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  const ClusterKey key{(*kube)->ns(), options.cluster};
  auto snapshot = ReadCluster(**kube, key);
  if (!snapshot) return Fail(snapshot.error());
  if (options.query) return ShowReplicas(**snapshot, common, console);
  std::string target;
  if (!options.target.empty()) {
    auto meant = Target((*snapshot)->view, options.target);
    if (!meant) return Fail(meant.error());
    target = *meant;
  }
  const std::string what = target.empty() ? "an instance of " + key.name : target;
  const std::string data = options.keep_data ? ", its data is kept" : " with all data";
  if (auto sure = AskFirst("this removes " + what + data, options.no_prompt, console); !sure) {
    return sure;
  }
  const std::int64_t since = WallNow();
  const auto of = (*snapshot)->view.instances.find(target);
  auto counts = ScaleDownBy(**kube, key, options, target,
                            of == (*snapshot)->view.instances.end() ? "" : of->second.set);
  if (!counts) return Fail(counts.error());
  const bool json = common.output == "json";
  Output& out = json ? console.err : console.out;
  out.Line("scaling " + CountsText(key.name, *counts) + ": " + what + " goes" +
           (options.keep_data ? ", its data is kept" : ""));
  if (options.wait) {
    const Waiting waiting{key, since, options.timeout_s, key.name + " is not scaled", "ScaleDown"};
    Status done = WaitShowing(**kube, waiting, out, [&](const Snapshot& s) -> Result<bool> {
      return IsDown(s, *counts);
    });
    if (!done) return done;
    out.Line("scaled " + CountsText(key.name, *counts) + " in " + DurationText(WallNow() - since));
  }
  if (json) console.out.Print(Pretty(CountsJson(key.name, *counts)));
  return {};
}

}  // namespace pgo::cli
