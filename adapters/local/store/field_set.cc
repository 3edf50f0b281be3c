#include "adapters/local/store/field_set.h"

#include <utility>

namespace pgo::local {
namespace {

void Drop(FieldSet& set, const std::string& element) {
  const auto it = set.below.find(element);
  if (it != set.below.end() && it->second.Empty()) set.below.erase(it);
}

std::string Shown(const std::string& element) {
  const std::string rest = element.substr(2);
  if (element[0] == 'f') return "." + rest;
  if (element[0] == 'v') return "[=" + rest + "]";
  const auto keys = ParseJson(rest);
  std::string out = "[";
  if (keys && keys->is_object()) {
    for (const auto& [key, value] : keys->items()) {
      if (out.size() > 1) out += ",";
      out += key + "=" + DumpJson(value);
    }
  }
  return out + "]";
}

void Walk(const FieldSet& set, const std::string& at, std::vector<std::string>& out) {
  if (set.here && !at.empty()) out.push_back(at);
  for (const auto& [element, below] : set.below) Walk(below, at + Shown(element), out);
}

// Items of a list that merges item by item, by path element. An item that repeats an element or has
// none makes the list atomic (nothing is returned).
bool ItemsOf(const Json& list, const ListShape& shape, std::map<std::string, const Json*>& out) {
  for (const Json& item : list) {
    const std::string element = ItemElement(item, shape);
    if (element.empty() || !out.emplace(element, &item).second) return false;
  }
  return true;
}

void CompareInto(const Json* before, const Json* after, const Shape& shape, FieldSet& written,
                 FieldSet& removed);

void CompareMaps(const Json& before, const Json& after, const Shape& shape, FieldSet& written,
                 FieldSet& removed) {
  for (const auto& [key, value] : after.items()) {
    const std::string element = "f:" + key;
    CompareInto(Find(before, key), &value, shape.Field(key), written.below[element],
                removed.below[element]);
    Drop(written, element);
    Drop(removed, element);
  }
  for (const auto& [key, value] : before.items()) {
    if (after.contains(key)) continue;
    const std::string element = "f:" + key;
    CompareInto(&value, nullptr, shape.Field(key), written.below[element], removed.below[element]);
    Drop(written, element);
    Drop(removed, element);
  }
}

bool CompareLists(const Json& before, const Json& after, const Shape& shape, FieldSet& written,
                  FieldSet& removed) {
  const ListShape list = shape.List();
  std::map<std::string, const Json*> old_items, new_items;
  if (list.kind == ListKind::kAtomic || !ItemsOf(before, list, old_items) ||
      !ItemsOf(after, list, new_items)) {
    return false;
  }
  std::map<std::string, const Json*> all = old_items;
  all.insert(new_items.begin(), new_items.end());
  for (const auto& [element, item] : all) {
    const auto was = old_items.find(element), is = new_items.find(element);
    CompareInto(was == old_items.end() ? nullptr : was->second,
                is == new_items.end() ? nullptr : is->second, shape.Item(), written.below[element],
                removed.below[element]);
    Drop(written, element);
    Drop(removed, element);
  }
  return true;
}

void CompareInto(const Json* before, const Json* after, const Shape& shape, FieldSet& written,
                 FieldSet& removed) {
  if (before == nullptr) {
    written = PlacesOf(*after, shape, true);
    return;
  }
  if (after == nullptr) {
    removed = PlacesOf(*before, shape, true);
    return;
  }
  if (*before == *after) return;
  if (before->is_object() && after->is_object() && !shape.AtomicMap()) {
    CompareMaps(*before, *after, shape, written, removed);
    return;
  }
  if (before->is_array() && after->is_array() &&
      CompareLists(*before, *after, shape, written, removed)) {
    return;
  }
  written = PlacesOf(*after, shape, true);
}

}  // namespace

FieldSet Union(const FieldSet& a, const FieldSet& b) {
  FieldSet out = a;
  out.here = a.here || b.here;
  for (const auto& [element, below] : b.below) {
    FieldSet& mine = out.below[element];
    mine = Union(mine, below);
  }
  return out;
}

FieldSet Intersection(const FieldSet& a, const FieldSet& b) {
  FieldSet out;
  out.here = a.here && b.here;
  for (const auto& [element, below] : a.below) {
    const auto it = b.below.find(element);
    if (it == b.below.end()) continue;
    FieldSet both = Intersection(below, it->second);
    if (!both.Empty()) out.below.emplace(element, std::move(both));
  }
  return out;
}

FieldSet Difference(const FieldSet& a, const FieldSet& b) {
  FieldSet out;
  out.here = a.here && !b.here;
  for (const auto& [element, below] : a.below) {
    const auto it = b.below.find(element);
    FieldSet rest = it == b.below.end() ? below : Difference(below, it->second);
    if (!rest.Empty()) out.below.emplace(element, std::move(rest));
  }
  return out;
}

FieldSet DifferenceBelow(const FieldSet& a, const FieldSet& b) {
  if (b.here) return {};
  FieldSet out;
  out.here = a.here;
  for (const auto& [element, below] : a.below) {
    const auto it = b.below.find(element);
    FieldSet rest = it == b.below.end() ? below : DifferenceBelow(below, it->second);
    if (!rest.Empty()) out.below.emplace(element, std::move(rest));
  }
  return out;
}

std::vector<std::string> Paths(const FieldSet& set) {
  std::vector<std::string> out;
  Walk(set, "", out);
  return out;
}

Json ToFieldsV1(const FieldSet& set) {
  Json out = Json::object();
  if (set.here && !set.below.empty()) out["."] = Json::object();
  for (const auto& [element, below] : set.below) out[element] = ToFieldsV1(below);
  return out;
}

FieldSet FromFieldsV1(const Json& fields) {
  FieldSet out;
  if (!fields.is_object()) return out;
  out.here = fields.empty() || fields.contains(".");
  for (const auto& [element, below] : fields.items()) {
    if (element.size() > 2) out.below.emplace(element, FromFieldsV1(below));
  }
  return out;
}

std::string ItemElement(const Json& item, const ListShape& list) {
  if (list.kind == ListKind::kSet) return "v:" + DumpJson(item);
  if (!item.is_object()) return {};
  Json keys = Json::object();
  for (const std::string& key : list.keys) {
    const Json* at = Find(item, key);
    if (at != nullptr) {
      keys[key] = *at;
    } else if (const auto otherwise = Shape::KeyDefault(key); !otherwise.empty()) {
      keys[key] = otherwise;
    } else {
      return {};
    }
  }
  return "k:" + DumpJson(keys);
}

FieldSet PlacesOf(const Json& value, const Shape& shape, bool owners) {
  FieldSet out;
  if (value.is_object() && !value.empty() && !shape.AtomicMap()) {
    out.here = owners;
    for (const auto& [key, member] : value.items()) {
      out.below.emplace("f:" + key, PlacesOf(member, shape.Field(key), owners));
    }
    return out;
  }
  const ListShape list = value.is_array() ? shape.List() : ListShape{};
  std::map<std::string, const Json*> items;
  if (list.kind == ListKind::kAtomic || value.empty() || !ItemsOf(value, list, items)) {
    out.here = true;
    return out;
  }
  out.here = owners;
  for (const auto& [element, item] : items) {
    FieldSet places = PlacesOf(*item, shape.Item(), owners);
    places.here = true;
    out.below.emplace(element, std::move(places));
  }
  return out;
}

Differences Compare(const Json& before, const Json& after, const Shape& shape) {
  Differences out;
  CompareInto(&before, &after, shape, out.written, out.removed);
  return out;
}

}  // namespace pgo::local
