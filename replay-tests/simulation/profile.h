// What one seed is about: the shape of the cluster, how badly the world behaves, and the faults in
// order. Each seed draws a subset of fault kinds (swarm), so that rare ones meet without being
// drowned by the others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/fields.h"
#include "engine/base/ids.h"

namespace pgo::simulation {

enum class FaultKind : std::uint8_t {
  kKillServer,     // postmaster alone
  kKillContainer,  // the database container
  kDeletePod,      // by somebody, in order
  kForceDelete,    // the object vanishes, its container lives on for a while
  kPowerOff,       // the node, without a word
  kPowerOffTold,   // the node, and its cloud says so
  kFreeze,         // the node stands still, and goes on
  kCutOff,         // the node's network
  kCutOffApi,      // between the node and the API server
  kApiDown,        // for everybody
  kKillOperator,
  kKillOperatorAtAction,  // at one of the four cuts of the next action
  kFreezeOperator,
  kWatchesDrop,
  kCompact,  // watches that are behind get 410
  kCollectEndpoints,
  kSwitchover,
  kScale,
  kRestart,
  kChangeTemplate,
  kChangeParameter,
  kPause,
  kReload,
};

// What a fault strikes: 0 the primary of that moment, else the so-manieth member or node.
struct Fault {
  std::int64_t at_ms = 0;
  FaultKind kind = FaultKind::kKillServer;
  std::int64_t target = 0;
  std::int64_t lasts_ms = 0;
  PGO_FIELDS(Fault, at_ms, kind, target, lasts_ms)
};

enum class Mode : std::uint8_t { kAsync, kSync, kStrict };

struct Profile {
  std::uint64_t seed = 0;
  std::int64_t minutes = 20;  // of the safety phase
  std::int64_t instances = 3, nodes = 3;
  Mode mode = Mode::kSync;
  bool fastest = false;
  std::int64_t ttl_s = 30, loop_wait_s = 10;
  std::int64_t write_every_ms = 2000;
  std::int64_t watch_lag_ms = 50;  // at most, each kind by itself
  std::int64_t api_unsure = 0;     // per mille of requests: done, but the answer is lost
  std::int64_t api_late = 0;       // per mille: done only after the timeout
  std::int64_t api_busy = 0;       // per mille: refused (429, 503)
  std::int64_t rotate_every = 0;   // records of a segment; 0: one segment
  PGO_FIELDS(Profile, seed, minutes, instances, nodes, mode, fastest, ttl_s, loop_wait_s,
             write_every_ms, watch_lag_ms, api_unsure, api_late, api_busy, rotate_every)
};

Profile DrawProfile(std::uint64_t seed, std::int64_t minutes);
std::vector<Fault> DrawFaults(const Profile& profile);
std::string FaultText(const Fault& fault);

}  // namespace pgo::simulation

PGO_ENUM_NAMES(pgo::simulation::FaultKind, "KillServer", "KillContainer", "DeletePod",
               "ForceDelete", "PowerOff", "PowerOffTold", "Freeze", "CutOff", "CutOffApi",
               "ApiDown", "KillOperator", "KillOperatorAtAction", "FreezeOperator", "WatchesDrop",
               "Compact", "CollectEndpoints", "Switchover", "Scale", "Restart", "ChangeTemplate",
               "ChangeParameter", "Pause", "Reload");
PGO_ENUM_NAMES(pgo::simulation::Mode, "Async", "Sync", "Strict");
