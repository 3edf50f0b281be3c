#include "adapters/local/store/managed.h"

#include <algorithm>
#include <map>

#include "adapters/local/store/field_set.h"
#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

struct OwnerKey {
  std::string manager, operation, subresource, api_version;
  auto operator<=>(const OwnerKey&) const = default;
};
struct Owner {
  FieldSet fields;
  std::string time;
};
using Owners = std::map<OwnerKey, Owner>;

// Only what an owner can own: not identity, not what the server writes.
Json Ownable(Json object) {
  object.erase("apiVersion");
  object.erase("kind");
  if (const Json* meta = Find(object, "metadata"); meta != nullptr && meta->is_object()) {
    Json& metadata = object["metadata"];
    for (const char* name :
         {"name", "namespace", "creationTimestamp", "uid", "generation", "resourceVersion",
          "managedFields", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
      metadata.erase(name);
    }
    if (metadata.empty()) object.erase("metadata");
  }
  return object;
}

Owners OwnersOf(const Json& object) {
  Owners out;
  for (const Json& entry : GetArray(object, {"metadata", "managedFields"})) {
    OwnerKey key{GetString(entry, {"manager"}), GetString(entry, {"operation"}),
                 GetString(entry, {"subresource"}), GetString(entry, {"apiVersion"})};
    out[std::move(key)] = {FromFieldsV1(GetObject(entry, {"fieldsV1"})),
                           GetString(entry, {"time"})};
  }
  return out;
}

void SetOwners(const Owners& owners, Json& object) {
  Json list = Json::array();
  for (const auto& [key, owner] : owners) {
    if (owner.fields.Empty()) continue;
    Json entry = {{"manager", key.manager},        {"operation", key.operation},
                  {"apiVersion", key.api_version}, {"time", owner.time},
                  {"fieldsType", "FieldsV1"},      {"fieldsV1", ToFieldsV1(owner.fields)}};
    if (!key.subresource.empty()) entry["subresource"] = key.subresource;
    list.push_back(std::move(entry));
  }
  Json& metadata = Meta(object);
  if (list.empty()) {
    metadata.erase("managedFields");
  } else {
    metadata["managedFields"] = std::move(list);
  }
}

Json Merge(const Json& live, const Json& applied, const Shape& shape);

// Items keep the configuration's order; what only the live list has stays after its neighbour.
Json MergeLists(const Json& live, const Json& applied, const Shape& shape, const ListShape& list) {
  std::map<std::string, const Json*> old_items;
  for (const Json& item : live) old_items.emplace(ItemElement(item, list), &item);
  std::vector<std::pair<std::string, Json>> out;
  std::map<std::string, bool> seen;
  for (const Json& item : applied) {
    const std::string element = ItemElement(item, list);
    if (!seen.emplace(element, true).second) continue;
    const auto it = old_items.find(element);
    out.emplace_back(element, it == old_items.end() ? Merge(Json::object(), item, shape.Item())
                                                    : Merge(*it->second, item, shape.Item()));
  }
  std::size_t next = 0;
  for (const Json& item : live) {
    const std::string element = ItemElement(item, list);
    const auto at = std::find_if(out.begin(), out.end(),
                                 [&](const auto& entry) { return entry.first == element; });
    if (at != out.end()) {
      next = static_cast<std::size_t>(at - out.begin()) + 1;
    } else {
      out.insert(out.begin() + static_cast<std::ptrdiff_t>(next++), {element, item});
    }
  }
  Json merged = Json::array();
  for (auto& [element, item] : out) merged.push_back(std::move(item));
  return merged;
}

Json Merge(const Json& live, const Json& applied, const Shape& shape) {
  if (applied.is_object() && !shape.AtomicMap()) {
    Json out = live.is_object() ? live : Json::object();
    for (const auto& [key, value] : applied.items()) {
      const Json* old = Find(out, key);
      out[key] = Merge(old == nullptr ? Json() : *old, value, shape.Field(key));
    }
    return out;
  }
  const ListShape list = applied.is_array() && live.is_array() ? shape.List() : ListShape{};
  if (list.kind == ListKind::kAtomic) return applied;
  return MergeLists(live, applied, shape, list);
}

// Takes the places of `gone` out of the value; true if the value itself goes.
bool Remove(Json& value, const FieldSet& gone, const FieldSet& kept, const Shape& shape) {
  if (value.is_object() && !shape.AtomicMap()) {
    for (const auto& [element, below] : gone.below) {
      if (!element.starts_with("f:")) continue;
      const std::string key = element.substr(2);
      const auto it = kept.below.find(element);
      const auto member = value.find(key);
      if (member == value.end()) continue;
      if (Remove(*member, below, it == kept.below.end() ? FieldSet{} : it->second,
                 shape.Field(key))) {
        value.erase(key);
      }
    }
    // An object that others still own something in stays; an emptied one goes with its owner.
    return kept.Empty() && (gone.here || value.empty());
  }
  const ListShape list = value.is_array() ? shape.List() : ListShape{};
  if (list.kind == ListKind::kAtomic) return gone.here && kept.Empty();
  Json rest = Json::array();
  for (Json& item : value) {
    const std::string element = ItemElement(item, list);
    const auto lost = gone.below.find(element);
    const auto held = kept.below.find(element);
    const bool goes = lost != gone.below.end() &&
                      Remove(item, lost->second,
                             held == kept.below.end() ? FieldSet{} : held->second, shape.Item());
    if (!goes) rest.push_back(std::move(item));
  }
  value = std::move(rest);
  return kept.Empty() && (gone.here || value.empty());
}

StatusError ConflictOf(const std::vector<std::pair<OwnerKey, FieldSet>>& conflicts) {
  std::string text;
  Json causes = Json::array();
  std::size_t count = 0;
  for (const auto& [key, fields] : conflicts) {
    const std::string who =
        "conflict with \"" + key.manager + "\"" +
        (key.subresource.empty() ? "" : " with subresource \"" + key.subresource + "\"") +
        " using " + key.api_version;
    for (const std::string& path : Paths(fields)) {
      ++count;
      text += (text.empty() ? "" : ", ") + who + ": " + path;
      causes.push_back({{"reason", "FieldManagerConflict"}, {"message", who}, {"field", path}});
    }
  }
  return {409,
          "Conflict",
          "Apply failed with " + std::to_string(count) +
              (count == 1 ? " conflict: " : " conflicts: ") + text,
          {{"causes", std::move(causes)}}};
}

// What others own below and at each place, so that a removal spares it.
FieldSet OwnedByOthers(const Owners& owners, const OwnerKey& except) {
  FieldSet out;
  for (const auto& [key, owner] : owners) {
    if (key != except) out = Union(out, owner.fields);
  }
  return out;
}

// The others' fields that an applied value would change.
std::vector<std::pair<OwnerKey, FieldSet>> ConflictsOf(const Owners& owners, const OwnerKey& self,
                                                       const FieldSet& written) {
  std::vector<std::pair<OwnerKey, FieldSet>> out;
  for (const auto& [key, owner] : owners) {
    if (key == self) continue;
    FieldSet both = Intersection(owner.fields, written);
    if (!Paths(both).empty()) out.emplace_back(key, std::move(both));
  }
  return out;
}

}  // namespace

