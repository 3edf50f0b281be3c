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

constexpr std::string_view kKeysVolume = "source-keys";

void MakeOptional(Json& volume) {
  for (Json& part : volume["projected"]["sources"]) {
    for (const char* kind : {"secret", "configMap", "clusterTrustBundle"}) {
      if (const auto at = part.find(kind); at != part.end() && at->is_object()) {
        (*at)["optional"] = true;
      }
    }
  }
}

Json VolumeOfSource(const ClusterView& cluster) {
  if (cluster.spec().source.in_bucket) {
    return Projected("source", {Source("configMap", kube::ClusterConfigName(cluster.key.name),
                                       {{kBucketKey, pgbackrest::kSourceFile}})});
  }
  const std::string& source = cluster.spec().source.cluster;
  return Projected("source", {Source("configMap", kube::BackrestConfigName(source),
                                     {{pgbackrest::kInstanceKey, pgbackrest::kSourceFile}}),
                              Source("secret", kube::BackrestName(source),
                                     {{"pgbackrest.ca-roots", "tls-ca.crt"},
                                      {"pgbackrest-client.crt", "client-tls.crt"},
                                      {"pgbackrest-client.key", "client-tls.key"}})});
}

// What pods were made with.
Json LiveKeys(const ClusterView& cluster) {
  for (const auto& [name, instance] : cluster.instances) {
    if (instance.stateful_set == nullptr) continue;
    for (const Json& volume :
         GetArray(instance.stateful_set->object, {"spec", "template", "spec", "volumes"})) {
      if (GetString(volume, {"name"}) != kKeysVolume) continue;
      return GetArray(volume, {"projected", "sources"});
    }
  }
  return Json::array();
}

// Once the copy is made, pods stay as they are, whatever becomes of the source: no instance is to
// start anew for that.
Json SourceKeys(const ClusterView& cluster) {
  const DataSource& source = cluster.spec().source;
  if (source.in_bucket) {
    return source.configuration.is_array() ? source.configuration : Json::array();
  }
  if (cluster.bootstrapped || cluster.source == nullptr) return LiveKeys(cluster);
  const Json& theirs = cluster.source->parsed.spec.backups.configuration;
  return theirs.is_array() ? theirs : Json::array();
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

void AddSource(const ClusterView& cluster, Json& pod, Json& container) {
  if (!cluster.spec().source.any) return;
  Json volume = VolumeOfSource(cluster);
  MakeOptional(volume);
  pod["volumes"].push_back(std::move(volume));
  Mount(container, "source", pgbackrest::kSourceDirectory, true);
  const Json keys = SourceKeys(cluster);
  if (keys.empty()) return;
  Json more = Projected(kKeysVolume, {});
  more["projected"]["sources"] = keys;
  MakeOptional(more);
  pod["volumes"].push_back(std::move(more));
  Mount(container, kKeysVolume, pgbackrest::kSourceKeysDirectory, true);
}

std::optional<pgbackrest::CloneFrom> CloneFrom(const ClusterView& cluster) {
  const DataSource& source = cluster.spec().source;
  if (!source.any || source.repository.size() != 5) return std::nullopt;
  pgbackrest::CloneFrom out;
  out.repository = source.repository.substr(4);
  out.options = source.options;
  if (source.in_bucket) out.stanza = source.stanza;
  const Repository* repo = source.in_bucket ? &source.bucket : nullptr;
  if (cluster.source != nullptr) repo = cluster.source->parsed.spec.backups.Find(source.repository);
  const bool cloud =
      source.in_bucket || (repo != nullptr && repo->store != Repository::Store::kVolume);
  out.on_host = !cloud;
  out.keys = cloud || !SourceKeys(cluster).empty();
  return out;
}

pgbackrest::Repository Plain(const Repository& repo) {
  return {repo.Number(), repo.store == Repository::Store::kVolume, repo.options, repo.Type()};
}

void MountBackrest(Json& container) {
  Mount(container, kVolume, pgbackrest::kConfigDirectory, true);
}

}  // namespace pgo::cluster
