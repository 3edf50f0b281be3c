// What a custom type's structural OpenAPI schema asks: prune what it does not know, set defaults,
// and validate, in Kubernetes' words.
#pragma once

#include <string>
#include <vector>

#include "adapters/local/store/memory_store.h"

namespace pgo::local {

// Drops fields that the schema does not name, unless it says to preserve them. The root's
// apiVersion, kind and metadata stay. Returns the paths dropped ("spec.foo").
std::vector<std::string> Prune(Json& object, const Json& schema);
void SetDefaults(Json& value, const Json& schema);
std::vector<FieldError> Validate(const Json& object, const Json& schema);

// 422 Invalid with a cause per error.
StatusError Invalid(const TypeInfo& type, const std::string& name,
                    const std::vector<FieldError>& errors);

}  // namespace pgo::local
