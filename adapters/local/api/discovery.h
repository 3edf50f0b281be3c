// What the API says about itself: groups, versions, resources, health.
#pragma once

#include <optional>

#include "adapters/local/api/request.h"

namespace pgo::local {

// Nothing if the path is not one of discovery's.
std::optional<Reply> Discover(const std::string& path, const TypeTable& types);

}  // namespace pgo::local
