// Work that other threads hand to one thread, which polls fd().
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "adapters/local/node/sys.h"

namespace pgo::local {

// Any thread. Outlives its reader in the hands of who posts.
class Inbox {
 public:
  Inbox() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  void Post(std::function<void()> work) {
    const std::lock_guard lock(mu_);
    if (closed_) return;
    work_.push_back(std::move(work));
    const std::uint64_t one = 1;
    static_cast<void>(::write(wake_.get(), &one, sizeof one));
  }
  std::deque<std::function<void()>> Take() {
    const std::lock_guard lock(mu_);
    std::uint64_t count = 0;
    static_cast<void>(::read(wake_.get(), &count, sizeof count));
    return std::exchange(work_, {});
  }
  // Nothing is taken afterwards; what waits is dropped, and with it the promises it holds.
  void Close() {
    std::deque<std::function<void()>> dropped;
    const std::lock_guard lock(mu_);
    closed_ = true;
    dropped.swap(work_);
  }
  [[nodiscard]] int fd() const { return wake_.get(); }

 private:
  std::mutex mu_;
  std::deque<std::function<void()>> work_;
  UniqueFd wake_;
  bool closed_ = false;
};

}  // namespace pgo::local
