// PersistentVolumeClaims of a cluster: what the manifest asks for, what is observed, and what the
// operator applies. A claim never asks for less than it has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cluster/view.h"

namespace pgo::cluster {

// A claim that the manifest asks for.
struct ClaimAsked {
  std::string name;      // of the PersistentVolumeClaim
  std::string field;     // "spec.instances[0].dataVolumeClaimSpec"
  const Json* spec;      // as written there
  std::string instance;  // whose volume; "" for a repository
  std::string set;       // its instance set, "" for a repository
  std::string volume;    // "data", "wal", "repo1"
  std::string pod;       // the pod that mounts it
  const Subject* live;   // the claim as observed, or null
  std::string room;      // whose object it is: "storage", "backups"
};
// Data and WAL volumes of the roster, then those of repositories.
std::vector<ClaimAsked> ClaimsAsked(const ClusterView& cluster);

// resources.requests.storage or limits.storage as text, also where it is written as a number.
std::string AskedStorage(const Json& claim_spec, std::string_view requests_or_limits = "requests");

// What is applied: as asked, but with the size of the live claim if that is larger. autoGrow is no
// field of Kubernetes's; the limit bounds autoGrow and is none of the claim's, which could never be
// changed again. A live claim that has a limit keeps it.
Json ClaimSpec(const Json& asked, const Subject* live);

// dataVolumeClaimSpec.autoGrow with resources.limits.storage; either of them asks for it.
struct AutoGrow {
  bool asked = false;
  std::uint64_t trigger = 75;          // percent of the space that is used
  std::uint64_t most = 0;              // bytes that are added at a time; 0: half of the volume
  std::optional<std::uint64_t> limit;  // bytes; without it nothing grows
};
AutoGrow ReadAutoGrow(const Json& claim_spec);

// A claim as observed.
struct ClaimState {
  std::uint64_t request = 0, capacity = 0;  // bytes; capacity 0: not bound yet
  bool bound = false, deleting = false;
  bool resizing = false;     // its volume is being enlarged
  bool file_system = false;  // its volume is, and the file system on it waits for the node
  bool failed = false;       // Kubernetes tells that enlarging it failed
  // What is asked for is not there yet.
  [[nodiscard]] bool Pending() const { return resizing || file_system || request > capacity; }
};
ClaimState ReadClaim(const Json& claim);

}  // namespace pgo::cluster
