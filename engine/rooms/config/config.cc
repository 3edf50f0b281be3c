#include "engine/rooms/config/config.h"

#include "engine/base/digest.h"
#include "engine/cluster/backrest_pods.h"
#include "engine/cluster/metadata.h"
#include "engine/cluster/roster.h"
#include "engine/kube/names.h"
#include "engine/patroni/config.h"
#include "engine/pgbackrest/config.h"

namespace pgo::rooms::config {
namespace {

using cluster::ClusterView;

// Once the first repository has the backup that replicas are made of.
// After a restore in place: the backup that was taken since.
std::string ReplicaCommand(const ClusterView& cluster) {
  if (cluster.restore.NeedsBackup()) return "";
  const auto& first = cluster.spec().backups.repositories.front();
  for (const Json& repo : GetArray(cluster.subject->object, {"status", "pgbackrest", "repos"})) {
    if (GetString(repo, {"name"}) == first.name && GetBool(repo, {"replicaCreateBackupComplete"})) {
      return pgbackrest::ReplicaCommand(first.Number(), cluster.spec().postgres_version);
    }
  }
  return "";
}

patroni::Settings SettingsOf(const ClusterView& cluster) {
  const auto& spec = cluster.spec();
  patroni::Settings s;
  s.ns = cluster.key.ns;
  s.cluster = cluster.key.name;
  s.postgres_version = spec.postgres_version;
  s.ttl_s = spec.patroni.lease_duration_s;
  s.loop_wait_s = spec.patroni.sync_period_s;
  s.dynamic = spec.patroni.dynamic_configuration;
  s.parameters = spec.config_parameters;
  s.rules = spec.hba_rules;
  if (const auto from = cluster::CloneFrom(cluster)) {
    s.bootstrap_command = pgbackrest::CloneCommand(*from, spec.postgres_version);
  }
  if (spec.backups.any) {
    s.archive_command = pgbackrest::ArchiveCommand();
    s.restore_command = pgbackrest::RestoreCommand();
    s.create_replica_command = ReplicaCommand(cluster);
  }
  return s;
}

Json ConfigMap(const ClusterView& cluster, const std::string& name, const std::string& file,
               std::initializer_list<cluster::Label> labels = {}) {
  Json out = cluster::NewObject(cluster, "ConfigMap", name, labels);
  Put(out, {"data", "patroni.yaml"}, file);
  return out;
}

// Once a cluster lives, its settings are Patroni's `config` annotation; members notice a change of
// it at once (Patroni's files give only what a new cluster begins with).
void Reconfigure(const ClusterView& cluster, const patroni::Settings& settings, Plan& plan) {
  const auto* live = cluster.dcs_config;
  if (live == nullptr || !cluster.bootstrapped) return;
  const auto current = ParseJson(GetString(live->object, {"metadata", "annotations", "config"}));
  if (!current || !current->is_object()) return;  // still being written by the first member
  const Json wanted = patroni::DynamicConfigurationOver(settings, *current);
  if (wanted == *current) return;
  const std::string text = DumpJson(wanted);
  Proposal p;
  p.reason = Reason::kChanged;
  p.sentence = "the manifest asks for other settings than Patroni has: change them";
  p.causes = {cluster.subject->seq.value(), live->seq.value()};
  p.goal = "dynamic/" + live->uid + "/" + Sha256Hex(text).substr(0, 16);
  Patch patch{live->ref, live->uid, live->rv, "", Json::object()};
  Put(patch.patch, {"metadata", "annotations", "config"}, text);
  p.command = std::move(patch);
  plan.Do(std::move(p));
}

}  // namespace

Plan PlanConfig(const ClusterView& cluster) {
  Plan plan;
  if (cluster.deleting) return plan;
  const auto settings = SettingsOf(cluster);
  Json common =
      ConfigMap(cluster, kube::ClusterConfigName(cluster.key.name), patroni::ClusterYaml(settings));
  const auto& source = cluster.spec().source;
  if (source.in_bucket && source.repository.size() == 5) {
    Put(common, {"data", cluster::kBucketKey},
        pgbackrest::BucketConf(cluster::Plain(source.bucket), source.global));
  }
  plan.Want(std::move(common), "Patroni's configuration, common part");
  for (const auto& member : cluster::Roster(cluster)) {
    plan.Want(
        ConfigMap(
            cluster, kube::InstanceConfigName(member.name), patroni::InstanceYaml(settings),
            {{kube::kLabelInstanceSet, member.set->name}, {kube::kLabelInstance, member.name}}),
        "Patroni's configuration of one instance");
  }
  Reconfigure(cluster, settings, plan);
  return plan;
}

}  // namespace pgo::rooms::config
