#include "replay-tests/simulation/operator.h"

#include "engine/event/codec.h"
#include "engine/kube/names.h"
#include "replay-tests/simulation/oracles.h"

namespace pgo::simulation {
namespace {

using Watch = kube::KindInfo::Watch;

Json Settings() {
  Json settings = Json::object();
  settings["RELATED_IMAGE_POSTGRES_17"] = "localhost/pgo/postgres:17";
  return settings;
}

}  // namespace

void MemoryJournal::Keep(const JournalRecord& record, Now now) {
  records.push_back({NextSeq(), record.type, record.payload, now});
  subjects.push_back(record.subjects);
  causes.push_back(record.causes);
  versions.push_back(record.rv);
}

Status MemoryJournal::Append(const std::vector<JournalRecord>& frame, Now now, bool synced) {
  const bool acts = frame.back().type == static_cast<std::uint64_t>(RecordType::kAction);
  if (refuses && acts) return Fail(Code::kUnavailable, "the process is killed here");
  frames.push_back(records.size());
  for (const JournalRecord& record : frame) Keep(record, now);
  if (synced) durable = records.size();
  return {};
}

Status MemoryJournal::Sync() {
  durable = records.size();
  return {};
}

bool MemoryJournal::RotationDue(Now) const {
  return rotate_every != 0 && records.size() - segment >= rotate_every;
}

Status MemoryJournal::Rotate(const std::vector<JournalRecord>& baseline, Now now) {
  segment = records.size();
  frames.push_back(records.size());
  for (const JournalRecord& record : baseline) Keep(record, now);
  durable = records.size();
  return {};
}

void MemoryJournal::Truncate(std::size_t count) {
  records.resize(count);
  subjects.resize(count);
  causes.resize(count);
  versions.resize(count);
  while (!frames.empty() && frames.back() >= count) frames.pop_back();
}

Operator::Operator(Simulation& sim) : sim_(sim) {
  journal.rotate_every = static_cast<std::size_t>(sim.profile.rotate_every);
}

Now Operator::Read() { return {sim_.wall(), 1000 * kSecond + sim_.now()}; }

// Tasks of this incarnation; they wait while the process stands still.
void Operator::Later(Micros delay, std::function<void()> task) {
  const std::uint64_t generation = generation_;
  sim_.schedule.After(delay, [this, generation, task = std::move(task)] {
    if (generation != generation_ || !alive()) return;
    if (frozen_until_ <= sim_.now()) return task();
    Later(frozen_until_ - sim_.now() + kMs, task);
  });
}

// A baseline on the way begins anew, so reading on gives what reading the newest segment gives.
const Engine& Operator::Rebuild() {
  if (read_ > journal.records.size() || read_ < journal.segment) {
    rebuilt_ = Engine();
    read_ = journal.segment;
  }
  Rebuilder rebuilder(rebuilt_);
  for (; read_ < journal.records.size(); ++read_) rebuilder.Feed(journal.records[read_]);
  return rebuilt_;
}

void Operator::Start() {
  if (alive()) return;
  ++generation_;
  dead_ = false;
  frozen_until_ = 0;
  planned_ = -1;
  struck_.clear();
  lanes_.clear();
  journal.refuses = false;
  const bool earlier = !journal.records.empty();
  driver_ = std::make_unique<Driver>(Rebuild(), journal, *this, DriverOptions{});
  driver_->SetEffects(this);
  driver_->SetOnCommit([this](const std::vector<Event>& events, const StepResult& step,
                              std::int64_t) { Committed(events, step); });
  gate_ = std::make_unique<kube::Gate>(*driver_);
  for (const auto& [ref, subject] : driver_->engine().world().subjects()) {
    gate_->Know(ref, subject.uid, subject.rv, subject.object);
  }
  std::vector<Payload> first;
  first.emplace_back(Started{"simulation", kRuleset, "one", Settings()});
  first.emplace_back(Contact{sim_.api_up, "GET /readyz"});
  Post(std::move(first));
  informers_.clear();
  for (const auto& info : kube::Kinds()) {
    if (info.watch == Watch::kNone) continue;
    const std::string kind(info.kind);
    informers_[kind].gap = earlier;
    Later(sim_.Delay(5, 300), [this, kind] { List(kind, informers_[kind].gap); });
  }
  Later(sim_.Delay(50, 2000), [this] { Lead(); });
}

// The Lease is taken as soon as the API server answers.
void Operator::Lead() {
  if (!sim_.api_up) return Later(2 * kSecond, [this] { Lead(); });
  std::vector<Payload> events;
  events.emplace_back(Leading{true, ++epoch_, ""});
  Post(std::move(events));
}

void Operator::Post(std::vector<Payload> events) {
  if (!alive() || events.empty()) return;
  gate_->Post(std::move(events));
  Plan(sim_.now() + sim_.Delay(1, 4));
}

void Operator::Plan(Micros at) {
  at = std::max(at, sim_.now());
  if (planned_ >= 0 && planned_ <= at) return;
  planned_ = at;
  Later(at - sim_.now(), [this, at] {
    if (planned_ != at) return;
    planned_ = -1;
    Turn();
  });
}

void Operator::Turn() {
  in_turn_ = true;
  journal.refuses =
      armed_ == Cut::kBeforeAppend && (armed_action_ == 0 || actions + 1 >= armed_action_);
  const Status status = driver_->Turn();
  in_turn_ = false;
  if (!status) {
    armed_ = Cut::kNone;
    sim_.oracles->Reached("operator: killed before an action was journaled");
    driver_.reset();  // what it had decided is in no journal
    return Died();
  }
  if (dead_) return Died();
  const auto due = driver_->DueAt();
  if (due) Plan(*due - 1000 * kSecond);
}

// Ends the process; it starts anew in a while.
void Operator::Died() {
  if (driver_ != nullptr && !power_cut_) CheckRebuild(driver_->engine());
  if (power_cut_) {
    journal.Truncate(std::max(journal.durable, journal.segment));
    if (read_ > journal.records.size()) read_ = SIZE_MAX;  // what is lost was read: begin anew
  }
  power_cut_ = false;
  dead_ = true;
  driver_.reset();
  gate_.reset();
  ++generation_;
  const Micros pause = sim_.healing ? sim_.Delay(500, 2000) : sim_.Delay(500, 30'000);
  sim_.schedule.After(pause, [this] { Start(); });
}

// I35: the journal gives the state that was.
void Operator::CheckRebuild(const Engine& live) {
  const Json had = live.Save();
  const Json has = Rebuild().Save();
  for (const char* part : {"memories", "world", "context"}) {
    const Json* before = pgo::Find(had, part);
    const Json* after = pgo::Find(has, part);
    const bool same = before == nullptr || after == nullptr ? before == after : *before == *after;
    if (!same) sim_.oracles->Alarm("I35", std::string("rebuilt otherwise: ") + part);
  }
}

void Operator::Kill(bool power_cut) {
  if (!alive()) return;
  sim_.Trace(power_cut ? "the operator's machine loses power" : "the operator is killed");
  power_cut_ = power_cut;
  dead_ = true;
  if (!in_turn_) Died();
}

void Operator::KillAtAction(std::uint64_t number, Cut cut) {
  armed_ = cut;
  armed_action_ = number;
}

void Operator::Freeze(Micros lasts) {
  if (!alive()) return;
  frozen_until_ = sim_.now() + lasts;
}

bool Operator::Watched(const kube::ObjectRef& ref, const Json& object) const {
  const auto* info = kube::FindKind(ref.kind);
  if (info == nullptr || info->watch == Watch::kNone) return false;
  return info->watch == Watch::kAll ||
         pgo::Find(object, {"metadata", "labels", kube::kLabelCluster}) != nullptr;
}

void Operator::OnChange(const Change& change) {
  if (!alive()) return;
  const auto it = informers_.find(change.ref.kind);
  if (it == informers_.end()) return;
  Informer& informer = it->second;
  if (!informer.connected || informer.planned || !sim_.api_up) return;
  informer.planned = true;
  const std::string kind = change.ref.kind;
  Later(sim_.Delay(1, std::max<std::int64_t>(sim_.profile.watch_lag_ms, 2)), [this, kind] {
    informers_[kind].planned = false;
    if (informers_[kind].connected) Pump(kind);
  });
}

// What a watch brings: the changes of one kind, in order. Kinds run by themselves, so that one may
// be far behind another.
void Operator::Pump(const std::string& kind) {
  Informer& informer = informers_[kind];
  std::vector<Change> changes;
  if (!sim_.api.Since(informer.version, changes, kind)) {
    sim_.oracles->Reached("watch: 410 Gone, listed again with a gap");
    return List(kind, true);
  }
  std::vector<Payload> events;
  for (const Change& change : changes) {
    informer.version = change.version;
    if (!Watched(change.ref, *change.object)) continue;
    const std::string uid = GetString(*change.object, {"metadata", "uid"});
    if (change.gone) {
      events.emplace_back(Gone{change.ref, uid});
    } else {
      events.emplace_back(Observed{change.ref, uid,
                                   GetString(*change.object, {"metadata", "resourceVersion"}),
                                   *change.object});
    }
  }
  Post(std::move(events));
}

void Operator::List(const std::string& kind, bool gap) {
  if (!sim_.api_up) {
    informers_[kind].gap = gap;
    informers_[kind].connected = false;
    return Later(sim_.Delay(500, 2000), [this, kind, gap] { List(kind, gap); });
  }
  Informer& informer = informers_[kind];
  std::vector<Payload> events;
  Listed listed{kind, std::to_string(sim_.api.version()), gap, {}};
  for (const auto& [ref, object] : sim_.api.All(kind)) {
    if (!Watched(ref, *object)) continue;
    events.emplace_back(Observed{ref, GetString(*object, {"metadata", "uid"}),
                                 GetString(*object, {"metadata", "resourceVersion"}), *object});
    listed.keys.push_back(ref.ns + "/" + ref.name);
  }
  events.emplace_back(std::move(listed));
  informer.version = sim_.api.version();
  informer.connected = informer.listed = true;
  Post(std::move(events));
}

void Operator::DropWatches() {
  if (!alive()) return;
  for (auto& [kind, informer] : informers_) {
    if (!informer.connected) continue;
    informer.connected = false;
    Later(sim_.Delay(200, 8000), [this, kind = kind] {
      if (informers_[kind].connected || !sim_.api_up) return;
      informers_[kind].connected = true;
      Pump(kind);
    });
  }
}

void Operator::ApiChanged() {
  if (!alive()) return;
  if (!sim_.api_up) {
    for (auto& [kind, informer] : informers_) informer.connected = false;
  }
  Later(sim_.Delay(100, 2500), [this] {
    std::vector<Payload> events;
    events.emplace_back(Contact{sim_.api_up, "GET /readyz"});
    Post(std::move(events));
    if (!sim_.api_up) return;
    for (auto& [kind, informer] : informers_) {
      if (!informer.listed || informer.connected) continue;
      informer.connected = true;
      Pump(kind);
    }
  });
}

bool Operator::ChangesPrimary() const {
  const auto* memory = alive() ? engine()->MemoryOf({kNamespace, kCluster}) : nullptr;
  return memory != nullptr && memory->failover.operation.evidence != rooms::failover::Class::kNone;
}

void Operator::Committed(const std::vector<Event>& events, const StepResult& step) {
  sim_.oracles->Committed(events, step, driver_->engine());
}

}  // namespace pgo::simulation
