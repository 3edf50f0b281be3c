#include "engine/base/json.h"

#include "engine/base/check.h"

namespace pgo {
namespace {

const Json kEmptyArray = Json::array();
const Json kEmptyObject = Json::object();
constexpr int kDepthMax = 200;

}  // namespace

std::optional<Json> ParseJson(std::string_view text) {
  bool too_deep = false;
  const auto guard = [&too_deep](int depth, Json::parse_event_t, Json&) {
    if (depth > kDepthMax) too_deep = true;
    return !too_deep;
  };
  Json value = Json::parse(text.begin(), text.end(), guard, /*allow_exceptions=*/false);
  if (too_deep || value.is_discarded()) return std::nullopt;
  return value;
}

std::string DumpJson(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json JsonLiteral(std::string_view text) {
  auto value = ParseJson(text);
  PGO_CHECK(value.has_value(), "a JSON literal of the program does not parse");
  return *std::move(value);
}

const Json* Find(const Json& value, std::string_view key) {
  if (!value.is_object()) return nullptr;
  const auto it = value.find(key);
  return it == value.end() ? nullptr : &*it;
}

const Json* Find(const Json& value, Path path) {
  const Json* at = &value;
  for (const auto key : path) {
    at = Find(*at, key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string GetString(const Json& value, Path path, std::string_view otherwise) {
  const Json* member = Find(value, path);
  return member == nullptr ? std::string(otherwise) : AsString(*member, otherwise);
}

std::int64_t GetInt(const Json& value, Path path, std::int64_t otherwise) {
  const Json* member = Find(value, path);
  return member == nullptr ? otherwise : AsInt(*member, otherwise);
}

bool GetBool(const Json& value, Path path, bool otherwise) {
  const Json* member = Find(value, path);
  const bool* flag = member == nullptr ? nullptr : member->get_ptr<const bool*>();
  return flag == nullptr ? otherwise : *flag;
}

const Json& GetArray(const Json& value, Path path) {
  const Json* member = Find(value, path);
  return member != nullptr && member->is_array() ? *member : kEmptyArray;
}

const Json& GetObject(const Json& value, Path path) {
  const Json* member = Find(value, path);
  return member != nullptr && member->is_object() ? *member : kEmptyObject;
}

std::string AsString(const Json& value, std::string_view otherwise) {
  const auto* text = value.get_ptr<const std::string*>();
  return text == nullptr ? std::string(otherwise) : *text;
}

std::int64_t AsInt(const Json& value, std::int64_t otherwise) {
  if (const auto* n = value.get_ptr<const std::uint64_t*>(); n != nullptr) {
    return *n > static_cast<std::uint64_t>(INT64_MAX) ? otherwise : static_cast<std::int64_t>(*n);
  }
  const auto* n = value.get_ptr<const std::int64_t*>();
  return n == nullptr ? otherwise : *n;
}

void Put(Json& value, Path path, Json member) {
  Json* at = &value;
  for (const auto key : path) {
    if (!at->is_object()) *at = Json::object();
    at = &(*at)[std::string(key)];
  }
  *at = std::move(member);
}

}  // namespace pgo
