// Claims and volumes after they are bound (the scheduler binds them): growth, protection while a
// pod uses a claim, and the end of a volume whose claim is gone.
#include <set>

#include "adapters/local/controllers/world.h"
#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

constexpr const char* kProtection = "kubernetes.io/pvc-protection";

// Claims that a pod uses which is not over, as namespace and name.
std::set<NamespacedName> ClaimsInUse(const World& world) {
  std::set<NamespacedName> out;
  for (const auto& [name, pod] : world.All(kPods)) {
    if (PodOver(*pod)) continue;
    for (const Json& volume : GetArray(*pod, {"spec", "volumes"})) {
      const std::string claim = GetString(volume, {"persistentVolumeClaim", "claimName"});
      if (!claim.empty()) out.emplace(name.first, claim);
    }
  }
  return out;
}

void Unprotect(Store& store, const Json& claim) {
  static_cast<void>(store.Mutate(KeyOf(kClaims, claim), "", [&](Json& object) {
    Json rest = Json::array();
    for (const Json& finalizer : GetArray(object, {"metadata", "finalizers"})) {
      if (finalizer != kProtection) rest.push_back(finalizer);
    }
    const bool changed =
        UidOf(object) == UidOf(claim) && rest != GetArray(object, {"metadata", "finalizers"});
    object["metadata"]["finalizers"] = std::move(rest);
    return changed;
  }));
}

// A larger request is granted at once. A volume with a size of its own is enlarged here, and the
// file system on it by the node that mounts it, which writes the claim's capacity
// (node/pod_volumes.cc).
void Resize(Store& store, const Json& claim) {
  const std::string wanted = GetString(claim, {"spec", "resources", "requests", "storage"});
  const std::string volume = GetString(claim, {"spec", "volumeName"});
  if (wanted.empty() || volume.empty() || GetString(claim, {"status", "phase"}) != "Bound" ||
      GetString(claim, {"status", "capacity", "storage"}) == wanted) {
    return;
  }
  static_cast<void>(store.Mutate({kVolumes, "", volume}, "", [&](Json& object) {
    object["spec"]["capacity"]["storage"] = wanted;
    return true;
  }));
  const bool node = GetString(claim, {"spec", "storageClassName"}) == "limited";
  static_cast<void>(store.Mutate(KeyOf(kClaims, claim), "status", [&](Json& object) {
    // The node may have been faster than what was looked at here.
    if (UidOf(object) != UidOf(claim) ||
        GetString(object, {"status", "capacity", "storage"}) == wanted) {
      return false;
    }
    if (node) {
      object["status"]["conditions"] = {{{"type", "FileSystemResizePending"}, {"status", "True"}}};
    } else {
      object["status"]["capacity"]["storage"] = wanted;
    }
    return true;
  }));
}

// A claim that names a volume made beforehand.
void BindNamed(const World& world, Store& store, const Json& claim) {
  const std::string name = GetString(claim, {"spec", "volumeName"});
  if (name.empty() || GetString(claim, {"status", "phase"}) == "Bound") return;
  const ObjectPtr volume = world.Get(kVolumes, "", name);
  if (volume == nullptr) return;
  const std::string owner = GetString(*volume, {"spec", "claimRef", "uid"});
  if (!owner.empty() && owner != UidOf(claim)) return;
  const Json reference = {{"apiVersion", "v1"},
                          {"kind", "PersistentVolumeClaim"},
                          {"namespace", GetString(claim, {"metadata", "namespace"})},
                          {"name", NameOf(claim)},
                          {"uid", UidOf(claim)}};
  static_cast<void>(store.Mutate({kVolumes, "", name}, "", [&](Json& object) {
    object["spec"]["claimRef"] = reference;
    return true;
  }));
  static_cast<void>(store.Mutate({kVolumes, "", name}, "status", [](Json& object) {
    object["status"]["phase"] = "Bound";
    return true;
  }));
  static_cast<void>(store.Mutate(KeyOf(kClaims, claim), "status", [&](Json& object) {
    if (UidOf(object) != UidOf(claim)) return false;
    object["status"] = {{"phase", "Bound"},
                        {"accessModes", GetArray(claim, {"spec", "accessModes"})},
                        {"capacity", GetObject(*volume, {"spec", "capacity"})}};
    return true;
  }));
}

void EndOfVolume(const World& world, Store& store, const Json& volume) {
  const std::string ns = GetString(volume, {"spec", "claimRef", "namespace"});
  const std::string name = GetString(volume, {"spec", "claimRef", "name"});
  if (name.empty() || GetString(volume, {"status", "phase"}) != "Bound") return;
  const ObjectPtr claim = world.Get(kClaims, ns, name);
  if (claim != nullptr && UidOf(*claim) == GetString(volume, {"spec", "claimRef", "uid"})) return;
  if (GetString(volume, {"spec", "persistentVolumeReclaimPolicy"}) == "Delete") {
    DeleteThis(store, kVolumes, volume);
    return;
  }
  static_cast<void>(store.Mutate(KeyOf(kVolumes, volume), "status", [](Json& object) {
    object["status"]["phase"] = "Released";
    return true;
  }));
}

}  // namespace

void ReconcileVolumes(const World& world, Store& store) {
  const auto in_use = ClaimsInUse(world);
  for (const auto& [name, claim] : world.All(kClaims)) {
    if (Deleting(*claim) && !in_use.contains(name)) Unprotect(store, *claim);
    if (Deleting(*claim)) continue;
    BindNamed(world, store, *claim);
    Resize(store, *claim);
  }
  for (const auto& [name, volume] : world.All(kVolumes)) EndOfVolume(world, store, *volume);
}

}  // namespace pgo::local
