#include "adapters/cli/story.h"

#include <algorithm>
#include <set>

#include "adapters/cli/facts.h"
#include "engine/event/codec.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

using Kind = Episode::Kind;

constexpr std::string_view kRoomSubject = "room/failover";
constexpr std::string_view kChosen = "; chosen ";
// What is told after the end: the old primary's return, the loss once its disk is read.
constexpr std::int64_t kAftermath = 10 * 60 * kSecond;

struct Told {
  std::uint64_t seq = 0;
  std::int64_t wall_us = 0;
  std::vector<std::uint64_t> causes;
  Action action;
};

std::vector<Told> FailoverActions(const Records& records, const ClusterKey& cluster) {
  std::vector<Told> out;
  const std::string subject = ClusterSubject(cluster);
  for (const auto& [seq, entry] : records.all()) {
    if (!entry.Names(kRoomSubject) || !entry.Names(subject)) continue;
    if (auto action = records.ActionAt(seq)) {
      out.push_back({seq, entry.wall_us, entry.causes, *std::move(action)});
    }
  }
  return out;
}

bool GoalIs(const Action& action, std::string_view prefix) {
  return action.goal.starts_with(prefix);
}

// The steps' own words, where the sentence says more than what was done.
std::string StepText(const Action& action) {
  const std::string& target = TargetOf(action.command).name;
  if (GoalIs(action, "name/")) {
    const std::string to = GetString(action.facts, {"operation", "to"});
    return "named " + to + " as candidate, in " + TargetOf(action.command).kind + " " + target;
  }
  if (GoalIs(action, "probe/")) return "asked " + target + " how far it is";
  if (GoalIs(action, "nudge/")) return "made Patroni look, through " + target;
  return action.sentence;
}

// Reads the operation as recorded in an action's facts.
void TakeOperation(const Json& operation, Episode& episode) {
  episode.from = GetString(operation, {"from"}, episode.from);
  const std::string to = GetString(operation, {"to"});
  if (!to.empty()) episode.to = to;
  episode.evidence_class = GetString(operation, {"evidence"}, episode.evidence_class);
  episode.synchronous = GetBool(operation, {"synchronous"});
  episode.timeline_from = GetInt(operation, {"timeline"}, episode.timeline_from);
  episode.last_sign_us = GetInt(operation, {"last_sign_us"}, episode.last_sign_us);
}

void TakeReasons(const Told& told, Episode& episode) {
  const std::string& sentence = told.action.sentence;
  const auto at = sentence.find(kChosen);
  // Probes come before the choice: the sentence that holds both is the better one.
  if (!episode.because.empty() && at == std::string::npos) return;
  if (!episode.chosen.empty()) return;
  episode.because = sentence.substr(0, at);
  episode.because_seq = told.seq;
  if (at != std::string::npos) episode.chosen = sentence.substr(at + kChosen.size());
}

Kind KindOfEnd(const Action& action, const Episode& episode) {
  switch (action.reason) {
    case Reason::kFirstPrimary:
      return Kind::kFirstPrimary;
    case Reason::kCompletedByOther:
      return episode.evidence_class.empty() ? Kind::kByOther : Kind::kFailover;
    case Reason::kFailoverAbandoned:
      return Kind::kAbandoned;
    case Reason::kNoCandidate:
      return Kind::kBlocked;
    default:
      break;
  }
  return episode.evidence_class == "A" ? Kind::kSwitchover : Kind::kFailover;
}

void TakeEnd(const Told& told, Episode& episode) {
  const Json& facts = told.action.facts;
  episode.end_seq = told.seq;
  episode.end_us = told.wall_us;
  episode.result = told.action.sentence;
  episode.to = GetString(facts, {"primary"}, episode.to);
  episode.from = GetString(facts, {"from"}, episode.from);
  episode.timeline = GetInt(facts, {"timeline"});
  episode.timeline_from = GetInt(facts, {"timeline_from"}, episode.timeline_from);
  episode.took_ms = GetInt(facts, {"took_ms"}, -1);
  episode.kind = KindOfEnd(told.action, episode);
  if (episode.kind == Kind::kByOther && episode.from == episode.to) episode.kind = Kind::kReturned;
}

