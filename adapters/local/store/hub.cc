#include "adapters/local/store/hub.h"

namespace pgo::local {

Hub::Hub() : thread_([this] { Run(); }) {}

Hub::~Hub() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::shared_ptr<void> Hub::Add(const Resource& resource, const std::string& ns,
                               std::vector<WatchItem> first, Call call) {
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->resource = resource;
  subscriber->ns = ns;
  subscriber->call = std::move(call);
  {
    std::lock_guard lock(mu_);
    for (WatchItem& item : first) queue_.push_back({subscriber, std::move(item)});
    std::erase_if(subscribers_, [](const auto& old) { return old.expired(); });
    subscribers_.push_back(subscriber);
  }
  wake_.notify_one();
  return {subscriber.get(), [subscriber](void*) {
            std::lock_guard lock(subscriber->calling);
            subscriber->ended = true;
          }};
}

void Hub::Publish(const Change& change) {
  {
    std::lock_guard lock(mu_);
    published_ = change.resource_version;
    for (const auto& weak : subscribers_) {
      const auto subscriber = weak.lock();
      if (subscriber == nullptr) continue;
      const bool type =
          subscriber->resource.plural.empty() || subscriber->resource == change.key.resource;
      const bool ns = subscriber->ns.empty() || subscriber->ns == change.key.ns;
      if (type && ns) queue_.push_back({weak, {change, false}});
    }
    if (queue_.empty() && !busy_) settled_ = published_;
  }
  wake_.notify_one();
}

std::size_t Hub::Pending() const {
  std::lock_guard lock(mu_);
  return queue_.size();
}

std::uint64_t Hub::Settled() const {
  std::lock_guard lock(mu_);
  return settled_;
}

void Hub::Run() {
  std::unique_lock lock(mu_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const Delivery delivery = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    if (const auto subscriber = delivery.to.lock()) {
      std::lock_guard calling(subscriber->calling);
      if (!subscriber->ended) subscriber->call(delivery.item);
    }
    lock.lock();
    busy_ = false;
    if (queue_.empty()) settled_ = published_;
  }
}

}  // namespace pgo::local
