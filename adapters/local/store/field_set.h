// A set of places in an object, as managedFields keep them (FieldsV1): who owns what.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "adapters/local/store/shape.h"
#include "engine/base/json.h"

namespace pgo::local {

// Keys are path elements as FieldsV1 writes them: "f:spec", "k:{\"name\":\"a\"}", "v:\"x\"".
struct FieldSet {
  bool here = false;  // the place itself is in the set
  std::map<std::string, FieldSet> below;

  [[nodiscard]] bool Empty() const { return !here && below.empty(); }
  bool operator==(const FieldSet&) const = default;
};

FieldSet Union(const FieldSet& a, const FieldSet& b);
FieldSet Intersection(const FieldSet& a, const FieldSet& b);
FieldSet Difference(const FieldSet& a, const FieldSet& b);  // in a, not in b
// a without what is in b or below a place of b.
FieldSet DifferenceBelow(const FieldSet& a, const FieldSet& b);
// Paths as messages show them: ".spec.containers[name=\"db\"].image".
std::vector<std::string> Paths(const FieldSet& set);

Json ToFieldsV1(const FieldSet& set);
FieldSet FromFieldsV1(const Json& fields);

// Every leaf place of a value. With `owners`, maps and list items that hold something count too, as
// they do for what an update creates; list items with keys always count.
FieldSet PlacesOf(const Json& value, const Shape& shape, bool owners);
// Places whose value differs between two objects: written (added or changed), and removed.
struct Differences {
  FieldSet written, removed;
};
Differences Compare(const Json& before, const Json& after, const Shape& shape);

// The path element of a list item; "" if it lacks a key.
std::string ItemElement(const Json& item, const ListShape& list);

}  // namespace pgo::local
