// Which container of a pod a log or a command is of.
#pragma once

#include <string>

#include "adapters/local/store.h"

namespace pgo::local {

// The one that is named, or the only one. BadRequest, naming those there are, otherwise.
Answer<std::string> ContainerOf(const Json& pod, const std::string& asked);

}  // namespace pgo::local
