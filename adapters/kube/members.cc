#include "adapters/kube/members.h"

#include <algorithm>
#include <array>
#include <string>

namespace pgo::kube {
namespace {

constexpr auto kOfCluster = std::to_array<std::string_view>({
#include "adapters/kube/cluster_members.inc"
});
constexpr auto kBuiltin = std::to_array<std::string_view>({
#include "adapters/kube/builtin_members.inc"
});
static_assert(std::ranges::is_sorted(kOfCluster) && std::ranges::is_sorted(kBuiltin));

constexpr int kDepthMax = 200;

bool IsKnown(std::string_view name) {
  return std::ranges::binary_search(kOfCluster, name) || std::ranges::binary_search(kBuiltin, name);
}

// Objects whose members are not named by a definition.
bool KeyedByUser(std::string_view name) {
  constexpr auto kMaps = std::to_array<std::string_view>({"allocatedResourceStatuses",
                                                          "allocatedResources",
                                                          "annotations",
                                                          "attributes",
                                                          "capacity",
                                                          "databases",
                                                          "desiredPGDataVolume",
                                                          "desiredPGWALVolume",
                                                          "dynamicConfiguration",
                                                          "exporters",
                                                          "global",
                                                          "labels",
                                                          "limits",
                                                          "matchLabels",
                                                          "nodeSelector",
                                                          "options",
                                                          "overhead",
                                                          "parameters",
                                                          "requests",
                                                          "selector",
                                                          "settings",
                                                          "users",
                                                          "volumeAttributes"});
  static_assert(std::ranges::is_sorted(kMaps));
  return std::ranges::binary_search(kMaps, name);
}

// Lists of objects that have the name of a map elsewhere are looked into.
bool Stops(std::string_view name, const Json& value) {
  if (!KeyedByUser(name) || !value.is_object()) return false;
  return name != "selector" || Find(value, "matchLabels") == nullptr;
}

template <typename Unknown>
void Walk(Json& value, const Unknown& unknown, int depth) {
  if (depth > kDepthMax) {
    value = nullptr;
    return;
  }
  if (value.is_array()) {
    for (Json& item : value) Walk(item, unknown, depth + 1);
  }
  if (!value.is_object()) return;
  for (auto it = value.begin(); it != value.end();) {
    if (!IsKnown(it.key())) {
      it = unknown(value, it);
      continue;
    }
    if (!Stops(it.key(), *it)) Walk(*it, unknown, depth + 1);
    ++it;
  }
}

void MaskTexts(Json& value, int depth = 0) {
  if (depth > kDepthMax) {
    value = nullptr;
  } else if (value.is_structured()) {
    for (Json& member : value) MaskTexts(member, depth + 1);
  } else if (value.is_string()) {
    value = "***";
  }
}

}  // namespace

void DropUnknownMembers(Json& value) {
  Walk(value, [](Json& object, Json::iterator at) { return object.erase(at); }, 0);
}

void MaskUnknownMembers(Json& value) {
  const auto mask = [](Json&, Json::iterator at) {
    if (!at->is_null()) *at = "***";
    return ++at;
  };
  Walk(value, mask, 0);
}

void DropMessages(Json& value) {
  if (value.is_object()) {
    for (const char* name : {"message", "note"}) value.erase(name);
  }
  if (!value.is_structured()) return;
  for (Json& member : value) DropMessages(member);
}

void MaskPassedOn(Json& cluster) {
  const auto below = [&cluster](std::initializer_list<const char*> path) {
    Json* at = &cluster;
    for (const char* name : path) {
      if (!at->is_object() || !at->contains(name)) return;
      at = &(*at)[name];
    }
    MaskTexts(*at);
  };
  below({"spec", "instrumentation", "config", "exporters"});
  below({"spec", "proxy", "pgBouncer", "config", "databases"});
  below({"spec", "proxy", "pgBouncer", "config", "global"});
  below({"spec", "proxy", "pgBouncer", "config", "users"});
  below({"spec", "userInterface", "pgAdmin", "config", "settings"});
}

}  // namespace pgo::kube
