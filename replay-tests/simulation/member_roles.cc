// What takes time: start, promotion, demotion, first initialization, copy, rewind, restart.
#include "engine/cluster/spec.h"
#include "engine/patroni/config.h"
#include "replay-tests/simulation/clients.h"
#include "replay-tests/simulation/dcs.h"
#include "replay-tests/simulation/member.h"
#include "replay-tests/simulation/oracles.h"

namespace pgo::simulation {
namespace {

constexpr std::uint64_t kFirstLsn = 0x3000000;

// What Patroni's bootstrap section holds: the operator's own rendering of the manifest.
Json FirstConfig(const Json& manifest) {
  const auto parsed = cluster::ParseSpec(manifest);
  patroni::Settings s;
  s.ns = kNamespace;
  s.cluster = kCluster;
  s.postgres_version = parsed.spec.postgres_version;
  s.ttl_s = parsed.spec.patroni.lease_duration_s;
  s.loop_wait_s = parsed.spec.patroni.sync_period_s;
  s.dynamic = parsed.spec.patroni.dynamic_configuration;
  s.parameters = parsed.spec.config_parameters;
  s.rules = parsed.spec.hba_rules;
  return patroni::DynamicConfiguration(s);
}

}  // namespace

// A server always starts as a replica; whoever holds the lock is promoted in the next round.
void Member::Start() {
  server_ = Server::kStarting;
  primary_ = false;
  Work(sim_.Delay(500, 2500), [](Member& m) {
    m.server_ = Server::kRunning;
    m.started_ = m.sim_.wall();
    m.pending_restart_ = false;
    m.Wake(0);
  });
}

void Member::KillServer() {
  if (server_ == Server::kStopped || !disk_.initialized) return;
  server_ = Server::kStopped;
  primary_ = false;
  busy_ = false;
  ++work_;
  waiting_.clear();
  sync_names_.clear();
  Wake(sim_.Delay(300, 1000));  // the pod's watcher tells Patroni
}

void Member::Demote() {
  sim_.Trace(pod_ + " demotes itself");
  KillServer();
}

void Member::Promote() {
  if (config_.synchronous && !WriteSync("")) return Release();
  sync_names_.clear();
  if (config_.strict) sync_names_.insert("*");
  sim_.Trace(pod_ + " is being promoted");
  Work(sim_.Delay(200, 1500), [](Member& m) { m.Promoted(); });
}

void Member::Promoted() {
  if (server_ != Server::kRunning) return;
  disk_.history.push_back({disk_.timeline, disk_.lsn});
  ++disk_.timeline;
  disk_.lsn += 0x60;
  primary_ = true;
  upstream_.clear();
  sim_.oracles->Promoted(*this);
  PublishHistory();
  ClearFailoverKey();
  Wake(0);
}

void Member::PublishHistory() {
  Json history = Json::array();
  for (const Fork& fork : disk_.history) {
    history.push_back(Json::array({fork.timeline, fork.end, "no recovery target specified"}));
  }
  const std::string text = DumpJson(history);
  if (disk_.history.empty() || Annotation(sim_.api.Find(kConfigRef), "history") == text) return;
  Json annotations = Json::object();
  annotations["history"] = text;
  WriteConfig(annotations);
}

void Member::WriteConfig(const Json& annotations) {
  if (DcsWorks()) WriteDcs(sim_.api, kConfigRef, annotations);
}

void Member::ClearFailoverKey() {
  const Json* key = sim_.api.Find(kFailoverRef);
  const bool set = !Annotation(key, "member").empty() || !Annotation(key, "leader").empty();
  if (!set || !DcsWorks()) return;
  WriteDcs(sim_.api, kFailoverRef, JsonLiteral(R"({"leader":null,"member":null})"));
}

// The volume is empty: make the cluster, or copy who leads it.
void Member::Initialize() {
  const Json* config = sim_.api.Find(kConfigRef);
  if (Annotation(config, "initialize").empty()) return Bootstrap();
  Member* leader = sim_.MemberOf(Annotation(dcs_.leader, "leader"));
  if (leader != nullptr && leader->Writable() && Simulation::Linked(node_, leader->node_)) {
    Copy(*leader);
  }
}

void Member::Bootstrap() {
  const std::string by = Annotation(sim_.api.Find(kConfigRef), "bootstrap");
  if (!by.empty() && by != pod_ && sim_.MemberOf(by) != nullptr) return;
  Json annotations = Json::object();
  annotations["bootstrap"] = pod_;
  annotations["initialize"] = "";
  WriteConfig(annotations);
  Work(sim_.Delay(1500, 4000), [](Member& m) { m.Bootstrapped(); });
}

void Member::Bootstrapped() {
  const Json* config = sim_.api.Find(kConfigRef);
  const Json* manifest = sim_.api.Find(kSubject);
  const bool mine = Annotation(config, "bootstrap") == pod_;
  if (!mine || manifest == nullptr || !DcsWorks() || !Acquire()) return Wake(kSecond);
  disk_ = Disk{};
  disk_.initialized = true;
  disk_.system_identifier = "74120000" + std::to_string(sim_.chance.Below(1'000'000'000));
  disk_.timeline = 1;
  disk_.lsn = kFirstLsn;
  server_ = Server::kRunning;
  started_ = sim_.wall();
  primary_ = true;
  Json annotations = Json::object();
  annotations["bootstrap"] = nullptr;
  annotations["initialize"] = disk_.system_identifier;
  annotations["config"] = DumpJson(FirstConfig(*manifest));
  WriteConfig(annotations);
  sim_.oracles->Promoted(*this);
  Wake(sim_.Delay(10, 100));
}

void Member::Copy(Member& leader) {
  const std::weak_ptr<Member> weak = leader.weak_from_this();
  Work(sim_.Delay(2000, 9000), [weak](Member& m) {
    const auto from = weak.lock();
    if (!from || !from->Writable() || !Simulation::Linked(m.node_, from->node_)) {
      m.sim_.oracles->Reached("patroni: a copy broke off and began again");
      return m.Wake(kSecond);
    }
    m.disk_ = from->disk_;
    m.Start();
  });
}

// Patroni's follow: from whom WAL is taken. Where histories part, what the leader lacks is cut off.
void Member::AsFollower(const std::string& holder) {
  if (primary_) {
    Demote();
    return;
  }
  Member* leader = sim_.MemberOf(holder);
  const bool usable = leader != nullptr && leader->Writable() &&
                      Simulation::Linked(node_, leader->node_) &&
                      leader->disk_.system_identifier == disk_.system_identifier;
  if (!usable) return;
  if (!disk_.IsPrefixOf(leader->disk_)) return Rewind(*leader);
  if (upstream_ != holder) Follow(*leader);
}

void Member::Follow(Member& leader) {
  upstream_ = leader.pod_;
  connects_at_ = sim_.now() + sim_.Delay(100, 2000);
  Later(connects_at_ - sim_.now(), [](Member& m) {
    Member* from = m.sim_.MemberOf(m.upstream_);
    if (from != nullptr && m.Streams()) from->Deliver();
    m.Touch();
  });
}

void Member::Rewind(Member& leader) {
  upstream_.clear();
  sim_.Trace(pod_ + " rewinds to " + leader.pod_);
  const std::weak_ptr<Member> weak = leader.weak_from_this();
  Work(sim_.Delay(1500, 5000), [weak](Member& m) {
    const auto from = weak.lock();
    if (!from || !from->Writable() || !Simulation::Linked(m.node_, from->node_)) {
      m.sim_.oracles->Reached("patroni: a rewind broke off and began again");
      return m.Wake(kSecond);
    }
    m.sim_.oracles->Rewound(m, *from);
    m.disk_ = from->disk_;
    m.server_ = Server::kStopped;
    m.Wake(0);
  });
}

bool Member::Restart(bool only_pending) {
  if (!Running() || busy_) return false;
  if (only_pending && !pending_restart_) return true;
  server_ = Server::kStarting;
  waiting_.clear();
  Work(sim_.Delay(800, 3000), [](Member& m) {
    m.server_ = Server::kRunning;
    m.started_ = m.sim_.wall();
    m.pending_restart_ = false;
    m.connects_at_ = m.sim_.now() + m.sim_.Delay(100, 1500);
    m.Wake(0);
  });
  return true;
}

void Member::Terminate(std::function<void()> done) {
  stopping_ = true;
  ++work_;
  const bool leads = primary_ && Running();
  Later(leads ? sim_.Delay(500, 3000) : sim_.Delay(200, 1500),
        [leads, done = std::move(done)](Member& m) {
          if (leads && m.Running()) m.Deliver();
          m.Release();
          m.Die();
          done();
        });
}

}  // namespace pgo::simulation
