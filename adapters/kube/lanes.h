// A pool of threads that runs jobs in lanes: jobs of one lane one after the other, in order; lanes
// side by side.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/action/action.h"

namespace pgo::kube {

class Lanes {
 public:
  Lanes(int threads, std::function<void(Action&)> run);
  ~Lanes();  // waits for what is running; what is queued is dropped: Drain first

  void Put(const std::string& lane, Action action);
  // Takes back everything that has not begun.
  std::vector<Action> Drain();
  // Waits until nothing is queued or runs. False if it does after that time.
  bool WaitIdle(std::chrono::milliseconds most);

 private:
  void Loop();

  const std::function<void(Action&)> run_;
  std::mutex mu_;
  std::condition_variable wake_, idle_;
  std::map<std::string, std::deque<Action>>
      lanes_;                      // an entry exists while a job is queued or runs
  std::deque<std::string> ready_;  // lanes with a job and none running
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace pgo::kube