Step StepOf(const Told& told) {
  Step step;
  step.seq = told.seq;
  step.wall_us = told.wall_us;
  step.text = StepText(told.action);
  step.is_action = true;
  return step;
}

// Groups a cluster's failover actions into episodes.
class Grouping {
 public:
  explicit Grouping(ClusterKey cluster) : cluster_(std::move(cluster)) {}

  void Take(const Told& told) {
    const Json& facts = told.action.facts;
    if (GetBool(facts, {"lost_reported"})) return TakeLost(told);
    if (Find(facts, "operation") != nullptr && !open_) Begin(told, Kind::kUnderWay);
    const bool ends = GetBool(facts, {"ended"});
    if (!open_ && (ends || told.action.reason == Reason::kNoCandidate)) {
      Begin(told, Kind::kBlocked);
      TakeEnd(told, episodes_.back());
      open_ = false;
      return;
    }
    if (episodes_.empty()) return;  // the records begin in the middle of one
    Episode& episode = episodes_.back();
    const bool closes = open_ && ends;  // told as the result, not as a step
    if (!closes) episode.steps.push_back(StepOf(told));
    if (!open_) return;  // clearing up afterwards
    cited_[episode.seq].insert(told.causes.begin(), told.causes.end());
    if (const Json* operation = Find(facts, "operation")) TakeOperation(*operation, episode);
    if (!ends) TakeReasons(told, episode);
    if (ends) TakeEnd(told, episode);
    open_ = !ends;
  }

  std::vector<Episode>& episodes() { return episodes_; }
  // Causes of the actions that decided on it.
  std::set<std::uint64_t> Cited(const Episode& episode) { return cited_[episode.seq]; }

 private:
  void Begin(const Told& told, Kind kind) {
    Episode episode;
    episode.kind = kind;
    episode.cluster = cluster_;
    episode.seq = told.seq;
    episode.wall_us = told.wall_us;
    episode.reason = told.action.reason;
    episodes_.push_back(std::move(episode));
    cited_[told.seq].insert(told.causes.begin(), told.causes.end());
    open_ = true;
  }

  void TakeLost(const Told& told) {
    for (Episode& episode : episodes_) {
      if (std::ranges::find(told.causes, episode.end_seq) == told.causes.end()) continue;
      episode.lost = told.action.sentence;
      episode.lost_seq = told.seq;
    }
  }

  ClusterKey cluster_;
  std::vector<Episode> episodes_;
  std::map<std::uint64_t, std::set<std::uint64_t>> cited_;
  bool open_ = false;
};

Citation Cite(const Records& records, std::uint64_t seq, int depth) {
  const auto* entry = records.Find(seq);
  return {seq, entry == nullptr ? 0 : entry->wall_us, records.DescribeAt(seq), depth};
}

// What a cited outcome or decision rests on itself.
std::vector<std::uint64_t> CausesOf(const Records& records, std::uint64_t seq) {
  if (records.ActionAt(seq)) return records.Find(seq)->causes;
  return {};
}

void AddCitations(const Records& records, const std::set<std::uint64_t>& cited, Episode& episode) {
  std::set<std::uint64_t> own{episode.seq};
  for (const Step& step : episode.steps) {
    own.insert(step.seq);
    if (step.outcome_seq != 0) own.insert(step.outcome_seq);
  }
  std::set<std::uint64_t> told;
  for (const std::uint64_t seq : cited) {
    if (own.contains(seq) || seq > episode.seq || !told.insert(seq).second) continue;
    episode.citations.push_back(Cite(records, seq, 1));
    for (const std::uint64_t deeper : CausesOf(records, seq)) {
      if (told.insert(deeper).second) episode.citations.push_back(Cite(records, deeper, 2));
    }
  }
}

