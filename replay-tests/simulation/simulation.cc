#include "replay-tests/simulation/simulation.h"

#include "replay-tests/simulation/clients.h"
#include "replay-tests/simulation/dcs.h"
#include "replay-tests/simulation/operator.h"
#include "replay-tests/simulation/oracles.h"

namespace pgo::simulation {
namespace {

constexpr Micros kConvergeWithin = 900 * kSecond;
constexpr Micros kSettled = 45 * kSecond;  // without an action: longer than any retry of the ledger
constexpr Micros kQuiet = 120 * kSecond;

Json Manifest(const Profile& p) {
  Json out = JsonLiteral(R"({
    "apiVersion": "postgres-operator.crunchydata.com/v1beta1",
    "spec": {"postgresVersion": 17, "instances": [{"name": "00", "dataVolumeClaimSpec": {
      "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}],
      "patroni": {"dynamicConfiguration": {"postgresql": {"parameters": {
        "max_connections": 100}}}}}
  })");
  out["spec"]["instances"][0]["replicas"] = p.instances;
  Json& patroni = out["spec"]["patroni"];
  patroni["leaderLeaseDurationSeconds"] = p.ttl_s;
  patroni["syncPeriodSeconds"] = p.loop_wait_s;
  if (p.mode != Mode::kAsync) patroni["dynamicConfiguration"]["synchronous_mode"] = true;
  if (p.mode == Mode::kStrict) patroni["dynamicConfiguration"]["synchronous_mode_strict"] = true;
  if (p.fastest) Put(out, {"spec", "failover", "async"}, "Fastest");
  return out;
}

bool IsTrue(const Json& subject, std::string_view condition) {
  for (const Json& c : GetArray(subject, {"status", "conditions"})) {
    if (GetString(c, {"type"}) == condition) return GetString(c, {"status"}) == "True";
  }
  return false;
}

}  // namespace

Simulation::Simulation(const Profile& p, std::vector<Fault> faults)
    : profile(p), chance(p.seed * 0x2545f4914f6cdd1dU + 1) {
  api.SetClock([this] { return wall(); });
  api.SetOnChange([this](const Change& change) { OnChange(change); });
  oracles = std::make_unique<Oracles>(*this);
  clients = std::make_unique<Clients>(*this);
  op = std::make_unique<Operator>(*this);
  for (const Fault& fault : faults) {
    schedule.At(fault.at_ms * kMs, [this, fault] {
      if (!healing) Inflict(fault);
    });
  }
}

Simulation::~Simulation() = default;

void Simulation::Trace(const std::string& line) {
  if (!tracing) return;
  const std::string time = WallText(wall());
  trace.push_back(time.substr(11, 12) + "  " + line);
}

void Simulation::CreateWorld() {
  for (std::int64_t i = 1; i <= profile.nodes; ++i) {
    const std::string name = "node" + std::to_string(i);
    nodes[name].name = name;
    Json node = JsonLiteral(R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
    api.Create({"Node", "", name}, std::move(node));
  }
  api.Create(kSubject, Manifest(profile));
  op->Start();
  clients->Begin();
}

// Patroni's Endpoints reach each member's cache a moment later.
void Simulation::SpreadDcs() {
  const Dcs dcs{api.Get(kLeaderRef), api.Get(kConfigRef), api.Get(kSyncRef), api.Get(kFailoverRef)};
  for (Member* member : Members()) {
    const std::weak_ptr<Member> weak = member->weak_from_this();
    schedule.After(Delay(1, 40), [this, weak, dcs] {
      const auto m = weak.lock();
      if (m && m->alive() && Reaches(m->node())) m->OnDcs(dcs);
    });
  }
}

void Simulation::OnChange(const Change& change) {
  oracles->OnChange(change);
  op->OnChange(change);
  const std::string& kind = change.ref.kind;
  if (kind == "Endpoints" && change.ref.name.starts_with(kCluster + "-ha") && !dcs_planned_) {
    dcs_planned_ = true;
    schedule.After(1, [this] {
      dcs_planned_ = false;
      SpreadDcs();
    });
  }
  if (kind == "PersistentVolumeClaim" && change.gone) {
    disks.erase(GetString(*change.object, {"metadata", "uid"}));
  }
  if (kind == "Pod" && change.gone) {
    const std::string uid = GetString(*change.object, {"metadata", "uid"});
    const auto run = pods.find(uid);
    if (run != pods.end() && !run->second.terminating && Reaches(nodes[run->second.node])) {
      run->second.terminating = true;  // force-deleted: its kubelet notices
      schedule.After(Delay(500, 15'000), [this, uid] { PodEnds(uid); });
    }
  }
  const bool ours = kind == "StatefulSet" || kind == "Pod" || kind == "PersistentVolumeClaim" ||
                    kind == "Node" || kind == "Job" || kind == "PostgresCluster";
  if (!ours || reconcile_planned_) return;
  reconcile_planned_ = true;
  schedule.After(Delay(5, 150), [this] { Reconcile(); });
}

Member* Simulation::MemberOf(const std::string& pod) const {
  for (const auto& [uid, run] : pods) {
    if (run.name == pod && run.member && run.member->alive()) return run.member.get();
  }
  return nullptr;
}

std::vector<Member*> Simulation::Members() const {
  std::map<std::string, Member*> by_name;
  for (const auto& [uid, run] : pods) {
    if (run.member && run.member->alive()) by_name[run.name + "/" + uid] = run.member.get();
  }
  std::vector<Member*> out;
  for (const auto& [name, member] : by_name) out.push_back(member);
  return out;
}

// Who accepts writes and holds the lock.
Member* Simulation::Primary() const {
  Member* holder = MemberOf(Annotation(api.Find(kLeaderRef), "leader"));
  const bool accepts =
      holder != nullptr && holder->Writable() && holder->node().on && !holder->node().frozen;
  return accepts ? holder : nullptr;
}

bool Simulation::IsWell() const {
  const Json* subject = api.Find(kSubject);
  if (subject == nullptr || Primary() == nullptr) return false;
  const std::int64_t generation = GetInt(*subject, {"metadata", "generation"});
  const bool current = GetInt(*subject, {"status", "observedGeneration"}) == generation;
  if (!current || !IsTrue(*subject, "Ready") || IsTrue(*subject, "Progressing")) return false;
  const std::int64_t wanted = GetInt(GetArray(*subject, {"spec", "instances"})[0], {"replicas"}, 1);
  std::int64_t there = 0;
  for (const Member* member : Members()) {
    if (!member->primary() && !member->Streams()) return false;
    ++there;
  }
  return there == wanted;
}

// Everything works again and nobody wants anything new: the cluster gets well, and then nothing is
// written any more.
void Simulation::Liveness() {
  const Micros began = now();
  HealAll();
  const Micros until = began + kConvergeWithin;
  Micros well_since = -1;
  while (schedule.RunNext(until) && oracles->alarms.empty()) {
    oracles->AfterEvent();
    if (!IsWellCached()) {
      well_since = -1;
    } else if (well_since < 0) {
      well_since = now();
    }
    const bool settled = now() - std::max(well_since, op->last_action_at) > kSettled;
    // A switchover that Patroni did not carry out is given up after two minutes, and said so.
    if (op->ChangesPrimary()) continue;
    if (well_since >= 0 && settled && now() - well_since > kSettled) break;
  }
  if (!oracles->alarms.empty()) return;
  if (well_since < 0 || op->ChangesPrimary() || now() - op->last_action_at < kSettled) {
    oracles->Alarm("I37", WhyUnwell());
    return;
  }
  oracles->Converged(well_since - began);
  converged_in = well_since - began;
  const std::uint64_t actions = op->actions;
  const Micros end = now() + kQuiet;
  while (schedule.RunNext(end) && oracles->alarms.empty()) oracles->AfterEvent();
  if (op->actions != actions) {
    oracles->Alarm("I37", "nothing is to be done, yet the operator acts: " + last_sentence);
  }
}

bool Simulation::IsWellCached() {
  if (well_version_ == api.version() && now() - well_at_ < kSecond) return well_;
  well_version_ = api.version();
  well_at_ = now();
  well_ = IsWell();
  return well_;
}

std::string Simulation::WhyUnwell() const {
  const Json* subject = api.Find(kSubject);
  std::string out = "not well " + std::to_string(kConvergeWithin / kSecond) +
                    " s after everything was healed; last action: " + last_sentence;
  if (subject == nullptr) return out + "; the cluster is gone";
  for (const Json& c : GetArray(*subject, {"status", "conditions"})) {
    out += "; " + GetString(c, {"type"}) + "=" + GetString(c, {"status"}) + " (" +
           GetString(c, {"message"}) + ")";
  }
  for (const Member* m : Members()) {
    out += "; " + m->pod() + (m->primary() ? " primary" : " replica") +
           (m->Running() ? " runs" : " stands") + (m->Streams() ? ", streams" : "") + " tl " +
           std::to_string(m->disk().timeline);
  }
  return out;
}

void Simulation::Run() {
  CreateWorld();
  const Micros end = profile.minutes * 60 * kSecond;
  while (schedule.RunNext(end) && oracles->alarms.empty()) oracles->AfterEvent();
  if (!oracles->alarms.empty()) return;
  Liveness();
  if (oracles->alarms.empty()) oracles->AtEnd();
}

}  // namespace pgo::simulation
