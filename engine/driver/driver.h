// The loop: inbox → stamp → fold → decide → one frame → outbox. Nothing is sent, shown or counted
// before the frame that says so is on disk.
//
// Run is called on one thread, the engine's own. Post, Snapshot and Stop are called from any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/ports/effects.h"
#include "engine/ports/journal.h"

namespace pgo {

struct DriverOptions {
  std::size_t inbox_max = 20'000;  // events; Post blocks beyond
  std::size_t batch_max = 500;
  std::int64_t tick_gap_us = 5 * kSecond;  // the process stood still if it slept so much too long
};

class Driver final : public EventSink {
 public:
  // `on_commit` sees each committed frame on the engine's thread (log, metrics, notices).
  using OnCommit = std::function<void(const std::vector<Event>&, const StepResult&)>;

  Driver(Engine engine, JournalPort& journal, Clock& clock, DriverOptions options);

  void SetEffects(Effects* effects) { effects_ = effects; }  // before Run
  void SetOnCommit(OnCommit on_commit) { on_commit_ = std::move(on_commit); }

  void Post(std::vector<Payload> events) override;
  // Until Stop or until the journal fails; the error says why.
  Status Run();
  void Stop();

  // Runs a function on the committed state, between two batches; blocks until it ran. False if the
  // loop has ended.
  bool Inspect(const std::function<void(const Engine&)>& look);

 private:
  std::vector<Payload> Take();
  std::optional<std::int64_t> WaitUntil() const;
  void DropKnown(std::vector<Payload>& batch) const;
  Status Commit(std::vector<Payload> batch);
  void Inspections();

  Engine engine_;
  JournalPort& journal_;
  Clock& clock_;
  const DriverOptions options_;
  Effects* effects_ = nullptr;
  OnCommit on_commit_;
  std::int64_t last_elapsed_us_ = 0;
  std::int64_t last_offset_us_ = 0;  // wall − elapsed
  bool deferred_ = false;            // a frame waits for its sync

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Payload> inbox_;
  std::deque<std::function<void()>> inspections_;
  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace pgo
