// The PostgresCluster definition as a table: every field below `spec` with its type, limits and
// form, as crds/generate writes it of crds/*.fields and crds/*.types. The API server's definition
// is made of the same lines, so both say the same.
//
// A type is an object with named fields; one that stands in a single place has that place as its
// name ("spec.users[]"). An open type keeps members that it does not name, others prune them.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace pgo::cluster::schema {

// kWord is one of some words; kScalar is text or a whole number; kAny an object passed on.
enum class Kind { kObject, kList, kMap, kText, kWord, kInt, kInt32, kFlag, kScalar, kAny };

// A form of text; rule and mend are its words in a problem.
struct FormatWords {
  std::string_view name, rule, mend;
};

inline constexpr std::int64_t kOpen = std::numeric_limits<std::int64_t>::min();

enum class Format;

// What a value must look like. Limits are kOpen where there is none.
struct Shape {
  Kind kind;
  Format format;
  int inner;  // of a list or map: the shape of its entries; of an object: its type; else -1
  std::int64_t low, high;  // of a number its value, of text its characters, else its entries
  std::int64_t high_v1;    // of version v1 where it differs
  std::string_view words;  // kWord: "A,B"; kList: keys ("name"), "*" for a set, "" for neither
};

struct FieldRow {
  std::string_view name;
  int shape;
  bool required;  // and has no default
  bool secret;    // may hold a credential: never shown
};

struct TypeRow {
  std::string_view name, base;  // base: the type whose fields and rules it has as well, or ""
  int first, count;             // fields, sorted by name
  bool open;
};

#include "engine/cluster/schema_table.inc"

inline const TypeRow& SpecType() { return kTypes[0]; }
inline const TypeRow& TypeOf(const Shape& object) { return kTypes[object.inner]; }
inline const Shape& ShapeOf(const FieldRow& field) { return kShapes[field.shape]; }
inline const Shape& InnerOf(const Shape& list_or_map) { return kShapes[list_or_map.inner]; }
inline const FormatWords& WordsOf(Format format) {
  return kFormatWords[static_cast<std::size_t>(format)];
}
inline std::span<const FieldRow> FieldsOf(const TypeRow& type) {
  return std::span(kFields).subspan(static_cast<std::size_t>(type.first),
                                    static_cast<std::size_t>(type.count));
}
// The field, or null if the type has none of that name.
const FieldRow* FindField(const TypeRow& type, std::string_view name);

// Whether text has the form. By hand: the engine has no regular expressions; a test holds these
// against the definition's patterns.
bool Fits(Format format, std::string_view text);
// A duration as formats short-duration and long-duration take it, in milliseconds; what is too
// large for that is the largest number, what is no duration is -1.
std::int64_t DurationMs(std::string_view text);

}  // namespace pgo::cluster::schema
