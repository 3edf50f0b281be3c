#include "adapters/kube/elector.h"

#include <time.h>

#include <chrono>
#include <utility>

#include "adapters/kube/credentials.h"
#include "engine/base/overloaded.h"

namespace pgo::kube {
namespace {

std::int64_t Microseconds(clockid_t clock) {
  timespec at{};
  ::clock_gettime(clock, &at);
  return static_cast<std::int64_t>(at.tv_sec) * kSecond + at.tv_nsec / 1000;
}

// Counts on while the machine sleeps, so that a lost Lease is known at once on waking.
Now Read() { return {Microseconds(CLOCK_REALTIME), Microseconds(CLOCK_BOOTTIME)}; }

constexpr std::int64_t kReleaseMs = 2000;

}  // namespace

Elector::Elector(std::shared_ptr<Credentials> credentials, std::string user_agent, EventSink& sink,
                 ContactTracker& contact, ElectorOptions options)
    : client_(std::move(credentials), std::move(user_agent), options.observer),
      sink_(sink),
      contact_(contact),
      options_(std::move(options)),
      machine_(options_.lease),
      thread_([this] { Loop(); }) {}

void Elector::Stop(bool release) {
  {
    const std::lock_guard lock(mu_);
    if (!stopping_) release_ = release;
    stopping_ = true;
  }
  wake_.notify_all();
  written_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Elector::WriteAnchor(std::int64_t timeout_ms) {
  std::unique_lock lock(mu_);
  const std::uint64_t own = ++asked_;
  wake_.notify_all();
  written_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                    [&] { return stopping_ || anchored_ >= own; });
  return anchored_ >= own && !stopping_;
}

void Elector::Hasten() {
  const std::lock_guard lock(mu_);
  ++asked_;
  wake_.notify_all();
}

LeaseView Elector::View() const {
  const std::lock_guard lock(mu_);
  return view_;
}

std::string Elector::found_anchors() const {
  const std::lock_guard lock(mu_);
  return found_anchors_;
}

void Elector::Show() {
  {
    const std::lock_guard lock(mu_);
    view_ = machine_.View(Read());
    found_anchors_ = machine_.found_anchor();
  }
  if (options_.on_read) options_.on_read();
}

std::int64_t Elector::RemainingUs() const {
  return deadline_us_.load() - Microseconds(CLOCK_BOOTTIME);
}

// Each request is waited for: its time limit ends no later than the leadership it serves.
void Elector::Carry(LeaseMachine::Outputs outputs) {
  while (!outputs.empty()) {
    LeaseMachine::Outputs next;
    for (LeaseMachine::Output& output : outputs) {
      std::visit(Overloaded{[&](Request& request) {
                              const Reply reply = client_.Do(request);
                              const bool ok = !reply.NoContact();
                              contact_.Report("lease", ok, ok ? "the Lease" : reply.error->message);
                              next = machine_.OnReply(reply, Read());
                            },
                            [&](Leading& leading) {
                              deadline_us_ = machine_.deadline_us();
                              Show();
                              Tell(std::move(leading));
                            }},
                 output);
    }
    deadline_us_ = machine_.deadline_us();
    Show();
    outputs = std::move(next);
  }
}

void Elector::Tell(Leading leading) {
  if (options_.on_change) options_.on_change(leading.leading);
  sink_.Post({std::move(leading)});
}

void Elector::Loop() {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    const std::uint64_t asked = asked_;
    const bool hasten = asked > std::exchange(begun_, asked);
    lock.unlock();
    if (hasten) machine_.Hasten();
    const std::int64_t renewed_us = machine_.renewed_us();
    Tick();
    lock.lock();
    if (machine_.leading() && machine_.renewed_us() != renewed_us && anchored_ < asked) {
      anchored_ = asked;
      written_.notify_all();
    }
    const std::int64_t pause = machine_.wake_at_us() - Microseconds(CLOCK_BOOTTIME);
    if (pause > 0)
      wake_.wait_for(lock, std::chrono::microseconds(pause),
                     [&] { return stopping_ || asked_ > begun_; });
  }
  lock.unlock();
  GiveUp();
}

void Elector::Tick() {
  Carry(
      machine_.OnTick(Read(), options_.anchor ? options_.anchor(machine_.epoch()) : std::string()));
}

void Elector::GiveUp() {
  deadline_us_ = 0;
  if (!machine_.leading() || !release_) return contact_.Forget("lease");
  const std::string anchor = options_.anchor ? options_.anchor(machine_.epoch()) : std::string();
  for (LeaseMachine::Output& output : machine_.Release(Read(), "the process ends", anchor)) {
    if (auto* leading = std::get_if<Leading>(&output)) {
      if (options_.on_change) options_.on_change(false);
      sink_.Post({std::move(*leading)});
    } else if (auto* request = std::get_if<Request>(&output)) {
      request->timeout_ms = std::min(request->timeout_ms, kReleaseMs);
      client_.Do(*request);
    }
  }
  contact_.Forget("lease");
}

}  // namespace pgo::kube
