#include "adapters/kube/lanes.h"

namespace pgo::kube {

Lanes::Lanes(int threads, std::function<void(Action&)> run) : run_(std::move(run)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

Lanes::~Lanes() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Lanes::Put(const std::string& lane, Action action) {
  {
    const std::lock_guard lock(mu_);
    const auto [it, idle] = lanes_.try_emplace(lane);
    it->second.push_back(std::move(action));
    if (idle) ready_.push_back(lane);
  }
  wake_.notify_one();
}

std::vector<Action> Lanes::Drain() {
  const std::lock_guard lock(mu_);
  std::vector<Action> out;
  for (auto& [lane, queue] : lanes_) {
    for (Action& action : queue) out.push_back(std::move(action));
    queue.clear();
  }
  // Idle lanes go; those of running jobs are removed by their threads.
  for (const std::string& lane : ready_) lanes_.erase(lane);
  ready_.clear();
  return out;
}

bool Lanes::WaitIdle(std::chrono::milliseconds most) {
  std::unique_lock lock(mu_);
  return idle_.wait_for(lock, most, [&] { return lanes_.empty(); });
}

void Lanes::Loop() {
  std::unique_lock lock(mu_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !ready_.empty(); });
    if (stopping_) return;
    const std::string lane = std::move(ready_.front());
    ready_.pop_front();
    auto& queue = lanes_[lane];
    Action action = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    run_(action);
    lock.lock();
    const auto it = lanes_.find(lane);
    if (it->second.empty()) {
      lanes_.erase(it);
      if (lanes_.empty()) idle_.notify_all();
    } else {
      ready_.push_back(lane);
      wake_.notify_one();
    }
  }
}

}  // namespace pgo::kube
