#include "engine/rooms/instances/pod.h"

#include <algorithm>

#include "engine/cluster/metadata.h"
#include "engine/kube/names.h"
#include "engine/patroni/config.h"
#include "engine/postgres/parameters.h"
#include "engine/rooms/instances/asked.h"
#include "engine/rooms/instances/scripts.h"

namespace pgo::rooms::instances {
namespace {

using cluster::ClusterView;
using cluster::Member;

// What the helpers below share.
struct Blueprint {
  const ClusterView& cluster;
  const Member& member;
  const std::string& image;
  std::string data = postgres::DataDirectory(cluster.spec().postgres_version);
  std::string port = std::to_string(cluster.spec().port);
  std::string patroni_port = std::to_string(cluster.spec().patroni.port);
};

Json NewContainer(const Blueprint& b, std::string_view name) {
  Json out = PGO_JSON(R"({
    "securityContext": {
      "allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true,
      "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
      "seccompProfile": {"type": "RuntimeDefault"}
    }
  })");
  out["name"] = name;
  out["image"] = b.image;
  const std::string& policy = b.cluster.spec().image_pull_policy;
  if (!policy.empty()) out["imagePullPolicy"] = policy;
  return out;
}

// bash FLAGS -- SCRIPT NAME ARGUMENTS…
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

// A user ID without a name (as OpenShift gives) would stop libpq and initdb.
void AddUserName(Json& container) {
  Env(container, "LD_PRELOAD", "/usr/lib64/libnss_wrapper.so");
  Env(container, "NSS_WRAPPER_PASSWD", "/tmp/nss_wrapper/postgres/passwd");
  Env(container, "NSS_WRAPPER_GROUP", "/tmp/nss_wrapper/postgres/group");
}

void AddPostgresEnv(const Blueprint& b, Json& container) {
  Env(container, "PGDATA", b.data);
  Env(container, "PGHOST", std::string(postgres::kSocketDirectory));
  Env(container, "PGPORT", b.port);
  Env(container, "LC_ALL", "C.UTF-8");
}

void AddPatroniEnv(const Blueprint& b, Json& container) {
  EnvField(container, "PATRONI_NAME", "metadata.name");
  EnvField(container, "PATRONI_KUBERNETES_POD_IP", "status.podIP");
  Env(container, "PATRONI_KUBERNETES_PORTS",
      R"([{"name": "postgres", "port": )" + b.port + R"(, "protocol": "TCP"}])");
  // By address: replication does not wait for the cluster's DNS, nor stop with it.
  Env(container, "PATRONI_POSTGRESQL_CONNECT_ADDRESS", "$(PATRONI_KUBERNETES_POD_IP):" + b.port);
  Env(container, "PATRONI_POSTGRESQL_LISTEN", "*:" + b.port);
  Env(container, "PATRONI_POSTGRESQL_CONFIG_DIR", b.data);
  Env(container, "PATRONI_POSTGRESQL_DATA_DIR", b.data);
  // By name: it is checked against the member's certificate.
  Env(container, "PATRONI_RESTAPI_CONNECT_ADDRESS",
      "$(PATRONI_NAME)." + kube::PodServiceName(b.cluster.key.name) + ":" + b.patroni_port);
  Env(container, "PATRONI_RESTAPI_LISTEN", "*:" + b.patroni_port);
  Env(container, "PATRONICTL_CONFIG_FILE", std::string(patroni::kConfigDirectory));
}

// Beside the data directory, which Patroni may remove and make anew.
constexpr std::string_view kVolumeLock = "/pgdata/.instance.lock";

// Liveness follows the lease: a Patroni that lost its loop for so long has lost the lock as well.
Json Liveness(const Blueprint& b) {
  Json out = PGO_JSON(R"({
    "httpGet": {"path": "/liveness", "scheme": "HTTPS"}, "initialDelaySeconds": 3
  })");
  const auto& spec = b.cluster.spec();
  out["httpGet"]["port"] = spec.patroni.port;
  const std::int64_t period = std::max<std::int64_t>(spec.patroni.sync_period_s, 1);
  out["periodSeconds"] = period;
  out["timeoutSeconds"] = std::max<std::int64_t>(period / 2, 1);
  out["failureThreshold"] = std::max<std::int64_t>(spec.patroni.lease_duration_s / period, 1);
  out["successThreshold"] = 1;
  return out;
}

