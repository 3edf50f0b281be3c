#include "adapters/local/store/schema.h"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

struct Check {
  std::vector<FieldError>& errors;
  void Add(const std::string& path, std::string reason, std::string message) {
    if (errors.size() < 50) errors.push_back({path, std::move(reason), std::move(message)});
  }
  void Bad(const std::string& path, const Json& value, const std::string& why) {
    Add(path, "FieldValueInvalid", "Invalid value: " + DumpJson(value) + ": " + why);
  }
};

bool Preserves(const Json& schema) {
  return GetBool(schema, {"x-kubernetes-preserve-unknown-fields"});
}

std::string Join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

const char* TypeName(const Json& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "boolean";
  if (value.is_number_integer()) return "integer";
  if (value.is_number()) return "number";
  return "null";
}

void PruneAt(Json& value, const Json& schema, const std::string& path, bool root,
             std::vector<std::string>& dropped) {
  if (value.is_array()) {
    const Json* items = Find(schema, "items");
    if (items == nullptr) return;
    for (std::size_t i = 0; i < value.size(); ++i) {
      PruneAt(value[i], *items, path + "[" + std::to_string(i) + "]", false, dropped);
    }
    return;
  }
  if (!value.is_object()) return;
  const Json& properties = GetObject(schema, {"properties"});
  const Json* additional = Find(schema, "additionalProperties");
  const bool embedded = root || GetBool(schema, {"x-kubernetes-embedded-resource"});
  for (auto it = value.begin(); it != value.end();) {
    const std::string& key = it.key();
    if (embedded && (key == "apiVersion" || key == "kind" || key == "metadata")) {
      ++it;
    } else if (const Json* at = Find(properties, key);
               at != nullptr && it.value().is_null() && !GetBool(*at, {"nullable"})) {
      it = value.erase(it);  // a null that may not be one is as good as absent
    } else if (at != nullptr) {
      PruneAt(it.value(), *at, Join(path, key), false, dropped);
      ++it;
    } else if (additional != nullptr && additional->is_object()) {
      if (it.value().is_null() && !GetBool(*additional, {"nullable"})) {
        it = value.erase(it);
        continue;
      }
      PruneAt(it.value(), *additional, Join(path, key), false, dropped);
      ++it;
    } else if (Preserves(schema) || additional != nullptr) {
      ++it;
    } else {
      dropped.push_back(Join(path, key));
      it = value.erase(it);
    }
  }
}

void ValidateAt(const Json& value, const Json& schema, const std::string& path, bool root,
                Check& check);

bool TypeFits(const Json& value, const Json& schema) {
  if (GetBool(schema, {"x-kubernetes-int-or-string"})) {
    return value.is_number_integer() || value.is_string();
  }
  const std::string type = GetString(schema, {"type"});
  if (type.empty()) return true;
  if (type == "number") return value.is_number();
  if (type == "integer") {
    // What does not fit into 64 bits is no integer there.
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return false;
    return value.is_number_integer() ||
           (value.is_number_float() &&
            value.get<double>() ==
                static_cast<double>(static_cast<std::int64_t>(value.get<double>())));
  }
  return type == TypeName(value);
}

void ValidateNumber(const Json& value, const Json& schema, const std::string& path, Check& check) {
  const double number = value.get<double>();
  if (const Json* min = Find(schema, "minimum"); min != nullptr && min->is_number()) {
    const bool open = GetBool(schema, {"exclusiveMinimum"});
    if (number < min->get<double>() || (open && number == min->get<double>())) {
      check.Bad(path, value,
                path + " in body should be greater than " + (open ? "" : "or equal to ") +
                    DumpJson(*min));
    }
  }
  if (const Json* max = Find(schema, "maximum"); max != nullptr && max->is_number()) {
    const bool open = GetBool(schema, {"exclusiveMaximum"});
    if (number > max->get<double>() || (open && number == max->get<double>())) {
      check.Bad(
          path, value,
          path + " in body should be less than " + (open ? "" : "or equal to ") + DumpJson(*max));
    }
  }
}

