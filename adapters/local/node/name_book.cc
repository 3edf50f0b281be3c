#include "adapters/local/node/name_book.h"

#include "adapters/local/node/hosts.h"

namespace pgo::local {

NameBook::NameBook(Store& store, std::function<void()> on_change)
    : store_(store), on_change_(std::move(on_change)) {
  const auto listen = [this](const char* plural, const char* field) {
    subscriptions_.push_back(store_.Subscribe({"", plural}, [this, field](const Change& change) {
      // Patroni renews its lock in annotations every few seconds: that moves no name.
      const bool same =
          change.type == ChangeType::kModified && change.previous != nullptr &&
          change.previous->value(field, Json()) == change.object->value(field, Json());
      if (!same) Forget();
    }));
  };
  listen("services", "spec");
  listen("endpoints", "subsets");
}

void NameBook::Forget() {
  {
    const std::lock_guard lock(mu_);
    cache_.clear();
    ++generation_;
  }
  on_change_();
}

std::string NameBook::HostsFor(const std::string& ns) {
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mu_);
    if (const auto it = cache_.find(ns); it != cache_.end()) return it->second;
    generation = generation_;
  }
  std::string text = ClusterHosts(
      {store_.List({"", "services"}, "").first, store_.List({"", "endpoints"}, "").first}, ns);
  const std::lock_guard lock(mu_);
  if (generation == generation_) cache_[ns] = text;
  return text;
}

}  // namespace pgo::local
