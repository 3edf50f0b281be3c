#include "engine/rooms/restores/restores.h"

#include "engine/kube/names.h"

namespace pgo::rooms::restores {
namespace {

using cluster::RestoreStep;

constexpr const char* kAgain = "; ask again with a new value of annotation pgbackrest-restore";

// Once an annotation's value, whatever became of it: by the place, or by the status when somebody
// removed that.
bool WasDone(const Input& in, const Request& request) {
  if (in.view.restore.subject != nullptr && in.view.restore.id == request.id) return true;
  const Json& status = GetObject(in.view.subject->object, {"status", "pgbackrest", "restore"});
  return GetString(status, {"id"}) == request.id && GetBool(status, {"finished"});
}

// Another restore may take over from here: what was begun before is finished, or overwritten
// anyway.
bool MayBegin(const cluster::RestoreView& place) {
  if (place.subject == nullptr) return true;
  return place.step != RestoreStep::kStopping && place.step != RestoreStep::kClearing &&
         !(place.step == RestoreStep::kStarting && place.cancelled);
}

void ConcludeUnderWay(const Input& in, const std::string& about, Plan& plan) {
  const auto& place = in.view.restore;
  if (place.step == RestoreStep::kStopping && place.subject == nullptr) {
    return Say(plan, false, "RestorePlaceLost",
               about + ": ConfigMap " + kube::IntentName(in.view.key.name) +
                   " is gone, so what is on the volumes is not known" + kAgain);
  }
  if (place.step == RestoreStep::kStopping) {
    return Say(plan, true, "RestoreInPlaceRequested", about + ": the instances stop");
  }
  if (place.step == RestoreStep::kClearing) {
    return Say(plan, true, "RestoreInPlaceRequested", about + ": Patroni's state is taken away");
  }
  if (place.step == RestoreStep::kRestoring) {
    return Say(plan, true, "ReadyForRestore",
               about + ": job " + kube::RestoreJobName(in.view.key.name) +
                   " overwrites the volume of " + place.instance);
  }
  if (place.step == RestoreStep::kStarting) {
    return Say(plan, true, place.cancelled ? "RestoreCancelling" : "RestoredInstanceStarts",
               about + ": " + place.instance + " starts");
  }
  Say(plan, true, "ReplicasAreRebuilt",
      about + ": the other instances are made anew of " + place.instance);
}

void Conclude(const Input& in, Plan& plan) {
  const auto& place = in.view.restore;
  const std::string about = "restore " + place.id.substr(0, 100);
  if (place.UnderWay()) return ConcludeUnderWay(in, about, plan);
  if (place.step == RestoreStep::kDone) {
    Say(plan, false, "RestoreComplete", about + ": " + place.message);
  } else if (place.step == RestoreStep::kCancelled) {
    Say(plan, false, "RestoreCancelled", about + ": " + place.message);
  } else if (place.step == RestoreStep::kFailed) {
    Say(plan, false, "RestoreFailed",
        about + " failed and every instance stays stopped: " + place.message +
            "; choose another target if that is why" + kAgain);
  }
}

Json StatusOf(const Input& in) {
  const auto& place = in.view.restore;
  Json out = Json::object();
  const JobView job = FindJob(in.view, kube::RestoreJobName(in.view.key.name));
  const bool ours = job.subject != nullptr && job.id == place.id;
  out["id"] = place.id;
  out["finished"] = !place.UnderWay();
  if (!place.began.empty()) out["startTime"] = place.began;
  const std::string ended =
      ours ? GetString(job.subject->object, {"status", "completionTime"}) : "";
  if (!ended.empty()) out["completionTime"] = ended;
  for (const std::string_view field : {"active", "failed"}) {
    const std::int64_t count = ours ? GetInt(job.subject->object, {"status", field}) : 0;
    out[std::string(field)] = count;
  }
  const bool restored = !place.cancelled && (place.step == RestoreStep::kStarting ||
                                             place.step == RestoreStep::kRebuilding ||
                                             place.step == RestoreStep::kDone);
  out["succeeded"] = restored ? 1 : 0;
  return out;
}

// What PGO calls the data's state.
void SayData(const cluster::RestoreView& place, Plan& plan) {
  if (place.step == RestoreStep::kFailed) {
    plan.conditions.push_back({"PostgresDataInitialized", false, "PGBackRestRestoreFailed",
                               "restore " + place.id.substr(0, 100) + " failed: " + place.message});
  } else if (place.step == RestoreStep::kRestoring) {
    plan.conditions.push_back({"PostgresDataInitialized", false, "PGBackRestRestoreProgressing",
                               "restore " + place.id.substr(0, 100) + " is under way"});
  } else if (!place.cancelled &&
             (place.step == RestoreStep::kDone || place.step == RestoreStep::kStarting ||
              place.step == RestoreStep::kRebuilding)) {
    plan.conditions.push_back({"PostgresDataInitialized", true, "PGBackRestRestoreComplete",
                               "restored from " + place.repository});
  }
}

}  // namespace

void Say(Plan& plan, bool ok, const std::string& reason, const std::string& message) {
  plan.conditions.push_back({"PGBackRestoreProgressing", ok, reason, message});
}

void Refuse(const Input& in, const Request& request, const std::string& why, Plan& plan) {
  const std::string sentence = "restore " + request.id.substr(0, 100) + " refused: " + why;
  Say(plan, false, "RestoreRefused", sentence);
  Proposal p;
  p.reason = Reason::kOperationRefused;
  p.sentence = sentence;
  p.causes = {in.view.subject->seq.value(), in.memory.check.seq};
  p.goal = "refused/" + RequestKey(request);
  p.command = Notice{in.view.subject->ref, in.view.uid, true};
  p.once = true;
  plan.Do(std::move(p));
}

Plan PlanRestores(const Input& in) {
  Plan plan;
  const auto& place = in.view.restore;
  if (in.view.deleting || (!in.view.spec().backups.any && place.step == RestoreStep::kNone)) {
    return plan;
  }
  const Request request = ReadRequest(in);
  const bool anew = !request.id.empty() && request.enabled && !WasDone(in, request);
  plan.holds_cluster = place.subject != nullptr && place.UnderWay();
  if (in.view.spec().paused) {
    if (anew || place.UnderWay()) {
      Say(plan, false, "RestoreWaits", "the restore waits: spec.paused is true");
    }
  } else if (anew && MayBegin(place) && !request.refusal.empty()) {
    Refuse(in, request, request.refusal, plan);
  } else if (anew && MayBegin(place)) {
    Prepare(in, request, plan);
  }
  const bool prepares = !plan.proposals.empty();
  if (!prepares && place.subject != nullptr && !in.view.spec().paused) Progress(in, request, plan);
  if (plan.conditions.empty()) Conclude(in, plan);
  SayData(place, plan);
  for (Proposal& p : plan.proposals) {
    if (!p.facts.is_object()) p.facts = Json::object();
    Put(p.facts, {"operation", "kind"}, "Restore");
  }
  if (place.subject != nullptr) plan.status["pgbackrest"]["restore"] = StatusOf(in);
  return plan;
}

}  // namespace pgo::rooms::restores