std::size_t Letters(const std::string& text) {  // code points of UTF-8
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// A pattern that std::regex cannot read is passed over. It recurses for every character, so a text
// that would exhaust the stack counts as not matching: no field that has a pattern is that long.
bool Matches(const std::string& text, const std::string& pattern) {
  constexpr std::size_t kLongest = 2000;
  thread_local std::map<std::string, std::optional<std::regex>> compiled;
  auto at = compiled.find(pattern);
  if (at == compiled.end()) {
    std::optional<std::regex> regex;
    try {
      regex.emplace(pattern, std::regex::ECMAScript);
    } catch (const std::regex_error&) {
      regex.reset();
    }
    at = compiled.emplace(pattern, std::move(regex)).first;
  }
  if (!at->second) return true;
  return text.size() <= kLongest && std::regex_search(text, *at->second);
}

void ValidateString(const Json& value, const Json& schema, const std::string& path, Check& check) {
  const auto& text = value.get_ref<const std::string&>();
  const auto least = GetInt(schema, {"minLength"}, 0), most = GetInt(schema, {"maxLength"}, -1);
  if (least > 0 && Letters(text) < static_cast<std::size_t>(least)) {
    check.Bad(path, value,
              path + " in body should be at least " + std::to_string(least) + " chars long");
  }
  if (most >= 0 && Letters(text) > static_cast<std::size_t>(most)) {
    check.Add(path, "FieldValueTooLong",
              "Too long: may not be more than " + std::to_string(most) + " bytes");
  }
  const std::string pattern = GetString(schema, {"pattern"});
  if (pattern.empty()) return;
  if (!Matches(text, pattern)) {
    check.Bad(path, value, path + " in body should match '" + pattern + "'");
  }
}

void ValidateUnique(const Json& value, const Json& schema, const std::string& path, Check& check) {
  const std::string kind = GetString(schema, {"x-kubernetes-list-type"});
  if (kind != "map" && kind != "set") return;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < value.size(); ++i) {
    Json key = value[i];
    if (kind == "map") {
      key = Json::object();
      for (const Json& name : GetArray(schema, {"x-kubernetes-list-map-keys"})) {
        const Json* at = Find(value[i], AsString(name));
        if (at != nullptr) key[AsString(name)] = *at;
      }
    }
    if (!seen.insert(DumpJson(key)).second) {
      check.Add(path + "[" + std::to_string(i) + "]", "FieldValueDuplicate",
                "Duplicate value: " + DumpJson(key));
    }
  }
}

void ValidateArray(const Json& value, const Json& schema, const std::string& path, Check& check) {
  const auto least = GetInt(schema, {"minItems"}, 0), most = GetInt(schema, {"maxItems"}, -1);
  if (value.size() < static_cast<std::size_t>(std::max<std::int64_t>(least, 0))) {
    check.Bad(path, value.size(),
              path + " in body should have at least " + std::to_string(least) + " items");
  }
  if (most >= 0 && value.size() > static_cast<std::size_t>(most)) {
    check.Add(path, "FieldValueTooMany",
              "Too many: " + std::to_string(value.size()) + ": must have at most " +
                  std::to_string(most) + " items");
  }
  ValidateUnique(value, schema, path, check);
  const Json* items = Find(schema, "items");
  for (std::size_t i = 0; items != nullptr && i < value.size(); ++i) {
    ValidateAt(value[i], *items, path + "[" + std::to_string(i) + "]", false, check);
  }
}

void ValidateObject(const Json& value, const Json& schema, const std::string& path, bool root,
                    Check& check) {
  for (const Json& name : GetArray(schema, {"required"})) {
    if (!value.contains(AsString(name))) {
      check.Add(Join(path, AsString(name)), "FieldValueRequired", "Required value");
    }
  }
  const auto most = GetInt(schema, {"maxProperties"}, -1);
  if (most >= 0 && value.size() > static_cast<std::size_t>(most)) {
    check.Add(path, "FieldValueTooMany",
              "Too many: " + std::to_string(value.size()) + ": must have at most " +
                  std::to_string(most) + " items");
  }
  const auto least = GetInt(schema, {"minProperties"}, 0);
  if (least > 0 && value.size() < static_cast<std::size_t>(least)) {
    check.Bad(path, value,
              path + " in body should have at least " + std::to_string(least) + " properties");
  }
  const Json* additional = Find(schema, "additionalProperties");
  for (const auto& [key, member] : value.items()) {
    if (root && key == "metadata") continue;
    if (const Json* at = Find(schema, {"properties", key})) {
      ValidateAt(member, *at, Join(path, key), false, check);
    } else if (additional != nullptr && additional->is_object()) {
      ValidateAt(member, *additional, Join(path, key), false, check);
    }
  }
}

