// One cluster as the rooms see it: a pure projection of the world, made anew whenever the cluster
// is decided on, never stored. Pointers go into the World it was made from and live as long as that
// is unchanged. Field comments name where each fact comes from; what Patroni writes was checked
// against Patroni 4.0.7.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/cluster/spec.h"
#include "engine/cluster/world.h"

namespace pgo::cluster {

// What a member says of itself: annotation `status` of its pod, written by Patroni each loop_wait.
struct MemberStatus {
  std::string state;    // "running", "starting", "stopped", "streaming", "in archive recovery", …
  std::string role;     // "primary", "replica", "demoted", "standby_leader", …
  std::string version;  // Patroni's, "4.0.7"
  Lsn lsn;              // xlog_location
  Timeline timeline;
  std::string replication_state;  // "streaming", …
  bool pending_restart = false;
};

struct NodeView {
  std::string name;
  bool known = false;           // a Node object exists
  bool ready = false;           // condition Ready
  bool out_of_service = false;  // taint node.kubernetes.io/out-of-service
  Seq seq;
};

struct PodView {
  const Subject* subject = nullptr;
  std::string name, uid, node, ip;
  bool deleting = false;
  bool terminal = false;          // phase Succeeded or Failed
  bool ready = false;             // condition Ready
  std::string role;               // label role: "master", "replica" or ""
  bool database_running = false;  // containerStatuses[database].state.running
  // When the database container last ended: state.terminated.finishedAt, or lastState's if it runs
  // again; wall time of the node, whole seconds.
  std::optional<std::int64_t> database_finished_us;
  std::string database_exit;  // "exit 137 (OOMKilled)" of that termination
  std::int64_t restarts = 0;
  std::optional<MemberStatus> member;
  // What init container postgres-startup left as its last word, and when it ended (wall time).
  std::string startup_message;
  std::optional<std::int64_t> startup_finished_us;
};

// Values of kLeaving and kScaleDownData.
inline constexpr std::string_view kDataKept = "Keep";
inline constexpr std::string_view kDataDeleted = "Delete";

struct InstanceView {
  std::string name, set;
  const Subject* stateful_set = nullptr;
  const Subject* claim = nullptr;      // the PVC i-pgdata
  const Subject* wal_claim = nullptr;  // the PVC i-pgwal, if it has one
  std::optional<PodView> pod;
  std::optional<NodeView> node;  // of the pod
  bool leaving = false;          // it is being removed: its StatefulSet carries kLeaving
  bool keeps_data = false;       // and its volumes stay
};

// The leader lock: annotations of Endpoints c-ha.
struct LockView {
  const Subject* subject = nullptr;      // null: it does not exist
  std::string leader;                    // member (= pod) name; "" when released
  std::string renew_time;                // as written
  std::optional<std::int64_t> renew_us;  // wall time of the leader's node
  Lsn optime;
  std::int64_t ttl_s = 30;
  std::int64_t transitions = 0;
  bool failsafe = false;
};

// Synchronous replication as published: annotations of Endpoints c-ha-sync.
struct SyncView {
  const Subject* subject = nullptr;
  std::string leader;
  std::vector<std::string> standbys;
};

// A manifest that was read: what is asked for, without what the API server and the operator write
// beside it.
struct Manifest {
  Json object;  // the PostgresCluster without status, resourceVersion and managedFields
  ParsedSpec parsed;
};

// The place of a restore in place: ConfigMap c-intent, which a successor reads (fields of its
// `data` are named after the members). Room restores alone writes it.
enum class RestoreStep : std::uint8_t {
  kNone,        // none was begun
  kStopping,    // the instances stop, the primary last
  kClearing,    // Patroni's state goes
  kRestoring,   // the job overwrites the volume of `instance`: no way back from here on
  kStarting,    // `instance` starts alone
  kRebuilding,  // the others are emptied and made anew of it
  kDone,
  kFailed,     // everything is stopped
  kCancelled,  // before anything was overwritten
};
struct RestoreView {
  const Subject* subject = nullptr;  // the ConfigMap
  RestoreStep step = RestoreStep::kNone;
  std::string id;          // value of annotation pgbackrest-restore
  std::string instance;    // whose volume is restored
  std::string repository;  // "repo1"
  std::vector<std::string> options;
  std::vector<std::string> others;   // instances with data of before
  std::vector<std::string> cleared;  // those of them that are empty now
  bool cancelled = false;            // `instance` starts with what it had
  bool safe = true;                  // everything of before is in the archive
  std::string undo;                  // options that bring back what it was before
  std::string backup;                // "Complete": a full backup was taken since
  std::string message;               // of the end
  std::string began;                 // RFC 3339

