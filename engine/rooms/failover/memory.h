// What the failover room must remember: who held the lock and when that was last renewed, as seen
// here; and the operation under way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/fields.h"
#include "engine/base/ids.h"

namespace pgo::rooms::failover {

// The lock as last renewed. Ages count on the operator's own elapsed clock from when it was
// observed.
struct LockMemory {
  std::string uid;               // of Endpoints c-ha
  std::string leader;            // member name; "" while nobody holds it
  std::string renew_time;        // as written
  std::int64_t observed_us = 0;  // elapsed, when this renewal (or release) was observed
  std::int64_t observed_wall_us = 0;
  std::uint64_t seq = 0;
  // The incarnation that held it: a new pod of the same name inherits the name, not the proof.
  std::string pod_uid, node, instance;
  std::uint64_t pod_seq = 0;
  Timeline timeline;  // the leader's own last word
  Lsn lsn;
  PGO_FIELDS(LockMemory, uid, leader, renew_time, observed_us, observed_wall_us, seq, pod_uid, node,
             instance, pod_seq, timeline, lsn)
};

enum class Class : std::uint8_t { kNone, kPlanned, kReleased, kStopped, kFenced, kSilent };
enum class Phase : std::uint8_t { kProbing, kNaming, kReleasing, kPromoting };

// One replica's own word, asked when a candidate is to be chosen.
struct ProbeAnswer {
  bool answered = false;
  Lsn lsn;
  Timeline timeline;
  std::uint64_t seq = 0;
  PGO_FIELDS(ProbeAnswer, answered, lsn, timeline, seq)
};

// A change of primary under way; begun by the first action that says so.
struct Operation {
  Class evidence = Class::kNone;
  Phase phase = Phase::kProbing;
  std::string from, from_uid, from_instance;  // pod name, pod uid, instance
  std::string to, to_instance;                // the named candidate; "" while it is not chosen
  Timeline timeline;                          // of the old primary
  Lsn lsn;                                    // last position known of it
  bool synchronous = false;
  std::int64_t last_sign_us = 0;  // wall time when its last renewal was observed
  std::string id;                 // what was asked for (class A): the annotation's value
  std::uint64_t seq = 0;          // of the first action
  std::int64_t began_us = 0, began_wall_us = 0;
  std::int64_t phase_us = 0;  // elapsed, when the phase began
  std::uint64_t released_seq = 0;
  std::vector<std::uint64_t> causes;
  std::map<std::string, ProbeAnswer> probes;  // by pod name
  std::string asked_by;                       // class A: the room; "" is the annotation
  PGO_FIELDS(Operation, evidence, phase, from, from_uid, from_instance, to, to_instance, timeline,
             lsn, synchronous, last_sign_us, id, seq, began_us, began_wall_us, phase_us,
             released_seq, causes, probes, asked_by)
};

struct Memory {
  LockMemory lock;
  Operation operation;          // evidence kNone: nothing is under way
  std::string switchover_done;  // newest value of the trigger annotation that was dealt with
  // The primary that was last made known, and its timeline.
  std::string primary;
  Timeline primary_timeline;
  // What is still owed about the last change of primary in async mode: the old primary's end of
  // WAL, known only once its disk is read again.
  std::string lost_from;  // pod name of the old primary; "" if nothing is owed
  Timeline lost_timeline;
  std::uint64_t failover_seq = 0;
  std::int64_t failover_wall_us = 0;
  std::int64_t promotions = 0;  // completed changes of primary
  // The known primary's lock was seen released with no operation of ours under way.
  std::uint64_t released_seq = 0;
  std::int64_t released_wall_us = 0;
  PGO_FIELDS(Memory, lock, operation, switchover_done, primary, primary_timeline, lost_from,
             lost_timeline, failover_seq, failover_wall_us, promotions, released_seq,
             released_wall_us)
};

}  // namespace pgo::rooms::failover

PGO_ENUM_NAMES(pgo::rooms::failover::Class, "None", "A", "R", "P", "F", "X");
PGO_ENUM_NAMES(pgo::rooms::failover::Phase, "Probing", "Naming", "Releasing", "Promoting");