// Outcomes of the steps' actions.
void AddOutcomes(const Records& records, Episode& episode) {
  for (Step& step : episode.steps) {
    const auto action = records.ActionAt(step.seq);
    if (!action) continue;
    const std::uint64_t seq = records.OutcomeOf(action->id, step.seq);
    const auto payload = records.EventAt(seq);
    const auto* done = payload ? std::get_if<Done>(&*payload) : nullptr;
    if (done == nullptr) continue;
    step.outcome = std::string(NameOf(done->outcome));
    if (!done->message.empty()) step.outcome += ": " + done->message;
    const std::string lsn = GetString(done->result, {"lsn"});
    if (!lsn.empty()) step.outcome += ", it is at LSN " + lsn;
    step.outcome_seq = seq;
    step.outcome_us = records.Find(seq)->wall_us;
  }
}

// Observations that show how it went: who took the lock, who says to be primary, who came back.
class Sightings {
 public:
  Sightings(const Records& records, Episode& episode) : records_(records), episode_(episode) {}

  void Look(std::uint64_t from_seq, std::uint64_t until_seq) {
    const std::string cluster = ClusterSubject(episode_.cluster);
    const std::string lock =
        "Endpoints/" + episode_.cluster.ns + "/" + kube::LeaderName(episode_.cluster.name);
    const std::string winner = "Pod/" + episode_.cluster.ns + "/" + episode_.to;
    const std::string old = "Pod/" + episode_.cluster.ns + "/" + episode_.from;
    const std::int64_t until_us =
        (episode_.end_us == 0 ? episode_.wall_us : episode_.end_us) + kAftermath;
    auto it = records_.all().upper_bound(from_seq);
    for (; it != records_.all().end() && it->first < until_seq; ++it) {
      const auto& entry = it->second;
      if (entry.wall_us > until_us) break;
      if (!taken_ && entry.Names(lock)) LookAtLock(entry);
      if (!primary_ && !episode_.to.empty() && entry.Names(winner)) LookAtWinner(entry);
      if (episode_.from != episode_.to && entry.Names(old)) LookAtOld(entry);
    }
  }

 private:
  void Add(const Records::Entry& entry, std::string text) {
    Step step;
    step.seq = entry.seq;
    step.wall_us = entry.wall_us;
    step.text = std::move(text);
    episode_.steps.push_back(std::move(step));
  }

  std::optional<Observed> Read(const Records::Entry& entry) {
    auto payload = records_.EventAt(entry.seq);
    auto* observed = payload ? std::get_if<Observed>(&*payload) : nullptr;
    return observed == nullptr ? std::nullopt : std::optional(std::move(*observed));
  }

  static Json Member(const Observed& pod) {
    auto member = ParseJson(GetString(pod.object, {"metadata", "annotations", "status"}));
    return member && member->is_object() ? *std::move(member) : Json::object();
  }

  void LookAtLock(const Records::Entry& entry) {
    const auto seen = Read(entry);
    if (!seen) return;
    const std::string leader = GetString(seen->object, {"metadata", "annotations", "leader"});
    if (leader == episode_.from) return;
    if (leader.empty()) {
      if (!released_) Add(entry, "nobody holds the leader lock");
      released_ = true;
      return;
    }
    Add(entry, leader + " holds the leader lock");
    taken_ = true;
  }

  void LookAtWinner(const Records::Entry& entry) {
    const auto seen = Read(entry);
    if (!seen) return;
    const Json member = Member(*seen);
    const auto timeline = GetInt(member, {"timeline"});
    if (GetString(member, {"role"}) != "primary" || GetString(member, {"state"}) != "running")
      return;
    if (timeline <= episode_.timeline_from && episode_.from != episode_.to) return;
    Add(entry, episode_.to + " says that it is primary, timeline " + std::to_string(timeline));
    primary_ = true;
  }

