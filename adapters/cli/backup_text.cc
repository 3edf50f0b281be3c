#include "adapters/cli/backup_text.h"

#include <optional>

#include "engine/kube/names.h"
#include "engine/pgbackrest/config.h"

namespace pgo::cli {
namespace {

bool IsShown(const BackupReport& report, const RepositoryBackups& repo) {
  return report.repository.empty() || report.repository == repo.name;
}

// When the newest WAL file of the repository was archived, if that is known of this very file.
std::optional<std::int64_t> ArchivedAt(const BackupReport& report, const RepositoryBackups& repo) {
  if (repo.wal_max.empty() || repo.wal_max != report.archiver.last_wal) return std::nullopt;
  return report.archiver.last_us;
}

std::string StanzaText(const Output& out, const BackupReport& report) {
  const bool ok = report.info.status == "ok";
  std::string text = "\tstanza : " + std::string(pgbackrest::kStanza) + " (" +
                     out.Styled(ok ? Style::kGood : Style::kWarn, report.info.status) + ")";
  if (report.info.running) {
    text += "  a backup is under way";
    if (report.info.percent) text += ", " + std::to_string(*report.info.percent) + "%";
  }
  return text + "\n";
}

std::string BackupText(const Output& out, const Backup& b) {
  std::string text = "\t\t" + b.type + " backup : " + out.Styled(Style::kBold, b.label) + "\n";
  text += "\t\t\ttime : " + MomentText(b.start_us) + " to " + MomentText(b.stop_us) + " UTC\n";
  text +=
      "\t\t\twal : " + (b.wal_start.empty() ? "none" : b.wal_start + " to " + b.wal_stop) + "\n";
  text += "\t\t\tsize : database " + Bytes(b.database_bytes) + ", copied " +
          Bytes(b.database_backup_bytes) + ", in the repository " +
          Bytes(b.repository_backup_bytes) + "\n";
  std::string needs;
  for (const auto& label : b.references) needs += (needs.empty() ? "" : ", ") + label;
  if (!needs.empty()) text += "\t\t\tneeds : " + needs + "\n";
  if (b.error) {
    text += "\t\t\t" + out.Styled(Style::kBad, "warning : ") +
            "pages with wrong checksums were found; the log of its job names them\n";
  }
  return text;
}

std::string WindowText(const BackupReport& report, const RepositoryBackups& repo) {
  if (repo.backups.empty()) return "\t\trestorable : nothing, there is no backup\n";
  std::string text = "\t\trestorable : from " + MomentText(repo.backups.front().stop_us) + " UTC";
  if (repo.wal_max.empty()) return text + "\n";
  text += " to the end of WAL " + repo.wal_max;
  const auto archived = ArchivedAt(report, repo);
  if (archived) text += ", archived " + MomentText(*archived);
  return text + "\n";
}

std::string RepositoryText(const Output& out, const BackupReport& report,
                           const RepositoryBackups& repo) {
  std::string text = "\t" + repo.name + " : " + (repo.store.empty() ? "" : repo.store + " ") + "(" +
                     out.Styled(repo.status == "ok" ? Style::kGood : Style::kWarn, repo.status) +
                     ")\n";
  text +=
      "\t\twal : " + (repo.wal_max.empty() ? "none" : repo.wal_min + " to " + repo.wal_max) + "\n";
  text += WindowText(report, repo);
  for (const Backup& backup : repo.backups) text += BackupText(out, backup);
  return text;
}

Json RepositoryJson(const BackupReport& report, const RepositoryBackups& repo) {
  Json out = {{"name", repo.name}, {"store", repo.store}, {"status", repo.status}};
  out["backups"] = Json::array();
  for (const Backup& backup : repo.backups) out["backups"].push_back(BackupJson(backup));
  if (!repo.wal_max.empty()) out["wal"] = {{"min", repo.wal_min}, {"max", repo.wal_max}};
  if (repo.backups.empty()) return out;
  Json window = {{"from", WallSeconds(repo.backups.front().stop_us)}};
  if (!repo.wal_max.empty()) window["to_wal"] = repo.wal_max;
  if (const auto at = ArchivedAt(report, repo)) window["to_wal_archived"] = WallSeconds(*at);
  out["restorable"] = std::move(window);
  return out;
}

// The newest backup that the status knows to be complete.
std::string LastOf(const Json& pgbackrest) {
  std::string at;
  std::string what;
  const auto look = [&](const Json& entry, const std::string& name) {
    const std::string completed = GetString(entry, {"completionTime"});
    if (GetInt(entry, {"succeeded"}) < 1 || completed <= at) return;
    at = completed;
    what = name;
  };
  look(GetObject(pgbackrest, {"manualBackup"}), "by hand");
  for (const Json& entry : GetArray(pgbackrest, {"scheduledBackups"})) {
    look(entry, GetString(entry, {"repo"}) + "-" + GetString(entry, {"type"}));
  }
  const auto wall = ParseWall(at);
  if (wall) return "last known " + MomentText(*wall) + " UTC (" + what + ")";
  for (const Json& repo : GetArray(pgbackrest, {"repos"})) {
    if (GetBool(repo, {"replicaCreateBackupComplete"})) return "the first one is complete";
  }
  return "none yet";
}

// The moment that comes first, of those that the status names.
std::string NextOf(const Json& pgbackrest) {
  std::optional<std::int64_t> soonest;
  std::string name;
  for (const Json& entry : GetArray(pgbackrest, {"schedules"})) {
    const auto next = ParseWall(GetString(entry, {"next"}));
    if (!next || (soonest && *soonest <= *next)) continue;
    soonest = next;
    name = GetString(entry, {"repo"}) + "-" + GetString(entry, {"type"});
  }
  return soonest ? "next " + MomentText(*soonest) + " UTC (" + name + ")" : "no schedule";
}

}  // namespace

std::string MomentText(std::int64_t wall_us) { return TimeText(wall_us).substr(0, 19); }

std::string LastText(const ScheduleLine& line) {
  return line.slot_us ? MomentText(*line.slot_us) + " " + line.result : "-";
}

std::string NextText(const ScheduleLine& line) {
  if (!line.problem.empty()) return "never: " + line.problem;
  return line.next_us ? MomentText(*line.next_us) : "never";
}

std::string ReportText(const Output& out, const BackupReport& report) {
  std::string text =
      out.Styled(Style::kBold, "cluster : " + report.cluster) + "\n" + StanzaText(out, report);
  for (const RepositoryBackups& repo : report.info.repositories) {
    if (IsShown(report, repo)) text += RepositoryText(out, report, repo);
  }
  for (const ScheduleLine& line : report.schedules) {
    if (!report.repository.empty() && report.repository != line.repository) continue;
    text += "\tschedule : " + line.name + " \"" + line.cron + "\" (last " + LastText(line) +
            ", next " + NextText(line) + ")\n";
  }
  return text;
}

Json BackupJson(const Backup& b) {
  Json out = {{"label", b.label},
              {"type", b.type},
              {"start", WallSeconds(b.start_us)},
              {"stop", WallSeconds(b.stop_us)},
              {"wal_start", b.wal_start},
              {"wal_stop", b.wal_stop},
              {"database_bytes", b.database_bytes},
              {"database_backup_bytes", b.database_backup_bytes},
              {"repository_backup_bytes", b.repository_backup_bytes},
              {"references", b.references},
              {"error", b.error}};
  if (!b.job.empty()) out["job"] = b.job;
  return out;
}

Json ScheduleJson(const ScheduleLine& line) {
  Json out = {{"name", line.name},
              {"repository", line.repository},
              {"type", line.type},
              {"schedule", line.cron}};
  if (line.next_us) out["next"] = WallSeconds(*line.next_us);
  if (line.slot_us) out["last"] = {{"moment", WallSeconds(*line.slot_us)}, {"result", line.result}};
  if (!line.problem.empty()) out["problem"] = line.problem;
  return out;
}

Json ReportJson(const BackupReport& report) {
  Json out = {{"cluster", report.cluster},     {"stanza", pgbackrest::kStanza},
              {"status", report.info.status},  {"running", report.info.running},
              {"repositories", Json::array()}, {"schedules", Json::array()},
              {"pgbackrest", report.info.raw}};
  if (report.info.percent) out["percent"] = *report.info.percent;
  for (const RepositoryBackups& repo : report.info.repositories) {
    if (IsShown(report, repo)) out["repositories"].push_back(RepositoryJson(report, repo));
  }
  for (const ScheduleLine& line : report.schedules) {
    if (report.repository.empty() || report.repository == line.repository) {
      out["schedules"].push_back(ScheduleJson(line));
    }
  }
  return out;
}

std::string BackupsLine(const Json& cluster) {
  const cluster::ParsedSpec parsed = cluster::ParseSpec(cluster);
  if (!parsed.spec.backups.any) return "";
  const Json& pgbackrest = GetObject(cluster, {"status", "pgbackrest"});
  std::string text = "\tbackups : " + LastOf(pgbackrest) + ", " + NextOf(pgbackrest);
  if (parsed.spec.backups.HasVolume()) {
    const bool ready = GetBool(pgbackrest, {"repoHost", "ready"});
    text += ", repository host " + kube::RepoHostPodName(GetString(cluster, {"metadata", "name"})) +
            (ready ? " (ready)" : " (not ready)");
  }
  return text + "\n";
}

}  // namespace pgo::cli
