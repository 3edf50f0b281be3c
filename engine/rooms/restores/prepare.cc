// Before anything is stopped: does the repository have what is asked for, and is what will be
// overwritten in it? Then the place is written, and the restore is under way.
#include <algorithm>

#include "engine/cluster/roster.h"
#include "engine/kube/names.h"
#include "engine/pgbackrest/config.h"
#include "engine/rooms/restores/restores.h"
#include "engine/rooms/restores/scripts.h"

namespace pgo::rooms::restores {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;

constexpr std::int64_t kArchiveWait_s = 45;

// Where pgBackRest can be asked what the repository has: the repository host, or any instance when
// the repository is in the cloud.
struct Place {
  const cluster::Subject* pod = nullptr;
  std::string container;
};

bool IsReady(const cluster::Subject& pod) {
  if (Find(pod.object, {"metadata", "deletionTimestamp"}) != nullptr) return false;
  for (const Json& condition : GetArray(pod.object, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) != "Ready") continue;
    return GetString(condition, {"status"}) == "True";
  }
  return false;
}

bool OnVolume(const ClusterView& view, const std::string& repository) {
  const auto* repo = view.spec().backups.Find(repository);
  return repo != nullptr && repo->store == cluster::Repository::Store::kVolume;
}

Place PlaceToAsk(const ClusterView& view) {
  const auto* host = view.Find("Pod", kube::RepoHostPodName(view.key.name));
  if (host != nullptr && IsReady(*host)) return {host, std::string(kube::kBackrestContainer)};
  for (const auto& [name, instance] : view.instances) {
    if (!instance.pod || !instance.pod->database_running || instance.pod->deleting) continue;
    return {instance.pod->subject, std::string(kube::kDatabaseContainer)};
  }
  return {};
}

// A backup that is under way would fail when the primary stops.
std::string RunningBackup(const ClusterView& view) {
  for (const auto& [ref, subject] : view.objects) {
    if (ref.kind != "Job") continue;
    if (GetString(subject->object, {"metadata", "labels", kube::kLabelBackup}).empty()) continue;
    bool ended = false;
    for (const Json& condition : GetArray(subject->object, {"status", "conditions"})) {
      const std::string type = GetString(condition, {"type"});
      ended = ended || ((type == "Complete" || type == "Failed") &&
                        GetString(condition, {"status"}) == "True");
    }
    if (!ended) return ref.name;
  }
  return "";
}

void AskRepository(const Input& in, const Request& request, Plan& plan) {
  const Place place = PlaceToAsk(in.view);
  std::string target;
  if (request.target.type == "time") {
    // A second's fraction decides nothing here: pgBackRest's moments are whole seconds.
    target = std::to_string((request.target.time_us + kSecond - 1) / kSecond);
  }
  if (request.target.type == "lsn") target = std::to_string(request.target.lsn.value());
  Exec exec;
  exec.ref = place.pod->ref;
  exec.uid = place.pod->uid;
  exec.container = place.container;
  exec.argv = {"python3",           "-Ic",  CheckScript(),     request.repository.substr(4),
               request.target.type, target, request.target.set};
  exec.probe = true;
  Proposal p;
  p.reason = Reason::kRestore;
  p.sentence = "restore " + request.id.substr(0, 100) + " is asked for, to " +
               pgbackrest::TargetText(request.target) + ": look what " + request.repository +
               " has, before anything is stopped";
  p.causes = {in.view.subject->seq.value(), place.pod->seq.value()};
  p.goal = "check/" + RequestKey(request);
  p.command = std::move(exec);
  p.once = true;
  p.retry_after_us = 5 * kSecond;
  p.timeout_ms = 60'000;
  plan.Do(std::move(p));
}

