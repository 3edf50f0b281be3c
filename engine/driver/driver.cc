#include "engine/driver/driver.h"

#include <algorithm>
#include <chrono>
#include <future>

#include "engine/record.h"

namespace pgo {
namespace {

constexpr std::int64_t kDeferMax = kSecond;
constexpr std::int64_t kStepMin = 2 * kSecond;

// A lock renewal or a heartbeat that leads to nothing may ride the next sync.
bool MayDefer(const Payload& payload) {
  const auto* observed = std::get_if<Observed>(&payload);
  return observed != nullptr && (observed->ref.kind == "Endpoints" || observed->ref.kind == "Pod");
}

// An event that no record can hold, made small enough; false if it must be passed over.
bool Shrink(Payload& payload) {
  auto* done = std::get_if<Done>(&payload);
  if (done == nullptr) return false;
  done->result = Json();
  done->message = done->message.substr(0, 1000) + " (what it answered was too large to keep)";
  return true;
}

}  // namespace

Driver::Driver(Engine engine, JournalPort& journal, Clock& clock, DriverOptions options)
    : engine_(std::move(engine)), journal_(journal), clock_(clock), options_(options) {}

void Driver::Post(std::vector<Payload> events) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_ || inbox_.size() < options_.inbox_max; });
  if (ended_) return;
  for (Payload& event : events) inbox_.push_back(std::move(event));
  changed_.notify_all();
}

void Driver::Stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

bool Driver::Inspect(const std::function<void(const Engine&)>& look) {
  std::promise<void> done;
  auto ran = done.get_future();
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    inspections_.push_back([&] {
      look(engine_);
      done.set_value();
    });
    changed_.notify_all();
  }
  ran.wait();
  return true;
}

std::optional<std::int64_t> Driver::WaitUntil() const {
  auto wake = engine_.WakeAt();
  if (deferred_ && (!wake || last_elapsed_us_ + kDeferMax < *wake)) {
    wake = last_elapsed_us_ + kDeferMax;
  }
  return wake;
}

std::vector<Payload> Driver::Take() {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return stopping_ || !inbox_.empty() || !inspections_.empty(); };
  const auto wake = WaitUntil();
  if (wake) {
    const std::int64_t left = std::max<std::int64_t>(*wake - clock_.Read().elapsed_us, 0);
    changed_.wait_for(lock, std::chrono::microseconds(left), ready);
  } else {
    changed_.wait(lock, ready);
  }
  lock.unlock();
  return TakeReady();
}

std::vector<Payload> Driver::TakeReady() {
  const std::lock_guard lock(mutex_);
  std::vector<Payload> batch;
  while (!inbox_.empty() && batch.size() < options_.batch_max) {
    batch.push_back(std::move(inbox_.front()));
    inbox_.pop_front();
  }
  changed_.notify_all();
  return batch;
}

void Driver::DropKnown(std::vector<Payload>& batch) const {
  std::erase_if(batch, [&](const Payload& payload) {
    const auto* observed = std::get_if<Observed>(&payload);
    if (observed == nullptr) return false;
    const auto* known = engine_.world().Find(observed->ref);
    return known != nullptr && known->uid == observed->uid && known->rv == observed->rv;
  });
}

Driver::Frame Driver::Fill(std::vector<Payload>& batch, Now now) const {
  Frame frame;
  std::size_t used = 0;
  std::size_t bytes = 0;
  for (const std::uint64_t first = journal_.NextSeq(); used < batch.size(); ++used) {
    Event event{Seq(first + frame.events.size()), now, std::move(batch[used])};
    JournalRecord record = RecordOf(event, engine_.world());
    if (record.payload.size() > kJournalPayloadMax) {
      if (!Shrink(event.payload)) {
        if (on_dropped_) on_dropped_(record.subjects.empty() ? "" : record.subjects.front());
        continue;
      }
      record = RecordOf(event, engine_.world());
    }
    bytes += record.payload.size();
    if (bytes > options_.batch_bytes && !frame.events.empty()) {
      batch[used] = std::move(event.payload);
      break;
    }
    frame.synced = frame.synced || !MayDefer(event.payload);
    frame.events.push_back(std::move(event));
    frame.records.push_back(std::move(record));
  }
  batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(used));
  return frame;
}

