#include "engine/engine.h"

#include <algorithm>

#include "engine/amnesia.h"
#include "engine/arbiter/subset.h"
#include "engine/base/check.h"
#include "engine/base/digest.h"
#include "engine/base/overloaded.h"
#include "engine/decide.h"
#include "engine/rooms/backups/backups.h"
#include "engine/rooms/failover/failover.h"
#include "engine/rooms/restores/restores.h"
#include "engine/rooms/rollout/rollout.h"
#include "engine/rooms/storage/storage.h"

namespace pgo {
namespace {

struct SavedMemory {
  std::string ns, name;
  ClusterMemory memory;
  PGO_FIELDS(SavedMemory, ns, name, memory)
};
struct SavedWake {
  std::string ns, name;
  std::int64_t at_us = 0;
  PGO_FIELDS(SavedWake, ns, name, at_us)
};
struct SavedEngine {
  Json world;
  rooms::Context context;
  std::vector<SavedMemory> memories;
  std::vector<SavedWake> wakes;
  std::int64_t part = 0;  // 0 replaces what was known, others add to it
  PGO_FIELDS(SavedEngine, world, context, memories, wakes, part)
};

void FoldContext(rooms::Context& context, const Event& event) {
  const auto live_from_here = [&] {
    context.live_since_us = event.at.elapsed_us;
    context.live_seq = event.seq.value();
  };
  std::visit(Overloaded{[&](const Started& e) {
                          const std::uint64_t amnesia_seq = context.amnesia_seq;
                          context = rooms::Context{};
                          context.amnesia_seq = amnesia_seq;
                          context.settings = e.settings;
                          live_from_here();
                        },
                        [&](const Leading& e) {
                          context.leading = e.leading;
                          context.epoch = e.epoch;
                          if (!e.leading || e.amnesia.empty()) return;
                          context.amnesia_seq = event.seq.value();
                          live_from_here();
                        },
                        [&](const Contact& e) {
                          context.contact = e.ok;
                          live_from_here();
                        },
                        [&](const Ticked& e) {
                          if (e.paused_us != 0) live_from_here();
                        },
                        [](const auto&) {}},
             event.payload);
}

void FoldRooms(ClusterMemory& memory, const Event& event, const ClusterKey& key,
               const cluster::World& world) {
  rooms::failover::FoldEvent(memory.failover, event, key, world);
  rooms::rollout::FoldEvent(memory.rollout, event);
  rooms::backups::FoldEvent(memory.backups, event, key);
  rooms::storage::FoldEvent(memory.storage, event);
}

}  // namespace

std::set<ClusterKey> Engine::Fold(const Event& event) {
  if (const auto* baseline = std::get_if<Baseline>(&event.payload)) {
    if (GetInt(baseline->state, {"part"}) == 0) *this = Engine();
    Add(baseline->state);
    return {};
  }
  FoldContext(context_, event);
  auto touched = world_.Fold(event);
  if (std::holds_alternative<Started>(event.payload)) {
    wake_at_.clear();
    in_flight_.clear();
    for (auto& [key, memory] : memories_) {
      arbiter::FoldStarted(memory.ledger, event.at);
      memory.applying.clear();
    }
  }
  if (const auto* done = std::get_if<Done>(&event.payload)) {
    const auto owner = in_flight_.find(done->action.value());
    if (owner != in_flight_.end()) touched.insert(owner->second);
    FoldDone(*done, event);
  }
  FoldTouched(event, touched);
  if (context_.amnesia_seq != 0 && ObservedAfresh(context_, world_, event.at)) {
    context_.amnesia_seq = 0;
  }
  return touched;
}

void Engine::FoldTouched(const Event& event, const std::set<ClusterKey>& touched) {
  const auto* gone = std::get_if<Gone>(&event.payload);
  for (const auto& key : touched) {
    const auto before = memories_.find(key);
    if (gone != nullptr && before != memories_.end()) {
      before->second.applied.erase(gone->ref.Text());
    }
    const auto* own = world_.Find({"PostgresCluster", key.ns, key.name});
    if (own == nullptr) {
      memories_.erase(key);
      shortcuts_.erase(key);
      continue;
    }
    ClusterMemory& memory = memories_[key];
    if (memory.uid != own->uid) memory = ClusterMemory{};
    memory.uid = own->uid;
    FoldRooms(memory, event, key, world_);
  }
}

void Engine::FoldDone(const Done& done, const Event& event) {
  const auto owner = in_flight_.find(done.action.value());
  if (owner == in_flight_.end()) return;
  const auto it = memories_.find(owner->second);
  in_flight_.erase(owner);
  if (it == memories_.end()) return;
  ClusterMemory& memory = it->second;
  const std::string goal = arbiter::FoldDone(memory.ledger, done, event.at);
  rooms::failover::FoldDone(memory.failover, goal, done, event);
  rooms::rollout::FoldDone(memory.rollout, goal, done, event);
  rooms::restores::FoldDone(memory.restores, goal, done, event);
  const auto entry = memory.ledger.entries.find(goal);
  if (entry != memory.ledger.entries.end()) {
    rooms::storage::FoldDone(memory.storage, goal, done, entry->second.seq);
  }
  const auto applying = memory.applying.find(done.action.value());
  if (applying == memory.applying.end()) return;
  if (done.outcome == Outcome::kOk) {
    const auto* live = world_.Find(applying->second.ref);
    memory.applied[applying->second.ref.Text()] = {
        applying->second.digest,
        live == nullptr ? "" : ResidueDigest(applying->second.object, live->object)};
  }
  memory.applying.erase(applying);
}

void Engine::FoldEvent(const Event& event) { static_cast<void>(Fold(event)); }

void Engine::FoldAction(const Action& action, Seq seq, Now now) {
  const ClusterKey key{action.ns, action.cluster};
  const auto it = memories_.find(key);
  if (it == memories_.end()) return;
  ClusterMemory& memory = it->second;
  arbiter::FoldAction(memory.ledger, action, seq);
  arbiter::Prune(memory.ledger, now);
  in_flight_.insert_or_assign(action.id.value(), key);
  if (const auto* apply = std::get_if<Apply>(&action.command)) {
    memory.applying[action.id.value()] = {apply->ref, Sha256Hex(DumpJson(apply->object)),
                                          apply->object};
  }
  rooms::failover::FoldAction(memory.failover, action, seq, now);
  rooms::rollout::FoldAction(memory.rollout, action, seq, now);
  rooms::backups::FoldAction(memory.backups, action);
}

std::vector<Action> Engine::Decide(const ClusterKey& key, Now now) {
  wake_at_.erase(key);
  const auto it = memories_.find(key);
  if (it == memories_.end()) return {};
  Shortcuts& shortcuts = shortcuts_[key];
  const auto view = cluster::Project(world_, key, shortcuts.readings);
  if (view.subject == nullptr || !view.complete) return {};
  auto decision = DecideCluster(view, it->second, context_, now, shortcuts);
  if (decision.wake_at_us) wake_at_[key] = *decision.wake_at_us;
  return std::move(decision.actions);
}

StepResult Engine::Propose(const std::vector<Event>& events, Now now) {
  PGO_CHECK(!events.empty(), "a step without an event would leave no trace in the journal");
  std::set<ClusterKey> dirty;
  for (const Event& event : events) dirty.merge(Fold(event));
  for (const auto& [key, at] : wake_at_) {
    if (at <= now.elapsed_us) dirty.insert(key);
  }
  StepResult result;
  result.decided = {events.back().seq, now.wall_us, now.elapsed_us, kRuleset, {}};
  if (!context_.leading || !world_.AllListed()) return result;
  for (const ClusterKey& key : dirty) {
    auto actions = Decide(key, now);
    result.decided.clusters.push_back({key.Text(), static_cast<std::int64_t>(actions.size())});
    std::ranges::move(actions, std::back_inserter(result.actions));
  }
  return result;
}

StepResult Engine::Step(const std::vector<Event>& events, Now now) {
  StepResult result = Propose(events, now);
  // Decisions on one cluster do not see what was decided on another: folded one by one or at the
  // end is the same.
  std::uint64_t seq = events.back().seq.value() + 2;
  for (const Action& action : result.actions) FoldAction(action, Seq(seq++), now);
  return result;
}

std::optional<std::int64_t> Engine::WakeAt() const {
  std::optional<std::int64_t> earliest;
  for (const auto& [key, at] : wake_at_) {
    if (!earliest || at < *earliest) earliest = at;
  }
  return context_.leading ? earliest : std::nullopt;
}

const ClusterMemory* Engine::MemoryOf(const ClusterKey& key) const {
  const auto it = memories_.find(key);
  return it == memories_.end() ? nullptr : &it->second;
}

Json Engine::Save() const { return std::move(SaveParts(SIZE_MAX).front()); }

std::vector<Json> Engine::SaveParts(std::size_t part_bytes) const {
  std::vector<SavedEngine> parts;
  for (Json& world : world_.SaveParts(part_bytes)) parts.emplace_back().world = std::move(world);
  parts.front().context = context_;
  for (const auto& [key, at] : wake_at_) parts.front().wakes.push_back({key.ns, key.name, at});
  std::size_t bytes = parts.size() == 1 ? 0 : part_bytes;
  for (const auto& [key, memory] : memories_) {
    const SavedMemory saved{key.ns, key.name, memory};
    if (part_bytes != SIZE_MAX) bytes += DumpJson(ToJson(saved)).size();
    if (bytes > part_bytes) {
      parts.emplace_back();
      bytes = 0;
    }
    parts.back().memories.push_back(saved);
  }
  std::vector<Json> out;
  for (SavedEngine& part : parts) {
    part.part = static_cast<std::int64_t>(out.size());
    out.push_back(ToJson(part));
  }
  return out;
}

void Engine::Add(const Json& state) {
  auto saved = FromJson<SavedEngine>(state);
  world_.Add(saved.world);
  if (saved.part == 0) context_ = saved.context;
  for (auto& item : saved.memories) {
    const ClusterKey key{item.ns, item.name};
    for (const auto& [goal, entry] : item.memory.ledger.entries) {
      if (entry.in_flight) in_flight_[entry.action.value()] = key;
    }
    memories_[key] = std::move(item.memory);
  }
  for (const auto& wake : saved.wakes) wake_at_[{wake.ns, wake.name}] = wake.at_us;
}

Engine Engine::Load(const Json& state) {
  Engine engine;
  engine.Add(state);
  return engine;
}

}  // namespace pgo
