#include "adapters/kube/elector.h"

#include <time.h>

#include <chrono>

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

void Elector::Stop() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
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
                              Tell(std::move(leading));
                            }},
                 output);
    }
    deadline_us_ = machine_.deadline_us();
    outputs = std::move(next);
  }
}

void Elector::Tell(Leading leading) {
  if (leading.leading && options_.judge) leading.amnesia = options_.judge(machine_.found_anchor());
  const bool amnesia = !leading.amnesia.empty();
  if (options_.on_change) options_.on_change(leading.leading);
  sink_.Post({std::move(leading)});
  if (amnesia && options_.on_amnesia) options_.on_amnesia();
}

void Elector::Loop() {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    lock.unlock();
    Carry(machine_.OnTick(Read(),
                          options_.anchor ? options_.anchor(machine_.epoch()) : std::string()));
    lock.lock();
    const std::int64_t pause = machine_.wake_at_us() - Microseconds(CLOCK_BOOTTIME);
    if (pause > 0)
      wake_.wait_for(lock, std::chrono::microseconds(pause), [&] { return stopping_; });
  }
  lock.unlock();
  GiveUp();
}

void Elector::GiveUp() {
  deadline_us_ = 0;
  for (LeaseMachine::Output& output : machine_.Release(Read(), "the process ends")) {
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
