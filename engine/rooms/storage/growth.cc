// Volumes that grow by themselves: measured by df in the pod that mounts them.
#include <algorithm>
#include <map>

#include "engine/cluster/quantity.h"
#include "engine/kube/names.h"
#include "engine/rooms/storage/storage.h"

namespace pgo::rooms::storage {
namespace {

using cluster::AutoGrow;
using cluster::ClaimAsked;
using cluster::ClaimState;
using cluster::Subject;

constexpr std::uint64_t kMi = 1ULL << 20, kGi = 1ULL << 30;
// Beyond this a hundredfold does not fit; no volume is so large.
constexpr std::uint64_t kMost = 1ULL << 56;
// How often a volume is measured. Nobody measures what is not to grow.
constexpr std::int64_t kEvery = 20 * kSecond;

// One object {"data": {size, used, available}, …}.  $1, $2, …: names and paths
constexpr const char* kMeasure = R"bash(
set -uo pipefail
out=''
while (($# > 1)); do
  if read -r size used available < <(df --block-size=1 --output=size,used,avail "$2" | tail -n +2); then
    out+="${out:+,}\"$1\":{\"size\":${size},\"used\":${used},\"available\":${available}}"
  fi
  shift 2
done
printf '{%s}\n' "${out}"
)bash";

std::string PathOf(const ClaimAsked& claim) {
  if (claim.volume == "data") return "/pgdata";
  return claim.volume == "wal" ? "/pgwal" : "/pgbackrest/" + claim.volume;
}

bool Runs(const Subject& pod, std::string_view container) {
  if (Find(pod.object, {"metadata", "deletionTimestamp"}) != nullptr) return false;
  for (const Json& status : GetArray(pod.object, {"status", "containerStatuses"})) {
    if (GetString(status, {"name"}) == container) {
      return Find(status, {"state", "running"}) != nullptr;
    }
  }
  return false;
}

bool Mounts(const Subject& pod, const std::string& claim) {
  return std::ranges::any_of(GetArray(pod.object, {"spec", "volumes"}), [&](const Json& volume) {
    return GetString(volume, {"persistentVolumeClaim", "claimName"}) == claim;
  });
}

// All volumes of one pod at once. `causes` are those of the claims.
void Measure(const Input& in, const std::string& name, const std::vector<const ClaimAsked*>& claims,
             Plan& plan) {
  const Subject* pod = in.view.Find("Pod", name);
  const auto container =
      claims.front()->instance.empty() ? kube::kBackrestContainer : kube::kDatabaseContainer;
  if (pod == nullptr || !Runs(*pod, container)) return;
  Exec exec;
  exec.ref = pod->ref;
  exec.uid = pod->uid;
  exec.container = container;
  exec.argv = {"bash", "-c", kMeasure, "measure"};
  exec.probe = true;
  Proposal p;
  std::string what;
  for (const ClaimAsked* claim : claims) {
    if (claim->live == nullptr || !Mounts(*pod, claim->name)) continue;
    exec.argv.push_back(claim->volume);
    exec.argv.push_back(PathOf(*claim));
    what += (what.empty() ? "" : ", ") + claim->name;
    p.causes.push_back(claim->live->seq.value());
  }
  if (what.empty()) return;
  p.reason = Reason::kVolumeAutoGrow;
  p.sentence = "measure how full " + what + " is: it is to grow by itself";
  p.causes.push_back(pod->seq.value());
  p.goal = std::string(kMeasureGoal) + name;
  p.retry_after_us = kEvery;
  p.command = std::move(exec);
  plan.Do(std::move(p));
}

std::string Sentence(const ClaimAsked& claim, const AutoGrow& grow, const Judgement& judged,
                     const ClaimState& state) {
  return claim.name + " is " + std::to_string(judged.percent) + "% full and " + claim.field +
         ".autoGrow asks for more from " + std::to_string(grow.trigger) + "% on: grow it from " +
         SizeText(state.capacity) + " to " + SizeText(judged.to) + "; its limit is " +
         SizeText(*grow.limit);
}

void Enlarge(const Input& in, const ClaimAsked& claim, const Judgement& judged, Plan& plan) {
  const AutoGrow grow = cluster::ReadAutoGrow(*claim.spec);
  const ClaimState state = cluster::ReadClaim(claim.live->object);
  const Reading& reading = *ReadingOf(in.memory, claim);
  Json patch = Json::object();
  Put(patch, {"spec", "resources", "requests", "storage"}, SizeText(judged.to));
  Proposal p;
  p.reason = Reason::kVolumeAutoGrow;
  p.sentence = Sentence(claim, grow, judged, state);
  p.causes = {in.view.subject->seq.value(), claim.live->seq.value(), reading.seq};
  // Once it is done the claim is another one, and this reading too old to decide by.
  p.goal = "grow/" + claim.name + "/" + claim.live->uid + "/" + std::to_string(judged.to);
  p.command = Patch{claim.live->ref, claim.live->uid, claim.live->rv, "", std::move(patch)};
  p.facts = Json::object();
  Put(p.facts, {"operation", "kind"}, "VolumeGrowth");
  Put(p.facts, {"operation", "volume"}, claim.name);
  Put(p.facts, {"used"}, reading.used);
  Put(p.facts, {"available"}, reading.available);
  Put(p.facts, {"percent"}, judged.percent);
  Put(p.facts, {"trigger"}, grow.trigger);
  Put(p.facts, {"from"}, state.capacity);
  Put(p.facts, {"to"}, judged.to);
  Put(p.facts, {"limit"}, *grow.limit);
  Put(p.facts, {"ended"}, true);
  Proposal told;
  told.reason = p.reason;
  told.sentence = p.sentence;
  told.causes = p.causes;
  told.goal = "told/" + claim.live->uid + "/" + std::to_string(judged.to);
  told.once = true;
  told.command = Notice{in.view.subject->ref, in.view.uid, false};
  plan.Do(std::move(p));
  plan.Do(std::move(told));
}

// A Kubernetes Event beside the condition: once for each claim and limit.
void TellLimit(const Input& in, const ClaimAsked& claim, const Judgement& judged, Plan& plan) {
  const AutoGrow grow = cluster::ReadAutoGrow(*claim.spec);
  Proposal p;
  p.reason = Reason::kVolumeLimitReached;
  p.sentence = claim.name + " is " + std::to_string(judged.percent) + "% full and as large as " +
               claim.field + ".resources.limits.storage allows, " + SizeText(*grow.limit) +
               ": raise the limit, or make room";
  p.causes = {in.view.subject->seq.value(), claim.live->seq.value(),
              ReadingOf(in.memory, claim)->seq};
  p.goal = "limit/" + claim.live->uid + "/" + std::to_string(*grow.limit);
  p.once = true;
  p.command = Notice{in.view.subject->ref, in.view.uid, true};
  plan.Do(std::move(p));
}

bool Measured(Verdict verdict) {
  return verdict != Verdict::kOff && verdict != Verdict::kNoLimit && verdict != Verdict::kOver &&
         verdict != Verdict::kPending;
}

std::uint64_t Unsigned(std::int64_t bytes) {
  return std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)), kMost);
}