Status Driver::Append(Frame& frame, const StepResult& step, Now now) {
  frame.records.push_back(RecordOf(step.decided));
  for (const Action& action : step.actions) frame.records.push_back(RecordOf(action));
  frame.synced = frame.synced || !step.actions.empty();
  for (const Event& event : frame.events) {
    const auto* leading = std::get_if<Leading>(&event.payload);
    if (leading == nullptr || !leading->leading) continue;
    if (auto status = journal_.NewEpoch(leading->epoch); !status) return status;
  }
  if (auto status = journal_.Append(frame.records, now, frame.synced); !status) return status;
  deferred_ = !frame.synced;
  return {};
}

Status Driver::Commit(std::vector<Payload>& batch, Now now) {
  Frame frame = Fill(batch, now);
  if (frame.events.empty()) return {};
  const std::int64_t began_us = clock_.Read().elapsed_us;
  const StepResult step = engine_.Step(frame.events, now);
  const std::int64_t step_us = clock_.Read().elapsed_us - began_us;
  if (auto status = Append(frame, step, now); !status) return status;
  if (on_commit_) on_commit_(frame.events, step, step_us);
  if (effects_ != nullptr) {
    for (const Action& action : step.actions) effects_->Submit(action);
  }
  return {};
}

Status Driver::CommitAll(std::vector<Payload> batch) {
  Status status;
  while (status && !batch.empty()) {
    const Now now = clock_.Read();
    const std::int64_t offset = now.wall_us - now.elapsed_us;
    if (last_elapsed_us_ != 0 && std::abs(offset - last_offset_us_) > kStepMin) {
      batch.push_back(Ticked{0, offset - last_offset_us_});
    }
    last_offset_us_ = offset;
    last_elapsed_us_ = now.elapsed_us;
    status = Commit(batch, now);
  }
  return status;
}

// The engine itself goes on from what it wrote: whatever a baseline does not carry is forgotten
// here as well as in a replay that starts with it.
Status Driver::Rotate(Now now) {
  const auto baseline = BaselineOf(engine_);
  std::uint64_t seq = journal_.NextSeq();
  if (auto status = journal_.Rotate(baseline, now); !status) return status;
  Rebuilder rebuilder(engine_);
  for (const JournalRecord& record : baseline) {
    rebuilder.Feed({seq++, record.type, record.payload, now});
  }
  deferred_ = false;
  return {};
}

void Driver::Inspections() {
  std::deque<std::function<void()>> run;
  {
    const std::lock_guard lock(mutex_);
    run.swap(inspections_);
  }
  for (const auto& look : run) look();
}

// What is left of a turn once the batch was taken.
Status Driver::Carry(std::vector<Payload> batch) {
  DropKnown(batch);
  const Now now = clock_.Read();
  const auto wake = engine_.WakeAt();
  if (batch.empty() && wake && *wake <= now.elapsed_us) {
    const std::int64_t late = now.elapsed_us - *wake;
    batch.push_back(Ticked{late > options_.tick_gap_us ? late : 0, 0});
  }
  if (!batch.empty()) return CommitAll(std::move(batch));
  if (!deferred_ || now.elapsed_us - last_elapsed_us_ < kDeferMax) return {};
  deferred_ = false;
  return journal_.Sync();
}

Status Driver::Turn() {
  if (const Now now = clock_.Read(); journal_.RotationDue(now)) {
    if (auto status = Rotate(now); !status) return status;
  }
  return Carry(TakeReady());
}

Status Driver::Run() {
  Status status;
  while (status) {
    if (const Now now = clock_.Read(); journal_.RotationDue(now)) {
      if (status = Rotate(now); !status) break;
    }
    auto batch = Take();
    Inspections();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ && batch.empty() && inbox_.empty()) break;
    }
    status = Carry(std::move(batch));
  }
  if (status && deferred_) status = journal_.Sync();
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  Inspections();
  return status;
}

}  // namespace pgo
