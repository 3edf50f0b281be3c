// One life of the operator's journal: from its opening until the process ends, leadership is lost,
// the journal refuses a write, or another one has to take its place.
//
//   open, fold -> follow whoever leads -the Lease is taken-> lead -> the Lease is given up, or lost
//
// While it follows it makes no record and sends nothing but reads and its tries for the Lease.
// Leading begins with Started and Leading, the first frame of the new epoch, and ends with the
// last: what is under way gets two seconds, the followers one to fetch the end, then the Lease is
// free. If something is under way still, the Lease is left to expire instead.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "adapters/operator/desk.h"
#include "adapters/operator/election.h"
#include "adapters/operator/following.h"
#include "adapters/operator/identity.h"
#include "adapters/operator/leadership.h"
#include "adapters/operator/replication.h"
#include "adapters/operator/standing.h"
#include "adapters/operator/volume.h"

namespace pgo {

// What all lives have in common.
struct Setting {
  const Options& options;
  const Identity& identity;
  const kube::Config& config;
  const FillSecret& fill;
  OperatorMetrics& metrics;
  Standing& standing;
  Volume& volume;
  ReplicaDesk& desk;
  std::string api;  // where people reach the API while this replica leads (kApiAnnotation), or ""
  // Once its Secret is there; null: not wanted, or not yet.
  std::unique_ptr<Replication> replication = nullptr;
  std::string last_head = "";  // of the life before, as an anchor
};

class Life {
 public:
  // Opens the journal and folds it.
  static Result<std::unique_ptr<Life>> Begin(Setting& setting);
  ~Life();
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // An error says what the journal refused: nothing is sent any more, the Lease is given up.
  Status Run();
  // Any thread; returns when nothing more is sent.
  void Stop();
  // After Run: which journal has to take this one's place.
  [[nodiscard]] const std::optional<follow::BeginAnew>& anew() const { return anew_; }

 private:
  Life(Setting& setting, std::shared_ptr<journal::Journal> journal, Engine engine);
  bool Prepare();  // what is shared with the other replicas; false: it is to end
  Status TryReplication();
  void Elect();
  Status Follow();
  Status FollowOnce(Following& following, std::int64_t& pause_ms);
  Status Lead(Engine engine);
  Status GiveUp(Leadership& leadership, const Status& status);
  void End(Leadership& leadership, const std::string& why);
  Leading First();
  Role RoleNow() const;
  std::optional<LeaderSeen> Leader() const;
  kube::Candidacy Judge(const std::string& anchors) const;
  void OnLeading(const Leading& leading);
  void OnRead();
  void Pause(std::int64_t ms);  // shorter if something happens
  [[nodiscard]] bool Going() const { return !stopping_ && led_epoch_ == 0; }

  Setting& setting_;
  const std::shared_ptr<journal::Journal> journal_;
  std::optional<Engine> engine_;  // until it is followed or led with
  std::optional<follow::BeginAnew> anew_;
  std::atomic<std::int64_t> in_step_us_ = 0;
  std::string told_;

  std::atomic<bool> may_lead_ = false, stopping_ = false;
  std::atomic<std::int64_t> led_epoch_ = 0;     // of the Lease that this life took
  std::atomic<std::int64_t> judged_epoch_ = 0;  // Leading of that epoch is durable
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;                  // in order: by Stop, or after the journal's refusal
  bool idle_ = true;                    // nothing is under way that was sent
  bool lost_ = false;                   // the Lease
  Leadership* leadership_ = nullptr;    // while it runs
  std::unique_ptr<Election> election_;  // its functions use all of the above
};

}  // namespace pgo
