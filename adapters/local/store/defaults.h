// What the API server fills in for the built-in types, and the few changes it refuses. Only what
// our programs, Patroni and kubectl can notice.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "adapters/local/store/memory_store.h"

namespace pgo::local {

// Before a write. `old` is null on create. `eviction_s`: for how long new pods tolerate a node that
// is not ready.
void SetBuiltInDefaults(const TypeInfo& type, Json& object, const Json* old, int eviction_s);
// The status and the metadata a new object starts with.
void SetInitialState(const TypeInfo& type, Json& object);
// Fields that may not change (a StatefulSet's selector), and required ones.
std::vector<FieldError> CheckBuiltIn(const TypeInfo& type, const Json& object, const Json* old);
// Gives a Service of type ClusterIP its address, `taken` telling which are in use.
void AllocateClusterIp(Json& service, const std::string& prefix,
                       const std::function<bool(const std::string&)>& taken);
// "nginx-0.a" and the like: a DNS subdomain.
bool ValidName(const std::string& name);

}  // namespace pgo::local
