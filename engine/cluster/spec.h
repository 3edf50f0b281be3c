// What a PostgresCluster asks for: the fields that decisions rest on, with their defaults.
// Fragments that are only passed on to Kubernetes (claims, affinity, resources, …) stay JSON as
// written.
//
// Parsing is total: a field of the wrong type keeps its default and is named among the problems,
// one that this version accepts but does not act on among `not_implemented`. Nothing is silently
// ignored.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/json.h"

namespace pgo::cluster {

// Labels and annotations to be put on generated objects, never over our own.
struct Metadata {
  std::map<std::string, std::string> labels, annotations;
  bool operator==(const Metadata&) const = default;
};

// spec.instances[]: instances that are alike. JSON members are null when absent.
struct InstanceSet {
  std::string name;  // never empty: without a name it is its two-digit index, "00"
  std::int64_t replicas = 1;
  Json data_claim;  // dataVolumeClaimSpec: specification of a PersistentVolumeClaim
  Json wal_claim;   // walVolumeClaimSpec
  Json resources;   // of container `database`
  Json affinity, tolerations, topology_spread_constraints;
  Json min_available;  // of the PodDisruptionBudget: number or percentage
  std::string priority_class_name;
  Metadata metadata;
  Json raw;  // the whole set as written
  bool operator==(const InstanceSet&) const = default;
};

// spec.users[]
struct User {
  std::string name;
  std::vector<std::string> databases;
  std::string options;                  // of ALTER ROLE, checked: no `;`, comment or PASSWORD
  std::string password_type = "ASCII";  // or "AlphaNumeric"
  bool operator==(const User&) const = default;
};

// spec.patroni.switchover: what annotation trigger-switchover asks for.
struct Switchover {
  bool enabled = false;
  std::string target_instance;      // "" lets Patroni choose
  std::string type = "Switchover";  // or "Failover"
  bool operator==(const Switchover&) const = default;
};

struct Patroni {
  std::int64_t lease_duration_s = 30;  // leaderLeaseDurationSeconds: Patroni's ttl
  std::int64_t sync_period_s = 10;     // syncPeriodSeconds: Patroni's loop_wait
  std::int64_t port = 8008;
  Json dynamic_configuration;  // object or null
  Switchover switchover;
  bool operator==(const Patroni&) const = default;
};

// spec.backups.pgbackrest.repos[]
struct Repository {
  enum class Store : std::uint8_t { kVolume, kS3, kGcs, kAzure };
  std::string name;  // "repo1" to "repo4"
  Store store = Store::kVolume;
  Json claim;                                    // volume.volumeClaimSpec
  std::map<std::string, std::string> options;    // of a store in the cloud: "s3-bucket", …
  std::map<std::string, std::string> schedules;  // "full", "diff", "incr" → cron
  [[nodiscard]] std::string Number() const { return name.substr(4); }
  [[nodiscard]] std::string Type() const;  // as pgBackRest has it: "posix", "s3", "gcs", "azure"
  bool operator==(const Repository&) const = default;
};

// spec.backups.pgbackrest. JSON members are null when absent.
struct Backups {
  bool any = false;  // without a repository there are no backups
  std::vector<Repository> repositories;
  std::string image;                          // "" means the operator's own
  std::map<std::string, std::string> global;  // without credentials: those are never seen here
  std::vector<std::string> masked;            // names of global options that hold one
  Json configuration;                         // projected sources, array
  std::string manual_repository;              // manual.repoName
  std::vector<std::string> manual_options;
  // restore: what annotation pgbackrest-restore asks for.
  bool restore_enabled = false;
  std::string restore_repository;                  // restore.repoName
  std::string restore_cluster, restore_namespace;  // "": this cluster
  std::vector<std::string> restore_options;
  Json raw;  // the whole section as written
  Metadata metadata;