// Why the repository cannot give it, by its own word; "" if it can.
std::string RefuseByRepository(const Input& in, const Request& request) {
  const Json& found = in.memory.check.result;
  const std::string error = GetString(found, {"error"});
  const std::string again = " and ask with a new value of annotation pgbackrest-restore";
  if (!error.empty()) {
    return "pgbackrest info of " + request.repository + ": " + error + "; mend that" + again;
  }
  if (!GetString(found, {"chosen"}).empty()) return "";
  const std::string field = "spec.backups.pgbackrest.restore.";
  if (GetInt(found, {"backups"}) == 0) {
    return field + "repoName: " + request.repository +
           ": must have a backup, and has none; back up first" + again +
           ", or choose another repository";
  }
  if (!request.target.set.empty()) {
    return field + "options: --set: \"" + request.target.set.substr(0, 60) +
           "\": must be a backup of " + request.repository + "; `pgo show backup " +
           in.view.key.name + "` lists them";
  }
  return field + "options: --target: \"" + request.target.text.substr(0, 60) +
         "\": must lie after the end of a backup, and the oldest one ends at " +
         WallSeconds(GetInt(found, {"oldest"}) * kSecond) + "; choose a later target" +
         (in.view.spec().backups.repositories.size() > 1 ? " or another repository" : "");
}

void AskSafety(const Input& in, const Request& request, const InstanceView& primary, Plan& plan) {
  Exec exec;
  exec.ref = primary.pod->subject->ref;
  exec.uid = primary.pod->uid;
  exec.container = kube::kDatabaseContainer;
  exec.argv = {"bash",
               "-c",
               SafetyScript(),
               "safety",
               std::to_string(in.view.spec().port),
               std::to_string(kArchiveWait_s)};
  exec.probe = true;
  Proposal p;
  p.reason = Reason::kRestore;
  p.sentence = "restore " + request.id.substr(0, 100) + ": " +
               GetString(in.memory.check.result, {"chosen"}) + " of " + request.repository +
               " leads to the target; have the newest WAL of " + primary.pod->name +
               " archived, so that what is overwritten can be had back";
  p.causes = {in.memory.check.seq, primary.pod->subject->seq.value()};
  p.goal = "safety/" + RequestKey(request);
  p.command = std::move(exec);
  p.once = true;
  p.retry_after_us = 5 * kSecond;
  p.timeout_ms = (kArchiveWait_s + 15) * 1000;
  plan.Do(std::move(p));
}

std::string Waive() {
  return "; mend that, or set annotation " + std::string(kube::kRestoreSafety) +
         "=None to go on without, and a new value of pgbackrest-restore";
}

// Data on the volumes is worth something, unless an earlier restore has overwritten it and nobody
// has written since.
bool IsPrecious(const cluster::RestoreView& place) { return !place.Stops(); }

// Whose volume: the primary's; else of whoever led last; else the first that has one.
std::string InstanceFor(const ClusterView& view) {
  if (const auto* primary = view.Primary(); primary != nullptr) return primary->name;
  const auto* holder = view.ByPod(view.lock.leader);
  if (holder != nullptr && holder->claim != nullptr) return holder->name;
  const auto known = view.instances.find(view.restore.instance);
  if (known != view.instances.end() && known->second.claim != nullptr) return known->first;
  for (const auto& member : cluster::Roster(view)) {
    if (member.instance != nullptr && member.instance->claim != nullptr) return member.name;
  }
  return "";
}

std::string TextList(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) out.push_back(text);
  return DumpJson(out);
}

// What to ask for to get back what is overwritten; "" if it is not known.
std::string UndoOf(const Input& in, const Request& request) {
  const std::int64_t timeline = GetInt(in.memory.safety.result, {"timeline"});
  const std::string newest = GetString(in.memory.check.result, {"newest_label"});
  if (in.memory.safety.key != RequestKey(request) || timeline == 0 || newest.empty()) return "";
  return "--set=" + newest + " --target-timeline=" + std::to_string(timeline);
}