Json Readiness(const Blueprint& b) {
  Json out = PGO_JSON(R"({
    "initialDelaySeconds": 1, "periodSeconds": 2, "timeoutSeconds": 4, "failureThreshold": 1,
    "successThreshold": 1
  })");
  Put(out, {"exec", "command"}, Bash("-c", ReadyScript(), "ready", {b.patroni_port}));
  return out;
}

Json Database(const Blueprint& b) {
  Json out = NewContainer(b, kube::kDatabaseContainer);
  out["command"] =
      Bash("-ceu", PatroniScript(), kube::kDatabaseContainer, {std::string(kVolumeLock)});
  AddPostgresEnv(b, out);
  AddPatroniEnv(b, out);
  AddUserName(out);
  Json port = PGO_JSON(R"({"name": "postgres", "protocol": "TCP"})");
  port["containerPort"] = b.cluster.spec().port;
  out["ports"].push_back(std::move(port));
  out["livenessProbe"] = Liveness(b);
  out["readinessProbe"] = Readiness(b);
  const Json& resources = b.member.set->resources;
  if (!resources.is_null()) out["resources"] = resources;
  Mount(out, "cert-volume", "/pgconf/tls", true);
  Mount(out, "postgres-data", "/pgdata", false);
  Mount(out, "patroni-config", patroni::kConfigDirectory, true);
  Mount(out, "tmp", "/tmp", false);
  Mount(out, "dshm", "/dev/shm", false);
  return out;
}

Json CertCopy(const Blueprint& b) {
  Json out = NewContainer(b, kube::kCertCopyContainer);
  out["command"] = Bash("-c", WatchScript(), kube::kCertCopyContainer, {b.data, b.patroni_port});
  const Json* resources = Find(b.member.set->raw, {"sidecars", "replicaCertCopy", "resources"});
  if (resources != nullptr) out["resources"] = *resources;
  Mount(out, "cert-volume", "/pgconf/tls", true);
  Mount(out, "postgres-data", "/pgdata", true);
  Mount(out, "patroni-config", patroni::kConfigDirectory, true);
  Mount(out, "tmp", "/tmp", false);
  return out;
}

Json InitContainers(const Blueprint& b) {
  const std::int64_t version = b.cluster.spec().postgres_version;
  Json startup = NewContainer(b, "postgres-startup");
  startup["command"] = Bash("-ceu", StartupScript(), "startup",
                            {std::to_string(version), b.data, postgres::WalDirectory(version)});
  AddPostgresEnv(b, startup);
  Mount(startup, "cert-volume", "/pgconf/tls", true);
  Mount(startup, "postgres-data", "/pgdata", false);
  Mount(startup, "tmp", "/tmp", false);
  Json names = NewContainer(b, "nss-wrapper-init");
  names["command"] = Bash("-ceu", NameScript(), "nss-wrapper", {});
  Mount(names, "tmp", "/tmp", false);
  Json out = Json::array();
  out.push_back(std::move(startup));
  out.push_back(std::move(names));
  return out;
}

constexpr int kPrivate = 0600;

