// How lists and maps of an object merge: by key, as sets, or as one value. Server-side apply and
// strategic merge ask here; the answer comes from a custom type's schema or from a small table of
// the built-in types' fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/local/store/types.h"

namespace pgo::local {

enum class ListKind : std::uint8_t { kAtomic, kSet, kMap };

struct ListShape {
  ListKind kind = ListKind::kAtomic;
  std::vector<std::string> keys;  // of a kMap
};

// A place in an object of some type. Cheap to copy; refers to the type, which outlives it.
class Shape {
 public:
  Shape() = default;

  [[nodiscard]] Shape Field(std::string_view name) const;
  [[nodiscard]] Shape Item() const;
  // What this place merges as, if it holds a list.
  [[nodiscard]] ListShape List() const;
  // The single merge key of strategic merge patch; "" replaces the list, "*" merges primitives.
  [[nodiscard]] std::string PatchMergeKey() const;
  // Whether this place, if it holds an object, has one owner as a whole.
  [[nodiscard]] bool AtomicMap() const;
  // The default of a key field in a list item ("protocol": "TCP"), or "".
  static std::string KeyDefault(std::string_view key) { return key == "protocol" ? "TCP" : ""; }

 private:
  std::string_view kind_;
  std::string_view parent_, name_;  // the last two field names on the way here
  const Json* schema_ = nullptr;    // null: unknown below a custom type, or built in
  bool custom_ = false;
  bool item_ = false;
  friend Shape RootShape(const TypeInfo& type, const std::string& version);
};

// The shape of a whole object of a version of the type.
Shape RootShape(const TypeInfo& type, const std::string& version);

}  // namespace pgo::local
