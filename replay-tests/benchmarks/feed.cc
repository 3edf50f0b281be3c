#include "replay-tests/benchmarks/feed.h"

#include <chrono>
#include <thread>

#include "adapters/kube/gate.h"
#include "adapters/kube/list_watch.h"
#include "adapters/operator/journal_port.h"
#include "adapters/system/clock.h"
#include "engine/driver/driver.h"

namespace pgo::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(10);

// Hours pass between two events, so that nothing is held back because it was said just before.
class LeapingClock final : public Clock {
 public:
  Now Read() override {
    Now now = system_.Read();
    now.wall_us += leap_us_;
    now.elapsed_us += leap_us_;
    return now;
  }
  void Leap() { leap_us_ += 7200 * kSecond; }

 private:
  system::SystemClock system_;
  std::atomic<std::int64_t> leap_us_ = 36'000 * kSecond;  // behind the history
};

Status AppendHistory(journal::Journal& journal, const std::vector<StoredRecord>& history) {
  for (const StoredRecord& one : history) {
    journal::Record record;
    record.type = static_cast<std::uint16_t>(one.type);
    record.subjects = {"history"};
    record.payload = one.payload;
    const journal::FrameTime time{one.at.wall_us, static_cast<std::uint64_t>(one.at.elapsed_us)};
    const auto done = journal.Append({&record, 1}, time, journal::Durability::kDeferred);
    if (!done) return Fail(done.error());
  }
  return journal.Sync();
}

}  // namespace

std::string WatchLine(Json object, std::size_t bytes) {
  Json line = {{"type", "MODIFIED"}};
  const std::size_t own = DumpJson(object).size() + 80;
  if (own < bytes) {
    Json fields = Json::object();
    for (std::size_t at = 0; at + 40 < bytes - own; at += 40) {
      fields["f:field-with-a-number-" + std::to_string(100000 + at)] = Json::object();
    }
    Put(object, {"metadata", "managedFields"}, Json::array({{{"fieldsV1", fields}}}));
  }
  line["object"] = std::move(object);
  return DumpJson(line);
}

struct Feed::Parts final : EventSink {
  Parts(Engine engine, std::unique_ptr<journal::Journal> opened, const std::string& kind)
      : journal(std::move(opened)),
        port(*journal),
        driver(std::move(engine), port, clock, {}),
        gate(driver),
        watch({kind, "", "", false, false, 1}, redactor) {}
  ~Parts() override {
    if (effects) effects->Halt();
    effects.reset();
    driver.Stop();
    if (loop.joinable()) loop.join();
  }
  // What effects say goes on to the gate; the outcome's moment is kept.
  void Post(std::vector<Payload> events) override {
    {
      const std::lock_guard lock(mu);
      done_at = SteadyClock::now();
    }
    gate.Post(std::move(events));
  }
  void Carry(kube::ListWatch::Outputs outputs) {
    std::vector<Payload> events;
    for (auto& output : outputs) {
      if (auto* event = std::get_if<Payload>(&output)) events.push_back(std::move(*event));
    }
    if (!events.empty()) gate.Post(std::move(events));
  }

  LeapingClock clock;
  std::unique_ptr<journal::Journal> journal;
  StorePort port;
  Driver driver;
  kube::Gate gate;
  kube::Redactor redactor{"key"};
  kube::ListWatch watch;
  std::unique_ptr<Effects> effects;
  std::thread loop;

  std::mutex mu;
  std::condition_variable news;
  std::uint64_t committed = 0;  // events
  std::uint64_t done = 0;       // actions, as committed
  std::uint64_t waited = 0;     // of `done`
  double step_us = 0;
  SteadyClock::time_point done_at;
};

Feed::Feed(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Feed::Feed(Feed&&) noexcept = default;
Feed::~Feed() = default;

Result<Feed> Feed::Open(const std::string& directory, const std::string& kind,
                        const std::vector<StoredRecord>& history, const MakeEffects& make) {
  auto journal = journal::Journal::Open(directory, {});
  if (!journal) return Fail(journal.error());
  if (auto status = AppendHistory(**journal, history); !status) return Fail(status.error());
  auto engine = Rebuild(**journal);
  if (!engine) return Fail(engine.error());
  auto parts = std::make_unique<Parts>(*std::move(engine), *std::move(journal), kind);
  Parts& p = *parts;
  if (make) p.effects = make(p);
  p.driver.SetEffects(p.effects.get());
  p.driver.SetOnCommit(
      [&p](const std::vector<Event>& events, const StepResult& step, std::int64_t step_us) {
        const std::lock_guard lock(p.mu);
        if (!step.actions.empty()) p.step_us = static_cast<double>(step_us);
        p.committed += events.size();
        for (const Event& event : events) p.done += std::holds_alternative<Done>(event.payload);
        p.news.notify_all();
      });
  p.loop = std::thread([&p] { static_cast<void>(p.driver.Run()); });
  // Into the state of a watch that is open.
  static_cast<void>(p.watch.OnTick(1));
  kube::Reply empty;
  empty.http = 200;
  empty.body = {{"metadata", {{"resourceVersion", "1"}}}, {"items", Json::array()}};
  static_cast<void>(p.watch.OnList(empty, 2));  // its Listed would say that nothing exists
  static_cast<void>(p.watch.OnTick(3));
  return Feed(std::move(parts));
}

std::uint64_t Feed::Give(const std::vector<std::string>& lines) {
  parts_->clock.Leap();
  std::uint64_t before = 0;
  {
    const std::lock_guard lock(parts_->mu);
    before = parts_->committed + lines.size() - 1;
  }
  kube::ListWatch::Outputs all;
  for (const std::string& line : lines) {
    for (auto& output : parts_->watch.OnLine(line, 4)) all.push_back(std::move(output));
  }
  parts_->Carry(std::move(all));
  return before;
}

bool Feed::WaitCommitted(std::uint64_t before) {
  std::unique_lock lock(parts_->mu);
  return parts_->news.wait_for(lock, kPatience, [&] { return parts_->committed > before; });
}

double Feed::StepMicros() {
  const std::lock_guard lock(parts_->mu);
  return parts_->step_us;
}

bool Feed::WaitDone(SteadyClock::time_point* at) {
  std::unique_lock lock(parts_->mu);
  if (!parts_->news.wait_for(lock, kPatience, [&] { return parts_->done > parts_->waited; })) {
    return false;
  }
  parts_->waited = parts_->done;
  *at = parts_->done_at;
  return true;
}

}  // namespace pgo::bench
