// What an observed object says, in a few facts, and what changed from one observation to the next.
// Pure. Nothing is told that is not in the recorded objects.
#pragma once

#include <string>
#include <vector>

#include "engine/base/json.h"
#include "engine/event/event.h"

namespace pgo::cli {

struct Fact {
  enum class Weight {
    kChange,     // told when it changes
    kAlways,     // told also when it did not change
    kHeartbeat,  // changes all the time: no news by itself
  };
  std::string name;   // "leader", "container database"
  std::string value;  // "" : not there
  Weight weight = Weight::kChange;
};
std::vector<Fact> FactsOf(const kube::ObjectRef& ref, const Json& object);

struct Description {
  std::string text;        // "Node node1: taint node.kubernetes.io/out-of-service added"
  bool heartbeat = false;  // nothing but heartbeats changed
};
// `before`: the observation before, if it is known; else the facts are told as they are.
Description Describe(const Observed& now, const Json* before);

// One line about any event that needs no other record.
std::string DescribePlain(const Payload& payload);

}  // namespace pgo::cli
