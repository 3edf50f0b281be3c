#include "engine/rooms/instances/pod.h"

#include <algorithm>

#include "engine/cluster/backrest_pods.h"
#include "engine/cluster/container.h"
#include "engine/cluster/metadata.h"
#include "engine/kube/names.h"
#include "engine/patroni/config.h"
#include "engine/pgbackrest/config.h"
#include "engine/postgres/parameters.h"
#include "engine/rooms/instances/asked.h"
#include "engine/rooms/instances/scripts.h"

namespace pgo::rooms::instances {
namespace {

using cluster::AddUserName;
using cluster::Bash;
using cluster::ClusterView;
using cluster::Env;
using cluster::EnvField;
using cluster::Member;
using cluster::Mount;
using cluster::Projected;
using cluster::Source;
using cluster::Spread;

// What the helpers below share.
struct Blueprint {
  const ClusterView& cluster;
  const Member& member;
  const std::string& image;
  const std::string& backrest_image;
  cluster::WalPlace wal;
  std::string data = postgres::DataDirectory(cluster.spec().postgres_version);
  std::string port = std::to_string(cluster.spec().port);
  std::string patroni_port = std::to_string(cluster.spec().patroni.port);
};

bool HasWalVolume(const Blueprint& b) { return b.wal != cluster::WalPlace::kData; }

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
  Json out = cluster::NewContainer(b.cluster.spec(), b.image, kube::kDatabaseContainer);
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
  if (HasWalVolume(b)) cluster::MountWal(out);
  if (b.cluster.spec().backups.any) cluster::MountBackrest(out);  // it archives by itself
  return out;
}

// pgBackRest's server of an instance: it reads and writes this data directory for the repository
// host. It talks to PostgreSQL by the socket.
void AddBackrest(const Blueprint& b, Json& pod) {
  const cluster::Spec& spec = b.cluster.spec();
  if (!spec.backups.any) return;
  Json server = cluster::BackrestServer(spec, b.backrest_image,
                                        "/pgdata/pgbackrest/log /pgdata/pgbackrest-spool");
  Mount(server, "postgres-data", "/pgdata", false);
  if (HasWalVolume(b)) cluster::MountWal(server);
  pod["containers"].push_back(std::move(server));
  pod["containers"].push_back(cluster::BackrestReloader(spec, b.backrest_image));
  pod["volumes"].push_back(cluster::BackrestVolumeOfInstance(b.cluster, b.member.name));
}

Json CertCopy(const Blueprint& b) {
  Json out = cluster::NewContainer(b.cluster.spec(), b.image, kube::kCertCopyContainer);
  out["command"] = Bash("-c", WatchScript(), kube::kCertCopyContainer, {b.data, b.patroni_port});
  const Json* resources = Find(b.member.set->raw, {"sidecars", "replicaCertCopy", "resources"});
  if (resources != nullptr) out["resources"] = *resources;
  Mount(out, "cert-volume", "/pgconf/tls", true);
  Mount(out, "postgres-data", "/pgdata", true);
  Mount(out, "patroni-config", patroni::kConfigDirectory, true);
  Mount(out, "tmp", "/tmp", false);
  return out;
}

Json StartupCommand(const Blueprint& b) {
  const std::int64_t version = b.cluster.spec().postgres_version;
  const std::string number = std::to_string(version), wal = cluster::WalDirectoryOf(version, b.wal);
  if (!HasWalVolume(b)) return Bash("-ceu", StartupScript(), "startup", {number, b.data, wal});
  const bool on_volume = b.wal == cluster::WalPlace::kVolume;
  return Bash("-ceu", StartupScript() + MoveWalScript(), "startup",
              {number, b.data, wal, cluster::OtherWalDirectoryOf(version, b.wal),
               on_volume ? "volume" : "data", on_volume ? "data" : "volume"});
}

Json InitContainers(const Blueprint& b) {
  Json startup = cluster::NewContainer(b.cluster.spec(), b.image, "postgres-startup");
  startup["command"] = StartupCommand(b);
  if (HasWalVolume(b)) cluster::MountWal(startup);
  AddPostgresEnv(b, startup);
  Mount(startup, "cert-volume", "/pgconf/tls", true);
  Mount(startup, "postgres-data", "/pgdata", false);
  Mount(startup, "tmp", "/tmp", false);
  Json out = Json::array();
  out.push_back(std::move(startup));
  out.push_back(cluster::NameContainer(b.cluster.spec(), b.image));
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
  Put(out, {"annotations", kube::kAsked}, AskedDigest(b.cluster, *b.member.set, b.wal));
  cluster::AddMetadata(out, b.member.set->metadata);
  cluster::AddMetadata(out, b.cluster.spec().metadata);
  return out;
}

}  // namespace

Json PodTemplate(const ClusterView& cluster, const Member& member, const Images& images,
                 const PodOptions& options) {
  const Blueprint b{cluster, member, images.postgres, images.backrest, options.wal};
  // shareProcessNamespace: one process of the pod reaps the dead (a zombie postmaster counts as
  // alive for Patroni), and replication-cert-copy sees PostgreSQL.
  Json pod = PGO_JSON(R"({
    "enableServiceLinks": false, "shareProcessNamespace": true,
    "terminationGracePeriodSeconds": 60, "restartPolicy": "Always", "dnsPolicy": "ClusterFirst"
  })");
  pod["securityContext"] = cluster::PodSecurity(cluster.spec(), options.openshift);
  pod["serviceAccountName"] = kube::InstanceRbacName(cluster.key.name);
  pod["initContainers"] = InitContainers(b);
  pod["containers"].push_back(Database(b));
  pod["containers"].push_back(CertCopy(b));
  pod["volumes"] = Volumes(b);
  if (HasWalVolume(b)) cluster::AddWalVolume(pod, member.name);
  AddBackrest(b, pod);
  cluster::AddSource(cluster, pod, pod["containers"].front());
  Place(b, pod);
  Json out = Json::object();
  out["metadata"] = PodMetadata(b);
  out["spec"] = std::move(pod);
  return out;
}

}  // namespace pgo::rooms::instances
