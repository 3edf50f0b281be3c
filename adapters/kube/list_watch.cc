#include "adapters/kube/list_watch.h"

#include <algorithm>

namespace pgo::kube {
namespace {

constexpr std::int64_t kListPatience = 35 * kSecond;
constexpr std::int64_t kStall = 90 * kSecond;
constexpr std::int64_t kBackOffFirst = kSecond / 5;
constexpr std::int64_t kBackOffCap = 5 * kSecond;
constexpr std::int64_t kDeniedPause = 300 * kSecond;
constexpr std::uint32_t kWatchSeconds = 300, kWatchJitter = 60;

std::uint64_t NumberOf(std::string_view version) {
  std::uint64_t value = 0;
  for (const char c : version) {
    if (c < '0' || c > '9') return 0;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::string VersionOf(const Json& object) {
  return GetString(object, {"metadata", "resourceVersion"});
}

}  // namespace

std::uint32_t ListWatch::Random(std::uint32_t below) {
  random_ = random_ * 1664525U + 1013904223U;
  return (random_ >> 8) % below;
}

ObjectRef ListWatch::RefOf(const Json& object) const {
  return {options_.kind, GetString(object, {"metadata", "namespace"}),
          GetString(object, {"metadata", "name"})};
}

Observed ListWatch::Observe(const Json& object) const {
  return {RefOf(object), GetString(object, {"metadata", "uid"}), VersionOf(object),
          redactor_.Redact(options_.kind, object)};
}

ListWatch::Outputs ListWatch::Begin(std::int64_t now_us) {
  if (relist_) {
    phase_ = Phase::kListing;
    page_events_.clear();
    page_keys_.clear();
    wake_at_us_ = now_us + kListPatience;
    return {SendList{ListRequest(options_.kind, options_.ns, options_.label_selector)}};
  }
  phase_ = Phase::kOpening;
  opened_us_ = now_us;
  wake_at_us_ = now_us + kStall;
  const std::uint32_t seconds = kWatchSeconds - kWatchJitter / 2 + Random(kWatchJitter);
  return {OpenWatch{
      WatchRequest(options_.kind, options_.ns, options_.label_selector, version_, seconds)}};
}

ListWatch::Outputs ListWatch::Rest(std::int64_t now_us, bool failed) {
  phase_ = Phase::kResting;
  failures_ = failed ? failures_ + 1 : 0;
  std::int64_t pause = failed ? kBackOffFirst << std::min(failures_ - 1, 10) : 0;
  pause = std::min(pause, kBackOffCap);
  // Spread over the last quarter, so that all kinds do not come back at one moment.
  if (pause > 0) pause -= pause / 4 * Random(100) / 100;
  wake_at_us_ = now_us + pause;
  return {};
}

ListWatch::Outputs ListWatch::Relist(std::int64_t now_us) {
  relist_ = true;
  gap_ = true;
  return Rest(now_us, true);
}

ListWatch::Outputs ListWatch::OnTick(std::int64_t now_us) {
  if (now_us < wake_at_us_) return {};
  switch (phase_) {
    case Phase::kResting:
      return Begin(now_us);
    case Phase::kListing:  // the answer is lost
      return Rest(now_us, true);
    case Phase::kOpening:
    case Phase::kWatching: {  // a healthy stream shows a bookmark a minute
      Outputs out = Rest(now_us, true);
      out.emplace_back(CloseWatch{});
      return out;
    }
  }
  return {};
}

bool ListWatch::AddPage(const Json& list) {
  const Json* items = Find(list, "items");
  if (items == nullptr || !(items->is_array() || items->is_null())) return false;
  for (const Json& item : *items) {
    const ObjectRef ref = RefOf(item);
    if (ref.name.empty()) return false;
    page_keys_.insert(ref.ns + "/" + ref.name);
    page_events_.emplace_back(Observe(item));
  }
  return true;
}

ListWatch::Outputs ListWatch::OnList(const Reply& reply, std::int64_t now_us) {
  if (phase_ != Phase::kListing) return {};
  if (!reply.ok()) {
    const bool denied = reply.http == 403 || reply.http == 404;
    if (!(denied && options_.optional)) return Rest(now_us, true);
    Outputs out;
    if (!listed_) out = TakeList(now_us, "0");
    relist_ = true;
    phase_ = Phase::kResting;
    wake_at_us_ = now_us + kDeniedPause;
    return out;
  }
  if (!AddPage(reply.body)) return Rest(now_us, true);
  const std::string token = GetString(reply.body, {"metadata", "continue"});
  if (!token.empty()) {
    wake_at_us_ = now_us + kListPatience;
    return {SendList{ListRequest(options_.kind, options_.ns, options_.label_selector, token)}};
  }
  const std::string version = VersionOf(reply.body);
  if (version.empty() || NumberOf(version) < highest_) return Rest(now_us, true);
  return TakeList(now_us, version);
}

ListWatch::Outputs ListWatch::TakeList(std::int64_t now_us, std::string version) {
  Outputs out;
  for (Payload& event : page_events_) out.emplace_back(std::move(event));
  page_events_.clear();
  keys_ = std::move(page_keys_);
  page_keys_.clear();
  const bool gap = gap_ || (!listed_ && options_.earlier_history);
  out.emplace_back(Payload(Listed{options_.kind, version, gap, {keys_.begin(), keys_.end()}}));
  listed_ = true;
  gap_ = false;
  relist_ = false;
  version_ = std::move(version);
  highest_ = std::max(highest_, NumberOf(version_));
  static_cast<void>(Rest(now_us, false));
  return out;
}

ListWatch::Outputs ListWatch::TakeEvent(const std::string& type, const Json& object) {
  const std::string version = VersionOf(object);
  version_ = version;
  highest_ = std::max(highest_, NumberOf(version));
  if (type == "BOOKMARK") return {};
  const ObjectRef ref = RefOf(object);
  const std::string key = ref.ns + "/" + ref.name;
  if (type == "DELETED") {
    keys_.erase(key);
    return {Payload(Gone{ref, GetString(object, {"metadata", "uid"})})};
  }
  keys_.insert(key);
  return {Payload(Observe(object))};
}

ListWatch::Outputs ListWatch::Reopen(std::int64_t now_us) {
  if (phase_ != Phase::kOpening && phase_ != Phase::kWatching) return {};
  phase_ = Phase::kResting;
  failures_ = 0;
  wake_at_us_ = now_us;
  return {CloseWatch{}};
}

ListWatch::Outputs ListWatch::ListAgain(std::int64_t now_us) {
  const bool watching = phase_ == Phase::kOpening || phase_ == Phase::kWatching;
  relist_ = true;
  gap_ = true;
  listed_ = false;
  // A list under way may have been asked for before: its answer is passed over.
  page_events_.clear();
  page_keys_.clear();
  phase_ = Phase::kResting;
  failures_ = 0;
  wake_at_us_ = now_us;
  return watching ? Outputs{CloseWatch{}} : Outputs{};
}

ListWatch::Outputs ListWatch::OnLine(std::string_view line, std::int64_t now_us) {
  if (phase_ != Phase::kOpening && phase_ != Phase::kWatching) return {};
  phase_ = Phase::kWatching;
  wake_at_us_ = now_us + kStall;
  const auto json = ParseJson(line);
  const std::string type = json ? GetString(*json, {"type"}) : "";
  static const Json kNothing = Json::object();
  const Json& object = json ? GetObject(*json, {"object"}) : kNothing;
  const bool known =
      type == "ADDED" || type == "MODIFIED" || type == "DELETED" || type == "BOOKMARK";
  const bool named = type == "BOOKMARK" || !RefOf(object).name.empty();
  if (known && named && !VersionOf(object).empty()) {
    failures_ = 0;
    return TakeEvent(type, object);
  }
  // An error in the stream: expired is the usual one. What cannot be read was missed.
  const std::int64_t code = GetInt(object, {"code"});
  const bool passing = type == "ERROR" && (code == 429 || (code >= 500 && code <= 599));
  Outputs out = passing ? Rest(now_us, true) : Relist(now_us);
  out.emplace_back(CloseWatch{});
  return out;
}

ListWatch::Outputs ListWatch::OnClosed(const Reply& reply, std::int64_t now_us) {
  if (phase_ != Phase::kOpening && phase_ != Phase::kWatching) return {};
  if (reply.http == 410) return Relist(now_us);
  // A watch that ends in good order has lasted.
  const bool short_lived = now_us - opened_us_ < kSecond;
  return Rest(now_us, reply.http != 200 || short_lived);
}

}  // namespace pgo::kube
