// Lists as kubectl prints them: meta.k8s.io/v1 Table.
#pragma once

#include "adapters/local/api/request.h"

namespace pgo::local {

bool WantsTable(const Request& request);
// `objects` as the client sees them.
Json TableOf(const TypeInfo& type, const std::string& version, const Json& objects,
             std::uint64_t resource_version);

}  // namespace pgo::local
