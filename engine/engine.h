// The operator's brain. Deterministic: equal journals give equal states and equal decisions.
//
// Step folds a batch of events, then decides for the clusters they touch and for those whose time
// has come. Fold reads every journal ever written; decide sees state and time alone and may change
// in any release (then kRuleset is bumped). The caller journals events, then the Decided record,
// then the actions, in that order and in one frame, before it sends anything.
//
// No I/O, no clock, no thread, no randomness: one thread calls at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/action/action.h"
#include "engine/action/step.h"
#include "engine/arbiter/ledger.h"
#include "engine/cluster/view.h"
#include "engine/cluster/world.h"
#include "engine/decide.h"
#include "engine/event/event.h"
#include "engine/rooms/backups/memory.h"
#include "engine/rooms/context.h"
#include "engine/rooms/failover/memory.h"
#include "engine/rooms/restores/memory.h"
#include "engine/rooms/rollout/memory.h"
#include "engine/rooms/room.h"
#include "engine/rooms/storage/memory.h"

namespace pgo {

// Number of the decision rules. Bumped by every change that alters a decision: replay --verify
// needs the same number, or it names the build to run.
inline constexpr std::int64_t kRuleset = 4;

// What was last applied to one object.
struct Applied {
  std::string digest;   // of the applied configuration
  std::string residue;  // of what the live object showed otherwise right after (server defaults)
  PGO_FIELDS(Applied, digest, residue)
};
// An apply under way.
struct Applying {
  kube::ObjectRef ref;
  std::string digest;
  Json object;
  PGO_FIELDS(Applying, ref, digest, object)
};

// All that observation alone cannot tell about one cluster.
struct ClusterMemory {
  std::string uid;
  arbiter::Ledger ledger;
  rooms::failover::Memory failover;
  std::map<std::string, Applied> applied;    // by ObjectRef::Text
  std::map<std::string, Applying> applying;  // by action id
  rooms::rollout::Memory rollout;
  rooms::backups::Memory backups;
  rooms::restores::Memory restores;
  rooms::storage::Memory storage;
  PGO_FIELDS(ClusterMemory, uid, ledger, failover, applied, applying, rollout, backups, restores,
             storage)
};

class Engine {
 public:
  // `events` are in sequence, at least one, all stamped `now`.
  StepResult Step(const std::vector<Event>& events, Now now);
  // The same, but what was decided is not folded: for a rehearsal, in which history goes on as it
  // was recorded.
  StepResult Propose(const std::vector<Event>& events, Now now);

  // Rebuild: events and actions as the journal has them, without deciding.
  void FoldEvent(const Event& event);
  void FoldAction(const Action& action, Seq seq, Now now);

  // When time alone may change a decision; nothing if only events can.
  std::optional<std::int64_t> WakeAt() const;

  // Drops all that is kept for the sake of speed alone: what is decided afterwards is the same.
  void DropShortcuts() { shortcuts_.clear(); }

  const cluster::World& world() const { return world_; }
  const rooms::Context& context() const { return context_; }
  const ClusterMemory* MemoryOf(const ClusterKey& key) const;

  // The whole state as JSON, so that a journal segment folds from empty.
  Json Save() const;
  // The same in parts of about so many bytes (as text) each, as states of Baseline events: folding
  // them in order gives the state. One that starts anew says so.
  std::vector<Json> SaveParts(std::size_t part_bytes) const;
  static Engine Load(const Json& state);

 private:
  std::set<ClusterKey> Fold(const Event& event);
  void FoldTouched(const Event& event, const std::set<ClusterKey>& touched);
  void Add(const Json& state);
  void FoldDone(const Done& done, const Event& event);
  std::vector<Action> Decide(const ClusterKey& key, Now now);

  cluster::World world_;
  rooms::Context context_;
  std::map<ClusterKey, ClusterMemory> memories_;
  std::map<std::string, ClusterKey> in_flight_;  // action id -> whose it is
  std::map<ClusterKey, std::int64_t> wake_at_;   // elapsed
  std::map<ClusterKey, Shortcuts> shortcuts_;    // may be dropped at any time
};

}  // namespace pgo
