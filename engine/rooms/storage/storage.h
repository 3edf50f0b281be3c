// The volumes of a cluster. A claim only ever grows, and is not deleted here while it is used.
#pragma once

#include <cstdint>
#include <string>

#include "engine/arbiter/ledger.h"
#include "engine/cluster/volume_claim.h"
#include "engine/rooms/room.h"
#include "engine/rooms/storage/memory.h"

namespace pgo::rooms::storage {

inline constexpr std::string_view kRoom = "storage";
// Goals of measurements, before the pod's name.
inline constexpr std::string_view kMeasureGoal = "measure/";

// The claims of instances. Rendered: sees the roster alone.
Plan PlanStorage(const cluster::ClusterView& cluster);

struct Input {
  const cluster::ClusterView& view;
  const Memory& memory;
  const arbiter::Ledger& ledger;
};
// What is done with claims that are there: measured and enlarged where autoGrow asks for it; and
// what is to be said of them.
Plan PlanVolumes(const Input& in);

// Folds. `seq`: of the action that was done.
void FoldDone(Memory& memory, const std::string& goal_key, const Done& done, std::uint64_t seq);
void FoldEvent(Memory& memory, const Event& event);

// --- the decision

enum class Verdict : std::uint8_t {
  kOff,      // not asked for
  kNoLimit,  // nothing bounds it
  kOver,     // the claim is larger than the limit already
  kPending,  // it is being enlarged, or not there yet
  kUnknown,  // not measured since the claim was last seen to change
  kShared,   // its file system is larger than the claim: others use it too
  kEnough,   // less is used than the trigger
  kAtLimit,  // it would grow, and may not
  kGrow,
};
struct Judgement {
  Verdict verdict = Verdict::kOff;
  std::uint64_t percent = 0;  // used, rounded up, of what can be used
  std::uint64_t to = 0;       // bytes, for kGrow
};
// Whole numbers alone. `reading` null: none. `claim_seq`: when the claim was last observed.
Judgement Judge(const cluster::AutoGrow& grow, const cluster::ClaimState& claim,
                const Reading* reading, std::uint64_t claim_seq);
// Bytes as a claim has them: "1536Mi", "2Gi".
std::string SizeText(std::uint64_t bytes);

// --- parts

// Measures and enlarges (growth.cc).
void Grow(const Input& in, const std::vector<cluster::ClaimAsked>& claims, Plan& plan);
// Conditions of claims that grow, cannot, or must not (said.cc).
void SayResizes(const Input& in, const std::vector<cluster::ClaimAsked>& claims, Plan& plan);
// The goal of removing a claim for WAL.
std::string RemovalGoal(const cluster::Subject& claim);
// Volumes for WAL that are asked for no more, and those that WAL did not get onto (wal.cc).
void TendWal(const Input& in, Plan& plan);
// The newest reading of a claim's volume, or null.
const Reading* ReadingOf(const Memory& memory, const cluster::ClaimAsked& claim);
Judgement JudgeClaim(const Memory& memory, const cluster::ClaimAsked& claim);

}  // namespace pgo::rooms::storage
