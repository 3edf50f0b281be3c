#include "engine/amnesia.h"

#include <algorithm>

#include "engine/base/overloaded.h"

namespace pgo {

std::int64_t FreshAtUs(const rooms::Context& context, const cluster::ClusterView& view) {
  return context.live_since_us + view.lock.ttl_s * kSecond;
}

bool Stale(const rooms::Context& context, const cluster::ClusterView& view, Now now) {
  if (context.amnesia_seq == 0) return false;
  return !view.complete || now.elapsed_us < FreshAtUs(context, view);
}

bool ObservedAfresh(const rooms::Context& context, const cluster::World& world, Now now) {
  if (!world.AllListed()) return false;
  // Before this no cluster is worth projecting.
  const cluster::ClusterView none;
  if (now.elapsed_us < FreshAtUs(context, none)) return false;
  return std::ranges::none_of(world.Clusters(), [&](const ClusterKey& key) {
    return Stale(context, cluster::Project(world, key), now);
  });
}

bool Disruptive(const Command& command, bool disrupts) {
  if (disrupts) return true;
  return std::visit(
      Overloaded{[](const Delete&) { return true; }, [](const Exec& exec) { return !exec.probe; },
                 [](const Patch& patch) { return patch.subresource != "status"; },
                 [](const Apply&) { return false; }, [](const Provision&) { return false; },
                 [](const Notice&) { return false; }},
      command);
}

}  // namespace pgo
