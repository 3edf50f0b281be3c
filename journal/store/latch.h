// What RocksDB's background work tells the writer: the first write error of a handle, kept for
// ever, and that the manifest has grown. Thread safe.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/result.h"

namespace pgo::journal {

class Latch {
 public:
  void Trip(std::string why) {
    const std::scoped_lock lock(mutex_);
    if (!first_) first_ = Error{Code::kUnavailable, std::move(why)};
  }
  [[nodiscard]] std::optional<Error> Get() const {
    const std::scoped_lock lock(mutex_);
    return first_;
  }
  // The manifest has grown: the next write notes its length (store/fence.h).
  void MarkGrown() { grown_ = true; }
  [[nodiscard]] bool Grown() const { return grown_; }
  bool TakeGrown() { return grown_.exchange(false); }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> first_;
  std::atomic<bool> grown_ = false;
};

}  // namespace pgo::journal
