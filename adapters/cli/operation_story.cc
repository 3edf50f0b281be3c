#include <algorithm>

#include "adapters/cli/story.h"
#include "engine/event/codec.h"

namespace pgo::cli {
namespace {

using Kind = Episode::Kind;

Kind KindOf(const std::string& word) {
  if (word == "Rollout") return Kind::kRollout;
  if (word == "Reload") return Kind::kReload;
  if (word == "Restore") return Kind::kRestore;
  if (word == "VolumeGrowth") return Kind::kVolumeGrowth;
  return word == "ScaleDown" ? Kind::kScaleDown : Kind::kRestart;
}

// Looks that only repeat a question, and the taking off of annotations, tell nothing.
bool IsTold(const Action& action) {
  const std::string& goal = action.goal;
  if (goal.starts_with("served/")) return false;
  return !goal.starts_with("look/") || goal.ends_with("/0");
}

// Groups the actions of rooms rollout, restores, scaling and storage. A rollout, restart or restore
// is one at a time; a reload, each removal of an instance and each growth of a volume have their
// own key.
class Operations {
 public:
  Operations(ClusterKey cluster, std::map<std::uint64_t, std::set<std::uint64_t>>& cited)
      : cluster_(std::move(cluster)), cited_(cited) {}

  void Take(const Records::Entry& entry, const Action& action) {
    const std::string kind = GetString(action.facts, {"operation", "kind"});
    const std::string key = KeyOf(action, kind);
    auto open = open_.find(key);
    if (open == open_.end()) {
      // What is asked before a restore begins stops nothing.
      if (kind == "Restore" && !GetBool(action.facts, {"begins"})) return;
      if (kind.empty() || !IsTold(action)) return;  // clearing up, or the records begin within it
      open = open_.emplace(key, Begin(entry, action, kind)).first;
    }
    Episode& episode = episodes_[open->second];
    cited_[episode.seq].insert(entry.causes.begin(), entry.causes.end());
    const bool ends = GetBool(action.facts, {"ended"});
    const bool notice = std::holds_alternative<Notice>(action.command);
    const bool first = entry.seq == episode.seq;
    if (!(first && notice) && !(ends && notice) && IsTold(action)) {
      Step step;
      step.seq = entry.seq;
      step.wall_us = entry.wall_us;
      step.text = first ? StepOf(action) : action.sentence;
      step.is_action = true;
      episode.steps.push_back(std::move(step));
    }
    if (!ends) return;
    episode.end_seq = entry.seq;
    episode.end_us = entry.wall_us;
    // A growth is one action: what became of it stands beside the step.
    if (episode.kind == Kind::kVolumeGrowth) return void(open_.erase(open));
    episode.result = action.sentence;
    episode.took_ms = (entry.wall_us - episode.wall_us) / 1000;
    open_.erase(open);
  }
  std::vector<Episode> Result() && { return std::move(episodes_); }

 private:
  static std::string KeyOf(const Action& action, const std::string& kind) {
    if (action.room == "scaling")
      return "scaling/" + GetString(action.facts, {"operation", "instance"});
    if (action.room == "restores") return "restores";
    if (action.room == "storage") return "storage/" + action.goal;
    return kind == "Reload" ? "reload" : "rollout";
  }
  // The first action's sentence is the reason; as a step it is told shortly.
  static std::string StepOf(const Action& action) {
    const auto& target = TargetOf(action.command);
    return std::string(CommandName(action.command)) + " " + target.kind + " " + target.name;
  }
  std::size_t Begin(const Records::Entry& entry, const Action& action, const std::string& kind) {
    Episode episode;
    episode.kind = KindOf(kind);
    episode.cluster = cluster_;
    episode.seq = entry.seq;
    episode.wall_us = entry.wall_us;
    episode.reason = action.reason;
    episode.because = action.sentence;
    episode.because_seq = entry.seq;
    episode.from = GetString(action.facts, {"operation", "instance"},
                             GetString(action.facts, {"operation", "volume"}));
    episodes_.push_back(std::move(episode));
    return episodes_.size() - 1;
  }

  ClusterKey cluster_;
  std::map<std::uint64_t, std::set<std::uint64_t>>& cited_;
  std::vector<Episode> episodes_;
  std::map<std::string, std::size_t> open_;  // by key, index of the episode
};

}  // namespace

bool IsOperation(Kind kind) {
  return kind == Kind::kRollout || kind == Kind::kRestart || kind == Kind::kReload ||
         kind == Kind::kScaleDown || kind == Kind::kRestore || kind == Kind::kVolumeGrowth;
}

std::vector<Episode> ExplainOperations(const Records& records, const ClusterKey& cluster,
                                       std::map<std::uint64_t, std::set<std::uint64_t>>& cited) {
  Operations operations(cluster, cited);
  const std::string subject = ClusterSubject(cluster);
  for (const auto& [seq, entry] : records.all()) {
    if (!entry.Names("room/rollout") && !entry.Names("room/scaling") &&
        !entry.Names("room/restores") && !entry.Names("room/storage")) {
      continue;
    }
    if (!entry.Names(subject)) continue;
    if (auto action = records.ActionAt(seq)) operations.Take(entry, *action);
  }
  return std::move(operations).Result();
}

}  // namespace pgo::cli
