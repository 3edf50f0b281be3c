// create, show and delete schedule: spec.backups.pgbackrest.repos[].schedules, which the operator
// runs itself.
#include <algorithm>

#include "adapters/cli/backup_text.h"
#include "adapters/cli/operation.h"
#include "adapters/cli/verbs.h"
#include "engine/base/cron.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

// How the manifest calls a type.
std::string FieldOf(const std::string& type) {
  if (type == "diff") return "differential";
  return type == "incr" ? "incremental" : type;
}

std::string NameOf(const std::string& repository, const std::string& type) {
  return repository + "-" + type;
}

std::string Known(const Json& cluster) {
  std::string out;
  for (const auto& line : SchedulesOf(cluster, {}, 0)) {
    out += (out.empty() ? "" : ", ") + line.name;
  }
  return out;
}

// The whole list with one schedule changed, for a merge patch replaces lists: null takes it off.
// kInvalid if there is no such repository.
Result<Json> WithSchedule(const Json& cluster, const std::string& repository,
                          const std::string& field, const Json& value) {
  Json repos = GetArray(cluster, {"spec", "backups", "pgbackrest", "repos"});
  std::string all;
  for (Json& repo : repos) {
    const std::string name = GetString(repo, {"name"});
    all += (all.empty() ? "" : ", ") + name;
    if (name != repository) continue;
    if (value.is_null()) {
      repo["schedules"].erase(field);
      if (repo["schedules"].empty()) repo.erase("schedules");
    } else {
      Put(repo, {"schedules", field}, value);
    }
    Json patch = Json::object();
    Put(patch, {"spec", "backups", "pgbackrest", "repos"}, std::move(repos));
    return patch;
  }
  const std::string name = KeyOf(cluster).name;
  if (all.empty()) return Fail(NoBackups(name));
  return Fail(Code::kInvalid, "--repo-name: \"" + repository +
                                  "\": must be a repository of cluster " + name +
                                  "; choose one of: " + all);
}

Result<std::int64_t> NextOf(const std::string& text) {
  const auto cron = Cron::Parse(text);
  if (!cron) return Fail(Code::kInvalid, "--schedule: " + cron.error().message);
  const auto next = cron->After(WallNow());
  if (next) return *next;
  return Fail(Code::kInvalid, "--schedule: \"" + text +
                                  "\": must name a moment that comes within eight years; change "
                                  "day or month");
}

std::string FirstRepository(const Json& cluster) {
  const Json& repos = GetArray(cluster, {"spec", "backups", "pgbackrest", "repos"});
  return repos.empty() ? "" : GetString(repos.front(), {"name"});
}

// Refuses to put another schedule in the place of one that is there.
Result<Json> Add(const Json& cluster, const CreateSchedule& options,
                 const std::string& repository) {
  const std::string name = NameOf(repository, options.backup_type);
  for (const auto& line : SchedulesOf(cluster, {}, 0)) {
    if (line.name != name || line.cron == options.schedule) continue;
    const std::string of = KeyOf(cluster).name;
    return Fail(Code::kConflict, "cluster " + of + " has schedule " + name + " already: \"" +
                                     line.cron + "\"; remove it first with `pgo delete schedule " +
                                     of + " --schedule-name=" + name + "`");
  }
  return WithSchedule(cluster, repository, FieldOf(options.backup_type), options.schedule);
}

Result<Json> Remove(const Json& cluster, const std::string& name) {
  for (const auto& line : SchedulesOf(cluster, {}, 0)) {
    if (line.name == name) {
      return WithSchedule(cluster, line.repository, FieldOf(line.type), nullptr);
    }
  }
  const std::string all = Known(cluster);
  return Fail(Code::kNotFound, "--schedule-name: \"" + name + "\": must be a schedule of cluster " +
                                   KeyOf(cluster).name + "; " +
                                   (all.empty() ? "it has none" : "choose one of: " + all));
}

