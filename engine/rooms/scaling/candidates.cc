#include <algorithm>

#include "engine/cluster/health.h"
#include "engine/kube/names.h"
#include "engine/rooms/scaling/scaling.h"

namespace pgo::rooms::scaling {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;
using cluster::Member;

enum class Worth : std::uint8_t { kNotRunning, kNotStreaming, kFarBehind, kReplica, kSynchronous };

struct Seat {
  const Member* member = nullptr;
  Worth worth = Worth::kNotRunning;
  std::uint64_t behind = 0;  // counts only where it decides
};

bool Runs(const InstanceView& instance) {
  if (!instance.pod || instance.pod->deleting || !instance.pod->database_running) return false;
  return !instance.node || !instance.node->known || instance.node->ready;
}

std::uint64_t Behind(const ClusterView& cluster, const InstanceView& instance) {
  const std::uint64_t ahead = cluster.lock.optime.value();
  const std::uint64_t here =
      instance.pod && instance.pod->member ? instance.pod->member->lsn.value() : 0;
  return ahead > here ? ahead - here : 0;
}

Seat Judge(const ClusterView& cluster, const Member& member) {
  const InstanceView& instance = *member.instance;
  const std::uint64_t behind = Behind(cluster, instance);
  if (!Runs(instance)) return {&member, Worth::kNotRunning, 0};
  if (!cluster::IsStreaming(cluster, &instance)) return {&member, Worth::kNotStreaming, behind};
  // Positions are up to a loop_wait old: less than this tells healthy replicas apart by chance.
  if (behind > cluster.spec().maximum_lag_on_failover) return {&member, Worth::kFarBehind, behind};
  const auto& published = cluster.sync.standbys;
  const bool synchronous = std::ranges::find(published, instance.pod->name) != published.end();
  return {&member, synchronous ? Worth::kSynchronous : Worth::kReplica, 0};
}

std::string Describe(const Seat& seat) {
  switch (seat.worth) {
    case Worth::kNotRunning:
      return "does not run";
    case Worth::kNotStreaming:
      return "does not stream";
    case Worth::kFarBehind:
      return "streams, " + std::to_string(seat.behind) + " B behind";
    case Worth::kReplica:
      return "streams";
    case Worth::kSynchronous:
      return "streams, synchronous";
  }
  return "";
}

}  // namespace

std::vector<Victim> Candidates(const ClusterView& cluster, const std::vector<Member>& members) {
  std::vector<Seat> seats;
  for (const Member& member : members) {
    const InstanceView* instance = member.instance;
    if (instance == nullptr || instance->stateful_set == nullptr || instance->leaving) continue;
    if (!cluster::HoldsLock(cluster, *instance)) seats.push_back(Judge(cluster, member));
  }
  std::ranges::sort(seats, [](const Seat& a, const Seat& b) {
    if (a.worth != b.worth) return a.worth < b.worth;
    if (a.behind != b.behind) return a.behind > b.behind;
    if (a.member->ordinal != b.member->ordinal) return a.member->ordinal > b.member->ordinal;
    return a.member->name > b.member->name;
  });
  std::vector<Victim> out;
  for (const Seat& seat : seats) out.push_back({seat.member->instance, Describe(seat)});
  return out;
}

}  // namespace pgo::rooms::scaling
