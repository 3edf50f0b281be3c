// A manifest with every field of the definition, made of the definition itself, and its leaves.
#pragma once

#include <string>
#include <vector>

#include "engine/base/json.h"

namespace pgo::mutation {

// The definition's schema of a version.
const Json& Schema(const std::string& version = "v1beta1");

// A valid manifest that has every field at least once. What excludes each other stands in two
// entries of a list; only dataSource.pgbackrest.repo.volume, which a rule always refuses, is left
// out.
Json FullSample();

// One value of a manifest, with what the definition says of it.
struct Node {
  std::vector<std::string> way;  // "spec", "users", "0", "name"
  std::string path;              // "spec.users[].name"; the entries of a map are "{}"
  const Json* schema;
  bool leaf = false;      // has no named fields below it
  bool repeated = false;  // the same field of the same type was met before, elsewhere
};
std::vector<Node> NodesOf(const Json& manifest);

// Paths of all leaves below spec that the definition names.
std::vector<std::string> LeafPaths();

// The smallest valid manifest that still has the node: only required fields, and the neighbours
// that a rule asks about.
Json Reduce(const Json& manifest, const Node& node);

Json::json_pointer PointerTo(const Node& node);

}  // namespace pgo::mutation
