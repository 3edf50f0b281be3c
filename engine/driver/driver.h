// The loop: inbox → stamp → fold → decide → one frame → outbox. Nothing is sent, shown or counted
// before the frame that says so is on disk.
//
// A batch holds at most `batch_bytes` of payloads (one event may be larger). When the journal asks
// for it, a new segment begins between two batches, and the engine goes on from the baseline that
// it was opened with. An event too large for any record cannot be kept: of a Done its result is
// left out, any other is passed over and told to `on_dropped`.
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
  std::size_t batch_bytes = std::size_t{16} << 20U;
  std::int64_t tick_gap_us = 5 * kSecond;  // the process stood still if it slept so much too long
};

class Driver final : public EventSink {
 public:
  // `on_commit` sees each committed frame on the engine's thread (log, metrics, notices).
  // `step_us` is what folding and deciding took.
  using OnCommit =
      std::function<void(const std::vector<Event>&, const StepResult&, std::int64_t step_us)>;

  using OnDropped = std::function<void(const std::string& what)>;

  Driver(Engine engine, JournalPort& journal, Clock& clock, DriverOptions options);

  void SetEffects(Effects* effects) { effects_ = effects; }  // before Run
  void SetOnCommit(OnCommit on_commit) { on_commit_ = std::move(on_commit); }

  void SetOnDropped(OnDropped on_dropped) { on_dropped_ = std::move(on_dropped); }

  void Post(std::vector<Payload> events) override;
  // Until Stop or until the journal fails; the error says why.
  Status Run();
  // One turn of the same loop that never waits, for somebody who keeps the time himself (the
  // simulation): takes what is in the inbox or, if that is empty, the decisions that are due. An
  // error is as final as one of Run's. Never mixed with Run.
  Status Turn();
  // When (elapsed) there is something to do without any event; nothing if only events can.
  std::optional<std::int64_t> DueAt() const { return WaitUntil(); }
  // The state between two turns.
  const Engine& engine() const { return engine_; }
  void Stop();

  // Runs a function on the committed state, between two batches; blocks until it ran. False if the
  // loop has ended.
  bool Inspect(const std::function<void(const Engine&)>& look);

 private:
  std::vector<Payload> Take();  // waits for something to do
  std::vector<Payload> TakeReady();
  Status Carry(std::vector<Payload> batch);
  std::optional<std::int64_t> WaitUntil() const;
  void DropKnown(std::vector<Payload>& batch) const;
  // One commit of what fits it, taken off the front of the batch.
  Status Commit(std::vector<Payload>& batch, Now now);
  struct Frame {
    std::vector<Event> events;
    std::vector<JournalRecord> records;
    bool synced = false;
  };
  Frame Fill(std::vector<Payload>& batch, Now now) const;
  Status Append(Frame& frame, const StepResult& step, Now now);
  Status CommitAll(std::vector<Payload> batch);
  Status Rotate(Now now);
  void Inspections();

  Engine engine_;
  JournalPort& journal_;
  Clock& clock_;
  const DriverOptions options_;
  Effects* effects_ = nullptr;
  OnCommit on_commit_;
  OnDropped on_dropped_;
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