bool SameObject(const Json& a, const Json& b) {
  const auto stripped = [](const Json& object) {
    Json copy = object;
    if (!copy.contains("metadata")) return copy;
    Json& metadata = copy["metadata"];
    metadata.erase("resourceVersion");
    if (const auto it = metadata.find("managedFields"); it != metadata.end() && it->is_array()) {
      for (Json& entry : *it) entry.erase("time");
    }
    return copy;
  };
  return stripped(a) == stripped(b);
}

Answer<Json> Apply(const Json& live, const Json& configuration, const Manager& manager, bool force,
                   const Shape& shape) {
  Json applied = configuration;
  if (const Json* metadata = Find(applied, "metadata");
      metadata != nullptr && metadata->is_object()) {
    for (const char* name : {"managedFields", "resourceVersion", "uid", "creationTimestamp"}) {
      applied["metadata"].erase(name);
    }
  }
  const Json ownable = Ownable(applied);
  const Json before = Ownable(live);
  FieldSet mine = PlacesOf(ownable, shape, false);
  Json merged = Merge(live, applied, shape);

  Owners owners = OwnersOf(live);
  OwnerKey self{manager.name, "Apply", manager.subresource, manager.api_version};
  FieldSet last;
  for (auto it = owners.begin(); it != owners.end();) {  // any version this manager applied with
    const bool own = it->first.manager == self.manager && it->first.operation == "Apply" &&
                     it->first.subresource == self.subresource;
    if (own) last = Union(last, it->second.fields);
    it = own ? owners.erase(it) : std::next(it);
  }
  const FieldSet gone = Difference(last, mine);
  Remove(merged, gone, Union(mine, OwnedByOthers(owners, self)), shape);

  const Differences changes = Compare(before, Ownable(merged), shape);
  const auto conflicts = ConflictsOf(owners, self, Intersection(changes.written, mine));
  if (!conflicts.empty() && !force) return tl::unexpected(ConflictOf(conflicts));
  for (const auto& [key, fields] : conflicts) {
    owners[key].fields = Difference(owners[key].fields, fields);
  }
  for (auto& [key, owner] : owners) owner.fields = Difference(owner.fields, changes.removed);
  owners[self] = {std::move(mine), NowText()};
  SetOwners(owners, merged);
  return merged;
}

void RecordUpdate(const Json& before, Json& after, const Manager& manager, const Shape& shape) {
  const Differences changes = Compare(Ownable(before), Ownable(after), shape);
  // What the writer sent as managedFields is not asked: the server keeps them.
  Owners owners = OwnersOf(before);
  const FieldSet touched = Union(changes.written, changes.removed);
  if (!touched.Empty()) {
    const OwnerKey self{manager.name, "Update", manager.subresource, manager.api_version};
    for (auto& [key, owner] : owners) {
      if (key == self) continue;
      owner.fields = DifferenceBelow(Difference(owner.fields, changes.removed), changes.written);
    }
    Owner& own = owners[self];
    own.fields = Union(Difference(own.fields, changes.removed), changes.written);
    own.time = NowText();
  }
  SetOwners(owners, after);
}

}  // namespace pgo::local
