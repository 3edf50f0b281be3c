#include "adapters/cli/overrides.h"

#include <algorithm>
#include <charconv>

#include "engine/cluster/schema.h"

namespace pgo::cli {
namespace {

namespace schema = cluster::schema;
using schema::Kind;

tl::unexpected<Error> Wrong(const std::string& text, const std::string& rule) {
  return Fail(Code::kInvalid, "--set: \"" + text + "\": " + rule);
}

// "a.b[0].c" → a, b, [0], c
Result<std::vector<std::string>> PathOf(const std::string& text, const std::string& path) {
  std::vector<std::string> out;
  std::string word;
  for (std::size_t i = 0; i <= path.size(); ++i) {
    const char c = i < path.size() ? path[i] : '.';
    if (c != '.' && c != '[') {
      word += c;
      continue;
    }
    if (!word.empty()) out.push_back(std::exchange(word, ""));
    if (c != '[') continue;
    const auto end = path.find(']', i);
    const std::string inside = end == std::string::npos ? "" : path.substr(i + 1, end - i - 1);
    if (inside.empty()) return Wrong(text, "a [ needs a place and a ]; write for example [0]");
    const bool place = inside.find_first_not_of("0123456789") == std::string::npos;
    out.push_back(place ? "[" + inside + "]" : inside);
    i = end;
  }
  if (!out.empty() && out.front() == "spec") out.erase(out.begin());
  if (out.empty()) return Wrong(text, "must name a field; write FIELD=VALUE");
  return out;
}

// The place in a list; -1 if it is none.
std::int64_t PlaceOf(const std::string& step) {
  std::int64_t place = -1;
  if (!step.starts_with('[')) return -1;
  const char* end = step.data() + step.size() - 1;
  const auto read = std::from_chars(step.data() + 1, end, place);
  return read.ec == std::errc() && read.ptr == end ? place : -1;
}

std::string NamesOf(const schema::TypeRow& type) {
  std::string out;
  for (const auto& field : schema::FieldsOf(type)) {
    out += (out.empty() ? "" : ", ") + std::string(field.name);
  }
  return out;
}

bool FitsKind(Kind kind, const Json& value) {
  switch (kind) {
    case Kind::kObject:
    case Kind::kMap:
      return value.is_object();
    case Kind::kList:
      return value.is_array();
    case Kind::kText:
    case Kind::kWord:
      return value.is_string();
    case Kind::kInt:
    case Kind::kInt32:
      return value.is_number_integer();
    case Kind::kFlag:
      return value.is_boolean();
    case Kind::kScalar:
      return value.is_string() || value.is_number_integer();
    case Kind::kAny:
      return true;
  }
  return false;
}

const char* Wanted(Kind kind) {
  switch (kind) {
    case Kind::kObject:
    case Kind::kMap:
      return "an object; write it as JSON";
    case Kind::kList:
      return "a list; write it as JSON";
    case Kind::kInt:
    case Kind::kInt32:
      return "a whole number; write for example 15";
    case Kind::kFlag:
      return "true or false";
    default:
      return "text";
  }
}

// The shape of what stands at the path; null below a field that takes anything.
Result<const schema::Shape*> ShapeAt(const std::string& text,
                                     const std::vector<std::string>& path) {
  const schema::TypeRow* type = &schema::SpecType();
  const schema::Shape* shape = nullptr;
  for (const std::string& step : path) {
    if (shape != nullptr && shape->kind == Kind::kAny) return nullptr;
    if (shape != nullptr && (shape->kind == Kind::kList || shape->kind == Kind::kMap)) {
      if (shape->kind == Kind::kList && PlaceOf(step) < 0) {
        return Wrong(text, "\"" + step + "\" must be a place in a list; write for example [0]");
      }
      shape = &schema::InnerOf(*shape);
    } else {
      const auto* field = type == nullptr ? nullptr : schema::FindField(*type, step);
      const bool anything = type != nullptr && type->open && schema::FieldsOf(*type).empty();
      if (field == nullptr && anything) return nullptr;
      if (field == nullptr) {
        return Wrong(text, "\"" + step + "\" must be a field of the definition" +
                               (type == nullptr ? "" : "; there are: " + NamesOf(*type)));
      }
      shape = &schema::ShapeOf(*field);
    }
    type = shape->kind == Kind::kObject ? &schema::TypeOf(*shape) : nullptr;
  }
  return shape;
}

bool IsSetting(const std::string& name) {
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
}

void Place(Json& at, const std::vector<std::string>& path, std::size_t depth, const Json& value) {
  const std::string& step = path[depth];
  const std::int64_t place = PlaceOf(step);
  const bool last = depth + 1 == path.size();
  if (place >= 0) {
    if (!at.is_array() || static_cast<std::size_t>(place) >= at.size()) return;
    Json& entry = at[static_cast<std::size_t>(place)];
    last ? void(entry = value) : Place(entry, path, depth + 1, value);
    return;
  }
  if (last && value.is_null()) {
    if (at.is_object()) at.erase(step);
    return;
  }
  if (!at.is_object()) {
    if (at.is_array()) return;
    at = Json::object();
  }
  last ? void(at[step] = value) : Place(at[step], path, depth + 1, value);
}

void ApplyToCluster(const std::vector<Override>& overrides, Json& object) {
  for (const Override& o : overrides) {
    if (!o.setting) Place(object["spec"], o.path, 0, o.value);
  }
}

// A baseline holds objects as they were observed, wherever they stand in it.
void ApplyToState(const std::vector<Override>& overrides, Json& value, int depth) {
  if (depth > 30 || !value.is_structured()) return;
  if (value.is_object() && GetString(value, {"kind"}) == "PostgresCluster" &&
      value.contains("spec") && value.contains("metadata")) {
    ApplyToCluster(overrides, value);
    return;
  }
  for (Json& below : value) ApplyToState(overrides, below, depth + 1);
}

}  // namespace

Result<Override> ParseOverride(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return Wrong(text, "must be FIELD=VALUE");
  const std::string name = text.substr(0, equals);
  const std::string written = text.substr(equals + 1);
  Override out;
  out.text = text;
  if (IsSetting(name)) {
    out.setting = true;
    out.path = {name};
    out.value = written;
    return out;
  }
  auto path = PathOf(text, name);
  if (!path) return Fail(path.error());
  const auto shape = ShapeAt(text, *path);
  if (!shape) return Fail(shape.error());
  out.path = *std::move(path);
  auto json = ParseJson(written);
  out.value = json ? *json : Json(written);
  if (out.value.is_null() || *shape == nullptr) return out;
  const Kind kind = (*shape)->kind;
  if ((kind == Kind::kText || kind == Kind::kWord) && !out.value.is_string()) out.value = written;
  if (!FitsKind(kind, out.value)) return Wrong(text, std::string("must be ") + Wanted(kind));
  return out;
}

void ApplyOverrides(const std::vector<Override>& overrides, Payload& payload) {
  if (overrides.empty()) return;
  if (auto* observed = std::get_if<Observed>(&payload);
      observed != nullptr && observed->ref.kind == "PostgresCluster") {
    ApplyToCluster(overrides, observed->object);
  }
  if (auto* baseline = std::get_if<Baseline>(&payload)) {
    ApplyToState(overrides, baseline->state, 0);
    for (const Override& o : overrides) {
      const bool has = Find(baseline->state, {"context", "settings"}) != nullptr;
      if (o.setting && has) Place(baseline->state["context"]["settings"], o.path, 0, o.value);
    }
  }
  if (auto* started = std::get_if<Started>(&payload)) {
    for (const Override& o : overrides) {
      if (o.setting) Place(started->settings, o.path, 0, o.value);
    }
  }
}

}  // namespace pgo::cli
