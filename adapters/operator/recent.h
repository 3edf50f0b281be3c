// Answers that hold for a while: a bounded map whose entries end by themselves. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace pgo {

template <typename Value>
class Recent {
 public:
  // Times are those of the caller's clock. Beyond `most` the entry that ends first goes first.
  Recent(std::int64_t life_us, std::size_t most) : life_us_(life_us), most_(most) {}

  std::optional<Value> Find(const std::string& key, std::int64_t now_us) {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.until_us <= now_us) return std::nullopt;
    return found->second.value;
  }

  void Keep(const std::string& key, Value value, std::int64_t now_us) {
    const std::scoped_lock lock(mutex_);
    if (const auto old = entries_.find(key); old != entries_.end()) Drop(old);
    while (!order_.empty() && (entries_.size() >= most_ || order_.begin()->first.first <= now_us)) {
      Drop(entries_.find(order_.begin()->second));
    }
    const Age age{now_us + life_us_, ++number_};
    order_.emplace(age, key);
    entries_.emplace(key, Entry{std::move(value), age.first, age.second});
  }

  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return entries_.size();
  }

 private:
  using Age = std::pair<std::int64_t, std::uint64_t>;  // when it ends, and which of those is older
  struct Entry {
    Value value;
    std::int64_t until_us;
    std::uint64_t number;
  };
  void Drop(typename std::map<std::string, Entry>::iterator at) {
    order_.erase({at->second.until_us, at->second.number});
    entries_.erase(at);
  }

  const std::int64_t life_us_;
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::uint64_t number_ = 0;
  std::map<std::string, Entry> entries_;
  std::map<Age, std::string> order_;
};

}  // namespace pgo
