// What pgBackRest and the PostgresCluster say of backups, as values. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/cli/kube_access.h"
#include "engine/base/json.h"
#include "engine/base/result.h"
#include "engine/cluster/spec.h"

namespace pgo::cli {

// One backup. Sizes in bytes; of the database as it was, and of what the repository holds.
struct Backup {
  std::string label, type;  // type: "full", "diff", "incr"
  std::int64_t start_us = 0, stop_us = 0;
  std::uint64_t database_bytes = 0, database_backup_bytes = 0;
  std::uint64_t repository_backup_bytes = 0;
  std::string wal_start, wal_stop;
  std::vector<std::string> references;  // labels of the backups that it needs, besides itself
  std::string job;                      // that took it; "" if it is not the operator's
  bool error = false;                   // pages with wrong checksums were found
};

struct RepositoryBackups {
  std::string name, store;  // "repo1"; "posix", "s3", "gcs", "azure", "" if not in the manifest
  std::string status;       // "ok", or pgBackRest's words
  std::string wal_min, wal_max;  // of the current database; "" none
  std::vector<Backup> backups;   // oldest first
};

struct BackupInfo {
  std::string status;  // of the stanza
  bool running = false;
  std::optional<std::uint64_t> percent;  // of the backup under way, if that is known
  std::vector<RepositoryBackups> repositories;
  Json raw;  // as pgBackRest gave it
};

// Of `pgbackrest info --stanza=db --output=json`. kUnavailable if it is something else.
// https://pgbackrest.org/command.html#command-info
Result<BackupInfo> ReadInfo(const Json& raw, const cluster::Backups& spec);
// The backup that this job took; null if none did.
const Backup* TakenBy(const BackupInfo& info, const std::string& job, std::string* repository);

// What has to be said where backups are wanted and the manifest has no repository.
Error NoBackups(const std::string& cluster);

// Where pgBackRest is asked: the repository host, or the primary if all repositories are in the
// cloud. kInvalid without backups, kUnavailable without that pod.
Result<PodCommand> InfoCommand(const Snapshot& snapshot);

// A schedule of the manifest, and what the operator says of it.
struct ScheduleLine {
  std::string name, repository, type, cron;  // "repo1-full"
  std::string problem;                       // of the cron text; "" none
  std::optional<std::int64_t> next_us;
  std::optional<std::int64_t> slot_us;  // newest moment that was dealt with
  std::string result;  // of that: "complete", "failed", "under way", "run", "skipped"
};
// `jobs` are of label pgbackrest-backup=scheduled. `now_us` for what the status has no next of.
std::vector<ScheduleLine> SchedulesOf(const Json& cluster, const std::vector<Json>& jobs,
                                      std::int64_t now_us);

// The percentage that stands last in the log of a backup: "12.50%"; "" if there is none.
std::string PercentOfLog(const std::string& log);

// "Complete", "Failed" or "": how a Job has ended.
std::string EndOf(const Json& job);

}  // namespace pgo::cli
