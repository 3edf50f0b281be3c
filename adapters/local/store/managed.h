// Server-side apply and the ownership it rests on: metadata.managedFields.
#pragma once

#include <string>

#include "adapters/local/store.h"
#include "adapters/local/store/shape.h"

namespace pgo::local {

struct Manager {
  std::string name;
  std::string subresource;
  std::string api_version;  // of the request: "apps/v1"
};

// Merges an applied configuration into the live object (an object without content if it is new) and
// keeps the managers' fields. 409 Conflict, naming the managers, if another one owns a field that
// would change, unless `force`.
Answer<Json> Apply(const Json& live, const Json& configuration, const Manager& manager, bool force,
                   const Shape& shape);

// After any other write: the manager owns what it wrote, the others lose it. `after` gets the new
// managedFields.
void RecordUpdate(const Json& before, Json& after, const Manager& manager, const Shape& shape);

// Equal but for resourceVersion and managedFields' times: not worth a write.
bool SameObject(const Json& a, const Json& b);

}  // namespace pgo::local
