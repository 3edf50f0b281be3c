// What the PostgresCluster says of its backups, in PGO's form, and the schedules in ours.
#include "engine/cluster/volume_claim.h"
#include "engine/kube/names.h"
#include "engine/rooms/backups/backups.h"

namespace pgo::rooms::backups {
namespace {

using cluster::Repository;

Json RepositoryStatus(const Input& in, const Repository& repo, const std::vector<JobView>& jobs,
                      bool first) {
  Json out = Json::object();
  out["name"] = repo.name;
  out["stanzaCreated"] = StanzaIsMade(in, repo);
  for (const auto& r : SettingsOf(in.view).repositories) {
    if (r.number == repo.Number()) out["repoOptionsHash"] = pgbackrest::RepositoryHash(r);
  }
  if (repo.store == Repository::Store::kVolume) {
    const auto* claim =
        in.view.Find("PersistentVolumeClaim", kube::RepoVolumeName(in.view.key.name, repo.name));
    out["bound"] = claim != nullptr && GetString(claim->object, {"status", "phase"}) == "Bound";
    const std::string volume =
        claim == nullptr ? "" : GetString(claim->object, {"spec", "volumeName"});
    if (!volume.empty()) out["volume"] = volume;
    if (claim != nullptr && cluster::ReadAutoGrow(repo.claim).asked) {
      out["desiredRepoVolume"] = cluster::AskedStorage(GetObject(claim->object, {"spec"}));
    }
  }
  if (!first) return out;
  const Json* before = InStatus(in.view, repo.name);
  const bool anew = in.view.restore.NeedsBackup();
  bool done = !anew && before != nullptr && GetBool(*before, {"replicaCreateBackupComplete"});
  for (const JobView& job : jobs) {
    const bool counts = !anew || job.id == in.view.restore.BackupId();
    done = done || (job.kind == "replica-create" && job.complete && counts);
  }
  out["replicaCreateBackupComplete"] = done;
  return out;
}

Json Counters(const JobView& job) {
  Json out = Json::object();
  const Json& status = GetObject(job.subject->object, {"status"});
  for (const std::string_view field : {"startTime", "completionTime"}) {
    const std::string at = GetString(status, {field});
    if (!at.empty()) out[std::string(field)] = at;
  }
  for (const std::string_view field : {"active", "succeeded", "failed"}) {
    const std::int64_t count = GetInt(status, {field});
    out[std::string(field)] = count;
  }
  return out;
}

void AddManual(const Input& in, const std::vector<JobView>& jobs, Json& out) {
  const std::string asked =
      GetString(in.view.subject->object, {"metadata", "annotations", kube::kBackupAsked});
  for (const JobView& job : jobs) {
    if (job.kind != "manual" || asked.empty() || job.id != "manual/" + asked) continue;
    Json manual = Counters(job);
    manual["id"] = asked;
    manual["finished"] = job.Finished();
    out["manualBackup"] = std::move(manual);
  }
}

Json Scheduled(const Input& in, const std::vector<JobView>& jobs) {
  Json out = Json::array();
  for (const JobView& job : jobs) {
    if (job.kind != "scheduled") continue;
    Json entry = Counters(job);
    entry["cronJobName"] = in.view.key.name + "-" + job.repository + "-" + job.type;
    entry["repo"] = job.repository;
    entry["type"] = job.type;
    out.push_back(std::move(entry));
  }
  return out;
}

Json Schedules(const Input& in) {
  Json out = Json::array();
  for (const auto& [key, schedule] : in.memory.schedules) {
    Json entry = Json::object();
    const auto slash = key.find('/');
    entry["repo"] = key.substr(0, slash);
    entry["type"] = key.substr(slash + 1);
    entry["cron"] = schedule.cron;
    entry["since"] = WallSeconds(schedule.since_us);
    if (schedule.slot_us != 0) {
      entry["slot"] = WallSeconds(schedule.slot_us);
      entry["result"] = schedule.result;
    }
    const auto cron = Cron::Parse(schedule.cron);
    const auto next = cron ? cron->After(in.now.wall_us) : std::nullopt;
    if (next) entry["next"] = WallSeconds(*next);
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

Json StatusOf(const Input& in, const std::vector<JobView>& jobs) {
  Json out = Json::object();
  if (in.view.spec().backups.HasVolume()) {
    out["repoHost"] = PGO_JSON(R"({"apiVersion": "apps/v1", "kind": "StatefulSet"})");
    out["repoHost"]["ready"] = HostIsReady(in.view);
  }
  out["repos"] = Json::array();
  for (const Repository& repo : in.view.spec().backups.repositories) {
    out["repos"].push_back(RepositoryStatus(in, repo, jobs, out["repos"].empty()));
  }
  AddManual(in, jobs, out);
  Json scheduled = Scheduled(in, jobs);
  if (!scheduled.empty()) out["scheduledBackups"] = std::move(scheduled);
  Json schedules = Schedules(in);
  if (!schedules.empty()) out["schedules"] = std::move(schedules);
  return out;
}

}  // namespace pgo::rooms::backups