  void LookAtOld(const Records::Entry& entry) {
    if (rejoined_) return;
    if (entry.type == static_cast<std::uint64_t>(RecordType::kGone)) {
      if (!gone_) Add(entry, "pod " + episode_.from + " is gone");
      gone_ = true;
      return;
    }
    const auto seen = Read(entry);
    if (!seen) return;
    const Json member = Member(*seen);
    const auto timeline = GetInt(member, {"timeline"});
    if (GetString(member, {"role"}) != "replica" || timeline <= episode_.timeline_from) return;
    if (GetString(member, {"replication_state"}) != "streaming") return;
    Add(entry,
        episode_.from + " rejoined as a replica, streaming timeline " + std::to_string(timeline));
    rejoined_ = true;
  }

  const Records& records_;
  Episode& episode_;
  bool taken_ = false, released_ = false, primary_ = false, gone_ = false, rejoined_ = false;
};

bool ChangesPrimary(Kind kind) {
  return kind == Kind::kFailover || kind == Kind::kSwitchover || kind == Kind::kUnderWay;
}

}  // namespace

std::string_view KindWord(Kind kind) {
  switch (kind) {
    case Kind::kFailover:
      return "FAILOVER";
    case Kind::kSwitchover:
      return "SWITCHOVER";
    case Kind::kByOther:
      return "PRIMARY CHANGED";
    case Kind::kReturned:
      return "PRIMARY RETURNED";
    case Kind::kFirstPrimary:
      return "FIRST PRIMARY";
    case Kind::kBlocked:
      return "NOBODY PROMOTED";
    case Kind::kAbandoned:
      return "GIVEN UP";
    case Kind::kUnderWay:
      return "UNDER WAY";
    case Kind::kRollout:
      return "ROLLOUT";
    case Kind::kRestart:
      return "RESTART";
    case Kind::kReload:
      return "RELOAD";
    case Kind::kScaleDown:
      return "SCALE DOWN";
    case Kind::kRestore:
      return "RESTORE";
    case Kind::kVolumeGrowth:
      return "VOLUME GROWTH";
  }
  return "?";
}

std::vector<Episode> Explain(const Records& records, const ClusterKey& cluster) {
  Grouping grouping(cluster);
  for (const Told& told : FailoverActions(records, cluster)) grouping.Take(told);
  auto& episodes = grouping.episodes();
  for (std::size_t i = 0; i < episodes.size(); ++i) {
    Episode& episode = episodes[i];
    const std::uint64_t next = i + 1 < episodes.size() ? episodes[i + 1].seq : UINT64_MAX;
    AddOutcomes(records, episode);
    if (ChangesPrimary(episode.kind)) Sightings(records, episode).Look(episode.seq, next);
    std::ranges::stable_sort(episode.steps, {}, &Step::seq);
    AddCitations(records, grouping.Cited(episode), episode);
  }
  std::map<std::uint64_t, std::set<std::uint64_t>> cited;
  for (Episode& operation : ExplainOperations(records, cluster, cited)) {
    AddOutcomes(records, operation);
    AddCitations(records, cited[operation.seq], operation);
    episodes.push_back(std::move(operation));
  }
  std::ranges::stable_sort(
      episodes, {}, [](const Episode& e) { return e.end_seq == 0 ? UINT64_MAX : e.end_seq; });
  return std::move(episodes);
}

std::vector<std::uint64_t> Missing(const Episode& episode) {
  std::vector<std::uint64_t> out;
  for (const Citation& citation : episode.citations) {
    if (citation.wall_us == 0) out.push_back(citation.seq);
  }
  return out;
}

journal::SeqRange RangeOf(const Episode& episode) {
  journal::SeqRange range{episode.seq, std::max(episode.seq, episode.end_seq)};
  for (const Citation& citation : episode.citations)
    range.from = std::min(range.from, citation.seq);
  for (const Step& step : episode.steps)
    range.to = std::max({range.to, step.seq, step.outcome_seq});
  return range;
}

}  // namespace pgo::cli
