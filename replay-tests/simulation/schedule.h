// Virtual time: what is to happen, in order of its moment; of equal moments, what was planned
// first.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "engine/base/ids.h"

namespace pgo::simulation {

using Micros = std::int64_t;
inline constexpr Micros kMs = 1000;

class Schedule {
 public:
  using Task = std::function<void()>;

  [[nodiscard]] Micros now() const { return now_; }
  [[nodiscard]] std::uint64_t ran() const { return ran_; }

  void At(Micros when, Task task) {
    queue_.push({when < now_ ? now_ : when, planned_++, std::move(task)});
  }
  void After(Micros delay, Task task) { At(now_ + delay, std::move(task)); }

  // Runs the next task if it is due by `until`; else time stands at `until` and nothing ran.
  bool RunNext(Micros until) {
    if (queue_.empty() || queue_.top().when > until) {
      now_ = until;
      return false;
    }
    // The task is moved out of the top, which is removed at once: its order is not looked at again.
    Entry entry = std::move(const_cast<Entry&>(queue_.top()));
    queue_.pop();
    now_ = entry.when;
    ++ran_;
    entry.task();
    return true;
  }

 private:
  struct Entry {
    Micros when;
    std::uint64_t order;
    Task task;
    bool operator<(const Entry& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };
  std::priority_queue<Entry> queue_;
  Micros now_ = 0;
  std::uint64_t planned_ = 0, ran_ = 0;
};

}  // namespace pgo::simulation
