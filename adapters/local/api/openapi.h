// OpenAPI v3 of what is served: enough for kubectl to know that the server validates fields, and
// the schemas of custom types for `kubectl explain`. Version 2, which old clients want before they
// apply anything, is empty: they then check and merge by what they know themselves.
#pragma once

#include <optional>

#include "adapters/local/api/request.h"

namespace pgo::local {

// Nothing if the path is not one of OpenAPI's.
std::optional<Reply> OpenApi(const Request& request, const TypeTable& types);

}  // namespace pgo::local
