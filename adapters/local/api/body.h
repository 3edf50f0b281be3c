// The body of a request, JSON or YAML.
#pragma once

#include <string>

#include "adapters/local/store.h"

namespace pgo::local {

// Reads JSON, or one YAML document if it is not. BadRequest if it is neither.
Answer<Json> ReadBody(const std::string& body);

}  // namespace pgo::local
