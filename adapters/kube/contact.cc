#include "adapters/kube/contact.h"

#include <algorithm>
#include <chrono>

namespace pgo::kube {
namespace {
constexpr std::chrono::milliseconds kPeriod{2000}, kShortest{250};
constexpr std::int64_t kPatienceMs = 3000;
}  // namespace

void ContactTracker::Report(const std::string& source, bool ok, const std::string& what) {
  // Posted under the lock: a loss and a return must not overtake each other.
  const std::lock_guard lock(mu_);
  sources_[source] = ok;
  const bool all = std::ranges::all_of(sources_, [](const auto& entry) { return entry.second; });
  if (posted_ == all) return;
  posted_ = all;
  sink_.Post({Contact{all, what}});
}

void ContactTracker::PostAgain() {
  const std::lock_guard lock(mu_);
  posted_.reset();
}

void ContactTracker::Forget(const std::string& source) {
  const std::lock_guard lock(mu_);
  sources_.erase(source);
}

ContactProbe::ContactProbe(Client& client, ContactTracker& tracker)
    : client_(client), tracker_(tracker), thread_([this] { Loop(); }) {}

ContactProbe::~ContactProbe() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void ContactProbe::Hasten() {
  {
    const std::lock_guard lock(mu_);
    hastened_ = true;
  }
  wake_.notify_all();
}

void ContactProbe::Loop() {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    hastened_ = false;
    lock.unlock();
    Request request;
    request.path = "/readyz";
    request.timeout_ms = kPatienceMs;
    const auto began = std::chrono::steady_clock::now();
    const Reply reply = client_.Do(request);
    const bool ok = !reply.NoContact();
    tracker_.Report("readyz", ok, ok ? "GET /readyz" : reply.error->message);
    lock.lock();
    wake_.wait_until(lock, began + kPeriod, [&] { return stopping_ || hastened_; });
    wake_.wait_until(lock, began + kShortest, [&] { return stopping_; });
  }
}

}  // namespace pgo::kube
