#include "engine/cluster/backrest_pods.h"

#include "engine/cluster/container.h"
#include "engine/kube/names.h"
#include "engine/pgbackrest/config.h"

namespace pgo::cluster {
namespace {

constexpr std::string_view kVolume = "pgbackrest-config";

std::string ServerScript() {
  return R"bash(
umask 0027
# shellcheck disable=SC2086  # several, with blanks between
mkdir -p $1
exec pgbackrest server
)bash";
}

// Kubernetes swaps the link ..data when anything in the volume has changed.
std::string ReloadScript() {
  return R"bash(
set -uo pipefail
trap 'exit 0' TERM
declare -r directory=$1
exec {never}<> <(:)
last=$(readlink "${directory}/..data")
while :; do
  read -r -t 5 -u "${never}" || :
  now=$(readlink "${directory}/..data")
  [[ "${now}" != "${last}" ]] || continue
  # The oldest alone: its children have the same command line, and each would take its session (a
  # backup, a restore) with it.
  if pkill -HUP --oldest --exact --full 'pgbackrest server'; then
    echo 'configuration or certificates changed: pgBackRest reloads'
    last=${now}
  fi
done
)bash";
}

std::string Operators(std::string_view key) { return "~postgres-operator_" + std::string(key); }

Json Files(const ClusterView& cluster, std::string_view key, bool server) {
  const std::string file = Operators(key);
  const std::string name = kube::BackrestConfigName(cluster.key.name);
  if (!server)
    return Source("configMap", name, {{key, file}, {pgbackrest::kHashKey, "config-hash"}});
  return Source("configMap", name,
                {{key, file},
                 {pgbackrest::kServerKey, Operators("server.conf")},
                 {pgbackrest::kHashKey, pgbackrest::kHashFile}});
}

Json Client(const ClusterView& cluster) {
  return Source("secret", kube::BackrestName(cluster.key.name),
                {{"pgbackrest.ca-roots", pgbackrest::kAuthorityFile},
                 {"pgbackrest-client.crt", pgbackrest::kClientCertificateFile},
                 {"pgbackrest-client.key", pgbackrest::kClientKeyFile}});
}

void AddTheirs(const ClusterView& cluster, Json& volume) {
  const Json& theirs = cluster.spec().backups.configuration;
  if (!theirs.is_array()) return;
  for (const Json& source : theirs) volume["projected"]["sources"].push_back(source);
}

}  // namespace

std::string BackrestImage(const Spec& spec, const std::string& own, const std::string& postgres) {
  if (!spec.backups.image.empty()) return spec.backups.image;
  return own.empty() ? postgres : own;
}

Json BackrestServer(const Spec& spec, const std::string& image, const std::string& directories) {
  Json out = NewContainer(spec, image, kube::kBackrestContainer);
  out["command"] = Bash("-ceu", ServerScript(), kube::kBackrestContainer, {directories});
  out["livenessProbe"] = PGO_JSON(R"({
    "exec": {"command": ["pgbackrest", "server-ping"]}, "periodSeconds": 10, "timeoutSeconds": 5,
    "failureThreshold": 3, "successThreshold": 1
  })");
  const Json* resources = Find(spec.backups.raw, {"sidecars", "pgbackrest", "resources"});
  if (resources != nullptr) out["resources"] = *resources;
  AddUserName(out);
  MountBackrest(out);
  Mount(out, "tmp", "/tmp", false);
  return out;
}

Json BackrestReloader(const Spec& spec, const std::string& image) {
  Json out = NewContainer(spec, image, kube::kBackrestConfigContainer);
  out["command"] = Bash("-c", ReloadScript(), kube::kBackrestConfigContainer,
                        {std::string(pgbackrest::kConfigDirectory)});
  const Json* resources = Find(spec.backups.raw, {"sidecars", "pgbackrestConfig", "resources"});
  if (resources != nullptr) out["resources"] = *resources;
  MountBackrest(out);
  return out;
}

Json BackrestVolumeOfInstance(const ClusterView& cluster, const std::string& instance) {
  Json out =
      Projected(kVolume, {Files(cluster, pgbackrest::kInstanceKey, true), Client(cluster),
                          Source("secret", kube::InstanceCertName(instance),
                                 {{"pgbackrest-server.crt", pgbackrest::kServerCertificateFile},
                                  {"pgbackrest-server.key", pgbackrest::kServerKeyFile}})});
  AddTheirs(cluster, out);
  return out;
}

Json BackrestVolumeOfHost(const ClusterView& cluster) {
  Json out =
      Projected(kVolume, {Files(cluster, pgbackrest::kRepoKey, true), Client(cluster),
                          Source("secret", kube::BackrestName(cluster.key.name),
                                 {{"pgbackrest-repo-host.crt", pgbackrest::kServerCertificateFile},
                                  {"pgbackrest-repo-host.key", pgbackrest::kServerKeyFile}})});
  AddTheirs(cluster, out);
  return out;
}

Json BackrestVolumeOfJob(const ClusterView& cluster) {
  Json out = Projected(kVolume, {Files(cluster, pgbackrest::kCloudKey, false), Client(cluster)});
  AddTheirs(cluster, out);
  return out;
}

Json BackrestVolumeOfSource(const ClusterView& cluster) {
  const std::string& source = cluster.spec().source.cluster;
  Json out = Projected("source", {Source("configMap", kube::BackrestConfigName(source),
                                         {{pgbackrest::kInstanceKey, "source.conf"}}),
                                  Source("secret", kube::BackrestName(source),
                                         {{"pgbackrest.ca-roots", "tls-ca.crt"},
                                          {"pgbackrest-client.crt", "client-tls.crt"},
                                          {"pgbackrest-client.key", "client-tls.key"}})});
  for (Json& part : out["projected"]["sources"]) part.begin().value()["optional"] = true;
  return out;
}

void MountBackrest(Json& container) {
  Mount(container, kVolume, pgbackrest::kConfigDirectory, true);
}

}  // namespace pgo::cluster
