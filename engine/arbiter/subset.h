// Does a live object still hold what was asked for? Server-side apply leaves other fields alone, so
// only the fields we set are compared: objects member by member, lists of named elements by their
// key as Kubernetes merges them, other lists whole, quantities by value.
#pragma once

#include <string>
#include <vector>

#include "engine/base/json.h"

namespace pgo::arbiter {

// One line for each of our fields that the live object shows otherwise: its path and the live
// value. Empty: everything is as asked for.
std::vector<std::string> Residue(const Json& desired, const Json& live);

// "1Gi" and "1073741824" are the same amount; "0.5" and "500m" too.
bool SameQuantity(const std::string& a, const std::string& b);

}  // namespace pgo::arbiter
