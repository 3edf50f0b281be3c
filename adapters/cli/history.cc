// `pgo history`: the records of a cluster as lines.
#include <algorithm>

#include "adapters/cli/history_lines.h"
#include "adapters/cli/journal_source.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/verbs.h"
#include "adapters/cli/when.h"
#include "engine/event/codec.h"

namespace pgo::cli {
namespace {

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

bool Wanted(const HistoryLine& line, const History& options, const Window& window) {
  if (line.wall_us < window.since || line.wall_us > window.until) return false;
  if (options.kinds.empty()) return true;
  return std::ranges::any_of(options.kinds,
                             [&](const std::string& kind) { return IsOfKind(line, kind); });
}

void PrintTable(const std::vector<HistoryLine>& lines, std::size_t hidden, Console& console) {
  Table table({"TIME (UTC)", "SEQ", "KIND", "WHAT", ""});
  for (const HistoryLine& line : lines) {
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
  std::vector<HistoryLine> lines = LinesOf(*records, *cluster);
  std::erase_if(lines, [&](const HistoryLine& line) { return !Wanted(line, options, *window); });
  const std::size_t before = lines.size();
  if (options.kinds.empty())
    std::erase_if(lines, [](const HistoryLine& line) { return line.heartbeat; });
  const std::size_t hidden = before - lines.size();
  const auto last = static_cast<std::size_t>(options.last);
  if (last > 0 && lines.size() > last) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(last));
  }
  if (common.output == "json") {
    Json all = Json::array();
    for (const HistoryLine& line : lines) all.push_back(LineJson(line));
    console.out.Print(Pretty(all));
  } else {
    PrintTable(lines, hidden, console);
  }
  return {};
}

}  // namespace pgo::cli
