// What goes when something else went: objects whose owners are gone, the content of namespaces and
// of custom types that are being deleted. Deletion is always in the background.
#include <set>

#include "adapters/local/controllers/world.h"
#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

bool AllOwnersGone(const Json& object, const std::set<std::string>& uids) {
  const Json& owners = GetArray(object, {"metadata", "ownerReferences"});
  if (owners.empty()) return false;
  for (const Json& owner : owners) {
    if (uids.contains(GetString(owner, {"uid"}))) return false;
  }
  return true;
}

// Whether anything of the namespace is left, asking for the end of what is.
bool EmptyNamespace(const World& world, Store& store, const std::string& ns) {
  bool empty = true;
  for (const auto& [resource, objects] : world.Everything()) {
    for (const auto& [name, object] : objects) {
      if (name.first != ns) continue;
      empty = false;
      if (!Deleting(*object)) DeleteThis(store, resource, *object);
    }
  }
  return empty;
}

void FillNamespace(const World& world, Store& store, const std::string& ns,
                   const std::string& ca_pem) {
  if (!world.Get(kServiceAccounts, ns, "default")) {
    CreateOnce(store, kServiceAccounts, ns, {{"metadata", {{"name", "default"}}}});
  }
  if (!ca_pem.empty() && !world.Get(kConfigMaps, ns, "kube-root-ca.crt")) {
    CreateOnce(store, kConfigMaps, ns,
               {{"metadata", {{"name", "kube-root-ca.crt"}}}, {"data", {{"ca.crt", ca_pem}}}});
  }
}

}  // namespace

void CollectGarbage(const World& world, Store& store) {
  std::set<std::string> uids;
  for (const auto& [resource, objects] : world.Everything()) {
    for (const auto& [name, object] : objects) uids.insert(UidOf(*object));
  }
  for (const auto& [resource, objects] : world.Everything()) {
    for (const auto& [name, object] : objects) {
      if (!Deleting(*object) && AllOwnersGone(*object, uids)) DeleteThis(store, resource, *object);
    }
  }
}

void ReconcileNamespaces(const World& world, Store& store, const std::string& ca_pem) {
  for (const auto& [name, ns] : world.All(kNamespaces)) {
    if (!Deleting(*ns)) {
      FillNamespace(world, store, name.second, ca_pem);
      continue;
    }
    if (!EmptyNamespace(world, store, name.second)) continue;
    static_cast<void>(store.Mutate(KeyOf(kNamespaces, *ns), "finalize", [](Json& object) {
      object["spec"]["finalizers"] = Json::array();
      return true;
    }));
  }
}

void ReconcileDefinitions(const World& world, Store& store) {
  for (const auto& [name, definition] : world.All(kDefinitions)) {
    if (!Deleting(*definition)) continue;
    const Resource resource{GetString(*definition, {"spec", "group"}),
                            GetString(*definition, {"spec", "names", "plural"})};
    for (const auto& [instance, object] : world.All(resource)) {
      if (!Deleting(*object)) DeleteThis(store, resource, *object);
    }
    if (!world.All(resource).empty()) continue;
    static_cast<void>(store.Mutate(KeyOf(kDefinitions, *definition), "", [](Json& object) {
      object["metadata"]["finalizers"] = Json::array();
      return true;
    }));
  }
}

}  // namespace pgo::local
