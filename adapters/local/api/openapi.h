// OpenAPI v3 of what is served: enough for kubectl to know that the server validates fields, and
// the schemas of custom types for `kubectl explain`.
#pragma once

#include <optional>

#include "adapters/local/api/request.h"

namespace pgo::local {

// Nothing if the path is not one of OpenAPI's.
std::optional<Reply> OpenApi(const std::string& path, const TypeTable& types);

}  // namespace pgo::local
