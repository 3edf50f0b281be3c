#include "engine/cluster/container.h"

#include <string>

#include "engine/kube/names.h"

namespace pgo::cluster {
namespace {

constexpr int kPrivate = 0600;

std::string NameScript() {
  return R"bash(
set -euo pipefail
umask 0022
mkdir -p /tmp/nss_wrapper/postgres
cd /tmp/nss_wrapper/postgres
{ grep -v "^postgres:\|^[^:]*:[^:]*:$(id -u):" /etc/passwd || :
  echo "postgres:x:$(id -u):$(id -g):PostgreSQL:/tmp:/bin/bash"; } >passwd
{ grep -v "^postgres:\|^[^:]*:[^:]*:$(id -g):" /etc/group || :
  echo "postgres:x:$(id -g):"; } >group
)bash";
}

}  // namespace

Json NewContainer(const Spec& spec, const std::string& image, std::string_view name) {
  Json out = PGO_JSON(R"({
    "securityContext": {
      "allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true,
      "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
      "seccompProfile": {"type": "RuntimeDefault"}
    }
  })");
  out["name"] = name;
  out["image"] = image;
  const std::string& policy = spec.image_pull_policy;
  if (!policy.empty()) out["imagePullPolicy"] = policy;
  return out;
}

Json Bash(std::string_view flags, const std::string& script, std::string_view name,
          std::initializer_list<std::string> arguments) {
  Json out = Json::array();
  for (const auto& word :
       {std::string("bash"), std::string(flags), std::string("--"), script, std::string(name)}) {
    out.push_back(word);
  }
  for (const auto& argument : arguments) out.push_back(argument);
  return out;
}

void Env(Json& container, std::string_view name, const std::string& value) {
  Json variable = Json::object();
  variable["name"] = name;
  variable["value"] = value;
  container["env"].push_back(std::move(variable));
}

void EnvField(Json& container, std::string_view name, std::string_view field) {
  Json variable = Json::object();
  variable["name"] = name;
  Put(variable, {"valueFrom", "fieldRef", "fieldPath"}, std::string(field));
  Put(variable, {"valueFrom", "fieldRef", "apiVersion"}, "v1");
  container["env"].push_back(std::move(variable));
}

void Mount(Json& container, std::string_view volume, std::string_view path, bool read_only) {
  Json mount = Json::object();
  mount["name"] = volume;
  mount["mountPath"] = path;
  if (read_only) mount["readOnly"] = true;
  container["volumeMounts"].push_back(std::move(mount));
}

void AddUserName(Json& container) {
  Env(container, "LD_PRELOAD", "/usr/lib64/libnss_wrapper.so");
  Env(container, "NSS_WRAPPER_PASSWD", "/tmp/nss_wrapper/postgres/passwd");
  Env(container, "NSS_WRAPPER_GROUP", "/tmp/nss_wrapper/postgres/group");
}

Json Source(std::string_view kind, const std::string& name,
            std::initializer_list<std::pair<std::string_view, std::string_view>> items) {
  Json source = Json::object();
  source["name"] = name;
  for (const auto& [key, path] : items) {
    Json item = Json::object();
    item["key"] = key;
    item["path"] = path;
    if (key.ends_with(".key") || key == "patroni.crt-combined") item["mode"] = kPrivate;
    source["items"].push_back(std::move(item));
  }
  Json out = Json::object();
  out[std::string(kind)] = std::move(source);
  return out;
}

Json Projected(std::string_view name, std::initializer_list<Json> sources) {
  Json out = Json::object();
  out["name"] = name;
  for (const Json& source : sources) out["projected"]["sources"].push_back(source);
  return out;
}

Json Spread(const ClusterView& cluster, std::string_view topology) {
  Json out = PGO_JSON(R"({
    "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchExpressions": [
      {"key": "", "operator": "In", "values": ["postgres", "pgbackrest"]}]}
  })");
  out["topologyKey"] = topology;
  out["labelSelector"]["matchExpressions"][0]["key"] = kube::kLabelData;
  Put(out, {"labelSelector", "matchLabels", kube::kLabelCluster}, cluster.key.name);
  return out;
}

Json NameContainer(const Spec& spec, const std::string& image) {
  Json out = NewContainer(spec, image, "nss-wrapper-init");
  out["command"] = Bash("-ceu", NameScript(), "nss-wrapper", {});
  Mount(out, "tmp", "/tmp", false);
  return out;
}

Json PodSecurity(const Spec& spec, bool openshift) {
  Json out = PGO_JSON(R"({"fsGroupChangePolicy": "OnRootMismatch", "runAsNonRoot": true})");
  if (!openshift) {
    for (const std::string_view id : {"fsGroup", "runAsUser", "runAsGroup"}) {
      out[std::string(id)] = 26;
    }
  }
  if (!spec.supplemental_groups.empty()) out["supplementalGroups"] = spec.supplemental_groups;
  return out;
}

}  // namespace pgo::cluster
