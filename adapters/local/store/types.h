// The resource types that pgo-local serves: the built-in table, and what CustomResourceDefinitions
// add to it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/local/store.h"

namespace pgo::local {

struct TypeInfo {
  Resource resource;
  Resource kept_as;      // where its objects are kept: another type's place for aliases
  std::string kind;      // "StatefulSet"
  std::string singular;  // "statefulset"
  std::vector<std::string> versions;  // served, preferred first: {"v1"}
  std::string storage_version;        // as objects are kept
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool namespaced = true;
  bool has_status = false;  // status is a subresource of its own
  bool has_scale = false;
  bool custom = false;
  // By version: the OpenAPI schema and the printer columns of a custom type.
  std::map<std::string, Json> schemas;
  std::map<std::string, Json> columns;

  // "apps/v1", or "v1" for core.
  [[nodiscard]] std::string ApiVersion(const std::string& version) const {
    return resource.group.empty() ? version : resource.group + "/" + version;
  }
  [[nodiscard]] bool Serves(std::string_view version) const;
};

using TypeTable = std::map<Resource, std::shared_ptr<const TypeInfo>>;

// The types every cluster has.
TypeTable BuiltInTypes();
// What a CustomResourceDefinition adds; null if it serves no version.
std::shared_ptr<const TypeInfo> TypeOfDefinition(const Json& definition);

}  // namespace pgo::local
