// What goes when something else went: objects whose owners are gone, the content of namespaces and
// of custom types that are being deleted; and what must go before its owner may.
#include <algorithm>
#include <set>
#include <vector>

#include "adapters/local/controllers/world.h"
#include "adapters/local/store/deletion.h"
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

bool DeletesForeground(const Json& object) {
  const Json& finalizers = GetArray(object, {"metadata", "finalizers"});
  return Deleting(object) &&
         std::find(finalizers.begin(), finalizers.end(), kForegroundDeletion) != finalizers.end();
}

// Asks for the end of what an object owns. An owner whose dependents block it stays while they are.
class Dependents {
 public:
  explicit Dependents(std::set<std::string> owners) : owners_(std::move(owners)) {}
  void Visit(Store& store, const Resource& resource, const Json& object) {
    for (const Json& owner : GetArray(object, {"metadata", "ownerReferences"})) {
      const std::string uid = GetString(owner, {"uid"});
      if (!owners_.contains(uid)) continue;
      if (GetBool(owner, {"blockOwnerDeletion"})) blocked_.insert(uid);
      if (Deleting(object)) continue;
      static_cast<void>(store.Delete(KeyOf(resource, object),
                                     {.uid = UidOf(object), .propagation_policy = "Foreground"}));
    }
  }
  [[nodiscard]] bool Blocked(const std::string& uid) const { return blocked_.contains(uid); }

 private:
  std::set<std::string> owners_, blocked_;
};

void FinishForeground(Store& store, const Resource& resource, const Json& object) {
  static_cast<void>(store.Mutate(KeyOf(resource, object), "", [&](Json& fresh) {
    if (UidOf(fresh) != UidOf(object)) return false;
    Json rest = Json::array();
    for (const Json& finalizer : GetArray(fresh, {"metadata", "finalizers"})) {
      if (finalizer != kForegroundDeletion) rest.push_back(finalizer);
    }
    fresh["metadata"]["finalizers"] = std::move(rest);
    return true;
  }));
}

void CollectInForeground(const World& world, Store& store) {
  std::vector<std::pair<Resource, ObjectPtr>> owners;
  std::set<std::string> uids;
  for (const auto& [resource, objects] : world.Everything()) {
    for (const auto& [name, object] : objects) {
      if (!DeletesForeground(*object)) continue;
      owners.emplace_back(resource, object);
      uids.insert(UidOf(*object));
    }
  }
  if (owners.empty()) return;
  Dependents dependents(std::move(uids));
  for (const auto& [resource, objects] : world.Everything()) {
    for (const auto& [name, object] : objects) dependents.Visit(store, resource, *object);
  }
  for (const auto& [resource, owner] : owners) {
    if (!dependents.Blocked(UidOf(*owner))) FinishForeground(store, resource, *owner);
  }
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
  CollectInForeground(world, store);
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
