// `pgo backup`: asks the operator for a backup, shows how it gets on and what came of it.
#include <algorithm>
#include <sstream>

#include "adapters/cli/backup_text.h"
#include "adapters/cli/operation.h"
#include "adapters/cli/pod_commands.h"
#include "adapters/cli/verbs.h"
#include "engine/kube/names.h"
#include "engine/pgbackrest/config.h"

namespace pgo::cli {
namespace {

constexpr const char* kCondition = "PGBackRestManualBackupSuccessful";
constexpr int kLogLines = 40, kLogLinesShown = 8;
// So long a refusal that was there before may be of what was asked before.
constexpr std::int64_t kStaleUs = 3 * kSecond;

struct Asked {
  ClusterKey key;
  std::string id, repository;
  std::int64_t since_us = 0;
  std::string refused_before;  // the condition's message at that time
};

std::string Names(const std::vector<cluster::Repository>& repositories) {
  std::string out;
  for (const auto& repo : repositories) {
    out += (out.empty() ? "" : ", ") + repo.name + " (" + repo.Type() + ")";
  }
  return out;
}

// The repository that is meant.
Result<std::string> Choose(const cluster::Backups& backups, const TakeBackup& options,
                           const std::string& cluster) {
  if (!backups.any) return Fail(NoBackups(cluster));
  const auto& all = backups.repositories;
  if (!options.storage_type.empty()) {
    const auto it = std::ranges::find_if(
        all, [&](const auto& repo) { return repo.Type() == options.storage_type; });
    if (it != all.end()) return it->name;
    return Fail(Code::kInvalid, "--pgbackrest-storage-type: \"" + options.storage_type +
                                    "\": must be the kind of a repository of cluster " + cluster +
                                    "; choose one of: " + Names(all));
  }
  if (options.repository.empty()) {
    const bool known = backups.Find(backups.manual_repository) != nullptr;
    return known ? backups.manual_repository : all.front().name;
  }
  if (backups.Find(options.repository) != nullptr) return options.repository;
  return Fail(Code::kInvalid, "--repo-name: \"" + options.repository +
                                  "\": must be a repository of cluster " + cluster +
                                  "; choose one of: " + Names(all));
}

Status CheckOptions(const std::vector<std::string>& words) {
  const std::string bad = pgbackrest::ForbiddenBackupOption(words);
  if (bad.empty()) return {};
  return Fail(Code::kInvalid, "--backup-opts: \"" + bad +
                                  "\": must be an option of `pgbackrest backup` that the operator "
                                  "does not set itself, written --name=value; leave it out" +
                                  (bad.starts_with("--repo") ? " and give --repo-name" : ""));
}

const Json* ConditionOf(const Json& cluster) {
  for (const Json& condition : GetArray(cluster, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == kCondition) return &condition;
  }
  return nullptr;
}

// What the operator says to it, once it has ended or was refused; "" while it has not.
std::string MessageOf(const Json& cluster, std::string_view reason) {
  const Json* condition = ConditionOf(cluster);
  if (condition == nullptr || GetString(*condition, {"reason"}) != reason) return "";
  return GetString(*condition, {"message"});
}

Result<Asked> Ask(Kube& kube, const TakeBackup& options, const ClusterKey& key) {
  Asked asked{key, "", "", WallNow(), ""};
  asked.id = WallText(asked.since_us);
  const auto words = pgbackrest::SplitOptions({options.options});
  auto changed = Change(kube, key, [&](const Json& cluster) -> Result<Json> {
    const cluster::ParsedSpec parsed = cluster::ParseSpec(cluster);
    auto repository = Choose(parsed.spec.backups, options, key.name);
    if (!repository) return Fail(repository.error());
    asked.repository = *repository;
    asked.refused_before = MessageOf(cluster, "ManualBackupFailed");
    Json patch = Json::object();
    Put(patch, {"metadata", "annotations", kube::kBackupAsked}, asked.id);
    Json manual = {{"repoName", *repository}};
    manual["options"] = words.empty() ? Json(nullptr) : Json(words);
    Put(patch, {"spec", "backups", "pgbackrest", "manual"}, std::move(manual));
    return patch;
  });
  if (!changed) return Fail(changed.error());
  return asked;
}

// Its Job; null while there is none.
Json JobOf(Kube& kube, const Asked& asked) {
  const auto jobs = kube.List("Job", asked.key.ns,
                              std::string(kube::kLabelCluster) + "=" + asked.key.name + "," +
                                  std::string(kube::kLabelBackup) + "=manual");
  if (!jobs) return nullptr;
  for (const Json& job : *jobs) {
    if (GetString(job, {"metadata", "annotations", kube::kBackupAsked}) == asked.id) return job;
  }
  return nullptr;
}

// The newest lines that pgBackRest wrote in the job's newest pod.
std::string LogOf(Kube& kube, const Asked& asked, const std::string& job) {
  const auto pods = kube.List("Pod", asked.key.ns, "job-name=" + job);
  if (!pods || pods->empty()) return "";
  const auto newest = std::ranges::max_element(
      *pods, {}, [](const Json& pod) { return GetString(pod, {"metadata", "creationTimestamp"}); });
  auto log = kube.Log(asked.key.ns, KeyOf(*newest).name, kube::kBackrestContainer, kLogLines);
  return log ? *std::move(log) : "";
}

std::string LastLines(const std::string& log) {
  std::vector<std::string> lines;
  std::istringstream in(log);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  const std::size_t skip = lines.size() > kLogLinesShown ? lines.size() - kLogLinesShown : 0;
  std::string out;
  for (std::size_t i = skip; i < lines.size(); ++i) out += "  " + lines[i] + "\n";
  return out;
}

// Refused: no job will come of it.
std::string RefusalOf(const Json& cluster, const Asked& asked) {
  const std::string message = MessageOf(cluster, "ManualBackupFailed");
  if (!message.starts_with("spec.")) return "";
  const bool old = message == asked.refused_before && WallNow() - asked.since_us < kStaleUs;
  return old ? "" : message;
}

std::string StateText(const Json& cluster, const Json& job, const std::string& log) {
  if (job.is_null()) {
    const std::string waits = MessageOf(cluster, "ManualBackupNotComplete");
    const auto why = waits.find(" waits: ");
    return why == std::string::npos ? "asked for" : waits.substr(why + 1);
  }
  const std::string of_job = " (job " + GetString(job, {"metadata", "name"}) + ")";
  const std::string end = EndOf(job);
  if (!end.empty()) return (end == "Complete" ? "complete" : "failed") + of_job;
  std::string text = "under way" + of_job;
  const std::int64_t failed = GetInt(job, {"status", "failed"});
  if (failed > 0) text += ", attempt " + std::to_string(failed + 1);
  const std::string percent = PercentOfLog(log);
  return percent.empty() ? text : text + ", " + percent;
}

struct Ended {
  Json manual;       // status.pgbackrest.manualBackup
  std::string job;   // its name; "" if it was gone before it was seen
  std::string said;  // the condition's message
  std::string log;
};

Result<Ended> WaitEnd(Kube& kube, const Asked& asked, const TakeBackup& options, Output& out) {
  Progress progress(out);
  Ended ended;
  const std::string late = "the backup of " + asked.key.name + " is not complete after " +
                           std::to_string(options.timeout_s) +
                           " s; it goes on, look with `pgo show backup " + asked.key.name + "`";
  Status waited = WaitUntil(options.timeout_s, late, [&]() -> Result<bool> {
    auto cluster = kube.Get({"PostgresCluster", asked.key.ns, asked.key.name});
    if (!cluster) return Fail(cluster.error());
    const std::string refused = RefusalOf(*cluster, asked);
    if (!refused.empty()) return Fail(Code::kConflict, "the backup was refused: " + refused);
    const std::string now = GetString(*cluster, {"metadata", "annotations", kube::kBackupAsked});
    const Json job = JobOf(kube, asked);
    if (now != asked.id && job.is_null() && ended.job.empty()) {
      return Fail(Code::kConflict, "somebody else asked for a backup of " + asked.key.name +
                                       " before this one began; ask again");
    }
    if (!job.is_null()) ended.job = GetString(job, {"metadata", "name"});
    if (!ended.job.empty()) ended.log = LogOf(kube, asked, ended.job);
    progress.Set(asked.key.name,
                 Pad(asked.key.name, 20) + "  " + StateText(*cluster, job, ended.log));
    progress.Draw();
    ended.manual = GetObject(*cluster, {"status", "pgbackrest", "manualBackup"});
    ended.said =
        GetString(ConditionOf(*cluster) == nullptr ? Json() : *ConditionOf(*cluster), {"message"});
    return GetString(ended.manual, {"id"}) == asked.id && GetBool(ended.manual, {"finished"});
  });
  progress.End();
  if (!waited) return Fail(waited.error());
  return ended;
}

// The backup as pgBackRest knows it. Without an answer it is complete all the same.
Json Describe(Kube& kube, const Asked& asked, const Ended& ended, Output& out) {
  Json row = {{"cluster", asked.key.name}, {"repository", asked.repository}, {"job", ended.job}};
  const std::string took = DurationText(WallNow() - asked.since_us);
  const std::string done = "backup of " + asked.key.name + " is complete after " + took;
  auto snapshot = ReadCluster(kube, asked.key);
  const auto command = snapshot ? InfoCommand(**snapshot) : Fail(snapshot.error());
  const auto raw = command ? JsonAnswer(kube.Exec(*command)) : Fail(command.error());
  const auto info = raw ? ReadInfo(*raw, (*snapshot)->view.spec().backups) : Fail(raw.error());
  std::string repository = asked.repository;
  const Backup* backup = info ? TakenBy(*info, ended.job, &repository) : nullptr;
  if (backup == nullptr) {
    out.Line(done + (info ? "" : "; pgbackrest info: " + info.error().message));
    return row;
  }
  out.Line(done + ": " + backup->label + " (" + backup->type + "), database " +
           Bytes(backup->database_bytes) + ", " + Bytes(backup->repository_backup_bytes) + " in " +
           repository);
  row["backup"] = BackupJson(*backup);
  return row;
}

struct Work {
  Kube& kube;
  const TakeBackup& options;
  Output &out, &err;
};

Result<Json> Finish(const Work& work, const Asked& asked) {
  auto ended = WaitEnd(work.kube, asked, work.options, work.out);
  if (!ended) return Fail(ended.error());
  if (GetInt(ended->manual, {"succeeded"}) > 0) {
    return Describe(work.kube, asked, *ended, work.out);
  }
  const std::string lines = LastLines(ended->log);
  if (!lines.empty()) work.err.Print("the log of job " + ended->job + " ends with\n" + lines);
  const std::string about = "backup " + asked.id;
  const bool says = ended->said.starts_with(about);
  return Fail(Code::kConflict, asked.key.name + ": " + (says ? ended->said : about + " failed"));
}

// Waits for each; a row for each. What went wrong, "" if nothing did.
std::string FinishAll(const Work& work, const std::vector<Asked>& all, Json& rows) {
  std::string problems;
  for (const Asked& asked : all) {
    auto row = Finish(work, asked);
    if (!row) {
      problems += (problems.empty() ? "" : "; ") + row.error().message;
      row = Json{{"cluster", asked.key.name},
                 {"repository", asked.repository},
                 {"error", row.error().message}};
    }
    rows.push_back(*std::move(row));
  }
  return problems;
}

}  // namespace

Status Run(const TakeBackup& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  if (auto fine = CheckOptions(pgbackrest::SplitOptions({options.options})); !fine) return fine;
  for (const Json& cluster : *clusters) {  // none is changed unless all can be
    const cluster::ParsedSpec parsed = cluster::ParseSpec(cluster);
    auto repository = Choose(parsed.spec.backups, options, KeyOf(cluster).name);
    if (!repository) return Fail(repository.error());
  }
  const bool json = common.output == "json";
  Output& out = json ? console.err : console.out;
  std::vector<Asked> all;
  Json rows = Json::array();
  for (const Json& cluster : *clusters) {
    auto asked = Ask(**kube, options, KeyOf(cluster));
    if (!asked) return Fail(asked.error());
    out.Line("asked for a backup of " + asked->key.name + " into " + asked->repository +
             (options.options.empty() ? "" : " with " + options.options));
    if (!options.wait) {
      rows.push_back(
          {{"cluster", asked->key.name}, {"repository", asked->repository}, {"id", asked->id}});
    }
    all.push_back(*std::move(asked));
  }
  std::string problems;
  if (options.wait) problems = FinishAll({**kube, options, out, console.err}, all, rows);
  if (json) console.out.Print(Pretty(rows));
  if (!problems.empty()) return Fail(Code::kConflict, problems);
  return {};
}

}  // namespace pgo::cli
