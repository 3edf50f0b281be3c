// Changes of primary: who must go, on what proof, who takes over. README.md has the promises.
//
// Decide is level-based: it looks at the view and at Memory. An operation's place is carried by its
// own actions (facts.operation), so folding the journal brings it back exactly.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/arbiter/ledger.h"
#include "engine/cluster/view.h"
#include "engine/rooms/context.h"
#include "engine/rooms/failover/memory.h"
#include "engine/rooms/room.h"

namespace pgo::rooms::failover {

struct Input {
  const cluster::ClusterView& view;
  const Memory& memory;
  const arbiter::Ledger& ledger;
  const Context& context;
  Now now;
  const SwitchoverRequest* requested = nullptr;  // by another room
};

Plan PlanFailover(const Input& in);

// Folds (fold.cc). FoldEvent runs after the world folded the event.
void FoldEvent(Memory& memory, const Event& event, const ClusterKey& key,
               const cluster::World& world);
void FoldAction(Memory& memory, const Action& action, Seq seq, Now now);
void FoldDone(Memory& memory, const std::string& goal_key, const Done& done, const Event& event);

// Why the primary must go (evidence.cc).
struct Evidence {
  Class evidence = Class::kNone;
  Reason reason = Reason::kNone;
  std::string sentence;
  std::vector<std::uint64_t> causes;
  // Nothing may be done before this elapsed time; 0: at once.
  std::int64_t not_before_us = 0;
};
Evidence Judge(const Input& in);
// How long the lock was silent while the control plane was provably alive.
std::int64_t SilentFor(const Input& in);
bool SynchronousMode(const cluster::ClusterView& view);

// Who may take over (candidate.cc).
struct Candidate {
  const cluster::InstanceView* instance = nullptr;
  Lsn lsn;
  Timeline timeline;
  std::vector<std::uint64_t> causes;
};
struct Choice {
  std::optional<Candidate> chosen;
  std::string sentence;  // who was chosen and why, or why nobody can be
};
// Replicas that run, are not leaving, and whose node is not known to be down.
std::vector<const cluster::InstanceView*> Eligible(const Input& in);
Choice Choose(const Input& in, const Operation& operation);

// "12.3 s"
std::string Seconds(std::int64_t us);

inline constexpr std::string_view kRoom = "failover";
// Wrote by the engine onto Endpoints c-ha to make Patroni look; the value has no meaning.
inline constexpr std::string_view kNudge = "postgres-operator.crunchydata.com/nudge";

}  // namespace pgo::rooms::failover
