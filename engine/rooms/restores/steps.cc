// What each step does, and when the next one comes. Every change of place is one write under the
// version that was read.
#include <algorithm>

#include "engine/cluster/health.h"
#include "engine/cluster/metadata.h"
#include "engine/cluster/roster.h"
#include "engine/kube/names.h"
#include "engine/rooms/restores/restores.h"

namespace pgo::rooms::restores {
namespace {

using cluster::ClusterView;
using cluster::RestoreStep;

std::string About(const Input& in) { return "restore " + in.view.restore.id.substr(0, 100) + ": "; }

// The step's goal: told apart from the same step of another restore.
std::string Goal(const Input& in, const std::string& step) {
  return step + "/" + in.view.restore.subject->rv;
}

void Next(const Input& in, const std::string& step, const std::string& why, Plan& plan) {
  Json data = Json::object();
  data["step"] = step;
  plan.Do(Move(in, std::move(data), About(in) + why, Goal(in, step)));
}

// It is no longer asked for, or something else is.
bool IsCancelled(const Input& in, const Request& request) {
  return !request.enabled || request.id != in.view.restore.id;
}

// Before anything was overwritten: the instances start with what they have, the primary first.
void Cancel(const Input& in, Plan& plan) {
  Json data = Json::object();
  data["step"] = "Starting";
  data["cancelled"] = "true";
  plan.Do(Move(in, std::move(data),
               About(in) + "no longer asked for, and nothing was overwritten yet: start again",
               Goal(in, "cancel")));
}

void Stopping(const Input& in, Plan& plan) {
  for (const auto& [name, instance] : in.view.instances) {
    if (instance.pod) return;
  }
  Next(in, "Clearing", "every instance has stopped: take Patroni's state away", plan);
}

void Remove(const Input& in, const cluster::Subject& subject, const std::string& why, Plan& plan) {
  if (Find(subject.object, {"metadata", "deletionTimestamp"}) != nullptr) return;
  Proposal p;
  p.reason = Reason::kRestore;
  p.sentence = About(in) + subject.ref.Text() + ": " + why + ": remove it";
  p.causes = {in.view.restore.subject->seq.value(), subject.seq.value()};
  p.goal = "delete/" + subject.ref.Text() + "/" + subject.uid;
  p.command = Delete{subject.ref, subject.uid, "", {}};
  p.disrupts = true;
  plan.Do(std::move(p));
}

// Settings stay; who the cluster is and what became of it go: the restored instance begins anew.
// `pause` goes too, for a paused Patroni starts nothing.
void ResetConfig(const Input& in, Plan& plan) {
  const cluster::Subject& live = *in.view.dcs_config;
  Json patch = Json::object();
  Put(patch, {"metadata", "annotations", "initialize"}, nullptr);
  Put(patch, {"metadata", "annotations", "history"}, nullptr);
  auto config = ParseJson(GetString(live.object, {"metadata", "annotations", "config"}));
  if (config && config->is_object() && config->contains("pause")) {
    config->erase("pause");
    Put(patch, {"metadata", "annotations", "config"}, DumpJson(*config));
  }
  Proposal p;
  p.reason = Reason::kRestore;
  p.sentence = About(in) + live.ref.Text() + ": Patroni's settings stay, its history goes";
  p.causes = {in.view.restore.subject->seq.value(), live.seq.value()};
  p.goal = "reset/" + live.uid + "/" + live.rv;
  p.command = Patch{live.ref, live.uid, live.rv, "", std::move(patch)};
  p.disrupts = true;
  plan.Do(std::move(p));
}

void Clearing(const Input& in, Plan& plan) {
  const std::string& c = in.view.key.name;
  bool left = false;
  for (const std::string& name : {kube::LeaderName(c), kube::SyncName(c), kube::FailoverName(c)}) {
    const auto* endpoints = in.view.Find("Endpoints", name);
    if (endpoints == nullptr) continue;
    left = true;
    Remove(in, *endpoints, "it speaks of a history that is to end", plan);
  }
  if (in.view.bootstrapped) {
    left = true;
    ResetConfig(in, plan);
  }
  if (left) return;
  Next(in, "Restoring",
       "Patroni's state is gone: overwrite the volume of " + in.view.restore.instance +
           "; from here on there is no way back",
       plan);
}

void Create(const Input& in, Json job, const std::string& what, const std::string& goal,
            Plan& plan) {
  Proposal p;
  p.reason = Reason::kRestore;
  p.sentence = About(in) + what;
  p.causes = {in.view.restore.subject->seq.value()};
  p.goal = goal;
  p.command = Apply{RefOf(job), std::move(job)};
  p.retry_after_us = 5 * kSecond;
  p.disrupts = true;
  plan.Do(std::move(p));
}

// A Kubernetes Event about the end.
void Announce(const Input& in, const Proposal& end, bool failed, Plan& plan) {
  Proposal p;
  p.reason = failed ? Reason::kRestoreFailed : Reason::kOperationComplete;
  p.sentence = end.sentence;
  p.causes = end.causes;
  p.goal = "announce/" + end.goal;
  p.command = Notice{in.view.subject->ref, in.view.uid, failed};
  p.once = true;
  plan.Do(std::move(p));
}

void Fail(const Input& in, const JobView& job, Plan& plan) {
  Json data = Json::object();
  data["step"] = "Failed";
  data["message"] = job.message.empty() ? "job " + job.subject->ref.name + " failed" : job.message;
  auto p = Move(in, data,
                About(in) + "failed, every instance stays stopped: " + GetString(data, {"message"}),
                Goal(in, "failed"));
  p.causes.push_back(job.subject->seq.value());
  p.facts["ended"] = true;
  Announce(in, p, true, plan);
  plan.Do(std::move(p));
}

// Jobs of an earlier restore, whatever keeps them. True while there is one.
bool RemoveForeign(const Input& in, Plan& plan) {
  bool any = false;
  for (const auto& [ref, subject] : in.view.objects) {
    if (ref.kind != "Job") continue;
    const Json& object = subject->object;
    if (Find(object, {"metadata", "labels", kube::kLabelRestore}) == nullptr) continue;
    if (GetString(object, {"metadata", "annotations", kube::kRestoreId}) == in.view.restore.id) {
      continue;
    }
    any = true;
    Remove(in, *subject, "it is of an earlier restore", plan);
  }
  return any;
}

void Restoring(const Input& in, Plan& plan) {
  const auto& place = in.view.restore;
  if (!in.view.jobs_complete) return;  // a missing Job proves nothing
  if (RemoveForeign(in, plan)) return;
  const JobView job = FindJob(in.view, kube::RestoreJobName(in.view.key.name));
  if (job.subject == nullptr) {
    if (HasForeignPods(in.view, "")) return;  // they still end
    return Create(in, RestoreJob(in), "restore onto the volume of " + place.instance,
                  "job/" + place.id + "/" + place.began, plan);
  }
  if (job.failed) return Fail(in, job, plan);
  if (!job.complete) return;
  Json data = Json::object();
  data["step"] = "Starting";
  data["cancelled"] = nullptr;
  auto p = Move(in, std::move(data),
                About(in) + "the volume of " + place.instance + " is restored (" +
                    (job.message.empty() ? "done" : job.message) + "): start it alone",
                Goal(in, "starting"));
  p.causes.push_back(job.subject->seq.value());
  plan.Do(std::move(p));
}

void End(const Input& in, const std::string& step, const std::string& sentence, Plan& plan) {
  Json data = Json::object();
  data["step"] = step;
  data["message"] = sentence;
  auto p = Move(in, std::move(data), About(in) + sentence, Goal(in, step));
  p.facts["ended"] = true;
  Announce(in, p, false, plan);
  plan.Do(std::move(p));
}

void Starting(const Input& in, Plan& plan) {
  const auto& place = in.view.restore;
  const auto* primary = in.view.Primary();
  if (primary == nullptr || primary->name != place.instance || !in.view.bootstrapped) return;
  const std::string now = primary->pod->name + " accepts writes on timeline " +
                          std::to_string(primary->pod->member->timeline.value());
  if (place.cancelled) return End(in, "Cancelled", "cancelled: " + now + ", nothing is lost", plan);
  Next(in, "Rebuilding", now + ": make the other instances anew of it", plan);
}

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

// One instance is empty: it may start.
void Cleared(const Input& in, const std::string& instance, const JobView& job, Plan& plan) {
  Json all = Json::array();
  for (const std::string& name : in.view.restore.cleared) all.push_back(name);
  all.push_back(instance);
  Json data = Json::object();
  data["cleared"] = DumpJson(all);
  auto p = Move(in, std::move(data),
                About(in) + instance + " is empty: start it, to be made anew of the primary",
                Goal(in, "cleared/" + instance));
  p.causes.push_back(job.subject->seq.value());
  plan.Do(std::move(p));
}

// True while it is not empty yet. At most one is written down at a time.
bool Clear(const Input& in, const std::string& name, Plan& plan) {
  const auto& place = in.view.restore;
  const auto found = in.view.instances.find(name);
  if (found == in.view.instances.end() || found->second.claim == nullptr) return false;
  if (Has(place.cleared, name)) return false;
  const JobView job = FindJob(in.view, ClearJobName(in.view, name));
  if (job.subject == nullptr) {
    Create(in, ClearJob(in, name), name + " has data of before the restore: empty it",
           "clear/" + place.id + "/" + name + "/" + place.began, plan);
  } else if (job.failed) {
    Remove(in, *job.subject, "it failed and is tried again", plan);
  } else if (job.complete) {
    Cleared(in, name, job, plan);
  }
  return true;
}

void Rebuilding(const Input& in, Plan& plan) {
  if (!in.view.jobs_complete) return;
  bool waits = false;
  for (const std::string& name : in.view.restore.others) {
    const bool moves = std::ranges::any_of(
        plan.proposals, [](const Proposal& p) { return p.goal.starts_with("cleared/"); });
    if (moves) return;  // the next one under the next version
    waits = Clear(in, name, plan) || waits;
  }
  const auto* primary = in.view.Primary();
  if (waits || primary == nullptr) return;
  for (const auto& member : cluster::Roster(in.view)) {
    if (member.name == primary->name) continue;
    if (!cluster::IsStreaming(in.view, member.instance)) return;
  }
  End(in, "Done",
      "restored: " + primary->pod->name + " leads and every instance follows it" +
          (in.view.restore.undo.empty()
               ? ""
               : "; what was overwritten comes back with " + in.view.restore.undo),
      plan);
}

// Jobs of its volumes that have done their work keep those volumes busy for Kubernetes.
void RemoveJobs(const Input& in, Plan& plan) {
  for (const std::string& name : in.view.restore.cleared) {
    const JobView job = FindJob(in.view, ClearJobName(in.view, name));
    if (job.subject != nullptr) Remove(in, *job.subject, "it has done its work", plan);
  }
}

// Since the restore a full backup was taken: replicas can be made of backups again.
void SeeBackup(const Input& in, Plan& plan) {
  if (!in.view.restore.NeedsBackup() || in.view.restore.Stops()) return;
  for (const auto& [ref, subject] : in.view.objects) {
    if (ref.kind != "Job" ||
        GetString(subject->object, {"metadata", "annotations", kube::kBackupId}) !=
            in.view.restore.BackupId()) {
      continue;
    }
    for (const Json& condition : GetArray(subject->object, {"status", "conditions"})) {
      if (GetString(condition, {"type"}) != "Complete") continue;
      Json data = Json::object();
      data["backup"] = "Complete";
      plan.Do(Move(in, std::move(data),
                   About(in) + "a full backup was taken since: replicas can be made of it",
                   Goal(in, "backup")));
      return;
    }
  }
}

}  // namespace

Proposal Move(const Input& in, Json data, const std::string& sentence, const std::string& goal) {
  const ClusterView& view = in.view;
  Proposal p;
  p.reason = Reason::kRestore;
  p.sentence = sentence;
  p.causes = {view.subject->seq.value()};
  p.goal = goal;
  p.disrupts = true;
  p.retry_after_us = kSecond;
  p.facts = Json::object();
  p.facts["step"] = GetString(data, {"step"});
  Put(p.facts, {"operation", "ask"}, GetString(data, {"id"}, view.restore.id));
  const auto* live = view.Find("ConfigMap", kube::IntentName(view.key.name));
  if (live == nullptr) {
    Json object = cluster::NewObject(view, "ConfigMap", kube::IntentName(view.key.name));
    for (const auto& [key, value] : data.items()) {
      if (!value.is_null()) object["data"][key] = value;
    }
    p.command = Apply{RefOf(object), std::move(object)};
    return p;
  }
  p.causes.push_back(live->seq.value());
  Json patch = Json::object();
  patch["data"] = std::move(data);
  p.command = Patch{live->ref, live->uid, live->rv, "", std::move(patch)};
  return p;
}

void Progress(const Input& in, const Request& request, Plan& plan) {
  const RestoreStep step = in.view.restore.step;
  const bool early = step == RestoreStep::kStopping || step == RestoreStep::kClearing;
  if (early && IsCancelled(in, request)) return Cancel(in, plan);
  if (step == RestoreStep::kStopping) Stopping(in, plan);
  if (step == RestoreStep::kClearing) Clearing(in, plan);
  if (step == RestoreStep::kRestoring) Restoring(in, plan);
  if (step == RestoreStep::kStarting) Starting(in, plan);
  if (step == RestoreStep::kRebuilding) Rebuilding(in, plan);
  if (step == RestoreStep::kRebuilding || step == RestoreStep::kDone) {
    if (plan.proposals.empty()) SeeBackup(in, plan);
    if (plan.proposals.empty()) RemoveJobs(in, plan);
  }
}

}  // namespace pgo::rooms::restores
