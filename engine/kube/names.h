// Every object name, label and annotation is made here and nowhere else. They are the contract with
// users' manifests and tools (PGO v6), so they are permanent. Limits: a label value has at most 63
// characters; a StatefulSet's pods add "-0" and a revision hash, so cluster + set ≤ 46.
#pragma once

#include <string>
#include <string_view>

namespace pgo::kube {

inline constexpr std::string_view kPrefix = "postgres-operator.crunchydata.com/";

#define PGO_NAME(Constant, word) \
  inline constexpr std::string_view Constant = "postgres-operator.crunchydata.com/" word

// labels
PGO_NAME(kLabelCluster, "cluster");
PGO_NAME(kLabelInstance, "instance");
PGO_NAME(kLabelInstanceSet, "instance-set");
PGO_NAME(kLabelRole, "role");
PGO_NAME(kLabelPatroni, "patroni");
PGO_NAME(kLabelData, "data");
PGO_NAME(kLabelUser, "pguser");
PGO_NAME(kLabelCertificate, "cluster-certificate");
PGO_NAME(kLabelBackrest, "pgbackrest");  // markers of pgBackRest's objects
PGO_NAME(kLabelBackrestConfig, "pgbackrest-config");
PGO_NAME(kLabelRepoHost, "pgbackrest-dedicated");
PGO_NAME(kLabelRepo, "pgbackrest-repo");
PGO_NAME(kLabelRepoVolume, "pgbackrest-volume");
PGO_NAME(kLabelBackup, "pgbackrest-backup");  // of a Job: manual, replica-create, scheduled
PGO_NAME(kLabelBackupSchedule, "pgbackrest-cronjob");  // of a Job: full, diff, incr
PGO_NAME(kLabelRestore, "pgbackrest-restore");  // of a Job and its pods: they restore in place
// annotations on objects of ours
PGO_NAME(kRestoreId, "restore-id");     // of such a Job and its pods: which restore they are of
PGO_NAME(kBackupId, "backup-id");       // of a Job: what it is for; the same in the backup itself
PGO_NAME(kBackupSlot, "backup-slot");   // of a Job: the moment its schedule names, RFC 3339
PGO_NAME(kRecipeAnnotation, "recipe");  // digest of the recipe that filled a Secret
PGO_NAME(kNotAfterAnnotation, "not-after");  // earliest end of a certificate in a Secret
PGO_NAME(kTriggerSwitchover, "trigger-switchover");
// annotations of a PostgresCluster that ask for one operation; taken off when it is done
PGO_NAME(kScaleDownTarget, "scale-down-target");   // the instance that goes
PGO_NAME(kStartupInstance, "startup-instance");    // who starts first after a shutdown
PGO_NAME(kScaleDownData, "scale-down-data");       // of what goes: "Delete" (default) or "Keep"
PGO_NAME(kRestart, "restart");                     // any new value: restart PostgreSQL
PGO_NAME(kRestartInstances, "restart-instances");  // of these instances alone, with commas
PGO_NAME(kAsked, "asked");                         // on pods: digest of what the user wants of them
PGO_NAME(kRestartRolling, "restart-rolling");      // "true": the primary by switchover
PGO_NAME(kReload, "reload");                       // any new value: reload configuration
PGO_NAME(kBackupAsked, "pgbackrest-backup");       // any new value: backups.pgbackrest.manual
PGO_NAME(kRestoreAsked, "pgbackrest-restore");     // any new value: backups.pgbackrest.restore
// before a restore the newest WAL must be in the repository: "Archive" (default), or not: "None"
PGO_NAME(kRestoreSafety, "pgbackrest-restore-safety");
// annotation of a StatefulSet: its instance is being removed, and its volumes with it ("Delete") or
// not ("Keep")
PGO_NAME(kLeaving, "leaving");
// the finalizer of a PostgresCluster
PGO_NAME(kFinalizer, "finalizer");

#undef PGO_NAME

// values of kLabelRole
inline constexpr std::string_view kRolePrimary = "master";  // as PGO, also with Patroni 4
inline constexpr std::string_view kRoleReplica = "replica";

inline constexpr std::string_view kRootCertificateSecret = "pgo-root-cacert";  // one per namespace
inline constexpr std::string_view kOutOfServiceTaint = "node.kubernetes.io/out-of-service";

// c = cluster, i = instance ("c-set-xxxx"), u = user
inline std::string LeaderName(std::string_view c) { return std::string(c) + "-ha"; }
inline std::string DcsConfigName(std::string_view c) { return std::string(c) + "-ha-config"; }
inline std::string SyncName(std::string_view c) { return std::string(c) + "-ha-sync"; }
inline std::string FailoverName(std::string_view c) { return std::string(c) + "-ha-failover"; }
inline std::string PatroniScope(std::string_view c) { return std::string(c) + "-ha"; }
inline std::string PrimaryServiceName(std::string_view c) { return std::string(c) + "-primary"; }
inline std::string ReplicaServiceName(std::string_view c) { return std::string(c) + "-replicas"; }
inline std::string PodServiceName(std::string_view c) { return std::string(c) + "-pods"; }
inline std::string ClusterConfigName(std::string_view c) { return std::string(c) + "-config"; }
inline std::string InstanceRbacName(std::string_view c) { return std::string(c) + "-instance"; }
inline std::string IntentName(std::string_view c) { return std::string(c) + "-intent"; }
inline std::string ClusterCertName(std::string_view c) { return std::string(c) + "-cluster-cert"; }
inline std::string ReplicationCertName(std::string_view c) {
  return std::string(c) + "-replication-cert";
}
inline std::string UserSecretName(std::string_view c, std::string_view u) {
  return std::string(c) + "-pguser-" + std::string(u);
}
inline std::string InstanceConfigName(std::string_view i) { return std::string(i) + "-config"; }
inline std::string InstanceCertName(std::string_view i) { return std::string(i) + "-certs"; }
inline std::string InstanceDataName(std::string_view i) { return std::string(i) + "-pgdata"; }
inline std::string InstanceWalName(std::string_view i) { return std::string(i) + "-pgwal"; }
inline std::string InstancePodName(std::string_view i) { return std::string(i) + "-0"; }
inline std::string DisruptionBudgetName(std::string_view c, std::string_view set) {
  return std::string(c) + "-set-" + std::string(set);
}

inline std::string RepoHostName(std::string_view c) { return std::string(c) + "-repo-host"; }
inline std::string RepoHostPodName(std::string_view c) { return RepoHostName(c) + "-0"; }
inline std::string RepoVolumeName(std::string_view c, std::string_view repo) {
  return std::string(c) + "-" + std::string(repo);
}
inline std::string BackrestName(std::string_view c) { return std::string(c) + "-pgbackrest"; }
inline std::string BackrestConfigName(std::string_view c) { return BackrestName(c) + "-config"; }
inline std::string RestoreJobName(std::string_view c) {
  return std::string(c) + "-pgbackrest-restore";
}
inline std::string ClearJobName(std::string_view i, std::string_view suffix) {
  return std::string(i) + "-clear-" + std::string(suffix);
}
inline std::string BackupJobName(std::string_view c, std::string_view suffix) {
  return std::string(c) + "-backup-" + std::string(suffix);
}

// containers of an instance pod; the latter two also of the repository host
inline constexpr std::string_view kDatabaseContainer = "database";
inline constexpr std::string_view kCertCopyContainer = "replication-cert-copy";
inline constexpr std::string_view kBackrestContainer = "pgbackrest";
inline constexpr std::string_view kBackrestConfigContainer = "pgbackrest-config";

inline constexpr std::string_view kReplicationUser = "_crunchyrepl";

}  // namespace pgo::kube
