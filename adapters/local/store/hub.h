// Hands changes to subscribers, in order, on one thread. A subscription sees every change from the
// moment it was made, and what was put before it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/local/store/memory_store.h"

namespace pgo::local {

class Hub {
 public:
  Hub();
  ~Hub();  // subscribers hear nothing afterwards
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  using Call = std::function<void(const WatchItem&)>;
  // The plural "" means every type, the namespace "" all of them. `first` comes before all else.
  std::shared_ptr<void> Add(const Resource& resource, const std::string& ns,
                            std::vector<WatchItem> first, Call call);
  void Publish(const Change& change);
  std::size_t Pending() const;
  // Every change up to this version has been handed out.
  std::uint64_t Settled() const;

 private:
  struct Subscriber {
    Resource resource;
    std::string ns;
    Call call;
    std::recursive_mutex calling;  // ends a subscription between two calls, or from within one
    bool ended = false;
  };
  struct Delivery {
    std::weak_ptr<Subscriber> to;
    WatchItem item;
  };
  void Run();

  mutable std::mutex mu_;
  std::condition_variable wake_;
  std::deque<Delivery> queue_;
  std::vector<std::weak_ptr<Subscriber>> subscribers_;
  std::uint64_t published_ = 0, settled_ = 0;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pgo::local