std::uint64_t Target(const AutoGrow& grow, const ClaimState& claim) {
  std::uint64_t more = std::min(claim.capacity, kMost) / 2;
  if (grow.most > 0) more = std::min(more, grow.most);
  const std::uint64_t whole = (claim.capacity + std::max(more, kMi) + kMi - 1) / kMi * kMi;
  return std::min(whole, *grow.limit);
}

}  // namespace

Judgement Judge(const AutoGrow& grow, const ClaimState& claim, const Reading* reading,
                std::uint64_t claim_seq) {
  if (!grow.asked) return {Verdict::kOff, 0, 0};
  if (!grow.limit) return {Verdict::kNoLimit, 0, 0};
  if (claim.request > *grow.limit) return {Verdict::kOver, 0, 0};
  const bool usable = claim.bound && !claim.deleting && claim.capacity <= kMost;
  if (!usable || claim.Pending()) return {Verdict::kPending, 0, 0};
  if (reading == nullptr || reading->seq <= claim_seq) return {Verdict::kUnknown, 0, 0};
  if (Unsigned(reading->size) > claim.capacity + claim.capacity / 4) {
    return {Verdict::kShared, 0, 0};
  }
  const std::uint64_t used = Unsigned(reading->used), all = used + Unsigned(reading->available);
  if (all == 0) return {Verdict::kUnknown, 0, 0};
  const std::uint64_t percent = (used * 100 + all - 1) / all;
  if (used * 100 < grow.trigger * all) return {Verdict::kEnough, percent, 0};
  const std::uint64_t to = Target(grow, claim);
  return {to > claim.request ? Verdict::kGrow : Verdict::kAtLimit, percent, to};
}

std::string SizeText(std::uint64_t bytes) {
  if (bytes > 0 && bytes % kGi == 0) return std::to_string(bytes / kGi) + "Gi";
  if (bytes > 0 && bytes % kMi == 0) return std::to_string(bytes / kMi) + "Mi";
  return std::to_string(bytes);
}

const Reading* ReadingOf(const Memory& memory, const ClaimAsked& claim) {
  const auto it = memory.readings.find(claim.pod + "/" + claim.volume);
  return it == memory.readings.end() ? nullptr : &it->second;
}

Judgement JudgeClaim(const Memory& memory, const ClaimAsked& claim) {
  const AutoGrow grow = cluster::ReadAutoGrow(*claim.spec);
  if (claim.live == nullptr) return {grow.asked ? Verdict::kPending : Verdict::kOff, 0, 0};
  return Judge(grow, cluster::ReadClaim(claim.live->object), ReadingOf(memory, claim),
               claim.live->seq.value());
}

void Grow(const Input& in, const std::vector<ClaimAsked>& claims, Plan& plan) {
  std::map<std::string, std::vector<const ClaimAsked*>> of_pod;
  for (const ClaimAsked& claim : claims) {
    const Judgement judged = JudgeClaim(in.memory, claim);
    if (Measured(judged.verdict)) of_pod[claim.pod].push_back(&claim);
    if (judged.verdict == Verdict::kGrow) Enlarge(in, claim, judged, plan);
    if (judged.verdict == Verdict::kAtLimit) TellLimit(in, claim, judged, plan);
  }
  for (const auto& [pod, its] : of_pod) Measure(in, pod, its, plan);
}

}  // namespace pgo::rooms::storage
