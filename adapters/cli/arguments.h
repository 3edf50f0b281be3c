// What was asked for on the command line, as values. Parsing is total and does nothing else.
//
// Library: CLI11, behind the .cc.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

namespace pgo::cli {

// Options of every verb.
struct Common {
  std::string kubeconfig, context;  // --kubeconfig, --context
  std::string ns;                   // -n; "" is the context's, else PGO_NAMESPACE
  std::string output;               // -o: "", "json", "yaml", "table", "wide"
  std::string apiserver_url;        // --apiserver-url: of the operator
  std::string config;               // --config: file that names the operator, see operator_client.h
  std::string operator_ns;          // --operator-namespace: where its Lease is
  bool no_pager = false;            // --no-pager
};

struct CreateCluster {
  std::string name;
  std::int64_t replica_count = 0;  // besides the primary
  std::string database, username;
  bool sync_replication = false;
  std::string pvc_size = "1Gi", storage_class;
  std::int64_t pg_version = 17;
  std::string ccp_image_tag;  // of 4.7; only its major version is used
  std::string image;
  std::string cpu, memory, cpu_limit, memory_limit;
  std::vector<std::string> labels;  // key=value
  // With a repository of backups on a volume: its size, or the store's type ("posix").
  std::string backup_size, backup_storage;
  // Begin as a copy of this cluster's backups, with these options of pgbackrest restore.
  std::string restore_from, restore_namespace, restore_repository = "repo1", restore_options;
  bool wait = true;
  std::int64_t timeout_s = 300;
  bool dry_run = false;
};

struct ShowCluster {
  std::vector<std::string> names;
  std::string selector;
  bool all = false;
};

// Clusters by name, by label, or all of the namespace.
struct Selected {
  std::vector<std::string> names;
  std::string selector;
  bool all = false;
};

struct TestCluster : Selected {};

struct ShowStatus {};

struct Df : Selected {};

struct ShowUser : Selected {
  bool show_system_accounts = false;
  bool show_passwords = false;
  std::int64_t expired = -1;  // only those that expire within so many days; -1: all
};

struct AddLabel : Selected {
  std::vector<std::string> labels;  // key=value
  bool dry_run = false;
};

struct DeleteLabel : Selected {
  std::vector<std::string> labels;  // key, or key=value
  bool dry_run = false;
};

struct DeleteCluster {
  std::vector<std::string> names;
  std::string selector;
  bool all = false;
  bool no_prompt = false;
  bool keep_data = false, keep_backups = false;
  bool delete_data = false, delete_backups = false;  // of older lines; it is what happens anyway
  bool wait = true;
  std::int64_t timeout_s = 300;
};

struct Failover {
  std::string cluster;
  bool query = false;
  std::string target;  // instance or pod
  bool force = false;  // of 4.7; Patroni's type Failover
  bool no_prompt = false;
  bool wait = true;
  std::int64_t timeout_s = 120;
};

struct Scale {
  std::vector<std::string> clusters;
  std::int64_t replica_count = 1;  // more than there are
  std::string instance_set;        // "": the only one
  // of 4.7, for each replica: refused with what replaces them
  std::string storage_config, service_type, node_label, node_affinity, toleration, ccp_image_tag;
  bool no_prompt = false;
  bool wait = true;
  std::int64_t timeout_s = 300;
};

struct ScaleDown {
  std::string cluster;
  bool query = false;
  std::string target;        // instance or pod; "": the operator chooses
  std::string instance_set;  // of which set, without a target; "": the only one
  bool keep_data = false;
  bool no_prompt = false;
  bool wait = true;
  std::int64_t timeout_s = 300;
};

struct Restart {
  std::string cluster;
  bool query = false;
  std::vector<std::string> targets;  // instances or pods; empty: all
  bool rolling = false;
  bool no_prompt = false;
  bool wait = true;
  std::int64_t timeout_s = 600;
};

struct Reload {
  std::vector<std::string> names;
  std::string selector;
  bool all = false;
  bool no_prompt = false;
  bool wait = true;
  std::int64_t timeout_s = 60;
};

// Exactly one of the four.
struct UpdateCluster {
  std::vector<std::string> names;
  std::string selector;
  bool all = false;
  bool shutdown = false, startup = false, pause = false, resume = false;
  bool no_prompt = false;
  bool wait = true;
  std::int64_t timeout_s = 300;
};

// A backup by pgBackRest, now.
struct TakeBackup {
  std::vector<std::string> names;
  std::string selector;
  bool all = false;
  std::string backup_type = "pgbackrest";
  std::string options;       // --backup-opts: of `pgbackrest backup`, as a shell would take them
  std::string storage_type;  // --pgbackrest-storage-type: "posix", "s3", "gcs", "azure"; "" any
  std::string repository;    // --repo-name: "repo1"; "": manual.repoName, else the first
  bool wait = true;
  std::int64_t timeout_s = 3600;
};

struct RestoreCluster {
  std::string cluster;
  std::string backup_type = "pgbackrest";
  std::string options;      // --backup-opts: of `pgbackrest restore`
  std::string pitr_target;  // --pitr-target: a moment, unless the options say another type
  std::string storage_type, repository;  // as of TakeBackup; "": restore.repoName, else the first
  bool no_safety = false;                // go on without the newest WAL in the repository
  bool cancel = false;
  bool no_prompt = false;
  bool wait = true;
  std::int64_t timeout_s = 7200;
};

struct ShowBackup : Selected {
  std::string repository;  // --repo-name; "": all
};

// One schedule for each cluster, of one repository and type.
struct CreateSchedule : Selected {
  std::string schedule;  // as cron writes it, UTC
  std::string schedule_type = "pgbackrest";
  std::string backup_type;  // "full", "diff", "incr"
  std::string repository;   // "": the first
};

struct ShowSchedule : Selected {
  std::string schedule_name;  // "repo1-full"; "": all
};

struct DeleteSchedule : Selected {
  std::string schedule_name;
  bool no_prompt = false;
};

struct ApplyFiles {
  std::vector<std::string> files;  // "-" is standard input
  bool dry_run = false;            // the server checks, nothing is stored
  bool force_conflicts = false;
  bool wait = true;  // until definitions are served
  std::int64_t timeout_s = 30;
};

struct Version {
  bool client = false;
};

// Where the records come from: a bundle file, or the operator if it is "".
struct Why {
  std::string cluster, bundle;
  std::string at;  // a time or #seq: the change of primary under way then, or the last before
  std::int64_t last = 0;  // how many, newest first; 0: the latest change from one pod to another
};

struct History {
  std::string cluster, bundle;
  std::vector<std::string> kinds;
  std::string since, until;
  std::int64_t last = 0;  // 0: all
};

// A moment: a time, "now", or the number of a record.
struct ShowState {
  std::string cluster, bundle;
  std::string at;  // "": now, or the end of the bundle
};

struct Diff {
  std::string cluster, bundle;
  std::string from, to;  // `to` "": as above
};

// Who set a field.
struct BlameCluster {
  std::string cluster, bundle;
  std::string field;  // "": all
  std::string at;
};

struct Replay {
  std::string bundle;
  bool verify = false;
  std::string which;                  // cluster to step through; "": the only one
  bool interactive = false;           // commands from standard input
  std::vector<std::string> commands;  // these, and no others
};

struct Rehearse {
  std::string bundle;
  std::string with;                   // another build; "": this one
  std::vector<std::string> settings;  // FIELD=VALUE
  std::string from, to;
  bool all = false;
};

struct Report {
  std::string cluster, bundle;
  std::string file;
  bool force = false;  // replace the file
};

struct VerifyFile {
  std::string bundle;  // "": all that the operator has
  std::string anchor;  // "lease", or ID/EPOCH/SEQ/CHAIN; "": none
};

struct ShowJournal {};

struct IncidentExport {
  std::string cluster, since, until, file;
  bool only_cluster = false;  // others' records as hashes: smaller, but cannot be replayed
};

struct Completion {
  std::string shell;  // "bash", "zsh", "fish"
};

// What a shell asks: what could stand for the last of these words.
struct Complete {
  std::vector<std::string> words;
};

using Command = std::variant<CreateCluster, ShowCluster, TestCluster, ShowStatus, Df, ShowUser,
                             AddLabel, DeleteLabel, DeleteCluster, Failover, Scale, ScaleDown,
                             Restart, Reload, UpdateCluster, TakeBackup, RestoreCluster, ShowBackup,
                             CreateSchedule, ShowSchedule, DeleteSchedule, ApplyFiles, Version, Why,
                             History, ShowState, Diff, BlameCluster, Replay, Rehearse, Report,
                             VerifyFile, ShowJournal, IncidentExport, Completion, Complete>;

struct Arguments {
  Common common;
  Command command;
};

// Nothing to do but to print this and end with this status: help (0) or a wrong use (2).
struct Ending {
  int status = 0;
  std::string text;
};

// `program` is how messages call it: "pgo" or "kubectl pgo".
tl::expected<Arguments, Ending> ParseArguments(const std::string& program,
                                               const std::vector<std::string>& arguments);

// One line per verb, of those that --help shows.
struct VerbWords {
  std::string path;  // "create cluster"
  std::string about;
  std::vector<std::string> options;  // "--replica-count"
};
std::vector<VerbWords> Verbs();

}  // namespace pgo::cli
