// What is to be said of claims: that they grow, or why they do not.
#include "engine/cluster/quantity.h"
#include "engine/kube/names.h"
#include "engine/rooms/storage/storage.h"

namespace pgo::rooms::storage {
namespace {

using cluster::ClaimAsked;
using cluster::ClaimState;

constexpr const char* kStorage = ".resources.requests.storage: ";

// Several claims, one condition: the reason is that of the first.
struct Said {
  std::string reason, message;
  void Add(const std::string& why, const std::string& text) {
    if (reason.empty()) reason = why;
    message += (message.empty() ? "" : "; ") + text;
  }
  void Put(const std::string& type, bool status, Plan& plan) const {
    if (!reason.empty()) plan.conditions.push_back({type, status, reason, message});
  }
};

std::string Size(const Json& claim) { return cluster::AskedStorage(GetObject(claim, {"spec"})); }

// The API server's refusal of a larger request, in its words; "" if there is none.
std::string Refusal(const Input& in, const ClaimAsked& claim) {
  const std::string apply = "apply/" + claim.live->ref.Text();
  const std::string grow = "/grow/" + claim.name + "/" + claim.live->uid + "/";
  for (const auto& [key, entry] : in.ledger.entries) {
    const bool its =
        key == arbiter::GoalKey(claim.room, apply) || key.find(grow) != std::string::npos;
    const bool refused = entry.outcome == Outcome::kDenied || entry.outcome == Outcome::kInvalid;
    if (its && refused && !entry.in_flight) return entry.message;
  }
  return "";
}

void SayError(const Input& in, const ClaimAsked& claim, const ClaimState& state, Said& said) {
  const std::string asked = cluster::AskedStorage(*claim.spec), has = Size(claim.live->object);
  const bool grows = cluster::ReadAutoGrow(*claim.spec).asked;
  if (!grows && cluster::LessQuantity(asked, has)) {
    said.Add("CannotShrink", claim.field + kStorage + asked + ": claim " + claim.name + " has " +
                                 has + " and a claim cannot shrink; set it to " + has + " or more");
  }
  if (state.failed) {
    said.Add("ResizeFailed", "enlarging the volume of " + claim.name + " to " + has +
                                 " failed; its events tell why: kubectl describe pvc " +
                                 claim.name);
  }
  const bool wanted = grows || cluster::LessQuantity(has, asked);
  const std::string refusal = wanted ? Refusal(in, claim) : "";
  if (refusal.empty()) return;
  const std::string storage_class =
      GetString(claim.live->object, {"spec", "storageClassName"}, "(the default)");
  said.Add("ExpansionRefused",
           claim.field + kStorage + asked + ": claim " + claim.name + " has " + has +
               " and the API server refuses to enlarge it (" + refusal + "); its storage class " +
               storage_class +
               " must have allowVolumeExpansion: true, else set the field back to " + has);
}

void SayProgress(const ClaimAsked& claim, const ClaimState& state, Said& said) {
  if (!state.bound || state.deleting || !state.Pending()) return;
  // A claim that was bound just now does not say yet how large it is.
  if (state.capacity == 0 && !state.resizing && !state.file_system) return;
  const std::string sizes =
      claim.name + " from " + SizeText(state.capacity) + " to " + Size(claim.live->object);
  if (state.file_system) {
    said.Add("FileSystemResizePending",
             sizes +
                 ": the volume is enlarged, its file system follows on the node (of some "
                 "storage drivers only when the pod starts anew)");
  } else {
    said.Add("Resizing", sizes);
  }
}

// Without what is as it ought to be.
void SayGrowth(const Input& in, const ClaimAsked& claim, Said& said) {
  const Judgement judged = JudgeClaim(in.memory, claim);
  const std::string limit = cluster::AskedStorage(*claim.spec, "limits");
  const std::string field = claim.field + ".resources.limits.storage";
  switch (judged.verdict) {
    case Verdict::kNoLimit:
      return said.Add("NoLimit", field + ": is required, it bounds " + claim.field +
                                     ".autoGrow; set it to the most that the volume may become");
    case Verdict::kOver:
      return said.Add("RequestOverLimit", field + ": " + limit + ": claim " + claim.name + " has " +
                                              Size(claim.live->object) +
                                              " already and grows no more; raise the limit");
    case Verdict::kAtLimit:
      return said.Add("LimitReached", field + ": " + limit + ": claim " + claim.name +
                                          " is as large and still fills up; raise the limit, or "
                                          "make room");
    case Verdict::kShared:
      return said.Add("NotMeasured", claim.name +
                                         ": its file system is larger than the claim, so "
                                         "how full it is cannot be told; remove " +
                                         claim.field + ".autoGrow");
    case Verdict::kOff:
    case Verdict::kPending:
    case Verdict::kUnknown:
    case Verdict::kEnough:
    case Verdict::kGrow:
      return;
  }
}

}  // namespace

void SayResizes(const Input& in, const std::vector<ClaimAsked>& claims, Plan& plan) {
  Said errors, progress, growth;
  for (const ClaimAsked& claim : claims) {
    SayGrowth(in, claim, growth);
    if (claim.live == nullptr) continue;
    const ClaimState state = cluster::ReadClaim(claim.live->object);
    SayError(in, claim, state, errors);
    SayProgress(claim, state, progress);
  }
  progress.Put("PersistentVolumeResizing", true, plan);
  errors.Put("PersistentVolumeResizeError", true, plan);
  growth.Put("VolumeAutoGrow", false, plan);
}

Plan PlanVolumes(const Input& in) {
  Plan plan;
  if (in.view.deleting) return plan;
  const auto claims = cluster::ClaimsAsked(in.view);
  Grow(in, claims, plan);
  SayResizes(in, claims, plan);
  TendWal(in, plan);
  return plan;
}

}  // namespace pgo::rooms::storage
