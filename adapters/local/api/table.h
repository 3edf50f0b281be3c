// Lists as kubectl prints them: meta.k8s.io/v1 Table.
#pragma once

#include "adapters/local/api/request.h"

namespace pgo::local {

bool WantsTable(const Request& request);
struct TableRequest {
  const TypeInfo& type;
  std::string version;
  std::string include;  // of the objects: "" or "Metadata", "Object", "None"
  std::uint64_t resource_version = 0;
};
// `objects` as the client sees them.
Json TableOf(const TableRequest& request, const Json& objects);

}  // namespace pgo::local
