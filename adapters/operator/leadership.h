// One leadership: the engine's loop on the journal and all that talks for it. From the first record
// of its epoch to the last.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "adapters/operator/desk.h"
#include "adapters/operator/journal_port.h"
#include "adapters/operator/metrics.h"
#include "adapters/operator/standing.h"
#include "adapters/operator/talker.h"
#include "adapters/operator/volume.h"
#include "adapters/system/clock.h"
#include "engine/driver/driver.h"

namespace pgo {

// What to add to the elapsed times of a journal's last frame so that they count on this machine's
// clock: 0 if it may be the same clock, give or take what a wall clock is stepped.
std::int64_t ClockShift(Now last, Now now);
// "EPOCH/SEQ/CHAIN"
std::string PositionText(const journal::JournalHead& head);

class Leadership {
 public:
  struct Parts {
    const Options& options;
    const std::string& instance;
    const std::string& redaction_key;
    Election& election;
    journal::Journal& journal;  // its epoch is this leadership's by now
    OperatorMetrics& metrics;
    Volume& volume;
    ReplicaDesk& desk;
    Standing& standing;
    Leading leading;                // as it will be journaled
    std::int64_t clock_us = 0;      // ClockShift
    std::function<void()> durable;  // that record is on disk
  };
  // `engine` stands where the journal ends.
  Leadership(const Parts& parts, Engine engine);
  ~Leadership();
  Leadership(const Leadership&) = delete;
  Leadership& operator=(const Leadership&) = delete;

  // Until End, Lost, or the first write that the journal refuses.
  Status Run() { return driver_.Run(); }
  // The Lease is lost: nothing more is sent. Any thread.
  void Lost(const Leading& lost);
  // Journals that a replica keeps records of its own. Any thread.
  void Note(OrphanedTail tail) { driver_.Post({std::move(tail)}); }
  // Ends it in order. False: something that was sent is under way still. One thread at a time.
  bool End(const std::string& why, std::int64_t most_ms);

 private:
  Driver& Prepare(const Parts& parts);

  OperatorMetrics& metrics_;
  const std::int64_t epoch_;
  const cluster::World world_;
  StorePort port_;
  system::SystemClock clock_;
  Driver driver_;
  Talker talker_;
};

}  // namespace pgo