void ValidateEnum(const Json& value, const Json& schema, const std::string& path, Check& check) {
  const Json& allowed = GetArray(schema, {"enum"});
  if (allowed.empty() || std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
  std::string list;
  for (const Json& item : allowed) list += (list.empty() ? "" : ", ") + DumpJson(item);
  check.Add(path, "FieldValueNotSupported",
            "Unsupported value: " + DumpJson(value) + ": supported values: " + list);
}

// allOf, anyOf, oneOf: what PGO's schema uses them for is int-or-string, already known; the rest is
// checked by counting which of them hold.
void ValidateCombined(const Json& value, const Json& schema, const std::string& path,
                      Check& check) {
  const auto holds = [&](const Json& part) {
    std::vector<FieldError> none;
    Check inner{none};
    ValidateAt(value, part, path, false, inner);
    return none.empty();
  };
  for (const Json& part : GetArray(schema, {"allOf"})) ValidateAt(value, part, path, false, check);
  const Json& any = GetArray(schema, {"anyOf"});
  if (!any.empty() && std::none_of(any.begin(), any.end(), holds)) {
    check.Bad(path, value, path + " in body must validate at least one schema (anyOf)");
  }
  const Json& one = GetArray(schema, {"oneOf"});
  if (!one.empty() && std::count_if(one.begin(), one.end(), holds) != 1) {
    check.Bad(path, value, path + " in body must validate one and only one schema (oneOf)");
  }
  if (const Json* no = Find(schema, "not"); no != nullptr && holds(*no)) {
    check.Bad(path, value, path + " in body must not validate the schema (not)");
  }
}

void ValidateAt(const Json& value, const Json& schema, const std::string& path, bool root,
                Check& check) {
  if (value.is_null() && GetBool(schema, {"nullable"})) return;
  if (!TypeFits(value, schema)) {
    const std::string want = GetBool(schema, {"x-kubernetes-int-or-string"})
                                 ? "integer or string"
                                 : GetString(schema, {"type"});
    const std::string shown = value.is_object() || value.is_array()
                                  ? "\"" + std::string(TypeName(value)) + "\""
                                  : DumpJson(value);
    check.Add(path, "FieldValueTypeInvalid",
              "Invalid value: " + shown + ": " + path + " in body must be of type " + want +
                  ": \"" + TypeName(value) + "\"");
    return;
  }
  ValidateEnum(value, schema, path, check);
  if (value.is_object()) ValidateObject(value, schema, path, root, check);
  if (value.is_array()) ValidateArray(value, schema, path, check);
  if (value.is_string()) ValidateString(value, schema, path, check);
  if (value.is_number()) ValidateNumber(value, schema, path, check);
  ValidateCombined(value, schema, path, check);
}

}  // namespace

std::vector<std::string> Prune(Json& object, const Json& schema) {
  std::vector<std::string> dropped;
  if (!schema.empty()) PruneAt(object, schema, "", true, dropped);
  return dropped;
}

void SetDefaults(Json& value, const Json& schema) {
  if (value.is_array()) {
    const Json* items = Find(schema, "items");
    if (items == nullptr) return;
    for (Json& item : value) SetDefaults(item, *items);
    return;
  }
  if (!value.is_object()) return;
  for (const auto& [key, property] : GetObject(schema, {"properties"}).items()) {
    const Json* otherwise = Find(property, "default");
    const auto at = value.find(key);
    const bool fill = at == value.end() || (at->is_null() && !GetBool(property, {"nullable"}));
    if (otherwise != nullptr && fill) value[key] = *otherwise;
  }
  const Json* additional = Find(schema, "additionalProperties");
  for (auto& [key, member] : value.items()) {
    if (const Json* at = Find(schema, {"properties", key})) {
      SetDefaults(member, *at);
    } else if (additional != nullptr) {
      SetDefaults(member, *additional);
    }
  }
}

std::vector<FieldError> Validate(const Json& object, const Json& schema) {
  std::vector<FieldError> errors;
  Check check{errors};
  ValidateAt(object, schema, "", true, check);
  return errors;
}

StatusError Invalid(const TypeInfo& type, const std::string& name,
                    const std::vector<FieldError>& errors) {
  Json causes = Json::array();
  std::string text;
  for (const FieldError& error : errors) {
    causes.push_back(
        {{"reason", error.reason}, {"message", error.message}, {"field", error.field}});
    text += (text.empty() ? "" : ", ") + error.field + ": " + error.message;
  }
  if (errors.size() > 1) text = "[" + text + "]";
  const std::string kind =
      type.resource.group.empty() ? type.kind : type.kind + "." + type.resource.group;
  return {422,
          "Invalid",
          kind + " \"" + name + "\" is invalid: " + text,
          {{"name", name},
           {"group", type.resource.group},
           {"kind", type.kind},
           {"causes", std::move(causes)}}};
}

}  // namespace pgo::local
