#include "engine/cluster/roster.h"

#include <algorithm>
#include <map>

#include "engine/base/digest.h"

namespace pgo::cluster {
namespace {

constexpr std::int64_t kForeign = INT64_MAX;  // place of an instance that was not named here

// Names are given from ordinal 0 without gaps, so none lies beyond what is wanted and what is
// there.
std::map<std::string, std::int64_t> Ordinals(const ClusterView& cluster, const std::string& set,
                                             std::size_t wanted) {
  std::map<std::string, std::int64_t> ordinals;
  const std::size_t count = wanted + cluster.instances.size() + 1;
  for (std::size_t i = count; i-- > 0;) {
    const auto ordinal = static_cast<std::int64_t>(i);
    ordinals[InstanceName(cluster, set, ordinal)] = ordinal;
  }
  return ordinals;
}

// Present instances of the set that are not leaving.
std::vector<Member> Present(const ClusterView& cluster, const InstanceSet& set,
                            const std::map<std::string, std::int64_t>& ordinals) {
  std::vector<Member> members;
  for (const auto& [name, instance] : cluster.instances) {
    if (instance.set != set.name || instance.stateful_set == nullptr || instance.leaving) continue;
    const auto at = ordinals.find(name);
    members.push_back({name, &set, &instance, at == ordinals.end() ? kForeign : at->second});
  }
  return members;
}

bool HasVolume(const InstanceView& instance) {
  return instance.claim != nullptr &&
         pgo::Find(instance.claim->object, {"metadata", "deletionTimestamp"}) == nullptr;
}

void Fill(const ClusterView& cluster, const std::map<std::string, std::int64_t>& ordinals,
          std::size_t wanted, std::vector<Member>& members) {
  if (members.size() >= wanted) return;
  std::vector<Member> free;
  for (const auto& [name, ordinal] : ordinals) {
    const auto known = cluster.instances.find(name);
    const InstanceView* instance = known == cluster.instances.end() ? nullptr : &known->second;
    // A name whose instance is there, or still leaving, is taken.
    if (instance != nullptr && instance->stateful_set != nullptr) continue;
    free.push_back({name, nullptr, instance, ordinal});
  }
  std::ranges::sort(free, [](const Member& a, const Member& b) {
    const bool a_found = a.instance != nullptr && HasVolume(*a.instance);
    const bool b_found = b.instance != nullptr && HasVolume(*b.instance);
    return a_found != b_found ? a_found : a.ordinal < b.ordinal;
  });
  free.resize(std::min(free.size(), wanted - members.size()));
  members.insert(members.end(), free.begin(), free.end());
}

}  // namespace

std::string InstanceName(const ClusterView& cluster, const std::string& set, std::int64_t ordinal) {
  const std::string seed = cluster.uid + "/" + set + "/" + std::to_string(ordinal);
  return cluster.key.name + "-" + set + "-" + ShortName(seed, 4);
}

bool HoldsLock(const ClusterView& cluster, const InstanceView& instance) {
  return instance.pod && instance.pod->name == cluster.lock.leader;
}

std::vector<Member> Roster(const ClusterView& cluster) {
  std::vector<Member> roster;
  for (const InstanceSet& set : cluster.spec().instances) {
    const auto wanted = static_cast<std::size_t>(std::clamp<std::int64_t>(set.replicas, 0, 100));
    const auto ordinals = Ordinals(cluster, set.name, wanted);
    auto members = Present(cluster, set, ordinals);
    Fill(cluster, ordinals, wanted, members);
    for (Member& member : members) member.set = &set;
    std::ranges::sort(members, [](const Member& a, const Member& b) {
      return a.ordinal != b.ordinal ? a.ordinal < b.ordinal : a.name < b.name;
    });
    roster.insert(roster.end(), members.begin(), members.end());
  }
  return roster;
}

}  // namespace pgo::cluster
