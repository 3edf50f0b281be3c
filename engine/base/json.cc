#include "engine/base/json.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/fields.h"

namespace pgo {
namespace {

const Json kEmptyArray = Json::array();
const Json kEmptyObject = Json::object();
constexpr int kDepthMax = 200;
// Nearer to the limit the careful parser judges, so that there is one meaning of "too deep".
constexpr std::size_t kFastDepthMax = 100;
// Of a thread's parser: texts up to there cost no new one, and none that is larger is kept.
constexpr std::size_t kParserBytesMin = 32U << 10U;
constexpr std::size_t kParserBytesMax = 1U << 20U;

// The reference: what it takes and refuses is what ParseJson takes and refuses.
std::optional<Json> ParseCarefully(std::string_view text) {
  bool too_deep = false;
  const auto guard = [&too_deep](int depth, Json::parse_event_t, Json&) {
    if (depth > kDepthMax) too_deep = true;
    return !too_deep;
  };
  Json value = Json::parse(text.begin(), text.end(), guard, /*allow_exceptions=*/false);
  if (too_deep || value.is_discarded()) return std::nullopt;
  return value;
}

// Whole numbers without a sign are unsigned, as nlohmann reads them.
Json Number(std::int64_t value) {
  if (value >= 0) return static_cast<std::uint64_t>(value);
  return value;
}

Json Tree(simdjson::dom::element element) {
  using Type = simdjson::dom::element_type;
  switch (element.type()) {
    case Type::OBJECT: {
      Json out = Json::object();
      auto& members = *out.get_ptr<Json::object_t*>();
      for (const auto [key, value] : simdjson::dom::object(element)) {
        // What was written by us is sorted: then the end is the place.
        members.insert_or_assign(members.end(), std::string(key), Tree(value));
      }
      return out;
    }
    case Type::ARRAY: {
      Json out = Json::array();
      const simdjson::dom::array items(element);
      auto& list = *out.get_ptr<Json::array_t*>();
      list.reserve(items.size());
      for (const auto item : items) list.push_back(Tree(item));
      return out;
    }
    case Type::STRING:
      return std::string(std::string_view(element));
    case Type::INT64:
      return Number(std::int64_t(element));
    case Type::UINT64:
      return std::uint64_t(element);
    case Type::DOUBLE:
      return element.get_double().value_unsafe();
    case Type::BOOL:
      return bool(element);
    case Type::NULL_VALUE:
      return nullptr;
  }
  return nullptr;
}

// Nothing also where simdjson is stricter or laxer than the reference: halves of surrogate pairs,
// a byte order mark, whole numbers over 64 bits.
std::optional<Json> ParseFast(std::string_view text) {
  if (text.find("\\ud") != text.npos || text.find("\\uD") != text.npos) return std::nullopt;
  // Making a parser costs more than parsing a short text. One that met a long text is not kept.
  thread_local std::unique_ptr<simdjson::dom::parser> kept;
  if (kept == nullptr || kept->capacity() < text.size()) {
    kept = std::make_unique<simdjson::dom::parser>();
    const std::size_t capacity = std::max(text.size(), kParserBytesMin);
    if (kept->allocate(capacity, kFastDepthMax) != simdjson::SUCCESS) return std::nullopt;
  }
  simdjson::dom::parser& parser = *kept;
  simdjson::dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
  Json out = Tree(root);
  if (parser.capacity() > kParserBytesMax) kept.reset();
  return out;
}

// What a byte of a string needs: nothing, an escape, or the library's care for what is not ASCII
// and may be broken UTF-8.
enum class Care : std::uint8_t { kNone, kEscape, kEncoding };
constexpr auto kCare = [] {
  std::array<Care, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    if (c < 0x20 || c == '"' || c == '\\') table[c] = Care::kEscape;
    if (c >= 0x80) table[c] = Care::kEncoding;
  }
  return table;
}();

void WriteEscaped(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetter = "\"\\bfnrt";
  if (const auto at = kNamed.find(c); at != kNamed.npos) {
    out += {'\\', kLetter[at]};
  } else {
    const auto byte = static_cast<unsigned char>(c);
    out += {'\\', 'u', '0', '0', kHex[byte >> 4U], kHex[byte & 15U]};
  }
}

void WriteText(const std::string& text, std::string& out) {
  const std::size_t start = out.size();
  out += '"';
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t from = at;
    Care care = Care::kNone;
    for (; at < text.size(); ++at) {
      care = kCare[static_cast<unsigned char>(text[at])];
      if (care != Care::kNone) break;
    }
    out.append(text, from, at - from);
    if (care == Care::kEscape) WriteEscaped(text[at], out);
    if (care == Care::kEncoding) {
      out.resize(start);
      out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
      return;
    }
  }
  out += '"';
}

template <typename T>
void WriteNumber(T value, std::string& out) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

// Neither structured nor text.
void WriteScalar(const Json& value, std::string& out) {
  if (const auto* count = value.get_ptr<const std::uint64_t*>(); count != nullptr) {
    WriteNumber(*count, out);
  } else if (const auto* number = value.get_ptr<const std::int64_t*>(); number != nullptr) {
    WriteNumber(*number, out);
  } else if (const auto* flag = value.get_ptr<const bool*>(); flag != nullptr) {
    out += *flag ? "true" : "false";
  } else if (value.is_null()) {
    out += "null";
  } else {
    out += value.dump();
  }
}

void Write(const Json& value, std::string& out) {
  char separator = 0;
  const auto next = [&](char open) { out += std::exchange(separator, ',') == 0 ? open : ','; };
  if (const auto* members = value.get_ptr<const Json::object_t*>(); members != nullptr) {
    if (members->empty()) out += '{';
    for (const auto& [key, member] : *members) {
      next('{');
      WriteText(key, out);
      out += ':';
      Write(member, out);
    }
    out += '}';
  } else if (const auto* items = value.get_ptr<const Json::array_t*>(); items != nullptr) {
    if (items->empty()) out += '[';
    for (const Json& item : *items) {
      next('[');
      Write(item, out);
    }
    out += ']';
  } else if (const auto* text = value.get_ptr<const std::string*>(); text != nullptr) {
    WriteText(*text, out);
  } else {
    WriteScalar(value, out);
  }
}

}  // namespace

std::optional<Json> ParseJson(std::string_view text) {
  auto value = ParseFast(text);
  return value ? value : ParseCarefully(text);
}

std::string DumpJson(const Json& value) {
  std::string out;
  Write(value, out);
  return out;
}

std::string fields::JoinMembers(const std::map<std::string_view, std::string>& members) {
  std::string out = "{";
  for (const auto& [name, text] : members) {
    if (out.size() > 1) out += ',';
    out += '"';
    out.append(name).append("\":").append(text);
  }
  return out += '}';
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
