// `pgo why`: the story of a change of primary.
#include <algorithm>

#include "adapters/cli/journal_source.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/story_text.h"
#include "adapters/cli/verbs.h"
#include "adapters/cli/when.h"
#include "engine/event/codec.h"

namespace pgo::cli {
namespace {

// The namespace for asking the operator: as every verb has it. A bundle needs none.
Result<std::vector<std::string>> Subjects(const JournalSource& source, const std::string& cluster,
                                          Common& common) {
  if (source.is_bundle()) return std::vector<std::string>();
  if (cluster.empty()) {
    return Fail(Code::kInvalid,
                "no cluster is named: give its name, or a bundle with --bundle=FILE");
  }
  if (common.ns.empty()) common.ns = DefaultNamespace(common);
  return std::vector<std::string>{ClusterSubject({common.ns, cluster})};
}

using Kind = Episode::Kind;

bool IsNews(const Episode& e) { return e.kind != Kind::kFirstPrimary; }

// Another pod became primary, is becoming it, or ought to have; or instances were restarted,
// reloaded or removed. Not: the same one came back.
bool IsChange(const Episode& e) {
  const bool changed =
      e.kind == Kind::kFailover || e.kind == Kind::kSwitchover || e.kind == Kind::kByOther;
  return (changed && e.from != e.to) || e.kind == Kind::kUnderWay || e.kind == Kind::kBlocked ||
         IsOperation(e.kind);
}

// The newest ones, oldest first; the first primary only if there is nothing else.
std::vector<Episode> Newest(std::vector<Episode> all, std::int64_t wanted) {
  const auto narrow = [&all](bool (*is)(const Episode&)) {
    if (!std::ranges::any_of(all, is)) return;
    std::erase_if(all, [is](const Episode& e) { return !is(e); });
  };
  narrow(IsNews);
  if (wanted == 0) narrow(IsChange);
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(wanted, 1));
  const auto keep = std::min(all.size(), most);
  all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(keep));
  return all;
}

// What came after the last one that is shown.
void SayLater(const std::vector<Episode>& all, const std::vector<Episode>& shown,
              Console& console) {
  std::string later;
  for (const Episode& e : all) {
    if (shown.empty() || e.seq <= shown.back().seq) continue;
    later +=
        (later.empty() ? "" : ", ") + std::string(KindWord(e.kind)) + " #" + std::to_string(e.seq);
  }
  if (later.empty()) return;
  console.err.Line(
      console.err.Styled(Style::kDim, "later: " + later + " (--last or --at shows them)"));
}

// The one under way at that moment or record, else the last one before.
Result<std::vector<Episode>> At(std::vector<Episode> all, const std::string& at, std::int64_t now) {
  const auto moment = ParseMoment("--at", at, now);
  if (!moment) return Fail(moment.error());
  std::erase_if(all, [&](const Episode& e) {
    return moment->seq != 0 ? e.seq > moment->seq : e.wall_us > moment->wall_us;
  });
  if (all.empty())
    return Fail(Code::kNotFound, "no change of primary is recorded at or before " + at);
  return std::vector<Episode>{all.back()};
}

Status Print(const std::vector<Episode>& episodes, const Common& common, Console& console) {
  if (common.output == "json") {
    Json all = Json::array();
    for (const Episode& episode : episodes) all.push_back(EpisodeJson(episode));
    console.out.Print(Pretty(all));
    return {};
  }
  std::string text;
  for (const Episode& episode : episodes) {
    text += (text.empty() ? "" : "\n") + EpisodeText(episode, console.out);
  }
  console.out.Print(text);
  return {};
}

}  // namespace

Status Run(const Why& options, const Common& asked, Console& console) {
  Common common = asked;
  auto source = JournalSource::Open(options.bundle, common);
  if (!source) return Fail(source.error());
  auto subjects = Subjects(*source, options.cluster, common);
  if (!subjects) return Fail(subjects.error());
  auto records = source->Read(*subjects);
  if (!records) return Fail(records.error());
  auto cluster = WhichCluster(*records, options.cluster, common.ns);
  if (!cluster) return Fail(cluster.error());
  const std::int64_t now = source->is_bundle() ? records->last_wall_us() : WallNow();
  const auto pick = [&]() -> Result<std::vector<Episode>> {
    auto all = Explain(*records, *cluster);
    if (!options.at.empty()) return At(std::move(all), options.at, now);
    return Newest(std::move(all), options.last);
  };
  auto episodes = pick();
  if (!episodes) return Fail(episodes.error());
  if (episodes->empty()) {
    return Fail(Code::kNotFound, "no change of primary of " + cluster->Text() + " is recorded" +
                                     (source->is_bundle() ? " in this bundle" : ""));
  }
  if (!source->is_bundle()) {
    // Nodes, outcomes and what else is not the cluster's own.
    for (const Episode& episode : *episodes) {
      auto range = RangeOf(episode);
      if (auto more = source->Complete(*records, range); !more) return more;
    }
    episodes = pick();
    if (!episodes) return Fail(episodes.error());
  }
  if (auto printed = Print(*episodes, common, console); !printed) return printed;
  if (options.at.empty()) SayLater(Explain(*records, *cluster), *episodes, console);
  return {};
}

}  // namespace pgo::cli
