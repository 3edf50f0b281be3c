// Replication, synchronous or not; switchover; and what the member says of itself.
#include "replay-tests/simulation/clients.h"
#include "replay-tests/simulation/dcs.h"
#include "replay-tests/simulation/member.h"
#include "replay-tests/simulation/oracles.h"

namespace pgo::simulation {

bool Member::Streams() const {
  if (!Running() || primary_ || busy_ || upstream_.empty()) return false;
  const Member* leader = sim_.MemberOf(upstream_);
  return leader != nullptr && leader->Running() && leader->primary_ && !leader->busy_ &&
         Simulation::Linked(node_, leader->node_) && sim_.now() >= connects_at_ &&
         disk_.IsPrefixOf(leader->disk_);
}

void Member::Write(std::function<void(Commit)> acknowledged) {
  disk_.lsn += 200 + sim_.chance.Below(800);
  waiting_.push_back({disk_.lsn, std::move(acknowledged)});
  Later(sim_.Delay(1, 15), [](Member& m) {
    if (m.Writable()) m.Deliver();
  });
}

void Member::Deliver() {
  for (Member* replica : sim_.Members()) {
    if (replica == this || replica->upstream_ != pod_ || !replica->Streams()) continue;
    Disk& theirs = replica->disk_;
    theirs.timeline = disk_.timeline;
    theirs.history = disk_.history;
    theirs.lsn = disk_.lsn;
  }
  Acknowledge();
}

// A commit returns when all whom it waits for have it.
void Member::Acknowledge() {
  std::vector<Waiting> still;
  std::vector<Waiting> done;
  for (Waiting& w : waiting_) {
    bool held = sync_names_.empty();
    for (Member* replica : sim_.Members()) {
      const bool counts = sync_names_.contains(replica->pod_) || sync_names_.contains("*");
      if (replica != this && counts && replica->upstream_ == pod_ && replica->Streams()) {
        held = held || replica->disk_.Holds({disk_.timeline, w.lsn});
      }
    }
    (held ? done : still).push_back(std::move(w));
  }
  waiting_ = std::move(still);
  for (Waiting& w : done) w.acknowledged({disk_.timeline, w.lsn});
}

std::string Member::PickSync() const {
  const std::string current = PublishedStandby();
  std::string best;
  std::uint64_t furthest = 0;
  for (const Member* replica : sim_.Members()) {
    if (replica == this || replica->upstream_ != pod_ || !replica->Streams()) continue;
    if (replica->stopping_) continue;
    if (replica->pod_ == current) return current;
    if (best.empty() || replica->disk_.lsn > furthest) {
      best = replica->pod_;
      furthest = replica->disk_.lsn;
    }
  }
  return best;
}

bool Member::WriteSync(const std::string& standby) {
  if (!DcsWorks()) return false;
  Json annotations = Json::object();
  annotations["leader"] = pod_;
  annotations["sync_standby"] = standby.empty() ? Json(nullptr) : Json(standby);
  return WriteDcs(sim_.api, kSyncRef, annotations).outcome == Outcome::kOk;
}

void Member::SetSyncNames(const std::string& pick) {
  sync_names_.clear();
  if (!pick.empty()) {
    sync_names_.insert(pick);
  } else if (config_.strict) {
    sync_names_.insert("*");
  }
  Acknowledge();
}

// A gain is published after PostgreSQL waits for it, a loss before it stops waiting.
void Member::Synchronize() {
  if (!config_.synchronous) {
    SetSyncNames("");
    const bool published = !Annotation(sim_.api.Find(kSyncRef), "leader").empty();
    if (published && DcsWorks()) {
      WriteDcs(sim_.api, kSyncRef, JsonLiteral(R"({"leader":null,"sync_standby":null})"));
    }
    return;
  }
  const Json* key = sim_.api.Find(kSyncRef);
  const std::string published = Annotation(key, "sync_standby");
  const bool mine = Annotation(key, "leader") == pod_;
  const std::string pick = PickSync();
  if (mine && pick == published && (pick.empty() || sync_names_.contains(pick))) return;
  const bool unpublish = !mine || (!published.empty() && published != pick);
  if (unpublish && !WriteSync("")) return;
  SetSyncNames(pick);
  if (!pick.empty()) {
    Later(sim_.Delay(30, 300), [pick](Member& m) { m.ConfirmSync(pick); });
  }
}

void Member::ConfirmSync(const std::string& pick) {
  const bool holds = Annotation(sim_.api.Find(kLeaderRef), "leader") == pod_;
  if (!Writable() || !holds || !sync_names_.contains(pick)) return;
  const Member* standby = sim_.MemberOf(pick);
  if (standby == nullptr || !standby->Streams() || standby->disk_.lsn < disk_.lsn) {
    if (standby != nullptr && standby->Streams()) Deliver();
    return Wake(sim_.Delay(200, 1000));
  }
  WriteSync(pick);
}

bool Member::Switchover(const std::string& leader, const std::string& candidate, std::string& why) {
  Member* target = sim_.MemberOf(candidate);
  if (leader != pod_ || !Writable()) why = "leader name does not match";
  if (target == nullptr || !target->Streams()) why = "candidate is not a healthy replica";
  if (config_.synchronous && PublishedStandby() != candidate) why = "candidate is not synchronous";
  if (!why.empty() || !DcsWorks()) return false;
  Json annotations = Json::object();
  annotations["leader"] = leader;
  annotations["member"] = candidate;
  WriteDcs(sim_.api, kFailoverRef, annotations);
  Wake(sim_.Delay(5, 50));
  return true;
}

// A request to hand over, while this member leads.
bool Member::ObeySwitchover() {
  const Json* key = sim_.api.Find(kFailoverRef);
  const std::string named = Annotation(key, "member");
  const std::string from = Annotation(key, "leader");
  if (named.empty() && from.empty()) return false;
  Member* target = sim_.MemberOf(named);
  const bool possible = target != nullptr && target != this && target->Streams() &&
                        (from.empty() || from == pod_) &&
                        (!config_.synchronous || PublishedStandby() == named);
  if (!possible) {
    ClearFailoverKey();
    return false;
  }
  GracefulDemote();
  return true;
}

void Member::GracefulDemote() {
  sim_.Trace(pod_ + " hands over");
  Work(sim_.Delay(300, 2500), [](Member& m) {
    if (m.server_ != Server::kRunning) return;
    m.Deliver();
    m.KillServer();
    m.Release();
    m.Wake(2 * kSecond);
  });
}

std::string Member::StatusText() const {
  Json status = Json::object();
  status["version"] = "4.0.7";
  if (!disk_.initialized) {
    status["state"] = busy_ ? "creating replica" : "uninitialized";
    status["role"] = "uninitialized";
    return DumpJson(status);
  }
  status["state"] = server_ == Server::kRunning    ? "running"
                    : server_ == Server::kStarting ? "starting"
                                                   : "stopped";
  status["role"] = primary_ ? "primary" : "replica";
  status["xlog_location"] = disk_.lsn;
  status["timeline"] = disk_.timeline;
  if (Streams()) status["replication_state"] = "streaming";
  if (pending_restart_) status["pending_restart"] = true;
  return DumpJson(status);
}

// Role label and status annotation of the own pod, in one write if anything changed.
void Member::Touch() {
  if (!sim_.Reaches(node_)) return;
  const std::string status = StatusText();
  const std::string role = !disk_.initialized ? ""
                           : primary_         ? std::string(kube::kRolePrimary)
                                              : std::string(kube::kRoleReplica);
  const kube::ObjectRef ref{"Pod", kNamespace, pod_};
  const Json* pod = sim_.api.Find(ref);
  if (pod == nullptr) return;
  const bool same =
      last_touch_ == status && GetString(*pod, {"metadata", "labels", kube::kLabelRole}) == role;
  if (same) return;
  Json patch = Json::object();
  Put(patch, {"metadata", "annotations", "status"}, status);
  if (!role.empty()) Put(patch, {"metadata", "labels", kube::kLabelRole}, role);
  const Reply reply = sim_.api.Patch(ref, {pod_uid_, ""}, patch);
  if (reply.outcome == Outcome::kOk) last_touch_ = status;
}

}  // namespace pgo::simulation
