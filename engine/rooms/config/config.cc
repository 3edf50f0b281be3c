#include "engine/rooms/config/config.h"

#include "engine/base/digest.h"
#include "engine/cluster/backrest_pods.h"
#include "engine/cluster/metadata.h"
#include "engine/cluster/roster.h"
#include "engine/cluster/wal_volume.h"
#include "engine/kube/names.h"
#include "engine/patroni/config.h"
#include "engine/pgbackrest/config.h"

namespace pgo::rooms::config {
namespace {

using cluster::ClusterView;

// Once the first repository has the backup that replicas are made of.
// After a restore in place: the backup that was taken since.
std::string ReplicaCommand(const ClusterView& cluster, const std::string& wal) {
  if (cluster.restore.NeedsBackup()) return "";
  const auto& first = cluster.spec().backups.repositories.front();
  for (const Json& repo : GetArray(cluster.subject->object, {"status", "pgbackrest", "repos"})) {
    if (GetString(repo, {"name"}) == first.name && GetBool(repo, {"replicaCreateBackupComplete"})) {
      return pgbackrest::ReplicaCommand(first.Number(), wal);
    }
  }
  return "";
}

patroni::Settings SettingsOf(const ClusterView& cluster, cluster::WalPlace place) {
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
  s.wal_directory = cluster::WalDirectoryOf(spec.postgres_version, place);
  if (const auto from = cluster::CloneFrom(cluster)) {
    s.bootstrap_command = pgbackrest::CloneCommand(*from, spec.postgres_version, s.wal_directory);
  }
  if (spec.backups.any) {
    s.archive_command = pgbackrest::ArchiveCommand();
    s.restore_command = pgbackrest::RestoreCommand();
    s.create_replica_command = ReplicaCommand(cluster, s.wal_directory);
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

std::set<std::string> UnmountedWal(const ClusterView& cluster) {
  std::set<std::string> out;
  for (const auto& member : cluster::Roster(cluster)) {
    if (!member.set->wal_claim.is_object() || member.instance == nullptr) continue;
    const auto& pod = member.instance->pod;
    if (pod && !cluster::MountsClaim(*pod->subject, kube::InstanceWalName(member.name))) {
      out.insert(member.name);
    }
  }
  return out;
}

Plan PlanConfig(const ClusterView& cluster, const std::set<std::string>& unmounted) {
  Plan plan;
  if (cluster.deleting) return plan;
  using cluster::WalPlace;
  const auto settings = SettingsOf(cluster, WalPlace::kData);
  Json common =
      ConfigMap(cluster, kube::ClusterConfigName(cluster.key.name), patroni::ClusterYaml(settings));
  const auto& source = cluster.spec().source;
  if (source.in_bucket && source.repository.size() == 5) {
    Put(common, {"data", cluster::kBucketKey},
        pgbackrest::BucketConf(cluster::Plain(source.bucket), source.global));
  }
  plan.Want(std::move(common), "Patroni's configuration, common part");
  for (const auto& member : cluster::Roster(cluster)) {
    const bool on_volume = member.set->wal_claim.is_object() && !unmounted.contains(member.name);
    const auto own = on_volume ? SettingsOf(cluster, WalPlace::kVolume) : settings;
    plan.Want(ConfigMap(cluster, kube::InstanceConfigName(member.name), patroni::InstanceYaml(own),
                        {{kube::kLabelInstanceSet, member.set->name},
                         {kube::kLabelInstance, member.name}}),
              "Patroni's configuration of one instance");
  }
  Reconfigure(cluster, settings, plan);
  return plan;
}

}  // namespace pgo::rooms::config
