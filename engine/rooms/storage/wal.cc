// Volumes for WAL: what is said of them, and their end once nothing is on them.
#include <algorithm>

#include "engine/cluster/roster.h"
#include "engine/cluster/wal_volume.h"
#include "engine/kube/names.h"
#include "engine/rooms/storage/storage.h"

namespace pgo::rooms::storage {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;
using cluster::Member;

bool AnybodyMounts(const ClusterView& view, const std::string& claim) {
  return std::ranges::any_of(view.objects, [&](const auto& entry) {
    const std::string phase = GetString(entry.second->object, {"status", "phase"});
    return entry.first.kind == "Pod" && phase != "Succeeded" && phase != "Failed" &&
           cluster::MountsClaim(*entry.second, claim);
  });
}

// No pod that mounts the claim can come to be: the template is without it, and the pod that runs
// was made from that template. Otherwise one might be on its way that takes the WAL there.
bool IsMadeWithout(const InstanceView& instance, const std::string& claim) {
  if (instance.stateful_set == nullptr) return false;
  const Json& set = instance.stateful_set->object;
  for (const Json& volume : GetArray(set, {"spec", "template", "spec", "volumes"})) {
    if (GetString(volume, {"persistentVolumeClaim", "claimName"}) == claim) return false;
  }
  const std::string newest = GetString(set, {"status", "updateRevision"});
  return GetInt(set, {"status", "observedGeneration"}) >= GetInt(set, {"metadata", "generation"}) &&
         !newest.empty() &&
         newest == GetString(instance.pod->subject->object,
                             {"metadata", "labels", "controller-revision-hash"});
}

// The instance's PostgreSQL runs in a pod that does not have the volume: so its WAL is elsewhere.
// That the pod's volumes are known is seen by the one it must have.
bool RunsWithout(const InstanceView& instance) {
  if (!instance.pod || instance.pod->deleting || !instance.pod->database_running) return false;
  if (!cluster::MountsClaim(*instance.pod->subject, kube::InstanceDataName(instance.name))) {
    return false;
  }
  return instance.pod->member && instance.pod->member->state == "running";
}

void Remove(const Input& in, const InstanceView& instance, Plan& plan) {
  const cluster::Subject& claim = *instance.wal_claim;
  if (Find(claim.object, {"metadata", "deletionTimestamp"}) != nullptr) return;
  if (!RunsWithout(instance) || !IsMadeWithout(instance, claim.ref.name)) return;
  if (AnybodyMounts(in.view, claim.ref.name)) return;
  Proposal p;
  p.reason = Reason::kVolumeUnused;
  p.sentence = claim.ref.Text() + ": walVolumeClaimSpec of set " + instance.set + " is gone and " +
               instance.pod->name + " runs without it: remove it";
  p.causes = {in.view.subject->seq.value(), claim.seq.value(), instance.pod->subject->seq.value()};
  p.goal = RemovalGoal(claim);
  p.command = Delete{claim.ref, claim.uid, claim.rv, {}};
  plan.Do(std::move(p));
}

}  // namespace

std::string RemovalGoal(const cluster::Subject& claim) {
  return "delete/" + claim.ref.Text() + "/" + claim.uid;
}

void TendWal(const Input& in, Plan& plan) {
  std::string waits;
  for (const Member& member : cluster::Roster(in.view)) {
    const InstanceView* instance = member.instance;
    if (instance == nullptr || instance->wal_claim == nullptr) continue;
    if (!member.set->wal_claim.is_object()) Remove(in, *instance, plan);
    if (!instance->pod) continue;
    const auto report = cluster::ReadWalReport(*instance->pod);
    if (report.problem.empty()) continue;
    waits += (waits.empty() ? "" : "; ") + member.name + ": its WAL stays on its " + report.place +
             " volume (" + report.problem + ")";
  }
  if (waits.empty()) return;
  plan.conditions.push_back({"WALVolume", false, "NotMoved",
                             waits + "; the log of init container postgres-startup has the sizes; "
                                     "enlarge the volume, then delete the pod: it moves when that "
                                     "is made anew"});
}

}  // namespace pgo::rooms::storage
