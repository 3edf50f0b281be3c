#include "adapters/cli/manifest.h"

#include <algorithm>
#include <optional>

#include "adapters/cli/refusal.h"
#include "engine/cluster/spec.h"

namespace pgo::cli {
namespace {

tl::unexpected<Error> Wrong(const std::string& option, const std::string& value,
                            const std::string& rule, const std::string& mend) {
  return Fail(Code::kInvalid, option + ": \"" + value + "\": " + rule + "; " + mend);
}

// The major version in a 4.7 image tag: "centos8-13.5-4.7.4" or "13.5-4.7.4".
std::optional<std::int64_t> MajorOf(const std::string& tag) {
  std::size_t at = 0;
  while (at < tag.size()) {
    const std::size_t end = std::min(tag.find('-', at), tag.size());
    const std::string part = tag.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part.front() < '0' || part.front() > '9') continue;
    const std::string major = part.substr(0, part.find('.'));
    if (major.size() == 2 && major.find_first_not_of("0123456789") == std::string::npos) {
      return (major[0] - '0') * 10 + (major[1] - '0');
    }
  }
  return std::nullopt;
}

bool IsDnsLabel(const std::string& name) {
  return !name.empty() && name.size() <= 63 && name.front() >= 'a' && name.front() <= 'z' &&
         name.back() != '-' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

Status AddLabels(const CreateCluster& o, Json& manifest) {
  for (const std::string& label : o.labels) {
    const auto equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Wrong("--label", label, "must be key=value", "write it as team=a");
    }
    const std::string key = label.substr(0, equals);
    const std::string value = label.substr(equals + 1);
    Put(manifest, {"metadata", "labels", key}, value);
    Put(manifest, {"spec", "metadata", "labels", key}, value);
  }
  return {};
}

Json InstanceSet(const CreateCluster& o) {
  Json set = Json::object();
  set["name"] = "00";
  set["replicas"] = o.replica_count + 1;
  Json& claim = set["dataVolumeClaimSpec"];
  claim["accessModes"] = Json::array({"ReadWriteOnce"});
  Put(claim, {"resources", "requests", "storage"}, o.pvc_size);
  if (!o.storage_class.empty()) claim["storageClassName"] = o.storage_class;
  if (!o.cpu.empty()) Put(set, {"resources", "requests", "cpu"}, o.cpu);
  if (!o.memory.empty()) Put(set, {"resources", "requests", "memory"}, o.memory);
  if (!o.cpu_limit.empty()) Put(set, {"resources", "limits", "cpu"}, o.cpu_limit);
  if (!o.memory_limit.empty()) Put(set, {"resources", "limits", "memory"}, o.memory_limit);
  return set;
}

// A repository on a volume, if one is asked for.
Status AddBackups(const CreateCluster& o, Json& spec) {
  if (!o.backup_storage.empty() && o.backup_storage != "posix") {
    return Wrong("--pgbackrest-storage-type", o.backup_storage, "must be posix",
                 "write a manifest for a store in the cloud (docs/capabilities/backup.md) and "
                 "`pgo apply` it");
  }
  if (o.backup_size.empty() && o.backup_storage.empty()) return {};
  Json repo = Json::object();
  repo["name"] = "repo1";
  Json claim = Json::object();
  claim["accessModes"] = Json::array({"ReadWriteOnce"});
  Put(claim, {"resources", "requests", "storage"}, o.backup_size.empty() ? "1Gi" : o.backup_size);
  if (!o.storage_class.empty()) claim["storageClassName"] = o.storage_class;
  Put(repo, {"volume", "volumeClaimSpec"}, std::move(claim));
  Put(spec, {"backups", "pgbackrest", "repos"}, Json::array({std::move(repo)}));
  return {};
}

void AddSource(const CreateCluster& o, Json& spec) {
  if (o.restore_from.empty()) return;
  Json source = Json::object();
  source["clusterName"] = o.restore_from;
  source["repoName"] = o.restore_repository;
  if (!o.restore_namespace.empty()) source["clusterNamespace"] = o.restore_namespace;
  if (!o.restore_options.empty()) source["options"] = Json::array({o.restore_options});
  Put(spec, {"dataSource", "postgresCluster"}, std::move(source));
}

}  // namespace

Result<Json> ManifestOf(const CreateCluster& o, const std::string& ns) {
  if (!IsDnsLabel(o.name)) {
    return Wrong("NAME", o.name,
                 "must be lower-case letters, digits and '-', starting with a letter",
                 "choose a name such as hippo");
  }
  std::int64_t version = o.pg_version;
  if (!o.ccp_image_tag.empty()) {
    const auto major = MajorOf(o.ccp_image_tag);
    if (!major) {
      return Wrong("--ccp-image-tag", o.ccp_image_tag, "must hold a PostgreSQL version",
                   "write it as centos8-13.5-4.7.4, or use --pg-version=17");
    }
    version = *major;
  }
  Json manifest = Json::object();
  manifest["apiVersion"] = "postgres-operator.crunchydata.com/v1beta1";
  manifest["kind"] = "PostgresCluster";
  manifest["metadata"]["name"] = o.name;
  manifest["metadata"]["namespace"] = ns;
  if (auto labels = AddLabels(o, manifest); !labels) return Fail(labels.error());
  Json& spec = manifest["spec"];
  spec["postgresVersion"] = version;
  if (!o.image.empty()) spec["image"] = o.image;
  spec["instances"] = Json::array({InstanceSet(o)});
  if (!o.username.empty() || !o.database.empty()) {
    Json user = Json::object();
    user["name"] = o.username.empty() ? o.name : o.username;
    user["databases"] = Json::array({o.database.empty() ? o.name : o.database});
    spec["users"] = Json::array({std::move(user)});
  }
  if (o.sync_replication) {
    Put(spec, {"patroni", "dynamicConfiguration", "synchronous_mode"}, true);
  }
  if (auto backups = AddBackups(o, spec); !backups) return Fail(backups.error());
  AddSource(o, spec);
  const auto problems = cluster::ValidateCluster(manifest);
  if (!problems.empty()) return Fail(Code::kInvalid, RefusalText("cluster " + o.name, problems));
  return manifest;
}

}  // namespace pgo::cli
