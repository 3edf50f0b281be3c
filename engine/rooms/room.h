// What a room is given and what it may say. A room is one capability's folder: memory.h (what
// observation alone cannot tell), fold.cc (Memory × Event), decide (view × memory × now), render
// (decision → objects and actions). Decide and render never see events; rooms never call each
// other.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/action/action.h"
#include "engine/cluster/view.h"

namespace pgo::rooms {

// An object as it ought to be. The engine applies it when it is missing, when what we want has
// changed since it was last applied, or when the live object no longer contains it.
struct Desired {
  kube::ObjectRef ref;
  Json object;  // applied configuration: apiVersion, kind, metadata{name, namespace, labels, …}, …
  std::string sentence;  // what it is for: "service that leads to the primary"
  // Set for Secrets: filled by this recipe instead of applied.
  std::vector<Part> parts;
  std::string digest;  // DigestOf, where it was made already; else ""
};
// Of the configuration that is applied or, of a Secret, of its recipe: when it is another one, the
// object is written again.
std::string DigestOf(const Desired& desired);

// Anything but keeping an object as desired.
struct Proposal {
  Reason reason = Reason::kNone;
  std::string sentence;
  std::vector<std::uint64_t> causes;
  // What this action is for, so that saying it again is recognised: the slot, the annotation's
  // value, the old timeline, the revision. One goal is attempted again only after its outcome
  // allows it.
  std::string goal;
  Command command;
  Json facts;  // what the decision rests on, structured; see Action::facts
  std::int64_t timeout_ms = 10'000;
  std::int64_t retry_after_us = 2 * kSecond;  // after an outcome that is not Ok
  // Ok is final: the goal is reached when the outcome says so, not when something is observed.
  bool once = false;
  // Disrupts service of the cluster (restart, promotion, deletion of a pod): one room at a time.
  bool disrupts = false;
};

struct Condition {
  std::string type;
  bool ok = false;
  std::string reason, message;
};

// A planned change of primary that another room needs before it goes on. Room failover carries it
// out, when nothing else is under way; whoever asks sees the new primary in the view.
struct SwitchoverRequest {
  std::string id;      // the same until the primary has changed
  std::string room;    // who asks
  std::string from;    // pod: nothing happens when another is primary already
  std::string reason;  // "so that its pod can be replaced"
  std::vector<std::uint64_t> causes;
};

struct Plan {
  std::vector<Desired> objects;
  std::vector<Proposal> proposals;
  std::vector<Condition> conditions;
  std::optional<std::int64_t> wake_at_us;  // elapsed time at which time alone changes the answer
  bool holds_cluster = false;              // a disruptive operation of this room is under way
  std::optional<SwitchoverRequest> switchover;
  Json status = Json::object();  // members of the PostgresCluster's status that are this room's

  void Want(Json object, std::string sentence);
  void Fill(Json object, std::vector<Part> parts, std::string sentence);  // a Secret by recipe
  void Do(Proposal proposal) { proposals.push_back(std::move(proposal)); }
  void WakeAt(std::int64_t elapsed_us) {
    if (!wake_at_us || elapsed_us < *wake_at_us) wake_at_us = elapsed_us;
  }
};

// Reference of an applied configuration, from its apiVersion, kind and metadata.
kube::ObjectRef RefOf(const Json& object);

}  // namespace pgo::rooms