void PrintText(const std::vector<std::pair<std::string, ScheduleLine>>& lines, Output& out) {
  Table table({"CLUSTER", "SCHEDULE", "TYPE", "REPOSITORY", "CRON", "LAST", "NEXT (UTC)"});
  for (const auto& [cluster, line] : lines) {
    table.Row({cluster, line.name, line.type, line.repository, line.cron, LastText(line),
               NextText(line)});
  }
  lines.empty() ? out.Line("no schedule found") : out.Print(table.Text());
}

}  // namespace

Status Run(const CreateSchedule& options, const Common& common, Console& console) {
  const auto next = NextOf(options.schedule);
  if (!next) return Fail(next.error());
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  const auto repository = [&](const Json& cluster) {
    return options.repository.empty() ? FirstRepository(cluster) : options.repository;
  };
  for (const Json& cluster : *clusters) {  // none is changed unless all can be
    if (auto can = Add(cluster, options, repository(cluster)); !can) return Fail(can.error());
  }
  Json rows = Json::array();
  for (const Json& cluster : *clusters) {
    std::string name;
    auto changed = Change(**kube, KeyOf(cluster), [&](const Json& now) {
      name = NameOf(repository(now), options.backup_type);
      return Add(now, options, repository(now));
    });
    if (!changed) return Fail(changed.error());
    rows.push_back({{"cluster", KeyOf(cluster).name},
                    {"name", name},
                    {"schedule", options.schedule},
                    {"next", WallSeconds(*next)}});
    if (common.output != "json") {
      console.out.Line(KeyOf(cluster).name + ": schedule " + name + " \"" + options.schedule +
                       "\", next at " + MomentText(*next) + " UTC");
    }
  }
  if (common.output == "json") console.out.Print(Pretty(rows));
  return {};
}

Status Run(const ShowSchedule& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  std::vector<std::pair<std::string, ScheduleLine>> lines;
  for (const Json& cluster : *clusters) {
    const ClusterKey key = KeyOf(cluster);
    auto jobs = (*kube)->List("Job", key.ns,
                              std::string(kube::kLabelCluster) + "=" + key.name + "," +
                                  std::string(kube::kLabelBackup) + "=scheduled");
    // What became of a backup its Job tells; without the right to read it, it is only "run".
    for (auto& line : SchedulesOf(cluster, jobs ? *jobs : std::vector<Json>(), WallNow())) {
      const bool meant = options.schedule_name.empty() || options.schedule_name == line.name;
      if (meant) lines.emplace_back(key.name, std::move(line));
    }
  }
  if (common.output != "json") {
    PrintText(lines, console.out);
    return {};
  }
  Json rows = Json::array();
  for (const auto& [cluster, line] : lines) {
    Json row = ScheduleJson(line);
    row["cluster"] = cluster;
    rows.push_back(std::move(row));
  }
  console.out.Print(Pretty(rows));
  return {};
}

Status Run(const DeleteSchedule& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  std::string names;
  for (const Json& cluster : *clusters) {
    if (auto can = Remove(cluster, options.schedule_name); !can) return Fail(can.error());
    names += " " + KeyOf(cluster).name;
  }
  if (auto sure = AskFirst("this ends schedule " + options.schedule_name + " of" + names,
                           options.no_prompt, console);
      !sure) {
    return sure;
  }
  Json deleted = Json::array();
  for (const Json& cluster : *clusters) {
    const ClusterKey key = KeyOf(cluster);
    auto changed =
        Change(**kube, key, [&](const Json& now) { return Remove(now, options.schedule_name); });
    if (!changed) return Fail(changed.error());
    deleted.push_back(key.name);
    if (common.output != "json") {
      console.out.Line(key.name + ": deleted schedule " + options.schedule_name);
    }
  }
  if (common.output == "json") console.out.Print(Pretty({{"deleted", deleted}}));
  return {};
}

}  // namespace pgo::cli