void Begin(const Input& in, const Request& request, Plan& plan) {
  const ClusterView& view = in.view;
  const std::string instance = InstanceFor(view);
  if (instance.empty()) {
    return Say(plan, false, "RestoreWaits",
               "restore " + request.id + " waits: no instance has a volume yet");
  }
  const bool precious = IsPrecious(view.restore);
  std::vector<std::string> others;
  for (const auto& [name, other] : view.instances) {
    if (name != instance && other.claim != nullptr) others.push_back(name);
  }
  const bool safe = precious && request.safe;
  // What was overwritten first is what matters, however often it had to be tried.
  const std::string undo = precious ? UndoOf(in, request) : view.restore.undo;
  Json data = PGO_JSON(R"({"operation": "Restore", "step": "Stopping", "cleared": "[]"})");
  data["id"] = request.id;
  data["instance"] = instance;
  data["repository"] = request.repository;
  data["options"] = TextList(request.words);
  data["others"] = TextList(others);
  data["safe"] = safe ? "true" : "false";
  data["began"] = WallSeconds(in.now.wall_us);
  data["undo"] = undo;
  for (const char* member : {"cancelled", "backup", "message"}) data[member] = nullptr;
  auto p = Move(in, std::move(data),
                "restore " + request.id.substr(0, 100) + " of " + view.key.name + " to " +
                    pgbackrest::TargetText(request.target) + " out of " + request.repository +
                    " onto the volume of " + instance + ": stop every instance, the primary last" +
                    (undo.empty() ? "" : "; " + undo + " would bring back what is overwritten"),
                "begin/" + RequestKey(request));
  p.causes.push_back(in.memory.check.seq);
  p.causes.push_back(in.memory.safety.seq);
  p.facts["begins"] = true;
  plan.Do(std::move(p));
}

// True once the newest WAL is in the repository or need not be.
bool IsSafe(const Input& in, const Request& request, Plan& plan) {
  if (!request.safe || !IsPrecious(in.view.restore)) return true;
  const InstanceView* primary = in.view.Primary();
  const std::string about = "restore " + request.id + " waits: ";
  if (primary == nullptr) {
    Say(plan, false, "RestoreUnsafe",
        about + "there is no primary that could archive its newest WAL before it is overwritten" +
            Waive());
    return false;
  }
  if (in.memory.safety.key != RequestKey(request)) {
    AskSafety(in, request, *primary, plan);
    Say(plan, true, "RestoreInPlaceRequested",
        "restore " + request.id + ": the newest WAL is being archived");
    return false;
  }
  if (GetBool(in.memory.safety.result, {"archived"})) return true;
  Say(plan, false, "RestoreUnsafe",
      about + "WAL file " + GetString(in.memory.safety.result, {"wal"}) +
          " did not reach the repository within " + std::to_string(kArchiveWait_s) + " s" +
          Waive());
  return false;
}

// Why it cannot even be looked at now; "" if it can.
std::string Obstacle(const Input& in, const Request& request) {
  const std::string job = RunningBackup(in.view);
  if (!job.empty()) return "a backup is under way (job " + job + ")";
  if (!in.view.jobs_complete) return "the jobs are not known yet";
  const auto* host = in.view.Find("Pod", kube::RepoHostPodName(in.view.key.name));
  if (OnVolume(in.view, request.repository) && (host == nullptr || !IsReady(*host))) {
    return "the repository host is not ready";
  }
  return "";
}

}  // namespace

void Prepare(const Input& in, const Request& request, Plan& plan) {
  const std::string obstacle = Obstacle(in, request);
  if (!obstacle.empty()) {
    return Say(plan, false, "RestoreWaits", "restore " + request.id + " waits: " + obstacle);
  }
  if (in.memory.check.key != RequestKey(request)) {
    // With everything stopped and no repository host, the job itself is the first that can look.
    if (PlaceToAsk(in.view).pod == nullptr) return Begin(in, request, plan);
    AskRepository(in, request, plan);
    const auto* asked = arbiter::Look(in.ledger, kRoom, "check/" + RequestKey(request));
    const bool failed = asked != nullptr && !asked->in_flight && asked->outcome != Outcome::kOk;
    return Say(plan, !failed, failed ? "RestoreWaits" : "RestoreInPlaceRequested",
               "restore " + request.id +
                   (failed ? " waits: the repository could not be asked: " + asked->message
                           : ": the repository is asked what it has"));
  }
  const std::string refusal = RefuseByRepository(in, request);
  if (!refusal.empty()) return Refuse(in, request, refusal, plan);
  if (IsSafe(in, request, plan)) Begin(in, request, plan);
}

}  // namespace pgo::rooms::restores
