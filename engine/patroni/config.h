// Patroni's configuration: the files of its pods and what it keeps in Endpoints c-ha-config.
// https://patroni.readthedocs.io/en/latest/patroni_configuration.html (checked against 4.0.7)
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/base/json.h"

namespace pgo::patroni {

// What of a cluster its Patroni configuration depends on.
struct Settings {
  std::string ns, cluster;
  std::int64_t postgres_version = 17;
  std::int64_t ttl_s = 30;        // patroni.leaderLeaseDurationSeconds
  std::int64_t loop_wait_s = 10;  // patroni.syncPeriodSeconds
  Json dynamic;                   // patroni.dynamicConfiguration as written, or null
  std::map<std::string, std::string> parameters;  // config.parameters
  Json rules;                                     // authentication.rules, or null
  // With backups: how PostgreSQL archives a WAL file and gets one back; "" without.
  std::string archive_command, restore_command;
  // With a backup that replicas can be made of: the command; "" copies from the primary.
  std::string create_replica_command;
  std::string wal_directory;  // "" is beside the data directory
  // The first member makes its data directory with this instead of initdb; "" is initdb.
  std::string bootstrap_command;
};

// What ought to be in the `config` annotation of Endpoints c-ha-config once the cluster lives.
Json DynamicConfiguration(const Settings& settings);
// The same, but what only patronictl sets (`pause`) is kept from what is there now.
Json DynamicConfigurationOver(const Settings& settings, const Json& current);

// Files under /etc/patroni.
std::string ClusterYaml(const Settings& settings);
std::string InstanceYaml(const Settings& settings);

// Files of the certificates, relative to /etc/patroni.
inline constexpr std::string_view kAuthoritiesFile = "~postgres-operator/patroni.ca-roots";
inline constexpr std::string_view kCertificateFile = "~postgres-operator/patroni.crt+key";
inline constexpr std::string_view kClusterFile = "~postgres-operator_cluster.yaml";
inline constexpr std::string_view kInstanceFile = "~postgres-operator_instance.yaml";
inline constexpr std::string_view kConfigDirectory = "/etc/patroni";

}  // namespace pgo::patroni
