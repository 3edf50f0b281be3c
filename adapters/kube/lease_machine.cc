#include <algorithm>
#include <array>
#include <cstdio>

#include "adapters/kube/elector.h"

namespace pgo::kube {
namespace {

// Kubernetes' MicroTime wants exactly six digits of a second.
std::string MicroTime(std::int64_t wall_us) {
  std::string text = WallSeconds(wall_us);
  if (text.ends_with("Z")) text.pop_back();
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06dZ", static_cast<int>(wall_us % kSecond));
  return text + fraction.data();
}

std::int64_t EpochOf(const Json& lease) {
  const std::string text = GetString(lease, {"metadata", "annotations", kEpochAnnotation});
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value > INT64_MAX / 10 - 10) return 0;
    value = value * 10 + (c - '0');
  }
  return value;
}

// "" takes it away.
void Annotate(Json& lease, std::string_view name, const std::string& value) {
  if (!value.empty()) {
    Put(lease, {"metadata", "annotations", name}, value);
  } else if (lease["metadata"].contains("annotations")) {
    lease["metadata"]["annotations"].erase(std::string(name));
  }
}

std::string HolderOf(const Json& lease) { return GetString(lease, {"spec", "holderIdentity"}); }

}  // namespace

std::int64_t LeaseMachine::deadline_us() const {
  return leading_ ? renewed_us_ + options_.renew_deadline_us : 0;
}

std::int64_t LeaseMachine::wake_at_us() const {
  return leading_ ? std::min(next_us_, deadline_us()) : next_us_;
}

Request LeaseMachine::Timed(Request request, Now now) const {
  std::int64_t limit = options_.request_us;
  if (leading_) limit = std::min(limit, deadline_us() - now.elapsed_us);
  request.timeout_ms = std::max<std::int64_t>(limit / 1000, 1);
  return request;
}

Json LeaseMachine::Written(Now now, const std::string& holder) const {
  Json lease = lease_.is_object() ? lease_ : Json::object();
  lease["apiVersion"] = "coordination.k8s.io/v1";
  lease["kind"] = "Lease";
  Put(lease, {"metadata", "name"}, options_.name);
  Put(lease, {"metadata", "namespace"}, options_.ns);
  lease["metadata"].erase("managedFields");
  Put(lease, {"spec", "holderIdentity"}, holder);
  Put(lease, {"spec", "leaseDurationSeconds"}, holder.empty() ? 1 : options_.duration_us / kSecond);
  Put(lease, {"spec", "renewTime"}, MicroTime(now.wall_us));
  if (!anchor_.empty()) Put(lease, {"metadata", "annotations", kAnchorAnnotation}, anchor_);
  Annotate(lease, kReplicaAnnotation, holder.empty() ? "" : options_.address);
  Annotate(lease, kApiAnnotation, holder.empty() ? "" : options_.api);
  return lease;
}

void LeaseMachine::Remember(const Json& lease, Now now) {
  const auto version = [](const Json& l) { return GetString(l, {"metadata", "resourceVersion"}); };
  if (!lease_.is_object() || version(lease_) != version(lease)) changed_us_ = now.elapsed_us;
  lease_ = lease;
}

bool LeaseMachine::Expired(Now now) const {
  const std::int64_t seconds = GetInt(lease_, {"spec", "leaseDurationSeconds"}, 15);
  return now.elapsed_us - changed_us_ >= seconds * kSecond;
}

LeaseMachine::Outputs LeaseMachine::Read(Now now) {
  waiting_ = Waiting::kRead;
  sent_us_ = now.elapsed_us;
  return {Timed(GetRequest({"Lease", options_.ns, options_.name}), now)};
}

LeaseView LeaseMachine::View(Now now) const {
  LeaseView view;
  view.known = lease_.is_object();
  view.leading = leading_;
  if (!view.known) return view;
  view.holder = HolderOf(lease_);
  view.free = view.holder.empty() || (!leading_ && Expired(now));
  view.address = GetString(lease_, {"metadata", "annotations", kReplicaAnnotation});
  view.epoch = EpochOf(lease_);
  view.anchors = GetString(lease_, {"metadata", "annotations", kAnchorAnnotation});
  return view;
}

// The Lease may be taken. One that another replica had is left to those that know more.
LeaseMachine::Outputs LeaseMachine::Try(Now now, bool own) {
  if (!free_since_us_) free_since_us_ = now.elapsed_us;
  Candidacy candidacy;
  if (options_.candidacy) {
    candidacy =
        options_.candidacy(GetString(lease_, {"metadata", "annotations", kAnchorAnnotation}));
  }
  if (candidacy.hold_back_us == Candidacy::kNever) return {};
  if (!own && now.elapsed_us - *free_since_us_ < candidacy.hold_back_us) return {};
  return Take(now, std::max(candidacy.last_epoch, options_.last_epoch));
}

