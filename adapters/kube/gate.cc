#include "adapters/kube/gate.h"

#include <functional>
#include <optional>

namespace pgo::kube {
namespace {

constexpr std::size_t kTombstones = 10'000;

std::optional<std::uint64_t> NumberOf(const std::string& version) {
  std::uint64_t value = 0;
  for (const char c : version) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return version.empty() ? std::nullopt : std::optional(value);
}

void Mix(std::size_t& hash, const std::string& key, const Json& value) {
  for (const std::size_t part : {std::hash<std::string>()(key), std::hash<Json>()(value)}) {
    hash ^= part + 0x9e3779b97f4a7c15U + (hash << 6U) + (hash >> 2U);
  }
}

// Of all but its version. Walks the tree: writing it out first would cost more than all else here.
std::size_t ContentOf(const Json& object) {
  std::size_t hash = 0;
  for (const auto& [key, value] : object.items()) {
    if (key != "metadata") {
      Mix(hash, key, value);
      continue;
    }
    for (const auto& [name, member] : value.items()) {
      if (name != "resourceVersion") Mix(hash, name, member);
    }
  }
  return hash;
}

}  // namespace

bool Gate::IsNews(const Observed& observed) {
  if (buried_.contains(observed.uid)) return false;
  const Known next{observed.uid, observed.rv, ContentOf(observed.object)};
  const auto it = known_.find(observed.ref);
  if (it != known_.end() && it->second.uid == observed.uid) {
    const auto before = NumberOf(it->second.rv);
    const auto now = NumberOf(observed.rv);
    if (before && now && *now < *before) return false;
    // Versions matter for what we write to with preconditions; nobody writes to a Node.
    const bool same_version = it->second.rv == observed.rv || observed.ref.kind == "Node";
    if (same_version && it->second.content == next.content) {
      it->second.rv = observed.rv;
      return false;
    }
  } else if (it != known_.end()) {
    // Of two incarnations the later one has the higher version.
    const auto before = NumberOf(it->second.rv);
    const auto now = NumberOf(observed.rv);
    if (before && now && *now < *before) return false;
    Bury(it->second.uid);
  }
  known_[observed.ref] = next;
  return true;
}

bool Gate::IsNews(const Gone& gone) {
  if (!gone.uid.empty() && buried_.contains(gone.uid)) {
    // Buried by its successor's arrival: the engine has replaced it by then.
    return false;
  }
  Bury(gone.uid);
  const auto it = known_.find(gone.ref);
  if (it != known_.end() && (gone.uid.empty() || it->second.uid == gone.uid)) known_.erase(it);
  return true;
}

void Gate::Bury(const std::string& uid) {
  if (uid.empty() || !buried_.insert(uid).second) return;
  burials_.push_back(uid);
  if (burials_.size() > kTombstones) {
    buried_.erase(burials_.front());
    burials_.pop_front();
  }
}

void Gate::Settle(Listed& listed) {
  std::set<std::string> present(listed.keys.begin(), listed.keys.end());
  const auto version = NumberOf(listed.rv);
  for (auto it = known_.lower_bound({listed.kind, "", ""});
       it != known_.end() && it->first.kind == listed.kind;) {
    const std::string key = it->first.ns + "/" + it->first.name;
    const auto seen = NumberOf(it->second.rv);
    const bool newer = version && seen && *seen > *version;
    if (newer) present.insert(key);
    it = present.contains(key) ? std::next(it) : known_.erase(it);
  }
  listed.keys.assign(present.begin(), present.end());
}

void Gate::Post(std::vector<Payload> events) {
  const std::lock_guard lock(mu_);
  std::vector<Payload> news;
  for (Payload& event : events) {
    if (const auto* observed = std::get_if<Observed>(&event)) {
      if (!IsNews(*observed)) continue;
    } else if (const auto* gone = std::get_if<Gone>(&event)) {
      if (!IsNews(*gone)) continue;
    } else if (auto* listed = std::get_if<Listed>(&event)) {
      Settle(*listed);
    }
    news.push_back(std::move(event));
  }
  if (!news.empty()) inbox_.Post(std::move(news));
}

void Gate::Know(const ObjectRef& ref, const std::string& uid, const std::string& rv,
                const Json& object) {
  const std::lock_guard lock(mu_);
  known_[ref] = Known{uid, rv, ContentOf(object)};
}

}  // namespace pgo::kube
