// JSON as the engine reads and writes it: nlohmann/json without its exceptions.
//
// Readers are total: an absent member and one of the wrong type both give the default, so a
// malformed object can be looked at without a crash. Object keys are sorted (std::map), so Dump is
// canonical: equal values give equal bytes.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgo {

using Json = nlohmann::json;

// Nothing if the text is not JSON. Depth is bounded (200).
std::optional<Json> ParseJson(std::string_view text);
// One line, sorted keys; bytes that are not UTF-8 are replaced, never thrown on.
std::string DumpJson(const Json& value);
// A literal of ours; anything but JSON is a defect (PGO_CHECK).
Json JsonLiteral(std::string_view text);
// The same, parsed once: for what is rendered at every decision.
#define PGO_JSON(text)                                         \
  ([]() -> const ::pgo::Json& {                                \
    static const ::pgo::Json value = ::pgo::JsonLiteral(text); \
    return value;                                              \
  }())

// The member at a path of object keys, or null. A key may hold any character but is one element:
//   Find(pod, {"metadata", "annotations", "status"})
using Path = std::initializer_list<std::string_view>;
const Json* Find(const Json& value, Path path);
const Json* Find(const Json& value, std::string_view key);

// The value at the path if it has that type, else the default.
std::string GetString(const Json& value, Path path, std::string_view otherwise = {});
std::int64_t GetInt(const Json& value, Path path, std::int64_t otherwise = 0);
bool GetBool(const Json& value, Path path, bool otherwise = false);
// The array or object at the path, else an empty one.
const Json& GetArray(const Json& value, Path path);
const Json& GetObject(const Json& value, Path path);

// The value itself as text if it is a string, else the default.
std::string AsString(const Json& value, std::string_view otherwise = {});
std::int64_t AsInt(const Json& value, std::int64_t otherwise = 0);

// Sets the member at a path, making objects on the way; a non-object on the way is replaced.
void Put(Json& value, Path path, Json member);

}  // namespace pgo
