// The operator's process: the real loop (engine/driver) and the real gate in front of it, with
// watches, requests and a journal in memory that misbehave as told. It can be killed at any action
// at four cuts, stand still, and start anew from its journal.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/kube/gate.h"
#include "engine/driver/driver.h"
#include "engine/record.h"
#include "replay-tests/simulation/simulation.h"

namespace pgo::simulation {

// Where the process is killed around one action.
enum class Cut : std::uint8_t { kNone, kBeforeAppend, kAfterAppend, kAfterSend, kAfterOutcome };

// A journal that outlives its process.
class MemoryJournal final : public JournalPort {
 public:
  std::uint64_t NextSeq() const override { return records.size() + 1; }
  Status Append(const std::vector<JournalRecord>& frame, Now now, bool synced) override;
  Status Sync() override;
  Status NewEpoch(std::int64_t) override { return {}; }
  bool RotationDue(Now now) const override;
  Status Rotate(const std::vector<JournalRecord>& baseline, Now now) override;

  std::vector<StoredRecord> records;
  std::vector<std::vector<std::string>> subjects;  // of each record
  std::vector<std::vector<std::uint64_t>> causes;
  std::vector<std::string> versions;
  std::vector<std::size_t> frames;  // index of the first record of each
  std::size_t segment = 0;          // where the newest segment begins
  std::size_t durable = 0;          // records that a power cut leaves
  std::size_t rotate_every = 0;
  bool refuses = false;  // the process dies before the next frame with an action
  void Truncate(std::size_t count);

 private:
  void Keep(const JournalRecord& record, Now now);
};

class Operator final : public Clock, public Effects {
 public:
  explicit Operator(Simulation& sim);

  void Start();
  void Kill(bool power_cut);
  void KillAt(Cut cut) { armed_ = cut; }
  void KillAtAction(std::uint64_t number, Cut cut);  // counted over the whole run, from 1
  void Freeze(Micros lasts);
  void DropWatches();
  void ApiChanged();
  void OnChange(const Change& change);

  Now Read() override;
  void Submit(Action action) override;
  void Halt() override {}

  [[nodiscard]] bool alive() const { return driver_ != nullptr && !dead_; }
  [[nodiscard]] bool frozen() const { return frozen_until_ > sim_.now(); }
  [[nodiscard]] const Engine* engine() const {
    return driver_ == nullptr ? nullptr : &driver_->engine();
  }
  // A change of primary is under way, which ends by itself in time.
  [[nodiscard]] bool ChangesPrimary() const;
  MemoryJournal journal;
  std::uint64_t actions = 0;  // decided, over all incarnations
  std::uint64_t writes = 0;   // requests that changed something
  Micros last_action_at = 0;

 private:
  struct Informer {
    bool connected = false, planned = false, listed = false, gap = false;
    std::uint64_t version = 0;
  };

  void Later(Micros delay, std::function<void()> task);
  void Post(std::vector<Payload> events);
  void Plan(Micros at);
  void Turn();
  void Lead();
  void Died();
  void CheckRebuild(const Engine& live);
  const Engine& Rebuild();
  void Pump(const std::string& kind);
  void List(const std::string& kind, bool gap);
  bool Watched(const kube::ObjectRef& ref, const Json& object) const;
  void Send(const Action& action, std::uint64_t generation);
  void Answer(const Action& action, std::uint64_t generation, Reply reply, Json result);
  void Committed(const std::vector<Event>& events, const StepResult& step);
  Reply Carry(const Action& action, Json& result);
  Reply Execute(const Exec& exec, Json& result);
  Reply Fill(const Provision& provision);

  Simulation& sim_;
  // What the journal gives, as far as it was read; what is appended later is read on top.
  Engine rebuilt_;
  std::size_t read_ = 0;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<kube::Gate> gate_;
  std::map<std::string, Informer> informers_;
  std::map<std::string, Micros> lanes_;  // when a target is free again
  std::uint64_t generation_ = 0;
  std::int64_t epoch_ = 0;
  bool dead_ = false;
  bool in_turn_ = false;
  bool power_cut_ = false;
  Cut armed_ = Cut::kNone;
  std::uint64_t armed_action_ = 0;
  std::string struck_;  // the action that the process dies at
  Micros frozen_until_ = 0;
  Micros planned_ = -1;
};

}  // namespace pgo::simulation
