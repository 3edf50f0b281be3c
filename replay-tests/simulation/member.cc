// The rounds of Patroni's loop: who leads, and what that means for this member.
#include "replay-tests/simulation/member.h"

#include "replay-tests/simulation/dcs.h"
#include "replay-tests/simulation/oracles.h"
#include "replay-tests/simulation/simulation.h"

namespace pgo::simulation {

Member::Member(Simulation& sim, Node& node, Disk& disk, std::string pod, std::string pod_uid,
               std::string ip)
    : sim_(sim),
      node_(node),
      disk_(disk),
      pod_(std::move(pod)),
      pod_uid_(std::move(pod_uid)),
      ip_(std::move(ip)) {}

void Member::Later(Micros delay, std::function<void(Member&)> task) {
  const std::weak_ptr<Member> weak = weak_from_this();
  sim_.schedule.After(delay, [weak, task = std::move(task)] {
    const auto self = weak.lock();
    if (!self || !self->alive_) return;
    if (!self->node_.frozen) return task(*self);
    self->node_.on_thaw.push_back([weak, task] {
      const auto thawed = weak.lock();
      if (thawed && thawed->alive_) task(*thawed);
    });
  });
}

void Member::Work(Micros delay, std::function<void(Member&)> task) {
  busy_ = true;
  const std::uint64_t work = ++work_;
  Later(delay, [work, task = std::move(task)](Member& m) {
    if (m.work_ != work) return;
    m.busy_ = false;
    task(m);
  });
}

void Member::Begin() { Wake(sim_.Delay(300, 1200)); }

void Member::Die() {
  alive_ = false;
  waiting_.clear();
}

void Member::Wake(Micros delay) {
  const std::uint64_t turn = ++turn_;
  Later(delay, [turn](Member& m) {
    if (m.turn_ == turn) m.Loop();
  });
}

void Member::OnDcs(const Dcs& dcs) {
  const bool lock_changed = dcs.leader != dcs_.leader;
  dcs_ = dcs;
  const std::string seen =
      Annotation(dcs_.leader, "leader") + "|" + Annotation(dcs_.leader, "renewTime");
  if (seen != lock_seen_) {
    lock_seen_ = seen;
    lock_seen_at_ = sim_.now();
  }
  // Any change of the lock wakes whoever does not lead; a failover request wakes nobody.
  if (lock_changed && Annotation(dcs_.leader, "leader") != pod_ && !busy_) {
    Wake(sim_.Delay(1, 30));
  }
}

void Member::Reconnect() {
  connects_at_ = sim_.now() + sim_.Delay(500, 5000);
  Later(connects_at_ - sim_.now(), [](Member& m) {
    Member* leader = m.sim_.MemberOf(m.upstream_);
    if (leader != nullptr && m.Streams()) leader->Deliver();
  });
}

bool Member::DcsWorks() {
  if (!sim_.Reaches(node_)) return false;
  return sim_.healing || !sim_.chance.Chance(sim_.profile.api_busy / 4);
}

void Member::ReadConfig() {
  const std::string text = Annotation(dcs_.config, "config");
  if (text == config_text_ || text.empty()) return;
  config_text_ = text;
  const auto json = ParseJson(text);
  if (!json) return;
  PatroniConfig next;
  next.ttl_s = GetInt(*json, {"ttl"}, 30);
  next.loop_wait_s = GetInt(*json, {"loop_wait"}, 10);
  next.retry_timeout_s = GetInt(*json, {"retry_timeout"}, 10);
  next.lag_max = GetInt(*json, {"maximum_lag_on_failover"}, 1048576);
  next.synchronous = GetBool(*json, {"synchronous_mode"});
  next.strict = GetBool(*json, {"synchronous_mode_strict"});
  next.failsafe = GetBool(*json, {"failsafe_mode"});
  const Json& parameters = GetObject(*json, {"postgresql", "parameters"});
  next.parameters = GetString(parameters, {"max_connections"}) + "/" +
                    std::to_string(GetInt(parameters, {"max_connections"}));
  const bool first = config_.parameters.empty();
  if (!first && next.parameters != config_.parameters && Running()) pending_restart_ = true;
  config_ = next;
}

void Member::Loop() {
  Wake(config_.loop_wait_s * kSecond);
  if (stopping_) return;
  if (!DcsWorks()) return WithoutDcs();
  dcs_lost_at_ = 0;
  ReadConfig();
  if (busy_) {
    UpdateLock();
  } else if (!disk_.initialized) {
    Initialize();
  } else if (server_ == Server::kStopped) {
    UpdateLock();
    Start();
  } else if (server_ == Server::kRunning) {
    Decide();
  }
  if (alive_) Touch();
}

void Member::Decide() {
  const std::string holder = Annotation(dcs_.leader, "leader");
  if (holder == pod_) return AsLeader();
  if (holder.empty() || Expired()) return AsCandidate();
  AsFollower(holder);
}

bool Member::Expired() const { return sim_.now() - lock_seen_at_ > config_.ttl_s * kSecond; }

// The API server does not answer. A leader goes on while its lock may still be its own, or while
// all members say that they know it (failsafe mode).
void Member::WithoutDcs() {
  if (dcs_lost_at_ == 0) {
    dcs_lost_at_ = sim_.now();
    Wake(config_.retry_timeout_s * kSecond);
    return;
  }
  if (!primary_ || busy_ || sim_.now() - dcs_lost_at_ < config_.retry_timeout_s * kSecond) return;
  if (FailsafeHolds()) {
    sim_.oracles->Reached("patroni: failsafe kept a primary without the API server");
    return;
  }
  sim_.oracles->Reached("patroni: demoted without the API server");
  Demote();
}

bool Member::FailsafeHolds() {
  if (!config_.failsafe) return false;
  for (const auto& [ref, object] : sim_.api.All("Pod")) {
    if (ref.name == pod_ || Annotation(object, "status").empty()) continue;
    Member* peer = sim_.MemberOf(ref.name);
    if (peer == nullptr || !Simulation::Linked(node_, peer->node_)) return false;
    peer->failsafe_until_ = sim_.now() + config_.ttl_s * kSecond;
  }
  return true;
}

void Member::AsLeader() {
  if (!UpdateLock()) {
    if (primary_) Demote();
    return;
  }
  if (!primary_) return Promote();
  if (ObeySwitchover()) return;
  Synchronize();
  PublishHistory();
}

void Member::AsCandidate() {
  if (failsafe_until_ > sim_.now()) return;
  if (!Healthiest()) {
    if (primary_) Demote();
    return;
  }
  if (!Acquire()) return Wake(sim_.Delay(50, 300));
  if (!primary_) Promote();
}

std::string Member::Renewal() const { return WallText(sim_.wall()); }

Json Member::Subsets() const {
  Json out = PGO_JSON(R"([{"addresses":[{}],"ports":[{"name":"postgres","port":5432}]}])");
  out[0]["addresses"][0]["ip"] = ip_;
  return out;
}

bool Member::UpdateLock() {
  const Json* lock = sim_.api.Find(kLeaderRef);
  if (Annotation(lock, "leader") != pod_ || !DcsWorks()) return false;
  Json annotations = Json::object();
  annotations["renewTime"] = Renewal();
  if (primary_) annotations["optime"] = std::to_string(disk_.lsn);
  WriteDcs(sim_.api, kLeaderRef, annotations, Subsets());
  return true;
}

// Takes the lock if nobody changed it since it was last seen here.
bool Member::Acquire() {
  const Json* lock = sim_.api.Find(kLeaderRef);
  const bool as_seen = dcs_.leader == sim_.api.Get(kLeaderRef);
  if (!as_seen || !DcsWorks()) {
    sim_.oracles->Reached("patroni: the race for the lock was lost by compare-and-swap");
    return false;
  }
  Json annotations = Json::object();
  annotations["leader"] = pod_;
  annotations["renewTime"] = annotations["acquireTime"] = Renewal();
  annotations["ttl"] = std::to_string(config_.ttl_s);
  annotations["optime"] = std::to_string(disk_.lsn);
  const std::string before = Annotation(lock, "transitions");
  annotations["transitions"] = before.empty() ? "0" : std::to_string(std::stoll(before) + 1);
  WriteDcs(sim_.api, kLeaderRef, annotations, Subsets());
  sim_.Trace(pod_ + " takes the leader lock");
  return true;
}

void Member::Release() {
  if (Annotation(sim_.api.Find(kLeaderRef), "leader") != pod_ || !DcsWorks()) return;
  Json annotations = Json::object();
  annotations["leader"] = nullptr;
  annotations["optime"] = std::to_string(disk_.lsn);
  WriteDcs(sim_.api, kLeaderRef, annotations, Json::array());
  sim_.Trace(pod_ + " releases the leader lock");
}

// A failover request decides for or against this member: a named one that is to lead skips the
// usual checks, and the others stand back while it can be reached.
bool Member::NamedAllows(bool& decided) {
  const std::string named = Annotation(dcs_.failover, "member");
  const std::string from = Annotation(dcs_.failover, "leader");
  decided = false;
  if (named.empty()) return false;
  if (named == pod_) {
    const auto published = PublishedStandby();
    if (!from.empty() && config_.synchronous && published != pod_ &&
        Annotation(dcs_.sync, "leader") != pod_) {
      return false;
    }
    decided = true;
    return true;
  }
  Member* other = sim_.MemberOf(named);
  decided = other != nullptr && other->Running() && Simulation::Linked(node_, other->node_);
  return false;
}

bool Member::BetterPeer() {
  for (Member* peer : sim_.Members()) {
    if (peer == this || !peer->Running() || !Simulation::Linked(node_, peer->node_)) continue;
    if (peer->primary_ || peer->disk_.lsn > disk_.lsn) return true;
  }
  return false;
}

bool Member::Healthiest() {
  bool decided = false;
  const bool named = NamedAllows(decided);
  if (decided) return named;
  const std::string sync_leader = Annotation(dcs_.sync, "leader");
  if (config_.synchronous && !sync_leader.empty() && sync_leader != pod_ &&
      PublishedStandby() != pod_) {
    return false;
  }
  const std::string optime = Annotation(dcs_.leader, "optime");
  const std::uint64_t known = optime.empty() ? 0 : std::stoull(optime);
  if (known > disk_.lsn + static_cast<std::uint64_t>(config_.lag_max)) return false;
  const auto history = ParseJson(Annotation(dcs_.config, "history"));
  if (history && history->is_array() && !history->empty() &&
      AsInt(history->back()[0]) + 1 > static_cast<std::int64_t>(disk_.timeline)) {
    return false;  // check_timeline
  }
  return !BetterPeer();
}

std::string Member::PublishedStandby() const { return Annotation(dcs_.sync, "sync_standby"); }

}  // namespace pgo::simulation
