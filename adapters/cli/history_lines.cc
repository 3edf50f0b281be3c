#include "adapters/cli/history_lines.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "adapters/cli/facts.h"
#include "engine/event/codec.h"

namespace pgo::cli {
namespace {

class Lines {
 public:
  Lines(const Records& records, const ClusterKey& cluster) : records_(records) {
    subject_ = ClusterSubject(cluster);
    for (const auto& [seq, entry] : records.all()) {
      if (entry.Names(subject_)) cited_.insert(entry.causes.begin(), entry.causes.end());
    }
  }

  std::vector<HistoryLine> All() {
    std::vector<HistoryLine> out;
    for (const auto& [seq, entry] : records_.all()) {
      if (auto line = LineOf(entry)) out.push_back(*std::move(line));
    }
    return out;
  }

 private:
  std::optional<HistoryLine> LineOf(const Records::Entry& entry) {
    HistoryLine line;
    line.seq = entry.seq;
    line.wall_us = entry.wall_us;
    line.causes = entry.causes;
    line.causes.erase(std::ranges::unique(line.causes).begin(), line.causes.end());
    if (entry.Names(subject_)) {
      return records_.ActionAt(entry.seq) ? OfAction(std::move(line)) : OfEvent(std::move(line));
    }
    const auto type = static_cast<RecordType>(entry.type);
    if (type == RecordType::kDone) return OfOutcome(entry, std::move(line));
    if (type == RecordType::kStarted || type == RecordType::kLeading ||
        type == RecordType::kContact || type == RecordType::kTicked ||
        type == RecordType::kListed || type == RecordType::kOrphanedTail) {
      return OfOperator(std::move(line));
    }
    if (cited_.contains(entry.seq)) return OfCited(std::move(line));
    return std::nullopt;
  }

  std::optional<HistoryLine> OfAction(HistoryLine line) {
    const auto action = records_.ActionAt(line.seq);
    actions_["action/" + action->id.value()] = action->room;
    line.kind = action->room;
    line.what = std::string(NameOf(action->reason));
    line.text = action->sentence;
    if (line.text.empty()) {
      line.text =
          std::string(CommandName(action->command)) + " " + TargetOf(action->command).Text();
    }
    line.words = {"action",
                  action->room,
                  line.what,
                  std::string(CommandName(action->command)),
                  TargetOf(action->command).kind,
                  GetString(action->facts, {"operation", "kind"})};
    return line;
  }

  std::optional<HistoryLine> OfEvent(HistoryLine line) {
    const auto payload = records_.EventAt(line.seq);
    if (!payload) return std::nullopt;
    line.what = RecordTypeName(records_.Find(line.seq)->type);
    line.kind = line.what;
    line.text = DescribePlain(*payload);
    if (const auto* gone = std::get_if<Gone>(&*payload)) {
      line.kind = gone->ref.kind;
      latest_.erase(ObjectSubject(gone->ref));
    }
    if (const auto* observed = std::get_if<Observed>(&*payload)) {
      auto& latest = latest_[ObjectSubject(observed->ref)];
      const bool same = latest.first == observed->uid;
      const auto told = Describe(*observed, same ? &latest.second : nullptr);
      line.kind = observed->ref.kind;
      line.text = told.text;
      line.heartbeat = told.heartbeat;
      latest = {observed->uid, observed->object};
    }
    line.words = {"event", line.what, line.kind};
    return line;
  }

  // An outcome names its action alone; whose that is was said by the action.
  std::optional<HistoryLine> OfOutcome(const Records::Entry& entry, HistoryLine line) {
    const auto whose =
        entry.subjects.empty() ? actions_.end() : actions_.find(entry.subjects.front());
    const auto payload = records_.EventAt(entry.seq);
    const auto* done = payload ? std::get_if<Done>(&*payload) : nullptr;
    if (whose == actions_.end() || done == nullptr) return std::nullopt;
    line.kind = whose->second;
    line.what = std::string(NameOf(done->outcome));
    line.text = DescribePlain(*payload);
    line.words = {"Done", "outcome", whose->second, line.what};
    line.heartbeat = done->outcome == Outcome::kOk;  // as was to be expected
    return line;
  }

  // What a decision on the cluster rests on though it is not the cluster's: a node.
  std::optional<HistoryLine> OfCited(HistoryLine line) {
    const auto payload = records_.EventAt(line.seq);
    const auto* observed = payload ? std::get_if<Observed>(&*payload) : nullptr;
    line.what = RecordTypeName(records_.Find(line.seq)->type);
    line.kind = observed == nullptr ? line.what : observed->ref.kind;
    line.text = records_.DescribeAt(line.seq);
    line.words = {"event", line.what, line.kind};
    return line;
  }

  std::optional<HistoryLine> OfOperator(HistoryLine line) {
    const auto payload = records_.EventAt(line.seq);
    if (!payload) return std::nullopt;
    const auto* listed = std::get_if<Listed>(&*payload);
    const auto* ticked = std::get_if<Ticked>(&*payload);
    line.heartbeat = (listed != nullptr && !listed->gap) ||
                     (ticked != nullptr && ticked->paused_us == 0 && ticked->step_us == 0);
    line.kind = "operator";
    line.what =
        listed != nullptr && listed->gap ? "GAP" : RecordTypeName(records_.Find(line.seq)->type);
    line.text = DescribePlain(*payload);
    line.words = {"operator", line.what, RecordTypeName(records_.Find(line.seq)->type)};
    return line;
  }

  const Records& records_;
  std::string subject_;
  std::set<std::uint64_t> cited_;
  std::map<std::string, std::string> actions_;                  // "action/ID" → room
  std::map<std::string, std::pair<std::string, Json>> latest_;  // by object: uid, object
};

}  // namespace

std::vector<HistoryLine> LinesOf(const Records& records, const ClusterKey& cluster) {
  return Lines(records, cluster).All();
}

bool IsOfKind(const HistoryLine& line, const std::string& word) {
  const auto same = [&](const std::string& own) {
    return std::ranges::equal(own, word, [](char x, char y) {
      return std::tolower(static_cast<unsigned char>(x)) ==
             std::tolower(static_cast<unsigned char>(y));
    });
  };
  return std::ranges::any_of(line.words, same);
}

Json LineJson(const HistoryLine& line) {
  Json out = {{"seq", line.seq},
              {"time", WallText(line.wall_us)},
              {"kind", line.kind},
              {"what", line.what},
              {"text", line.text}};
  if (!line.causes.empty()) out["causes"] = line.causes;
  return out;
}

}  // namespace pgo::cli
