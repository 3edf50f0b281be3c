#include "engine/cluster/wal_volume.h"

#include <algorithm>

#include "engine/cluster/container.h"
#include "engine/kube/names.h"
#include "engine/postgres/parameters.h"

namespace pgo::cluster {
namespace {

constexpr std::string_view kVolumeName = "postgres-wal";

bool Mounts(const Json& pod_spec, const std::string& claim) {
  return std::ranges::any_of(GetArray(pod_spec, {"volumes"}), [&](const Json& volume) {
    return GetString(volume, {"persistentVolumeClaim", "claimName"}) == claim;
  });
}

const InstanceSet* SetOf(const ClusterView& cluster, const std::string& instance) {
  for (const Member& member : Roster(cluster)) {
    if (member.name == instance) return member.set;
  }
  return nullptr;
}

const InstanceView* Instance(const ClusterView& cluster, const std::string& name) {
  const auto it = cluster.instances.find(name);
  return it == cluster.instances.end() ? nullptr : &it->second;
}

bool IsAsked(const InstanceSet& set) { return set.wal_claim.is_object(); }

}  // namespace

WalPlace WalPlaceOf(const Member& member, WalSigns signs) {
  const bool asked = IsAsked(*member.set);
  const Subject* claim = member.instance == nullptr ? nullptr : member.instance->wal_claim;
  if (claim == nullptr) return asked ? WalPlace::kVolume : WalPlace::kData;
  const Subject* set = member.instance->stateful_set;
  const bool without =
      set != nullptr &&
      !Mounts(GetObject(set->object, {"spec", "template", "spec"}), claim->ref.name);
  const bool going =
      signs.going || pgo::Find(claim->object, {"metadata", "deletionTimestamp"}) != nullptr;
  if (asked) return without && going ? WalPlace::kData : WalPlace::kVolume;
  // A template without it was made only when the WAL had moved off.
  return without || signs.moved ? WalPlace::kData : WalPlace::kLeaving;
}

bool HasMovedOff(const InstanceView& instance, const std::string& asked) {
  if (!instance.pod || instance.stateful_set == nullptr || instance.pod->deleting) return false;
  const Json& set = instance.stateful_set->object;
  const std::string newest = GetString(set, {"status", "updateRevision"});
  const bool judged =
      GetInt(set, {"status", "observedGeneration"}) >= GetInt(set, {"metadata", "generation"});
  const Json& metadata = GetObject(instance.pod->subject->object, {"metadata"});
  return judged && !newest.empty() &&
         newest == GetString(metadata, {"labels", "controller-revision-hash"}) &&
         asked == GetString(metadata, {"annotations", kube::kAsked}) &&
         instance.pod->startup_finished_us.has_value() &&
         ReadWalReport(*instance.pod).place == "data";
}

std::string WalDirectoryOf(std::int64_t postgres_version, WalPlace place) {
  return place == WalPlace::kVolume ? postgres::WalVolumeDirectory(postgres_version)
                                    : postgres::WalDirectory(postgres_version);
}

std::string OtherWalDirectoryOf(std::int64_t postgres_version, WalPlace place) {
  return place == WalPlace::kVolume ? postgres::WalDirectory(postgres_version)
                                    : postgres::WalVolumeDirectory(postgres_version);
}

bool MountsClaim(const Subject& pod, const std::string& claim) {
  return Mounts(GetObject(pod.object, {"spec"}), claim);
}

void AddWalVolume(Json& pod_spec, const std::string& instance) {
  Json volume = Json::object();
  volume["name"] = std::string(kVolumeName);
  Put(volume, {"persistentVolumeClaim", "claimName"}, kube::InstanceWalName(instance));
  pod_spec["volumes"].push_back(std::move(volume));
}

void MountWal(Json& container) { Mount(container, kVolumeName, postgres::kWalVolume, false); }

bool JobNeedsWalVolume(const ClusterView& cluster, const std::string& instance) {
  const InstanceSet* set = SetOf(cluster, instance);
  if (set != nullptr && IsAsked(*set)) return true;
  const InstanceView* view = Instance(cluster, instance);
  return view != nullptr && view->wal_claim != nullptr &&
         pgo::Find(view->wal_claim->object, {"metadata", "deletionTimestamp"}) == nullptr;
}

WalPlace JobWalPlace(const ClusterView& cluster, const std::string& instance) {
  const InstanceSet* set = SetOf(cluster, instance);
  if (set != nullptr && IsAsked(*set)) return WalPlace::kVolume;
  return JobNeedsWalVolume(cluster, instance) ? WalPlace::kLeaving : WalPlace::kData;
}

WalReport ReadWalReport(const PodView& pod) {
  const auto said = ParseJson(pod.startup_message);
  if (!said || !said->is_object()) return {};
  return {GetString(*said, {"wal"}), GetString(*said, {"problem"})};
}

}  // namespace pgo::cluster
