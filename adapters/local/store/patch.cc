#include "adapters/local/store/patch.h"

#include <algorithm>

#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

constexpr std::string_view kDeleteFrom = "$deleteFromPrimitiveList/";
constexpr std::string_view kOrder = "$setElementOrder/";

bool Directive(std::string_view key) {
  return key == "$patch" || key == "$retainKeys" || key.starts_with(kDeleteFrom) ||
         key.starts_with(kOrder);
}

// A patch that becomes a value by itself loses its directives and its nulls.
Json Plain(const Json& patch) {
  if (patch.is_array()) {
    Json out = Json::array();
    for (const Json& item : patch) {
      if (GetString(item, {"$patch"}).empty()) out.push_back(Plain(item));
    }
    return out;
  }
  if (!patch.is_object()) return patch;
  Json out = Json::object();
  for (const auto& [key, value] : patch.items()) {
    if (!Directive(key) && !value.is_null()) out[key] = Plain(value);
  }
  return out;
}

Answer<Json> MergeObject(const Json& object, const Json& patch, const Shape& shape);

Json MergePrimitives(Json list, const Json& patch) {
  for (const Json& item : patch) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
  }
  return list;
}

Json::iterator ByKey(Json& list, const std::string& key, const Json& value) {
  return std::find_if(list.begin(), list.end(), [&](const Json& item) {
    const Json* at = Find(item, key);
    return at != nullptr && *at == value;
  });
}

Answer<Json> MergeList(Json list, const Json& patch, const Shape& shape, const std::string& key) {
  for (const Json& item : patch) {
    const std::string directive = GetString(item, {"$patch"});
    if (directive == "replace") return Plain(patch);
    const Json* value = Find(item, key);
    if (value == nullptr) {
      return tl::unexpected(
          BadRequest("map: " + DumpJson(item) + " does not contain declared merge key: " + key));
    }
    const auto at = ByKey(list, key, *value);
    if (directive == "delete") {
      if (at != list.end()) list.erase(at);
    } else if (at == list.end()) {
      list.push_back(Plain(item));
    } else {
      auto merged = MergeObject(*at, item, shape.Item());
      if (!merged) return merged;
      *at = *std::move(merged);
    }
  }
  return list;
}

// Puts the items named by the order first to last; those not named keep their place behind.
void Reorder(Json& list, const Json& order, const std::string& key) {
  if (!list.is_array() || !order.is_array()) return;
  const auto rank = [&](const Json& item) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Json* a = key == "*" ? &item : Find(item, key);
      const Json* b = key == "*" ? &order[i] : Find(order[i], key);
      if (a != nullptr && b != nullptr && *a == *b) return i;
    }
    return order.size();
  };
  std::stable_sort(list.begin(), list.end(),
                   [&](const Json& a, const Json& b) { return rank(a) < rank(b); });
}

Answer<Json> MergeMember(const Json* old, const Json& value, const Shape& shape) {
  if (value.is_object()) return MergeObject(old == nullptr ? Json() : *old, value, shape);
  if (!value.is_array()) return value;
  const std::string key = shape.PatchMergeKey();
  if (key.empty()) return value;
  const Json base = old != nullptr && old->is_array() ? *old : Json::array();
  if (key == "*") return MergePrimitives(base, value);
  return MergeList(base, value, shape, key);
}

void Retain(Json& object, const Json& patch) {
  const Json* keys = Find(patch, "$retainKeys");
  if (keys == nullptr || !keys->is_array()) return;
  Json kept = Json::object();
  for (const Json& key : *keys) {
    const Json* at = Find(object, AsString(key));
    if (at != nullptr) kept[AsString(key)] = *at;
  }
  object = std::move(kept);
}

void ApplyListDirectives(Json& object, const Json& patch, const Shape& shape) {
  for (const auto& [key, value] : patch.items()) {
    if (key.starts_with(kDeleteFrom)) {
      const auto list = object.find(key.substr(kDeleteFrom.size()));
      if (list == object.end() || !list->is_array() || !value.is_array()) continue;
      Json rest = Json::array();
      for (const Json& item : *list) {
        if (std::find(value.begin(), value.end(), item) == value.end()) rest.push_back(item);
      }
      *list = std::move(rest);
    } else if (key.starts_with(kOrder)) {
      const std::string name = key.substr(kOrder.size());
      const auto list = object.find(name);
      if (list != object.end()) Reorder(*list, value, shape.Field(name).PatchMergeKey());
    }
  }
}

Answer<Json> MergeObject(const Json& object, const Json& patch, const Shape& shape) {
  const std::string directive = GetString(patch, {"$patch"});
  if (directive == "delete") return Json::object();
  if (directive == "replace" || !object.is_object()) return Plain(patch);
  Json out = object;
  Retain(out, patch);
  for (const auto& [key, value] : patch.items()) {
    if (Directive(key)) continue;
    if (value.is_null()) {
      out.erase(key);
      continue;
    }
    auto merged = MergeMember(Find(out, key), value, shape.Field(key));
    if (!merged) return merged;
    out[key] = *std::move(merged);
  }
  ApplyListDirectives(out, patch, shape);
  return out;
}

}  // namespace

Answer<Json> JsonPatch(const Json& object, const Json& patch) {
  if (!patch.is_array()) return tl::unexpected(BadRequest("a JSON patch is a list of operations"));
  try {  // nlohmann's patch reports by exception
    return object.patch(patch);
  } catch (const Json::exception& e) {
    return tl::unexpected(
        StatusError{422, "Invalid",
                    std::string("the server rejected our request due to an error in "
                                "our request: ") +
                        e.what(),
                    nullptr});
  }
}

Json MergePatch(const Json& object, const Json& patch) {
  Json out = object;
  out.merge_patch(patch);
  return out;
}

Answer<Json> StrategicMergePatch(const Json& object, const Json& patch, const Shape& shape) {
  if (!patch.is_object()) return tl::unexpected(BadRequest("a strategic merge patch is an object"));
  return MergeObject(object, patch, shape);
}

}  // namespace pgo::local