LeaseMachine::Outputs LeaseMachine::Take(Now now, std::int64_t last_epoch) {
  waiting_ = Waiting::kTake;
  sent_us_ = now.elapsed_us;
  free_since_us_.reset();
  const std::int64_t epoch = std::max(EpochOf(lease_), last_epoch) + 1;
  found_anchor_ = GetString(lease_, {"metadata", "annotations", kAnchorAnnotation});
  anchor_.clear();
  Json lease = Written(now, options_.identity);
  Put(lease, {"metadata", "annotations", kEpochAnnotation}, std::to_string(epoch));
  Put(lease, {"spec", "acquireTime"}, MicroTime(now.wall_us));
  const bool changes_hands = lease_.is_object() && HolderOf(lease_) != options_.identity;
  Put(lease, {"spec", "leaseTransitions"},
      GetInt(lease_, {"spec", "leaseTransitions"}) + (changes_hands ? 1 : 0));
  const ObjectRef ref{"Lease", options_.ns, options_.name};
  return {Timed(lease_.is_object() ? UpdateRequest(ref, lease) : CreateRequest(ref, lease), now)};
}

LeaseMachine::Outputs LeaseMachine::Renew(Now now) {
  waiting_ = Waiting::kRenew;
  sent_us_ = now.elapsed_us;
  return {Timed(
      UpdateRequest({"Lease", options_.ns, options_.name}, Written(now, options_.identity)), now)};
}

LeaseMachine::Outputs LeaseMachine::Lose(const std::string& why) {
  if (!leading_) return {};
  leading_ = false;
  return {Leading{false, epoch_, why}};
}

LeaseMachine::Outputs LeaseMachine::OnTick(Now now, const std::string& anchor) {
  anchor_ = anchor;
  if (leading_ && now.elapsed_us >= deadline_us()) {
    next_us_ = now.elapsed_us;
    return Lose("the Lease could not be renewed for " +
                std::to_string(options_.renew_deadline_us / kSecond) + " s");
  }
  if (waiting_ != Waiting::kNothing || now.elapsed_us < next_us_) return {};
  next_us_ = now.elapsed_us + (leading_ ? options_.renew_every_us : options_.read_every_us);
  return leading_ ? Renew(now) : Read(now);
}

LeaseMachine::Outputs LeaseMachine::OnReply(const Reply& reply, Now now) {
  const Waiting waited = std::exchange(waiting_, Waiting::kNothing);
  switch (waited) {
    case Waiting::kNothing:
      return {};
    case Waiting::kRead:
      return OnRead(reply, now);
    case Waiting::kTake:
      return OnTaken(reply, now);
    case Waiting::kRenew:
      return OnRenewed(reply, now);
  }
  return {};
}

LeaseMachine::Outputs LeaseMachine::OnRead(const Reply& reply, Now now) {
  if (reply.http == 404) {
    lease_ = nullptr;
    Outputs lost = Lose("the Lease was deleted");
    if (!lost.empty()) return lost;
    return Try(now, false);
  }
  if (!reply.ok()) return {};
  Remember(reply.body, now);
  const std::string holder = HolderOf(lease_);
  if (leading_) {
    // A write of ours that went unanswered may have arrived.
    if (holder == options_.identity && EpochOf(lease_) == epoch_) return Renew(now);
    return Lose(holder.empty() ? "the Lease was released" : "the Lease is held by " + holder);
  }
  const bool own = holder == options_.identity;
  if (holder.empty() || own || Expired(now)) return Try(now, own);
  free_since_us_.reset();
  return {};
}

LeaseMachine::Outputs LeaseMachine::OnTaken(const Reply& reply, Now now) {
  if (!reply.ok()) return {};
  const bool certain = now.elapsed_us - sent_us_ < options_.renew_deadline_us;
  if (!certain) return {};
  Remember(reply.body, now);
  leading_ = true;
  epoch_ = EpochOf(lease_);
  renewed_us_ = sent_us_;
  next_us_ = now.elapsed_us + options_.renew_every_us;
  return {Leading{true, epoch_, options_.identity + " has taken the Lease"}};
}

LeaseMachine::Outputs LeaseMachine::OnRenewed(const Reply& reply, Now now) {
  if (!leading_) return {};
  if (reply.ok()) {
    Remember(reply.body, now);
    renewed_us_ = sent_us_;
    return {};
  }
  if (reply.http == 409 || reply.http == 404) return Read(now);
  // No answer: whether it was written shows at the next try. Sooner than usual.
  next_us_ = std::min(next_us_, now.elapsed_us + options_.renew_every_us / 4);
  return {};
}

LeaseMachine::Outputs LeaseMachine::Release(Now now, const std::string& why,
                                            const std::string& anchor) {
  if (!leading_) return {};
  anchor_ = anchor;
  waiting_ = Waiting::kNothing;
  Outputs out{Timed(UpdateRequest({"Lease", options_.ns, options_.name}, Written(now, "")), now)};
  for (Output& lost : Lose(why)) out.insert(out.begin(), std::move(lost));
  return out;
}

}  // namespace pgo::kube
