// Events and actions as journal payloads: JSON, one line, canonical. The numbers are permanent;
// a retired one stays as a comment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/event/event.h"

namespace pgo {

enum class RecordType : std::uint8_t {
  kStarted = 1,
  kLeading = 2,
  kObserved = 3,
  kGone = 4,
  kListed = 5,
  kContact = 6,
  kDone = 7,
  kAsked = 8,
  kTicked = 9,
  kBaseline = 10,
  kOrphanedTail = 11,
  kDecided = 20,  // what the engine decided on and when (engine/engine.h)
  kAction = 21,   // engine/action/action.h
};

// "Observed", …; "Type42" for a number that this build does not know.
std::string RecordTypeName(std::uint64_t type);
RecordType TypeOf(const Payload& payload);
std::string EncodePayload(const Payload& payload);
// Nothing for a type that is no event or for bytes that are not JSON: the caller journals nothing
// anew, it folds nothing (the fold is total).
std::optional<Payload> DecodePayload(std::uint64_t type, std::string_view bytes);

// What a record of this event is found by: "Pod/ns/name", "cluster/ns/name", "action/ID",
// "kind/Pod". `cluster` is the cluster it belongs to, if known.
std::vector<std::string> SubjectsOf(const Payload& payload,
                                    const std::optional<ClusterKey>& cluster);
std::string ClusterSubject(const ClusterKey& cluster);
std::string ObjectSubject(const kube::ObjectRef& ref);

}  // namespace pgo
