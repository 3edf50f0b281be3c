// What may be done while the journal is known to have lost its end, or to be another's: it cannot
// say what was decided and sent last, so the world is observed afresh before anything is disrupted.
//
// A cluster was observed afresh once every kind was listed since and the control plane was seen
// without a break for a whole lease of its lock. By then what the last leader had sent has ended
// (a request outlives no Lease), a primary that lives has renewed its lock, and an action without
// an outcome has shown what it did. A lock that only differs from the journal proves nothing: it
// may have been renewed long ago.
#pragma once

#include <cstdint>

#include "engine/action/action.h"
#include "engine/base/ids.h"
#include "engine/cluster/view.h"
#include "engine/cluster/world.h"
#include "engine/rooms/context.h"

namespace pgo {

// Whether a cluster is still to be observed afresh. A journal that lost nothing is never stale.
bool Stale(const rooms::Context& context, const cluster::ClusterView& view, Now now);
// The elapsed time before which it is stale, if only because time has to pass.
std::int64_t FreshAtUs(const rooms::Context& context, const cluster::ClusterView& view);
// All clusters were observed afresh: nothing is forgotten any more.
bool ObservedAfresh(const rooms::Context& context, const cluster::World& world, Now now);

// Interrupts, changes or removes what exists; it waits until the cluster was observed afresh.
// Keeping objects as desired, looking, and telling go on.
bool Disruptive(const Command& command, bool disrupts);

}  // namespace pgo