  // It is neither at its end nor not begun.
  [[nodiscard]] bool UnderWay() const;
  // No instance serves because of it.
  [[nodiscard]] bool Stops() const;
  // Backups of before lie on a branch of history that replicas cannot be made of.
  [[nodiscard]] bool NeedsBackup() const;
  // What the first backup after it is for.
  [[nodiscard]] std::string BackupId() const { return "replica-create/" + id; }
};

struct ClusterView {
  ClusterKey key;
  const Subject* subject = nullptr;  // the PostgresCluster; null if it is gone
  std::string uid;
  std::int64_t generation = 0;
  bool deleting = false;         // metadata.deletionTimestamp is set
  std::string startup_instance;  // status.startupInstance: led last before a shutdown; "" if none
  std::shared_ptr<const Manifest> manifest;       // null while it was not observed
  std::map<std::string, InstanceView> instances;  // by name
  LockView lock;
  SyncView sync;
  const Subject* failover_key = nullptr;  // Endpoints c-ha-failover
  const Subject* dcs_config = nullptr;    // Endpoints c-ha-config
  bool bootstrapped = false;              // c-ha-config carries `initialize`
  std::string system_identifier;
  RestoreView restore;
  // Of the cluster that spec.dataSource.postgresCluster names, in the same namespace; null while it
  // is not observed.
  std::shared_ptr<const Manifest> source;
  std::map<std::string, NodeView> nodes;              // all nodes, by name
  std::map<kube::ObjectRef, const Subject*> objects;  // all that belongs to it
  bool complete = false;  // every kind that all need was listed since the start: absence is proof
  bool jobs_complete = false;  // and Jobs

  const ParsedSpec& parsed() const;  // .spec is what to decide on
  const Spec& spec() const { return parsed().spec; }
  // The newest observation of an object of this cluster, or null.
  const Subject* Find(std::string_view kind, std::string_view name) const;
  const NodeView* FindNode(std::string_view name) const;
  // The instance that holds the lock and is out of recovery: role label, member state and lock
  // agree.
  const InstanceView* Primary() const;
  // Whether a restore in place lets this instance run.
  bool MayRun(const std::string& instance) const;
  // The instance whose pod has this name.
  const InstanceView* ByPod(std::string_view pod) const;
};

// What was read for the last projection of one cluster and need not be read again while the objects
// are the same. Never part of the state: without it a projection is the same, only slower.
class Readings {
 public:
  std::shared_ptr<const Manifest> ManifestOf(const Subject& subject);
  // Of the cluster that this one begins as a copy of.
  std::shared_ptr<const Manifest> SourceOf(const Subject& subject);
  const PodView& PodOf(const Subject& subject);

 private:
  struct Read {
    kube::ObjectRef ref;
    Seq seq;
    std::shared_ptr<const Manifest> manifest;
  };
  static std::shared_ptr<const Manifest> Of(const Subject& subject, Read& last);

  struct Pod {
    Seq seq;
    PodView view;
  };
  Read own_, source_;
  std::map<std::string, Pod, std::less<>> pods_;  // by name
};

// The ConfigMap's word for it: "Stopping".
std::string_view RestoreStepWord(RestoreStep step);
// Reads view.restore out of view.objects (restore_place.cc).
void ReadRestore(ClusterView& view);

ClusterView Project(const World& world, const ClusterKey& key);
ClusterView Project(const World& world, const ClusterKey& key, Readings& readings);

}  // namespace pgo::cluster
