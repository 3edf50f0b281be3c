// Truth: what clients, servers and the API server really did.
#include "replay-tests/simulation/oracles.h"

#include "replay-tests/simulation/clients.h"
#include "replay-tests/simulation/dcs.h"
#include "replay-tests/simulation/operator.h"

namespace pgo::simulation {

void Oracles::Alarm(const std::string& oracle, const std::string& text) {
  sim_.Trace("ALARM " + oracle + ": " + text);
  alarms.push_back({oracle, text, sim_.now()});
}

void Oracles::Mix(std::string_view bytes) {
  for (const char c : bytes) {
    digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
}

// I2, I3, I7: a new timeline is new, and its first writer has all that was acknowledged.
void Oracles::Promoted(const Member& member) {
  ++promotions;
  const Disk& disk = member.disk();
  sim_.Trace(member.pod() + " is primary on timeline " + std::to_string(disk.timeline));
  const auto [other, fresh] = promoted_.emplace(disk.timeline, member.pod());
  if (!fresh) {
    Alarm("I2", "timeline " + std::to_string(disk.timeline) + " was begun by " + other->second +
                    " and by " + member.pod());
  }
  for (auto it = acknowledged_.begin(); it != acknowledged_.end();) {
    const Commit commit{it->first, it->second};
    if (disk.Holds(commit)) {
      ++it;
      continue;
    }
    if (sim_.profile.mode != Mode::kAsync) {
      Alarm("I7", member.pod() + " was promoted without acknowledged commit " +
                      LsnText(Lsn(commit.lsn)) + " of timeline " + std::to_string(commit.timeline));
      return;
    }
    ++lost_async;
    Reached("async: acknowledged commits were lost by a change of primary");
    it = acknowledged_.erase(it);
  }
}

void Oracles::Rewound(const Member& member, const Member& leader) {
  Reached("postgres: rewound to another timeline");
  if (member.disk().timeline > leader.disk().timeline) {
    Reached("postgres: rewound from a higher timeline");
  }
}

// I1: once a later timeline acknowledges, no earlier one does.
void Oracles::Acknowledged(const std::string& pod, const Commit& commit) {
  if (commit.timeline < newest_acknowledged_) {
    if (sim_.profile.mode != Mode::kAsync) {
      Alarm("I1", pod + " acknowledged on timeline " + std::to_string(commit.timeline) +
                      " after timeline " + std::to_string(newest_acknowledged_) + " had begun to");
    } else {
      Reached("async: an old primary still acknowledged");
    }
    return;
  }
  newest_acknowledged_ = commit.timeline;
  auto& furthest = acknowledged_[commit.timeline];
  furthest = std::max(furthest, commit.lsn);
}

void Oracles::OnChange(const Change& change) {
  Mix(change.ref.name);
  Mix(std::to_string(change.version * 2 + static_cast<std::uint64_t>(change.gone)));
}

void Oracles::AfterEvent() {
  // Some count time, in which nodes and the operator come and go without a word to the API server.
  if (checked_version_ == sim_.api.version() && sim_.now() - checked_at_ < kSecond) return;
  checked_version_ = sim_.api.version();
  checked_at_ = sim_.now();
  CheckSync();
  CheckService();
  CheckReadyIsTrue();
  CheckFailoverTime();
}

// I8: whoever is published as synchronous is waited for by the primary's commits.
void Oracles::CheckSync() {
  if (sim_.profile.mode == Mode::kAsync) return;
  const Json* key = sim_.api.Find(kSyncRef);
  const std::string standby = Annotation(key, "sync_standby");
  if (standby.empty()) return;
  const Member* leader = sim_.MemberOf(Annotation(key, "leader"));
  if (leader == nullptr || !leader->Writable()) return;
  if (Annotation(sim_.api.Find(kLeaderRef), "leader") != leader->pod()) return;
  if (!leader->sync_names().contains(standby)) {
    Alarm("I8",
          standby + " is published as synchronous, but " + leader->pod() + " does not wait for it");
  }
}

// I9: the leader's Service leads to the holder of the lock or nowhere.
void Oracles::CheckService() {
  const Json* lock = sim_.api.Find(kLeaderRef);
  if (lock == nullptr) return;
  const Json& subsets = GetArray(*lock, {"subsets"});
  if (subsets.empty()) return;
  const std::string ip = GetString(GetArray(subsets[0], {"addresses"})[0], {"ip"});
  for (const auto& [uid, run] : sim_.pods) {
    if (run.ip != ip || run.name == Annotation(lock, "leader")) continue;
    Alarm("I9", "Service of the leader leads to " + run.name + ", which does not hold the lock");
  }
}

// I32: the status may lag behind the truth by a few rounds, no more.
void Oracles::CheckReadyIsTrue() {
  constexpr Micros kGrace = 120 * kSecond;
  const Json* subject = sim_.api.Find(kSubject);
  bool ready = false;
  if (subject != nullptr) {
    for (const Json& condition : GetArray(*subject, {"status", "conditions"})) {
      if (GetString(condition, {"type"}) != "Ready") continue;
      ready = GetString(condition, {"status"}) == "True";
    }
  }
  const bool can_tell = sim_.api_up && sim_.op->alive() && !sim_.op->frozen();
  if (!ready || sim_.Primary() != nullptr || !can_tell) {
    false_ready_since_ = sim_.now();
  } else if (sim_.now() - false_ready_since_ > kGrace) {
    Alarm("I32", "Ready is True though nobody has accepted writes for two minutes");
  }
}

// I38: while a safe candidate lives and everything needed answers, a failover does not take longer
// than the lease and a few rounds.
void Oracles::CheckFailoverTime() {
  bool calm = sim_.api_up && sim_.Primary() == nullptr;
  for (const auto& [name, node] : sim_.nodes) {
    calm = calm && node.on && !node.frozen && !node.cut && !node.api_cut;
  }
  const Json* config = sim_.api.Find(kConfigRef);
  if (!calm || Annotation(config, "initialize").empty()) {
    no_primary_since_ = sim_.now();
    return;
  }
  const Micros bound = (sim_.profile.ttl_s + 4 * sim_.profile.loop_wait_s + 60) * kSecond;
  if (sim_.now() - no_primary_since_ > bound) {
    Alarm("I38", "nobody accepts writes for " +
                     std::to_string((sim_.now() - no_primary_since_) / kSecond) +
                     " s though all nodes and the API server are well");
    no_primary_since_ = sim_.now();
  }
}

void Oracles::Converged(Micros took) {
  Reached(took < 60 * kSecond ? "liveness: well within a minute" : "liveness: well after a minute");
}

// I7 at the end: the primary has all that was ever acknowledged (and not told as lost).
void Oracles::AtEnd() {
  const Member* primary = sim_.Primary();
  if (primary == nullptr) return;
  // I34: what was to be done once and is not known as done is done again after a restart.
  if (scripts == 0) Alarm("I34", "the cluster is well, but its roles were never made");
  for (const auto& [timeline, lsn] : acknowledged_) {
    if (primary->disk().Holds({timeline, lsn})) continue;
    Alarm("I7", "at the end " + primary->pod() + " lacks acknowledged commit " + LsnText(Lsn(lsn)) +
                    " of timeline " + std::to_string(timeline));
  }
  Mix(std::to_string(sim_.clients->acknowledged));
  Mix(std::to_string(sim_.schedule.ran()));
}

}  // namespace pgo::simulation
