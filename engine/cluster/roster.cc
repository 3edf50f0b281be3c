#include "engine/cluster/roster.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/base/digest.h"

namespace pgo::cluster {
namespace {

constexpr std::int64_t kForeign = INT64_MAX;  // place of an instance that was not named here

// One instance of a set, known or to come.
struct Seat {
  std::string name;
  std::int64_t ordinal = kForeign;
  const InstanceView* instance = nullptr;
  bool holder = false;
};

bool Holds(const ClusterView& cluster, const InstanceView& instance) {
  return instance.pod && instance.pod->name == cluster.lock.leader;
}

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

std::vector<Seat> Present(const ClusterView& cluster, const std::string& set,
                          const std::map<std::string, std::int64_t>& ordinals) {
  std::vector<Seat> seats;
  for (const auto& [name, instance] : cluster.instances) {
    if (instance.set != set || instance.stateful_set == nullptr) continue;
    const auto at = ordinals.find(name);
    seats.push_back(
        {name, at == ordinals.end() ? kForeign : at->second, &instance, Holds(cluster, instance)});
  }
  std::ranges::sort(seats, [](const Seat& a, const Seat& b) {
    if (a.holder != b.holder) return a.holder;
    return a.ordinal != b.ordinal ? a.ordinal < b.ordinal : a.name < b.name;
  });
  return seats;
}

void Fill(const ClusterView& cluster, const std::map<std::string, std::int64_t>& ordinals,
          std::size_t wanted, std::vector<Seat>& seats) {
  std::set<std::string> taken;
  for (const Seat& seat : seats) taken.insert(seat.name);
  std::map<std::int64_t, std::string> names;
  for (const auto& [name, ordinal] : ordinals) names[ordinal] = name;
  for (const auto& [ordinal, name] : names) {
    if (seats.size() >= wanted) return;
    if (taken.contains(name)) continue;
    const auto known = cluster.instances.find(name);
    seats.push_back(
        {name, ordinal, known == cluster.instances.end() ? nullptr : &known->second, false});
  }
}

}  // namespace

std::string InstanceName(const ClusterView& cluster, const std::string& set, std::int64_t ordinal) {
  const std::string seed = cluster.uid + "/" + set + "/" + std::to_string(ordinal);
  return cluster.key.name + "-" + set + "-" + ShortName(seed, 4);
}

std::vector<Member> Roster(const ClusterView& cluster) {
  std::vector<Member> roster;
  for (const InstanceSet& set : cluster.spec().instances) {
    const auto wanted = static_cast<std::size_t>(std::clamp<std::int64_t>(set.replicas, 0, 100));
    const auto ordinals = Ordinals(cluster, set.name, wanted);
    auto seats = Present(cluster, set.name, ordinals);
    if (seats.size() > wanted) seats.resize(wanted);
    Fill(cluster, ordinals, wanted, seats);
    std::ranges::sort(seats, [](const Seat& a, const Seat& b) {
      return a.ordinal != b.ordinal ? a.ordinal < b.ordinal : a.name < b.name;
    });
    for (const Seat& seat : seats) roster.push_back({seat.name, &set, seat.instance});
  }
  return roster;
}

std::vector<const InstanceView*> Surplus(const ClusterView& cluster,
                                         const std::vector<Member>& roster) {
  std::vector<const InstanceView*> out;
  for (const auto& [name, instance] : cluster.instances) {
    const bool wanted =
        std::ranges::any_of(roster, [&](const Member& m) { return m.name == name; });
    if (!wanted && instance.stateful_set != nullptr && !Holds(cluster, instance)) {
      out.push_back(&instance);
    }
  }
  return out;
}

}  // namespace pgo::cluster
