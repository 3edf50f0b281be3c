// `pgo show backup`: what pgBackRest has of clusters, asked where it runs.
#include "adapters/cli/backup_text.h"
#include "adapters/cli/pod_commands.h"
#include "adapters/cli/verbs.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

constexpr const char* kArchiverSql =
    "SELECT json_build_object('wal', last_archived_wal, 'at', "
    "(extract(epoch FROM last_archived_time) * 1000000)::bigint) FROM pg_stat_archiver";

// For the time of the newest WAL alone: without a primary that answers it is not shown.
Archiver AskArchiver(Kube& kube, const Snapshot& snapshot) {
  if (snapshot.view.Primary() == nullptr) return {};
  const std::string pod = snapshot.view.Primary()->pod->name;
  const auto answer = JsonAnswer(kube.Exec(PsqlIn(snapshot, pod, {kArchiverSql})));
  if (!answer) return {};
  return {GetString(*answer, {"wal"}), GetInt(*answer, {"at"})};
}

Status CheckRepository(const Snapshot& snapshot, const std::string& wanted) {
  const auto& backups = snapshot.view.spec().backups;
  if (wanted.empty() || backups.Find(wanted) != nullptr) return {};
  std::string all;
  for (const auto& repo : backups.repositories) all += (all.empty() ? "" : ", ") + repo.name;
  return Fail(Code::kInvalid, "--repo-name: \"" + wanted + "\": must be a repository of cluster " +
                                  snapshot.view.key.name + "; choose one of: " + all);
}

Result<BackupReport> ReportOf(Kube& kube, const Json& cluster, const ShowBackup& options) {
  const ClusterKey key = KeyOf(cluster);
  auto snapshot = ReadCluster(kube, key, &cluster);
  if (!snapshot) return Fail(snapshot.error());
  const auto command = InfoCommand(**snapshot);
  if (!command) return Fail(command.error());
  if (auto known = CheckRepository(**snapshot, options.repository); !known) {
    return Fail(known.error());
  }
  const auto raw = JsonAnswer(kube.Exec(*command));
  if (!raw) return Fail(raw.error().In("pgbackrest info in " + command->pod));
  auto info = ReadInfo(*raw, (*snapshot)->view.spec().backups);
  if (!info) return Fail(info.error());
  auto jobs = kube.List("Job", key.ns,
                        std::string(kube::kLabelCluster) + "=" + key.name + "," +
                            std::string(kube::kLabelBackup) + "=scheduled");
  BackupReport report{
      key.name, *std::move(info), AskArchiver(kube, **snapshot), {}, options.repository};
  report.schedules = SchedulesOf(cluster, jobs ? *jobs : std::vector<Json>(), WallNow());
  return report;
}

}  // namespace

Status Run(const ShowBackup& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  Json all = Json::array();
  std::string text;
  std::optional<Error> problem;
  for (const Json& cluster : *clusters) {
    auto report = ReportOf(**kube, cluster, options);
    if (!report) {
      const bool first = !problem;
      problem = first ? report.error()
                      : Error{problem->code, problem->message + "; " + report.error().message};
      continue;
    }
    all.push_back(ReportJson(*report));
    text += (text.empty() ? "" : "\n") + ReportText(console.out, *report);
  }
  if (common.output == "json") {
    console.out.Print(Pretty(all));
  } else if (!text.empty()) {
    console.out.Print(text);
  }
  if (problem) return Fail(*problem);
  return {};
}

}  // namespace pgo::cli
