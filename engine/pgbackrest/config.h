// pgBackRest's configuration files, one for the instances, one for the repository host and one for
// jobs that write to stores in the cloud.
// https://pgbackrest.org/configuration.html (checked against 2.55)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/json.h"

namespace pgo::pgbackrest {

inline constexpr std::string_view kStanza = "db";
inline constexpr std::string_view kConfigDirectory = "/etc/pgbackrest/conf.d";
// Files below kConfigDirectory, by which parties know each other.
inline constexpr std::string_view kAuthorityFile = "~postgres-operator/tls-ca.crt";
inline constexpr std::string_view kClientCertificateFile = "~postgres-operator/client-tls.crt";
inline constexpr std::string_view kClientKeyFile = "~postgres-operator/client-tls.key";
inline constexpr std::string_view kServerCertificateFile = "~postgres-operator/server-tls.crt";
inline constexpr std::string_view kServerKeyFile = "~postgres-operator/server-tls.key";
inline constexpr std::string_view kHashFile = "config-hash";
// Keys of ConfigMap c-pgbackrest-config, and the file each becomes: "~postgres-operator_" + key.
inline constexpr std::string_view kInstanceKey = "pgbackrest_instance.conf";
inline constexpr std::string_view kRepoKey = "pgbackrest_repo.conf";
inline constexpr std::string_view kCloudKey = "pgbackrest_cloud.conf";
inline constexpr std::string_view kServerKey = "pgbackrest-server.conf";
inline constexpr std::string_view kHashKey = "config-hash";

struct Repository {
  std::string number;                          // "1"
  bool volume = false;                         // on the repository host, at /pgbackrest/repoN
  std::map<std::string, std::string> options;  // of a store in the cloud: "s3-bucket" → …
  std::string type;                            // "posix", "s3", "gcs", "azure"
};

struct Settings {
  std::string ns, cluster, uid;
  std::int64_t postgres_version = 17, port = 5432;
  std::vector<Repository> repositories;
  std::map<std::string, std::string> global;  // of the manifest; they win over defaults of ours
  std::vector<std::string> instances;         // names, in an order that does not change
};

// Without a host of its own all repositories are in the cloud.
bool HasHost(const Settings& settings);

std::string InstanceConf(const Settings& settings);
std::string RepoConf(const Settings& settings);
std::string CloudConf(const Settings& settings);
std::string ServerConf(const Settings& settings);

// By name, the fullest, so that no search domain is asked.
std::string HostOf(const Settings& settings, std::string_view pod);
// Common name of the client's certificate: the only one that servers of this cluster let in.
std::string ClientName(std::string_view cluster_uid);
// Digest of the files: what runs can be told from what is wanted.
std::string HashOf(const Settings& settings);
// Of what makes a repository another one: its stanza has to be made anew.
std::string RepositoryHash(const Repository& repository);

std::string ArchiveCommand();
// Bounded in time: a repository that does not answer must hold up no promotion. timeout(1) ends
// with 124, which PostgreSQL takes for a file that is not there; a standby asks again.
// https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-RESTORE-COMMAND
std::string RestoreCommand();

// Patroni's method to make a replica: what is there already is reused.
std::string ReplicaCommand(const std::string& repository, const std::string& wal_directory);

// A new cluster out of a repository of another: where that one's configuration and its client's
// certificate are mounted, and the command of Patroni's bootstrap method. Recovery goes to the end
// of the archive, or to the target that the options name, and ends with a promotion. WAL of the
// source is fetched one by one, past the spool directory, which is this cluster's own.
// https://patroni.readthedocs.io/en/latest/replica_bootstrap.html#bootstrap
//
// The source's own files (keys of stores, authorities) lie apart from this cluster's, in
// kSourceKeysDirectory, and name each other by where they lie in the source's pods. So both are
// copied into memory with the paths put right, where nobody but the container's user can read them.
inline constexpr std::string_view kSourceDirectory = "/etc/pgbackrest/server";
inline constexpr std::string_view kSourceKeysDirectory = "/etc/pgbackrest/source";
inline constexpr std::string_view kSourceFile = "source.conf";
struct CloneFrom {
  std::string repository;  // "1"
  std::string stanza = std::string(kStanza);
  bool on_host = true;  // a repository host serves it
  bool keys = false;    // with files in kSourceKeysDirectory
  std::vector<std::string> options;
};
std::string CloneCommand(const CloneFrom& from, std::int64_t postgres_version,
                         const std::string& wal_directory);
// kSourceFile of a store that belongs to no cluster; `global` as above.
std::string BucketConf(const Repository& repository,
                       const std::map<std::string, std::string>& global);
// Letters, digits, '.', '_' and '-', and it begins with none of the last two.
bool IsStanza(std::string_view name);
// Where in its store a repository lies; equal for two that would write into one another.
std::string PlaceOf(const Repository& repository, const std::map<std::string, std::string>& global);
// An option of `pgbackrest restore` among these that the operator sets itself; "" if none is.
std::string ForbiddenRestoreOption(const std::vector<std::string>& options);

// Options of `pgbackrest backup` that the operator sets itself, of those given; "" if none is.
std::string ForbiddenBackupOption(const std::vector<std::string>& options);
// Splits "--type=diff --start-fast" as a shell would that knows blanks and quotes, nothing more.
std::vector<std::string> SplitOptions(const std::vector<std::string>& options);

}  // namespace pgo::pgbackrest