// One projected source: items are {key, path} pairs, keys of a private kind with their mode.
Json Source(std::string_view kind, const std::string& name,
            std::initializer_list<std::pair<std::string_view, std::string_view>> items) {
  Json source = Json::object();
  source["name"] = name;
  for (const auto& [key, path] : items) {
    Json item = Json::object();
    item["key"] = key;
    item["path"] = path;
    if (key == "tls.key" || key == "patroni.crt-combined") item["mode"] = kPrivate;
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

Json Volumes(const Blueprint& b) {
  const std::string& c = b.cluster.key.name;
  Json out = PGO_JSON(R"([
    {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
    {"name": "dshm", "emptyDir": {"medium": "Memory"}},
    {"name": "postgres-data", "persistentVolumeClaim": {}}
  ])");
  out[2]["persistentVolumeClaim"]["claimName"] = kube::InstanceDataName(b.member.name);
  out.push_back(
      Projected("cert-volume",
                {Source("secret", kube::ClusterCertName(c),
                        {{"tls.crt", "tls.crt"}, {"tls.key", "tls.key"}, {"ca.crt", "ca.crt"}}),
                 Source("secret", kube::ReplicationCertName(c),
                        {{"tls.crt", "replication/tls.crt"},
                         {"tls.key", "replication/tls.key"},
                         {"ca.crt", "replication/ca.crt"}})}));
  out.push_back(Projected(
      "patroni-config",
      {Source("configMap", kube::ClusterConfigName(c), {{"patroni.yaml", patroni::kClusterFile}}),
       Source("configMap", kube::InstanceConfigName(b.member.name),
              {{"patroni.yaml", patroni::kInstanceFile}}),
       Source("secret", kube::InstanceCertName(b.member.name),
              {{"patroni.ca-roots", patroni::kAuthoritiesFile},
               {"patroni.crt-combined", patroni::kCertificateFile}})}));
  return out;
}

// Apart from each other over nodes and zones where that is possible, next to each other where not.
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

void Place(const Blueprint& b, Json& pod) {
  const cluster::InstanceSet& set = *b.member.set;
  const cluster::Spec& spec = b.cluster.spec();
  if (!set.affinity.is_null()) pod["affinity"] = set.affinity;
  if (!set.tolerations.is_null()) pod["tolerations"] = set.tolerations;
  if (!set.priority_class_name.empty()) pod["priorityClassName"] = set.priority_class_name;
  Json spread = set.topology_spread_constraints;
  if (!spread.is_array()) spread = Json::array();
  if (!spec.disable_default_pod_scheduling) {
    spread.push_back(Spread(b.cluster, "kubernetes.io/hostname"));
    spread.push_back(Spread(b.cluster, "topology.kubernetes.io/zone"));
  }
  if (!spread.empty()) pod["topologySpreadConstraints"] = std::move(spread);
  if (!spec.image_pull_secrets.is_null()) pod["imagePullSecrets"] = spec.image_pull_secrets;
}

Json PodMetadata(const Blueprint& b) {
  Json out = Json::object();
  Put(out, {"labels", kube::kLabelCluster}, b.cluster.key.name);
  Put(out, {"labels", kube::kLabelInstance}, b.member.name);
  Put(out, {"labels", kube::kLabelInstanceSet}, b.member.set->name);
  Put(out, {"labels", kube::kLabelData}, "postgres");
  Put(out, {"labels", kube::kLabelPatroni}, kube::PatroniScope(b.cluster.key.name));
  Put(out, {"annotations", "kubectl.kubernetes.io/default-container"},
      std::string(kube::kDatabaseContainer));
  Put(out, {"annotations", kube::kAsked}, AskedDigest(b.cluster, *b.member.set));
  cluster::AddMetadata(out, b.member.set->metadata);
  cluster::AddMetadata(out, b.cluster.spec().metadata);
  return out;
}

}  // namespace

Json PodTemplate(const ClusterView& cluster, const Member& member, const std::string& image,
                 bool openshift) {
  const Blueprint b{cluster, member, image};
  // shareProcessNamespace: one process of the pod reaps the dead (a zombie postmaster counts as
  // alive for Patroni), and replication-cert-copy sees PostgreSQL.
  Json pod = PGO_JSON(R"({
    "enableServiceLinks": false, "shareProcessNamespace": true,
    "terminationGracePeriodSeconds": 60, "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
    "securityContext": {"fsGroupChangePolicy": "OnRootMismatch", "runAsNonRoot": true}
  })");
  if (!openshift) {
    for (const std::string_view id : {"fsGroup", "runAsUser", "runAsGroup"}) {
      Put(pod, {"securityContext", id}, 26);
    }
  }
  const auto& groups = cluster.spec().supplemental_groups;
  if (!groups.empty()) Put(pod, {"securityContext", "supplementalGroups"}, groups);
  pod["serviceAccountName"] = kube::InstanceRbacName(cluster.key.name);
  pod["initContainers"] = InitContainers(b);
  pod["containers"].push_back(Database(b));
  pod["containers"].push_back(CertCopy(b));
  pod["volumes"] = Volumes(b);
  Place(b, pod);
  Json out = Json::object();
  out["metadata"] = PodMetadata(b);
  out["spec"] = std::move(pod);
  return out;
}

}  // namespace pgo::rooms::instances
