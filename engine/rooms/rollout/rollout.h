// Restarts of instances: for a changed template, because somebody asks, or because settings need
// it; one at a time. README.md has the promises.
//
// Which instance needs what follows from what is observed; Memory holds only the operation's place.
#pragma once

#include <string>
#include <vector>

#include "engine/arbiter/ledger.h"
#include "engine/cluster/roster.h"
#include "engine/rooms/context.h"
#include "engine/rooms/rollout/memory.h"
#include "engine/rooms/room.h"

namespace pgo::rooms::rollout {

struct Input {
  const cluster::ClusterView& view;
  const Memory& memory;
  const arbiter::Ledger& ledger;
  // Every StatefulSet has the template that the manifest asks for now: before that it is not known
  // who is to be replaced, and the primary might go first.
  bool templates_applied = true;
  Now now;
};

Plan PlanRollout(const Input& in);

// Folds (fold.cc).
void FoldEvent(Memory& memory, const Event& event);
void FoldAction(Memory& memory, const Action& action, Seq seq, Now now);
void FoldDone(Memory& memory, const std::string& goal_key, const Done& done, const Event& event);

// What the annotations of the PostgresCluster ask for.
struct Request {
  std::string restart;                 // "" nothing, or served already
  std::vector<std::string> instances;  // by name; empty: all
  bool rolling = false;
  std::string reload;   // "" nothing, or served already
  std::string refusal;  // why `restart` cannot be followed
};
Request ReadRequest(const cluster::ClusterView& view, const Memory& memory);

// Who needs to start anew, and why (work.cc).
enum class Need : std::uint8_t { kReplace, kRestart, kSettings };
struct Work {
  const cluster::InstanceView* instance = nullptr;
  Need need = Need::kReplace;
  bool primary = false;
  bool synchronous = false;
};
// In the order in which they are taken.
std::vector<Work> CollectWork(const Input& in, const Request& request);
// Its pod was made from another template than its StatefulSet has.
bool IsOutdated(const cluster::InstanceView& instance);
// It is outdated, though its user asks for nothing else than when its pod was made: another version
// of the operator, or another setting of it, makes it otherwise. It runs on until somebody asks.
bool WaitsToBeAsked(const cluster::InstanceView& instance);
bool AnyOutdated(const cluster::ClusterView& view);
// Why nobody may be interrupted now; "" if somebody may.
std::string WhyNotNow(const cluster::ClusterView& view);
// The instance does its work: a primary accepts writes, a replica streams; its pod is ready.
bool Serves(const cluster::ClusterView& view, const cluster::InstanceView* instance);
std::string ConfigDigest(const cluster::ClusterView& view);

inline constexpr std::string_view kRoom = "rollout";

}  // namespace pgo::rooms::rollout
