// Fields of an object as people name them, and as Kubernetes names them in a manager's set of
// fields (FieldsV1). Pure and total.
//
//   spec.instances[0].replicas            by place, as it is shown
//   spec.instances[name=00].replicas      by key: stays the same when the list is reordered
//   metadata.annotations[a.b/c]           a name that holds a dot, a bracket or nothing
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/json.h"

namespace pgo::cli {

struct FieldStep {
  std::string name;  // of a member; "" for an entry of a list
  Json entry;        // the entry itself, by which a set of fields names it
};

// One field that holds a value: text, number, flag, null, a list of such, an empty list or object.
struct Leaf {
  std::string shown;  // by place
  std::vector<FieldStep> steps;
  Json value;
};

// By key. `at` is where `value` stands: "spec". Depth is bounded (100).
std::map<std::string, Leaf> LeavesOf(std::string_view at, const Json& value);

// Whether the field `path` is meant by `asked`: it is it, or stands below it.
bool IsBelow(std::string_view path, std::string_view asked);

// Whether the set holds the field or what stands below or above it as a whole.
bool Owns(const Json& fields, const std::vector<FieldStep>& steps);

}  // namespace pgo::cli
