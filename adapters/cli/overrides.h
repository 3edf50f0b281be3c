// `--set`: other settings for a rehearsal. Pure.
//
//   patroni.leaderLeaseDurationSeconds=15   a field of every cluster's spec ("spec." may stand in
//   front) instances[0].replicas=3                 of the first instance set users=null takes the
//   field away RELATED_IMAGE_POSTGRES_17=…             what the operator is told by its environment
#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/event/event.h"

namespace pgo::cli {

struct Override {
  std::string text;               // as given
  bool setting = false;           // of the operator, else of the clusters' specs
  std::vector<std::string> path;  // members; "[0]" a place in a list
  Json value;
};

// kInvalid names the option, the value, the rule and the mend: the field has to be in the
// definition, and its value of the field's type.
Result<Override> ParseOverride(const std::string& text);

// Puts the values into what the event says. In a place that a list does not have, nothing is put.
void ApplyOverrides(const std::vector<Override>& overrides, Payload& payload);

}  // namespace pgo::cli
