#include "engine/cluster/metadata.h"

#include "engine/kube/names.h"

namespace pgo::cluster {
namespace {

Json Bare(std::string_view kind, std::string_view ns, std::string_view name) {
  Json out = Json::object();
  const auto* info = kube::FindKind(kind);
  out["apiVersion"] = info == nullptr ? "v1" : kube::ApiVersion(*info);
  out["kind"] = kind;
  Put(out, {"metadata", "name"}, std::string(name));
  Put(out, {"metadata", "namespace"}, std::string(ns));
  return out;
}

void AddMissing(Json& metadata, std::string_view group,
                const std::map<std::string, std::string>& extra) {
  for (const auto& [key, value] : extra) {
    if (pgo::Find(metadata, {group, key}) == nullptr) Put(metadata, {group, key}, value);
  }
}

Json Owner(const ClusterView& cluster) {
  Json owner = PGO_JSON(R"({"controller": true, "blockOwnerDeletion": true})");
  const auto* info = kube::FindKind("PostgresCluster");
  owner["apiVersion"] = info == nullptr ? "" : kube::ApiVersion(*info);
  owner["kind"] = "PostgresCluster";
  owner["name"] = cluster.key.name;
  owner["uid"] = cluster.uid;
  return owner;
}

}  // namespace

void AddMetadata(Json& metadata, const Metadata& extra) {
  AddMissing(metadata, "labels", extra.labels);
  AddMissing(metadata, "annotations", extra.annotations);
}

void AddMetadata(Json& metadata, const Json& extra) {
  for (const std::string_view group : {"labels", "annotations"}) {
    for (const auto& [key, value] : GetObject(extra, {group}).items()) {
      if (value.is_string() && pgo::Find(metadata, {group, key}) == nullptr) {
        Put(metadata, {group, key}, value);
      }
    }
  }
}

Json NewUnownedObject(const ClusterView& cluster, std::string_view kind, std::string_view name) {
  return Bare(kind, cluster.key.ns, name);
}

Json NewObject(const ClusterView& cluster, std::string_view kind, std::string_view name,
               std::initializer_list<Label> labels) {
  Json out = Bare(kind, cluster.key.ns, name);
  Json& metadata = out["metadata"];
  Put(metadata, {"labels", kube::kLabelCluster}, cluster.key.name);
  for (const auto& [key, value] : labels) Put(metadata, {"labels", key}, value);
  AddMetadata(metadata, cluster.spec().metadata);
  Json owners = Json::array();
  owners.push_back(Owner(cluster));
  metadata["ownerReferences"] = std::move(owners);
  return out;
}

}  // namespace pgo::cluster
