#include "engine/rooms/status/status.h"

#include <algorithm>
#include <array>
#include <optional>

#include "engine/base/digest.h"
#include "engine/cluster/health.h"
#include "engine/cluster/roster.h"
#include "engine/cluster/volume_claim.h"
#include "engine/kube/names.h"

namespace pgo::rooms::status {
namespace {

using cluster::ClusterView;
using cluster::Member;

// Conditions that are ours alone: dropped when nobody reports them any more. Others' are kept.
constexpr auto kOurs = std::to_array<std::string_view>({"Ready",
                                                        "SpecValid",
                                                        "FieldsNotImplemented",
                                                        "ImageAvailable",
                                                        "PersistentVolumeResizing",
                                                        "PersistentVolumeResizeError",
                                                        "VolumeAutoGrow",
                                                        "WALVolume",
                                                        "UserOptionsRefused",
                                                        "ReplicasStreaming",
                                                        "SynchronousReplication",
                                                        "Progressing",
                                                        "ScaleDown",
                                                        "Restart",
                                                        "FailoverBlocked",
                                                        "PodsCurrent",
                                                        "PGBackRestRepoHostReady",
                                                        "PGBackRestReplicaRepoReady",
                                                        "PGBackRestReplicaCreate",
                                                        "PGBackRestManualBackupSuccessful",
                                                        "PGBackRestoreProgressing",
                                                        "BackupOptionsReadable",
                                                        "BackupSchedulesValid",
                                                        "PostgresDataInitialized"});

struct Counts {
  std::int64_t replicas = 0, ready = 0, updated = 0;
};

void Count(const Member& member, Counts& counts) {
  if (member.instance == nullptr || !member.instance->pod) return;
  const cluster::PodView& pod = *member.instance->pod;
  ++counts.replicas;
  if (pod.ready && !pod.deleting) ++counts.ready;
  if (member.instance->stateful_set == nullptr) return;
  const std::string wanted =
      GetString(member.instance->stateful_set->object, {"status", "updateRevision"});
  const std::string has =
      GetString(pod.subject->object, {"metadata", "labels", "controller-revision-hash"});
  if (!wanted.empty() && wanted == has) ++counts.updated;
}

// Sizes of volumes that grow by themselves, as their claims ask for them.
void AddDesiredSizes(const ClusterView& cluster, const cluster::InstanceSet& set, Json& entry) {
  for (const auto& claim : cluster::ClaimsAsked(cluster)) {
    if (claim.set != set.name || claim.instance.empty() || claim.live == nullptr) continue;
    if (!cluster::ReadAutoGrow(*claim.spec).asked) continue;
    entry[claim.volume == "wal" ? "desiredPGWALVolume" : "desiredPGDataVolume"][claim.instance] =
        cluster::AskedStorage(GetObject(claim.live->object, {"spec"}));
  }
}

bool Grows(const cluster::InstanceSet& set) {
  return cluster::ReadAutoGrow(set.data_claim).asked || cluster::ReadAutoGrow(set.wal_claim).asked;
}

Json Instances(const ClusterView& cluster, const std::vector<Member>& roster) {
  Json out = Json::array();
  for (const auto& set : cluster.spec().instances) {
    Counts counts;
    for (const Member& member : roster) {
      if (member.set == &set) Count(member, counts);
    }
    Json entry = Json::object();
    entry["name"] = set.name;
    entry["replicas"] = counts.replicas;
    entry["readyReplicas"] = counts.ready;
    entry["updatedReplicas"] = counts.updated;
    if (Grows(set)) AddDesiredSizes(cluster, set, entry);
    out.push_back(std::move(entry));
  }
  return out;
}

// The texts with a separator, as many as fit, and how many there are besides: the API server
// refuses a condition's message of more than 32768 characters, and nobody reads one of a thousand.
std::string Some(const std::vector<std::string>& texts, std::string_view separator) {
  constexpr std::size_t kEnough = 2000;
  std::string out;
  std::size_t count = 0;
  for (const std::string& text : texts) {
    if (count > 0 && out.size() + text.size() > kEnough) break;
    out += (count++ == 0 ? "" : std::string(separator)) + text;
  }
  const std::size_t rest = texts.size() - count;
  return rest == 0 ? out : out + std::string(separator) + "and " + std::to_string(rest) + " more";
}

std::string Problems(const ClusterView& cluster) {
  std::vector<std::string> texts;
  for (const auto& problem : cluster.parsed().problems) texts.push_back(problem.Text());
  return Some(texts, "; ");
}

std::string Ignored(const cluster::ParsedSpec& parsed) {
  const std::string paths = Some(parsed.not_implemented, ", "), other = Some(parsed.unknown, ", ");
  std::string out;
  if (!paths.empty()) out = "accepted, but without effect in this version: " + paths;
  if (other.empty()) return out;
  return out + (out.empty() ? "" : "; ") +
         "no field of PostgresCluster, misspelled perhaps: " + other;
}

std::string PodsOf(const std::vector<Member>& roster) {
  std::string out;
  for (const Member& member : roster) {
    if (member.instance == nullptr || !member.instance->pod) continue;
    out += (out.empty() ? "" : ", ") + member.name;
  }
  return out;
}

// Shut down, or on the way there or back; nothing otherwise.
std::optional<Condition> Stopped(const ClusterView& cluster, const std::vector<Member>& roster) {
  const std::string& first = cluster.startup_instance;
  const std::string later = first.empty() ? "" : "; " + first + ", which led last, starts first";
  if (cluster.spec().shutdown) {
    const std::string left = PodsOf(roster);
    return Condition{"Ready", false, left.empty() ? "Shutdown" : "ShuttingDown",
                     "spec.shutdown is true" +
                         (left.empty() ? ": all instances have stopped" + later
                                       : ": replicas stop first, then the primary; left: " + left)};
  }
  if (first.empty() || cluster.Primary() != nullptr) return std::nullopt;
  return Condition{
      "Ready", false, "Starting",
      first + ", which led last, starts first, then the others; if it cannot, annotation " +
          std::string(kube::kStartupInstance) + " names another, or \"any\""};
}

Condition Ready(const ClusterView& cluster, const std::vector<Member>& roster) {
  if (!cluster.parsed().problems.empty()) {
    return {"Ready", false, "InvalidSpec", "the manifest breaks a rule: " + Problems(cluster)};
  }
  if (auto stopped = Stopped(cluster, roster)) return *std::move(stopped);
  const auto obstacle = cluster::WhyNotWritable(cluster);
  if (!obstacle.reason.empty()) return {"Ready", false, obstacle.reason, obstacle.message};
  const std::string primary = cluster.Primary()->name;
  std::string missing;
  for (const Member& member : roster) {
    if (member.name == primary || cluster::IsStreaming(cluster, member.instance)) continue;
    missing += (missing.empty() ? "" : ", ") + member.name;
  }
  if (!missing.empty()) {
    return {"Ready", false, "ReplicasNotStreaming", "replicas that do not stream: " + missing};
  }
  return {"Ready", true, "Ready",
          cluster.lock.leader + " accepts writes and all " + std::to_string(roster.size()) +
              (roster.size() == 1 ? " instance is" : " instances are") + " up to date"};
}

std::vector<Condition> Collect(const ClusterView& cluster, const std::vector<Member>& roster,
                               const std::vector<Condition>& others) {
  std::vector<Condition> out{Ready(cluster, roster)};
  if (!cluster.parsed().problems.empty()) {
    out.push_back({"SpecValid", false, "InvalidSpec", Problems(cluster)});
  }
  std::string ignored = Ignored(cluster.parsed());
  if (!ignored.empty()) {
    out.push_back({"FieldsNotImplemented", true, "NotImplemented", std::move(ignored)});
  }
  for (const Condition& condition : others) {
    const bool known =
        std::ranges::any_of(out, [&](const Condition& c) { return c.type == condition.type; });
    if (!known) out.push_back(condition);
  }
  return out;
}

const Json* Old(const Json& conditions, const std::string& type) {
  for (const Json& condition : conditions) {
    if (GetString(condition, {"type"}) == type) return &condition;
  }
  return nullptr;
}

Json ConditionJson(const ClusterView& cluster, const Condition& condition, const Json* old,
                   Now now) {
  Json out = Json::object();
  out["type"] = condition.type;
  out["status"] = condition.ok ? "True" : "False";
  out["reason"] = condition.reason;
  out["message"] = condition.message;
  out["observedGeneration"] = cluster.generation;
  const std::string since = old == nullptr ? "" : GetString(*old, {"lastTransitionTime"});
  const bool same = old != nullptr && GetString(*old, {"status"}) == GetString(out, {"status"});
  out["lastTransitionTime"] = same && !since.empty() ? since : WallSeconds(now.wall_us);
  return out;
}

// Ours as they are now, in the places they had; then those of others; then new ones.
Json Conditions(const ClusterView& cluster, const std::vector<Condition>& current, const Json& old,
                Now now) {
  Json out = Json::array();
  for (const Json& condition : old) {
    const std::string type = GetString(condition, {"type"});
    const auto ours = std::ranges::find(current, type, &Condition::type);
    if (ours != current.end()) {
      out.push_back(ConditionJson(cluster, *ours, &condition, now));
    } else if (std::ranges::find(kOurs, type) == kOurs.end()) {
      out.push_back(condition);
    }
  }
  for (const Condition& condition : current) {
    if (Old(old, condition.type) == nullptr) {
      out.push_back(ConditionJson(cluster, condition, nullptr, now));
    }
  }
  return out;
}

std::string Summary(const Condition& ready, const std::vector<Member>& roster) {
  std::int64_t up = 0;
  for (const Member& member : roster) {
    if (member.instance != nullptr && member.instance->pod && member.instance->pod->ready) ++up;
  }
  return (ready.ok ? "Ready " : ready.reason + " ") + std::to_string(up) + "/" +
         std::to_string(roster.size());
}

Json Build(const ClusterView& cluster, const std::vector<Condition>& others, const Json& old,
           Now now) {
  const auto roster = cluster::Roster(cluster);
  const auto conditions = Collect(cluster, roster, others);
  const auto* primary = cluster.Primary();
  Json out = Json::object();
  out["observedGeneration"] = cluster.generation;
  out["conditions"] = Conditions(cluster, conditions, GetArray(old, {"conditions"}), now);
  out["instances"] = Instances(cluster, roster);
  out["primary"] = primary == nullptr ? "" : primary->pod->name;
  out["summary"] = Summary(conditions.front(), roster);
  if (!cluster.system_identifier.empty()) {
    Put(out, {"patroni", "systemIdentifier"}, cluster.system_identifier);
  }
  return out;
}

// What of `wanted` is not in `old`, as a merge patch.
Json Difference(const Json& wanted, const Json& old) {
  Json out = Json::object();
  for (const auto& [key, value] : wanted.items()) {
    const Json* had = Find(old, key);
    if (had == nullptr || (*had != value && !value.is_object())) {
      out[key] = value;
    } else if (value.is_object()) {
      Json inner = Difference(value, *had);
      if (!inner.empty()) out[key] = std::move(inner);
    }
  }
  return out;
}

}  // namespace

Plan PlanStatus(const ClusterView& cluster, const std::vector<Condition>& conditions,
                const Json& members, Now now) {
  Plan plan;
  if (cluster.subject == nullptr || cluster.deleting) return plan;
  const Json& old = GetObject(cluster.subject->object, {"status"});
  Json patch = Json::object();
  Json wanted = Build(cluster, conditions, old, now);
  for (const auto& [key, value] : members.items()) wanted[key] = value;
  patch["status"] = Difference(wanted, old);
  if (patch["status"].empty()) return plan;
  Proposal p;
  p.reason = Reason::kStatus;
  p.sentence = "status: " + GetString(patch, {"status", "summary"}, "details changed");
  p.causes = {cluster.subject->seq.value()};
  p.goal = "status/" + cluster.subject->rv + "/" + Sha256Hex(DumpJson(patch)).substr(0, 12);
  p.command = Patch{cluster.subject->ref, cluster.uid, "", "status", std::move(patch)};
  plan.Do(std::move(p));
  return plan;
}

}  // namespace pgo::rooms::status
