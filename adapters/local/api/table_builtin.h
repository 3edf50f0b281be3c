// The columns of Kubernetes' own types, as the API server of Kubernetes prints them. Pure.
#pragma once

#include <string>
#include <vector>

#include "engine/base/json.h"

namespace pgo::local {

struct BuiltInColumn {
  const char* name;  // "Cluster-IP"
  const char* type;  // "string", "integer"
  int priority = 0;  // 1: only with -o wide
  Json (*cell)(const Json& object) = nullptr;
};

// Without the first, Name, if `named`: its cell is that of the object's name. Kinds that are not
// known have an Age alone.
struct BuiltInColumns {
  Json (*name)(const Json& object) = nullptr;  // of the first column, if it is not the plain name
  bool named = true;                           // events have no column Name in front
  std::vector<BuiltInColumn> rest;
};
const BuiltInColumns& ColumnsOfKind(const std::string& kind);

}  // namespace pgo::local
