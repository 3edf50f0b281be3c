// JSON values as block-style YAML, for files that people read. Strings are always quoted, so no
// word turns into a number or a truth value.
#pragma once

#include <string>

#include "engine/base/json.h"

namespace pgo::patroni {

// Ends with a newline; keys in JSON's order (sorted).
std::string ToYaml(const Json& value);

}  // namespace pgo::patroni
