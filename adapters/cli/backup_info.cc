#include "adapters/cli/backup_info.h"

#include <algorithm>

#include "engine/base/cron.h"
#include "engine/kube/names.h"
#include "engine/pgbackrest/config.h"

namespace pgo::cli {
namespace {

std::uint64_t Size(const Json& value, Path path) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(GetInt(value, path), 0));
}

Backup ReadBackup(const Json& o) {
  Backup out;
  out.label = GetString(o, {"label"});
  out.type = GetString(o, {"type"});
  out.start_us = GetInt(o, {"timestamp", "start"}) * kSecond;
  out.stop_us = GetInt(o, {"timestamp", "stop"}) * kSecond;
  out.database_bytes = Size(o, {"info", "size"});
  out.database_backup_bytes = Size(o, {"info", "delta"});
  out.repository_backup_bytes = Size(o, {"info", "repository", "delta"});
  out.wal_start = GetString(o, {"archive", "start"});
  out.wal_stop = GetString(o, {"archive", "stop"});
  for (const Json& label : GetArray(o, {"reference"})) out.references.push_back(AsString(label));
  out.job = GetString(o, {"annotation", "pgo-job"});
  out.error = GetBool(o, {"error"});
  return out;
}

// WAL of the newest database that this repository knows: after an upgrade there are several.
void ReadArchive(const Json& stanza, std::int64_t key, RepositoryBackups& out) {
  std::int64_t newest = 0;
  for (const Json& archive : GetArray(stanza, {"archive"})) {
    const std::int64_t id = GetInt(archive, {"database", "id"});
    if (GetInt(archive, {"database", "repo-key"}, 1) != key || id < newest) continue;
    newest = id;
    out.wal_min = GetString(archive, {"min"});
    out.wal_max = GetString(archive, {"max"});
  }
}

RepositoryBackups ReadRepository(const Json& stanza, const Json& o, const cluster::Backups& spec) {
  const std::int64_t key = GetInt(o, {"key"}, 1);
  RepositoryBackups out;
  out.name = "repo" + std::to_string(key);
  const cluster::Repository* repo = spec.Find(out.name);
  if (repo != nullptr) out.store = repo->Type();
  out.status = GetString(o, {"status", "message"}, "unknown");
  ReadArchive(stanza, key, out);
  for (const Json& backup : GetArray(stanza, {"backup"})) {
    if (GetInt(backup, {"database", "repo-key"}, 1) == key) {
      out.backups.push_back(ReadBackup(backup));
    }
  }
  std::ranges::stable_sort(out.backups, {}, &Backup::stop_us);
  return out;
}

const Json* StatusOf(const Json& cluster, const std::string& repository, const std::string& type) {
  for (const Json& entry : GetArray(cluster, {"status", "pgbackrest", "schedules"})) {
    if (GetString(entry, {"repo"}) == repository && GetString(entry, {"type"}) == type) {
      return &entry;
    }
  }
  return nullptr;
}

// "Run" says that a backup was asked for; what became of it its Job knows.
std::string ResultOf(const Json& entry, const ScheduleLine& line, const std::vector<Json>& jobs) {
  const std::string result = GetString(entry, {"result"});
  if (result == "Skipped") return "skipped";
  for (const Json& job : jobs) {
    const Json& labels = GetObject(job, {"metadata", "labels"});
    if (GetString(labels, {kube::kLabelRepo}) != line.repository ||
        GetString(labels, {kube::kLabelBackupSchedule}) != line.type ||
        GetString(job, {"metadata", "annotations", kube::kBackupSlot}) !=
            GetString(entry, {"slot"})) {
      continue;
    }
    const std::string end = EndOf(job);
    return end.empty() ? "under way" : end == "Complete" ? "complete" : "failed";
  }
  return result == "Run" ? "run" : result;
}

ScheduleLine LineOf(const Json& cluster, const cluster::Repository& repo, const std::string& type,
                    const std::vector<Json>& jobs) {
  ScheduleLine line{
      repo.name + "-" + type, repo.name, type, repo.schedules.at(type), "", {}, {}, ""};
  const Json* entry = StatusOf(cluster, repo.name, type);
  // What is said of another cron text is of another schedule.
  if (entry == nullptr || GetString(*entry, {"cron"}) != line.cron) return line;
  line.next_us = ParseWall(GetString(*entry, {"next"}));
  line.slot_us = ParseWall(GetString(*entry, {"slot"}));
  if (line.slot_us) line.result = ResultOf(*entry, line, jobs);
  return line;
}

}  // namespace

