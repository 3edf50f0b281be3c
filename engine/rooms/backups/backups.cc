#include "engine/rooms/backups/backups.h"

#include <algorithm>

#include "engine/kube/names.h"

namespace pgo::rooms::backups {
namespace {

using cluster::Repository;

std::string Annotation(const cluster::ClusterView& cluster, std::string_view name) {
  return GetString(cluster.subject->object, {"metadata", "annotations", name});
}

// Why no backup can be taken into this repository now; "" if one can.
std::string Obstacle(const Input& in, const std::vector<JobView>& jobs, const Repository& repo) {
  if (in.view.Primary() == nullptr) return "there is no primary";
  if (repo.store == Repository::Store::kVolume && !HostIsReady(in.view)) {
    return "the repository host is not ready";
  }
  if (!StanzaIsMade(in, repo)) return "its stanza is not made yet";
  const JobView* running = Running(jobs, repo.name);
  if (running == nullptr) return "";
  return "a " + running->kind + " backup is under way (job " + running->subject->ref.name + ")";
}

const JobView* WithId(const std::vector<JobView>& jobs, const std::string& kind,
                      const std::string& id) {
  const auto it =
      std::ranges::find_if(jobs, [&](const JobView& j) { return j.kind == kind && j.id == id; });
  return it == jobs.end() ? nullptr : &*it;
}

void RemoveJob(const Input& in, const JobView& job, const std::string& why, Plan& plan) {
  if (Find(job.subject->object, {"metadata", "deletionTimestamp"}) != nullptr) return;
  Proposal p;
  p.reason = Reason::kBackup;
  p.sentence = job.subject->ref.Text() + ": " + why + ": remove the job";
  p.causes = {in.view.subject->seq.value(), job.subject->seq.value()};
  p.goal = "delete/" + job.subject->ref.Text() + "/" + job.subject->uid;
  p.command = Delete{job.subject->ref, job.subject->uid, "", {}};
  plan.Do(std::move(p));
}

void SayFailed(const Input& in, const JobView& job, const std::string& what, Plan& plan) {
  Proposal p;
  p.reason = Reason::kBackupFailed;
  p.sentence =
      what + " failed: `kubectl logs job/" + job.subject->ref.name + "` has pgBackRest's words";
  p.causes = {job.subject->seq.value()};
  p.goal = "failed/" + job.subject->uid;
  p.command = Notice{in.view.subject->ref, in.view.uid, true};
  p.once = true;
  plan.Do(std::move(p));
}

bool FirstIsDone(const Input& in, const Repository& repo, const JobView* job) {
  if (job != nullptr && job->complete) return true;
  if (in.view.restore.NeedsBackup()) return false;  // those of before serve no replica any more
  const Json* status = InStatus(in.view, repo.name);
  return status != nullptr && GetBool(*status, {"replicaCreateBackupComplete"});
}

Condition ManualCondition(bool ok, std::string message) {
  return {"PGBackRestManualBackupSuccessful", ok,
          ok ? "ManualBackupComplete" : "ManualBackupFailed", std::move(message)};
}

// Why what was asked for cannot be done at all; "" if it can.
std::string Refusal(const Input& in) {
  const auto& backups = in.view.spec().backups;
  if (backups.manual_repository.empty()) {
    return "spec.backups.pgbackrest.manual is missing: set its repoName";
  }
  if (backups.Find(backups.manual_repository) == nullptr) {
    std::string names;
    for (const auto& repo : backups.repositories) {
      names += (names.empty() ? "" : ", ") + repo.name;
    }
    return "spec.backups.pgbackrest.manual.repoName: " + backups.manual_repository +
           ": must be one of spec.backups.pgbackrest.repos; choose one of: " + names;
  }
  const std::string option =
      pgbackrest::ForbiddenBackupOption(pgbackrest::SplitOptions(backups.manual_options));
  if (option.empty()) return "";
  return "spec.backups.pgbackrest.manual.options: " + option.substr(0, 60) +
         ": must be an option that the operator does not set itself, written --name=value; "
         "remove it";
}

// The one asked for has ended, as far as is known: by its job, or by the status once that is gone.
bool ManualIsDone(const Input& in, const std::string& asked, const JobView* job) {
  if (job != nullptr) return job->Finished();
  const Json& status = GetObject(in.view.subject->object, {"status", "pgbackrest", "manualBackup"});
  return GetString(status, {"id"}) == asked && GetBool(status, {"finished"});
}

}  // namespace

void PlanFirst(const Input& in, const std::vector<JobView>& jobs, Plan& plan) {
  const Repository& repo = in.view.spec().backups.repositories.front();
  const std::string id =
      in.view.restore.NeedsBackup() ? in.view.restore.BackupId() : "replica-create";
  const JobView* job = WithId(jobs, "replica-create", id);
  const bool done = FirstIsDone(in, repo, job);
  plan.conditions.push_back({"PGBackRestReplicaCreate", done,
                             done ? "RepoBackupComplete" : "RepoBackupNotComplete",
                             done ? repo.name + " has a backup that replicas can be made of"
                                  : repo.name + " has no backup that replicas can be made of"});
  if (done) return;
  if (job != nullptr && job->failed) {
    SayFailed(in, *job, "the first backup", plan);
    RemoveJob(in, *job, "the first backup failed and is tried again", plan);
    return;
  }
  if (job != nullptr || !Obstacle(in, jobs, repo).empty()) return;
  Order order{"replica-create", id, repo.name, "full", {}, "", ""};
  Proposal again;
  OrderBackup(in, order,
              "first backup into " + repo.name +
                  (in.view.restore.NeedsBackup() ? " after the restore" : "") +
                  ": replicas can be made of it",
              {in.view.subject->seq.value(), in.view.Primary()->pod->subject->seq.value()},
              Json::object(), plan);
  plan.proposals.back().once = false;  // its job is removed when it failed
  plan.proposals.back().retry_after_us = 30 * kSecond;
}

void PlanManual(const Input& in, const std::vector<JobView>& jobs, Plan& plan) {
  const std::string asked = Annotation(in.view, kube::kBackupAsked);
  if (asked.empty()) return;
  const std::string refusal = Refusal(in);
  const JobView* job = WithId(jobs, "manual", "manual/" + asked);
  if (job == nullptr && !ManualIsDone(in, asked, job) && !refusal.empty()) {
    plan.conditions.push_back(ManualCondition(false, refusal));
    return;
  }
  if (ManualIsDone(in, asked, job)) {
    const Json& status =
        GetObject(in.view.subject->object, {"status", "pgbackrest", "manualBackup"});
    const bool ok = job != nullptr ? job->complete : GetInt(status, {"succeeded"}) > 0;
    plan.conditions.push_back(
        ManualCondition(ok, "backup " + asked.substr(0, 100) +
                                (ok ? " is complete" : " failed: look at its job's log")));
    if (job != nullptr && job->failed) SayFailed(in, *job, "backup " + asked.substr(0, 100), plan);
    return;
  }
  const auto& backups = in.view.spec().backups;
  const std::string obstacle =
      job != nullptr ? "" : Obstacle(in, jobs, *backups.Find(backups.manual_repository));
  if (job != nullptr || !obstacle.empty()) {
    plan.conditions.push_back({"PGBackRestManualBackupSuccessful", false, "ManualBackupNotComplete",
                               "backup " + asked.substr(0, 100) +
                                   (job != nullptr ? " is under way" : " waits: " + obstacle)});
  }
  if (job != nullptr || !obstacle.empty()) return;
  Order order{"manual", "manual/" + asked,      backups.manual_repository,
              "",       backups.manual_options, "",
              asked};
  OrderBackup(in, order,
              "annotation pgbackrest-backup=" + asked.substr(0, 100) + ": back up into " +
                  backups.manual_repository,
              {in.view.subject->seq.value()}, Json::object(), plan);
}

// The newest three of each schedule stay to be looked at; of those asked for by hand the newest.
void RemoveOld(const Input& in, const std::vector<JobView>& jobs, Plan& plan) {
  std::map<std::string, std::vector<const JobView*>> groups;
  for (const JobView& job : jobs) {
    if (job.Finished()) groups[job.kind + "/" + job.repository + "/" + job.type].push_back(&job);
  }
  for (auto& [group, members] : groups) {
    const std::size_t keep = group.starts_with("scheduled/") ? 3 : 1;
    if (members.size() <= keep) continue;
    std::ranges::sort(members, [](const JobView* a, const JobView* b) {
      const auto made = [](const JobView* j) {
        return GetString(j->subject->object, {"metadata", "creationTimestamp"});
      };
      return made(a) > made(b);
    });
    for (std::size_t i = keep; i < members.size(); ++i) {
      RemoveJob(in, *members[i], "it has ended and newer ones have too", plan);
    }
  }
}

Plan PlanWork(const Input& in) {
  Plan plan;
  SayHost(in, plan);
  if (!in.view.spec().paused) MakeStanzas(in, plan);
  const auto& masked = in.view.spec().backups.masked;
  if (!masked.empty()) {
    std::string names;
    for (const auto& name : masked) names += (names.empty() ? "" : ", ") + name;
    plan.conditions.push_back(
        {"BackupOptionsReadable", false, "Credential",
         "spec.backups.pgbackrest.global: " + names +
             ": holds a credential, which the operator never reads; write the option into a file "
             "of a Secret and name that in spec.backups.pgbackrest.configuration"});
  }
  // Without a complete list of Jobs a missing one proves nothing.
  if (!in.view.jobs_complete || ImageOf(in).empty()) return plan;
  const auto jobs = Jobs(in.view);
  if (!in.view.spec().paused) {
    PlanFirst(in, jobs, plan);
    PlanManual(in, jobs, plan);
    RemoveOld(in, jobs, plan);
  }
  PlanSchedules(in, jobs, plan);
  plan.status["pgbackrest"] = StatusOf(in, jobs);
  return plan;
}

Plan PlanBackups(const Input& in) {
  if (in.view.deleting || !in.view.spec().backups.any) return {};
  Plan plan = PlanWork(in);
  plan.objects = PlanHost(in.view, in.settings, IsShutDown(in.view)).objects;
  return plan;
}

}  // namespace pgo::rooms::backups
