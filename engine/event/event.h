// What can happen. Events are facts, stamped once on arrival and never changed; the fold of an
// event must be able to read it for ever (see event/codec.h for the numbers on disk).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/fields.h"
#include "engine/base/ids.h"
#include "engine/kube/kinds.h"

namespace pgo {

// The operator's process started (or a replay of it). Ages of observations count from here.
struct Started {
  static constexpr std::string_view kName = "Started";
  std::string build;         // version of the program, "0.1.0+g1a2b3c4"
  std::int64_t ruleset = 0;  // number of the decision rules (engine/engine.h)
  std::string identity;      // holder name in the Lease
  Json settings;             // what of the environment the engine may depend on
  // What to add to the elapsed times before this one so that they count on this machine's clock;
  // 0 if the clock is the same one. Another replica of the operator, or a machine that was booted
  // anew, has another.
  std::int64_t clock_us = 0;
  PGO_FIELDS(Started, build, ruleset, identity, settings, clock_us)
};

// Leadership was won or lost. Without it the engine folds and decides nothing.
struct Leading {
  static constexpr std::string_view kName = "Leading";
  bool leading = false;
  std::int64_t epoch = 0;  // bumped by the compare-and-swap that took the Lease
  std::string why;
  // Why the journal is not the one that the last leader wrote, as far as it wrote it; empty if it
  // is. Then everything is listed again and observed afresh (engine/amnesia.h).
  std::string amnesia;
  // "EPOCH/SEQ/CHAIN" of the record that this leadership continues, if another replica may have
  // written it; then epochs read as one chain.
  std::string after;
  PGO_FIELDS(Leading, leading, epoch, why, amnesia, after)
};

// A replica that led before came back with records that nobody had pulled. They are kept beside its
// journal and are no part of this history; nothing is decided by them.
struct OrphanedTail {
  static constexpr std::string_view kName = "OrphanedTail";
  std::string replica;  // its name in the Lease
  std::int64_t epoch = 0;
  std::int64_t first_seq = 0, last_seq = 0;  // as they were numbered there
  std::string chain;                         // after the last one, in hex
  std::string kept;                          // under which name, in its data directory
  PGO_FIELDS(OrphanedTail, replica, epoch, first_seq, last_seq, chain, kept)
};

// An object as the API server showed it, redacted (adapters/kube/redact.h).
struct Observed {
  static constexpr std::string_view kName = "Observed";
  kube::ObjectRef ref;
  std::string uid, rv;
  Json object;
  PGO_FIELDS(Observed, ref, uid, rv, object)
};

// An object is no more.
struct Gone {
  static constexpr std::string_view kName = "Gone";
  kube::ObjectRef ref;
  std::string uid;
  PGO_FIELDS(Gone, ref, uid)
};

// A complete list of one kind was read: what is not in it does not exist. `gap`: changes since the
// last observation may have been missed, so an unobserved window never reads as "nothing happened".
struct Listed {
  static constexpr std::string_view kName = "Listed";
  std::string kind, rv;
  bool gap = false;
  std::vector<std::string> keys;  // "namespace/name", sorted
  PGO_FIELDS(Listed, kind, rv, gap, keys)
};

// The API server answers again, or no longer. While it does not, silence proves nothing.
struct Contact {
  static constexpr std::string_view kName = "Contact";
  bool ok = true;
  std::string what;  // the request that told
  PGO_FIELDS(Contact, ok, what)
};

enum class Outcome : std::uint8_t {
  kOk,
  kConflict,  // a precondition did not hold
  kNotFound,
  kInvalid,  // refused as wrong
  kDenied,
  kUnavailable,  // certainly not done
  kUnknown,      // may have been done: resolved by observation
  kFailed,       // a command in a container ended with an error
  kAbandoned,    // never sent: the process ended or lost its leadership before
};

// What became of an action. Its response object, if any, comes before it as an Observed.
struct Done {
  static constexpr std::string_view kName = "Done";
  ActionId action;
  Outcome outcome = Outcome::kOk;
  std::string message;  // why, if not Ok; never a credential
  Json result;          // what a probe or command printed, if it was JSON; else absent
  PGO_FIELDS(Done, action, outcome, message, result)
};

// Somebody asked for something through the operator's own API.
struct Asked {
  static constexpr std::string_view kName = "Asked";
  std::string id, verb, who;
  kube::ObjectRef about;
  Json arguments;
  PGO_FIELDS(Asked, id, verb, who, about, arguments)
};

// Time passed; journaled only when it was waited for, or when the clocks did something odd.
struct Ticked {
  static constexpr std::string_view kName = "Ticked";
  std::int64_t paused_us = 0;  // the process itself stood still this long: suspicion is reset
  std::int64_t step_us = 0;    // the wall clock jumped against the elapsed one
  PGO_FIELDS(Ticked, paused_us, step_us)
};

// The whole state, so that a segment folds from empty.
struct Baseline {
  static constexpr std::string_view kName = "Baseline";
  Json state;
  PGO_FIELDS(Baseline, state)
};

using Payload = std::variant<Started, Leading, Observed, Gone, Listed, Contact, Done, Asked, Ticked,
                             Baseline, OrphanedTail>;

struct Event {
  Seq seq;
  Now at;
  Payload payload;
};

}  // namespace pgo

PGO_ENUM_NAMES(pgo::Outcome, "Ok", "Conflict", "NotFound", "Invalid", "Denied", "Unavailable",
               "Unknown", "Failed", "Abandoned");
