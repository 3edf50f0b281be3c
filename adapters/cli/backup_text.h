// Backups and schedules in words, and as `-o json` gives them (docs/pgo.md). Pure.
#pragma once

#include <string>
#include <vector>

#include "adapters/cli/backup_info.h"
#include "adapters/cli/output.h"

namespace pgo::cli {

// What the primary's archiver says (pg_stat_archiver); empty if it was not asked.
struct Archiver {
  std::string last_wal;
  std::int64_t last_us = 0;
};

struct BackupReport {
  std::string cluster;
  BackupInfo info;
  Archiver archiver;
  std::vector<ScheduleLine> schedules;
  std::string repository;  // this one alone; "" all
};

std::string ReportText(const Output& out, const BackupReport& report);
Json ReportJson(const BackupReport& report);
// One backup: label, type, times, sizes, WAL, what it needs.
Json BackupJson(const Backup& backup);

// "2026-11-22 01:00:00", in UTC.
std::string MomentText(std::int64_t wall_us);
// When the newest moment was and what became of it: "2026-11-22 01:00:00 complete"; "-" none yet.
std::string LastText(const ScheduleLine& line);
// When it is due; what is wrong with its cron text; or "never".
std::string NextText(const ScheduleLine& line);
Json ScheduleJson(const ScheduleLine& line);

// The backups of `pgo show cluster`, from the PostgresCluster alone; "" without backups.
std::string BackupsLine(const Json& cluster);

}  // namespace pgo::cli