Error NoBackups(const std::string& cluster) {
  return {Code::kInvalid, "cluster " + cluster +
                              " has no backups: spec.backups.pgbackrest.repos: must have a "
                              "repository; add one to its manifest, with a volume or a bucket, and "
                              "apply that"};
}

Result<BackupInfo> ReadInfo(const Json& raw, const cluster::Backups& spec) {
  if (!raw.is_array()) {
    return Fail(Code::kUnavailable, "pgbackrest info: the answer is not a list of stanzas");
  }
  BackupInfo out;
  out.raw = raw;
  out.status = "no stanza";
  for (const Json& stanza : raw) {
    if (GetString(stanza, {"name"}) != pgbackrest::kStanza) continue;
    out.status = GetString(stanza, {"status", "message"}, "unknown");
    const Json& lock = GetObject(stanza, {"status", "lock", "backup"});
    out.running = GetBool(lock, {"held"});
    const std::uint64_t size = Size(lock, {"size"});
    if (size > 0)
      out.percent = std::min<std::uint64_t>(Size(lock, {"size-cplt"}) * 100 / size, 100);
    for (const Json& repo : GetArray(stanza, {"repo"})) {
      out.repositories.push_back(ReadRepository(stanza, repo, spec));
    }
  }
  std::ranges::sort(out.repositories, {}, &RepositoryBackups::name);
  return out;
}

const Backup* TakenBy(const BackupInfo& info, const std::string& job, std::string* repository) {
  for (const RepositoryBackups& repo : info.repositories) {
    const auto it = std::ranges::find(repo.backups, job, &Backup::job);
    if (job.empty() || it == repo.backups.end()) continue;
    if (repository != nullptr) *repository = repo.name;
    return &*it;
  }
  return nullptr;
}

Result<PodCommand> InfoCommand(const Snapshot& snapshot) {
  const cluster::ClusterView& view = snapshot.view;
  const cluster::Backups& backups = view.spec().backups;
  if (!backups.any) return Fail(NoBackups(view.key.name));
  PodCommand command{view.key.ns, "", std::string(kube::kBackrestContainer), {}};
  if (backups.HasVolume()) {
    command.pod = kube::RepoHostPodName(view.key.name);
    if (view.Find("Pod", command.pod) == nullptr) {
      return Fail(Code::kUnavailable, "the repository host " + command.pod +
                                          " is not there; condition PGBackRestRepoHostReady of "
                                          "cluster " +
                                          view.key.name + " says why");
    }
  } else if (view.Primary() != nullptr) {
    command.pod = view.Primary()->pod->name;
    command.container = std::string(kube::kDatabaseContainer);
  } else {
    return Fail(Code::kUnavailable, "cluster " + view.key.name +
                                        " has no primary, which has to be asked for backups in the "
                                        "cloud; look with `pgo show cluster " +
                                        view.key.name + "`");
  }
  command.argv = {"pgbackrest", "info", "--stanza=" + std::string(pgbackrest::kStanza),
                  "--output=json", "--log-level-console=off"};
  return command;
}

std::vector<ScheduleLine> SchedulesOf(const Json& cluster, const std::vector<Json>& jobs,
                                      std::int64_t now_us) {
  std::vector<ScheduleLine> out;
  const cluster::ParsedSpec parsed = cluster::ParseSpec(cluster);
  for (const cluster::Repository& repo : parsed.spec.backups.repositories) {
    for (const char* type : {"full", "diff", "incr"}) {
      if (!repo.schedules.contains(type)) continue;
      ScheduleLine line = LineOf(cluster, repo, type, jobs);
      const auto cron = Cron::Parse(line.cron);
      if (!cron) line.problem = cron.error().message;
      if (cron && (!line.next_us || *line.next_us <= now_us)) line.next_us = cron->After(now_us);
      out.push_back(std::move(line));
    }
  }
  return out;
}

std::string PercentOfLog(const std::string& log) {
  const auto is_number = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  for (std::size_t end = log.rfind('%'); end != std::string::npos && end > 0;
       end = log.rfind('%', end - 1)) {
    std::size_t begin = end;
    while (begin > 0 && is_number(log[begin - 1])) --begin;
    if (begin < end && end - begin <= 6) return log.substr(begin, end - begin + 1);
  }
  return "";
}

std::string EndOf(const Json& job) {
  for (const Json& condition : GetArray(job, {"status", "conditions"})) {
    const std::string type = GetString(condition, {"type"});
    if (GetString(condition, {"status"}) == "True" && (type == "Complete" || type == "Failed")) {
      return type;
    }
  }
  return "";
}

}  // namespace pgo::cli
