// The ways in which a field can be written wrongly, or to its limits.
#pragma once

#include <string>
#include <vector>

#include "replay-tests/mutation_sample.h"

namespace pgo::mutation {

struct Mutation {
  std::string what;
  Json object;  // the whole manifest
};

// By the node's type: absent, null, empty, of other types, one past each limit, huge, Unicode,
// doubled. Where a credential may stand, texts hold the word "canary".
std::vector<Mutation> MutationsOf(const Json& manifest, const Node& node);

// Whether the engine acts on the field, as far as this test knows: it has its own list, so that
// neither can change unseen.
bool ActedOn(const std::string& path);

}  // namespace pgo::mutation
