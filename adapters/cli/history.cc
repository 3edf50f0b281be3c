// `pgo history`: the records of a cluster as lines.
#include <algorithm>
#include <cctype>
#include <set>

#include "adapters/cli/facts.h"
#include "adapters/cli/journal_source.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/verbs.h"
#include "adapters/cli/when.h"
#include "engine/event/codec.h"

namespace pgo::cli {
namespace {

struct Line {
  std::uint64_t seq = 0;
  std::int64_t wall_us = 0;
  std::string kind;  // "failover", "Pod", "Leading", "outcome"
  std::string what;  // "Fenced", "Observed", "Ok"
  std::string text;
  std::vector<std::uint64_t> causes;
  std::vector<std::string> words;  // what --kind may name
  bool heartbeat = false;
};

bool SameWord(const std::string& a, const std::string& b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

class Lines {
 public:
  Lines(const Records& records, const ClusterKey& cluster) : records_(records) {
    subject_ = ClusterSubject(cluster);
    for (const auto& [seq, entry] : records.all()) {
      if (entry.Names(subject_)) cited_.insert(entry.causes.begin(), entry.causes.end());
    }
  }

  std::vector<Line> All() {
    std::vector<Line> out;
    for (const auto& [seq, entry] : records_.all()) {
      if (auto line = LineOf(entry)) out.push_back(*std::move(line));
    }
    return out;
  }

 private:
  std::optional<Line> LineOf(const Records::Entry& entry) {
    Line line;
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
        type == RecordType::kListed) {
      return OfOperator(std::move(line));
    }
    if (cited_.contains(entry.seq)) return OfCited(std::move(line));
    return std::nullopt;
  }

  std::optional<Line> OfAction(Line line) {
    const auto action = records_.ActionAt(line.seq);
    actions_["action/" + action->id.value()] = action->room;
    line.kind = action->room;
    line.what = std::string(NameOf(action->reason));
    line.text = action->sentence;
    if (line.text.empty()) {
      line.text =
          std::string(CommandName(action->command)) + " " + TargetOf(action->command).Text();
    }
    line.words = {"action", action->room, line.what, std::string(CommandName(action->command)),
                  TargetOf(action->command).kind};
    return line;
  }

  std::optional<Line> OfEvent(Line line) {
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
  std::optional<Line> OfOutcome(const Records::Entry& entry, Line line) {
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
  std::optional<Line> OfCited(Line line) {
    const auto payload = records_.EventAt(line.seq);
    const auto* observed = payload ? std::get_if<Observed>(&*payload) : nullptr;
    line.what = RecordTypeName(records_.Find(line.seq)->type);
    line.kind = observed == nullptr ? line.what : observed->ref.kind;
    line.text = records_.DescribeAt(line.seq);
    line.words = {"event", line.what, line.kind};
    return line;
  }

  std::optional<Line> OfOperator(Line line) {
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

struct Window {
  std::int64_t since = INT64_MIN, until = INT64_MAX;
};

Result<Window> WindowOf(const History& options, std::int64_t now) {
  Window window;
  if (!options.since.empty()) {
    auto since = ParseWhen("--since", options.since, now);
    if (!since) return Fail(since.error());
    window.since = *since;
  }
  if (!options.until.empty()) {
    auto until = ParseWhen("--until", options.until, now);
    if (!until) return Fail(until.error());
    window.until = *until;
  }
  return window;
}

bool Wanted(const Line& line, const History& options, const Window& window) {
  if (line.wall_us < window.since || line.wall_us > window.until) return false;
  if (options.kinds.empty()) return true;
  return std::ranges::any_of(options.kinds, [&](const std::string& kind) {
    return std::ranges::any_of(line.words, [&](const std::string& w) { return SameWord(kind, w); });
  });
}

Json LineJson(const Line& line) {
  Json out = {{"seq", line.seq},
              {"time", WallText(line.wall_us)},
              {"kind", line.kind},
              {"what", line.what},
              {"text", line.text}};
  if (!line.causes.empty()) out["causes"] = line.causes;
  return out;
}

void PrintTable(const std::vector<Line>& lines, std::size_t hidden, Console& console) {
  Table table({"TIME (UTC)", "SEQ", "KIND", "WHAT", ""});
  for (const Line& line : lines) {
    std::string text = line.text;
    std::string causes;
    for (const auto seq : line.causes) causes += " #" + std::to_string(seq);
    table.Row({TimeText(line.wall_us), "#" + std::to_string(line.seq), line.kind, line.what,
               text + (causes.empty() ? "" : "  because of" + causes)});
  }
  if (!lines.empty()) console.out.Print(table.Text());
  if (lines.empty()) console.err.Line("pgo: nothing of this kind is recorded in this time");
  if (hidden > 0) {
    console.err.Line(
        console.err.Styled(Style::kDim, Count(hidden, "heartbeat") +
                                            " not shown (lock renewals, positions, outcomes as "
                                            "expected); --kind shows them"));
  }
}

}  // namespace

Status Run(const History& options, const Common& asked, Console& console) {
  Common common = asked;
  auto source = JournalSource::Open(options.bundle, common);
  if (!source) return Fail(source.error());
  std::vector<std::string> subjects;
  if (!source->is_bundle()) {
    if (options.cluster.empty()) {
      return Fail(Code::kInvalid,
                  "no cluster is named: give its name, or a bundle with --bundle=FILE");
    }
    if (common.ns.empty()) common.ns = DefaultNamespace(common);
    subjects.push_back(ClusterSubject({common.ns, options.cluster}));
  }
  auto records = source->Read(subjects);
  if (!records) return Fail(records.error());
  auto cluster = WhichCluster(*records, options.cluster, common.ns);
  if (!cluster) return Fail(cluster.error());
  auto window = WindowOf(options, source->is_bundle() ? records->last_wall_us() : WallNow());
  if (!window) return Fail(window.error());
  std::vector<Line> lines = Lines(*records, *cluster).All();
  std::erase_if(lines, [&](const Line& line) { return !Wanted(line, options, *window); });
  const std::size_t before = lines.size();
  if (options.kinds.empty()) std::erase_if(lines, [](const Line& line) { return line.heartbeat; });
  const std::size_t hidden = before - lines.size();
  const auto last = static_cast<std::size_t>(options.last);
  if (last > 0 && lines.size() > last) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(last));
  }
  if (common.output == "json") {
    Json all = Json::array();
    for (const Line& line : lines) all.push_back(LineJson(line));
    console.out.Print(Pretty(all));
  } else {
    PrintTable(lines, hidden, console);
  }
  return {};
}

}  // namespace pgo::cli