  [[nodiscard]] const Repository* Find(const std::string& name) const;
  // A pod of its own serves the repositories on volumes.
  [[nodiscard]] bool HasVolume() const;
  bool operator==(const Backups&) const = default;
};

// spec.dataSource: a new cluster begins as a copy of a backup, either another cluster's
// (postgresCluster) or one in a store whose cluster may be gone (pgbackrest).
struct DataSource {
  bool any = false;
  bool both = false;        // both are given; the first is what the rest was read from
  std::string cluster, ns;  // ns "": this cluster's
  std::string repository;   // of that cluster, or of `bucket`: "repo1"
  std::vector<std::string> options;

  bool in_bucket = false;  // pgbackrest; of what follows nothing is set otherwise
  std::string stanza = "db";
  Repository bucket;
  std::map<std::string, std::string> global;  // without credentials: those are never seen here
  std::vector<std::string> masked;            // names of global options that hold one
  Json configuration;                         // projected sources, array or null
  bool operator==(const DataSource&) const = default;
};

struct Spec {
  std::int64_t postgres_version = 0;  // major; 0 is unknown
  std::string image;                  // "" means the operator's own for the version
  std::string image_pull_policy;      // "" leaves it to Kubernetes
  Json image_pull_secrets;            // array or null
  std::int64_t port = 5432;
  std::vector<InstanceSet> instances;
  // Without spec.users there is one user with one database, both named after the cluster; with
  // `users: []` there is none. users_given tells the two apart.
  std::vector<User> users;
  bool users_given = false;
  Metadata metadata;
  Patroni patroni;
  std::map<std::string, std::string> config_parameters;  // config.parameters as text
  Json hba_rules;                                        // authentication.rules: array or null
  Json service, replica_service;                         // object or null
  std::vector<std::int64_t> supplemental_groups;
  bool paused = false;
  bool shutdown = false;
  bool disable_default_pod_scheduling = false;

  // Read from patroni.dynamicConfiguration.
  bool synchronous_mode = false;  // also "quorum"
  bool synchronous_mode_strict = false;
  std::uint64_t maximum_lag_on_failover = 1'048'576;  // bytes; Patroni's own default
  // failover.async: a stopped asynchronous primary may first come back in place (InPlaceFirst), or
  // the most advanced replica is promoted at once (Fastest).
  bool failover_fastest = false;
  Backups backups;
  DataSource source;

  bool operator==(const Spec&) const = default;
};

// One broken rule. Text():
//   spec.instances[0].replicas: -1: must be at least 1; set it to 1 or more
struct FieldProblem {
  std::string field;  // "spec.instances[0].replicas"
  std::string value;  // as JSON, shortened; "" when the field is absent
  std::string rule;   // what must hold
  std::string mend;   // what to do
  [[nodiscard]] std::string Text() const;
  bool operator==(const FieldProblem&) const = default;
};

struct ParsedSpec {
  Spec spec;
  std::vector<FieldProblem> problems;  // of ValidateCluster, as if the object were new
  // Paths that are present but not acted on, sorted, each the highest such: "spec.backups",
  // "spec.instances[].containers".
  std::vector<std::string> not_implemented;
  // Those that are no fields of the definition at all, likewise: misspelled, or of another version.
  std::vector<std::string> unknown;
};

// Of a PostgresCluster object, v1beta1 or v1. Never fails.
ParsedSpec ParseSpec(const Json& object);

// Fills in not_implemented and unknown: the only list of what is acted on stands there.
void FindIgnored(const Json& spec, ParsedSpec& parsed);

// The rules of the custom resource definition, natively: for API servers without CEL, and for
// objects that were stored before a rule existed. With `old`, a value that was wrong already and
// did not change is let pass, as Kubernetes does (otherwise not even a finalizer could be removed).
// Version v1 has rules of its own; the object's apiVersion says which it is.
std::vector<FieldProblem> ValidateCluster(const Json& object, const Json* old = nullptr);

// Every rule above that is CEL in the definition, as its messages word it: what the definition says
// and what is checked here are compared by a test. Types, limits and forms are one table for both
// (schema.h).
std::vector<std::string> NativeRules();

}  // namespace pgo::cluster
