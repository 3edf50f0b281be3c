// Remembers the first write error of a handle, for ever. Thread safe.
#pragma once

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

 private:
  mutable std::mutex mutex_;
  std::optional<Error> first_;
};

}  // namespace pgo::journal
