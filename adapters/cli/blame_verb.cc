// `pgo blame`: who set each field of a cluster, when, and from what.
#include <algorithm>

#include "adapters/cli/blame.h"
#include "adapters/cli/journal_source.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/past.h"
#include "adapters/cli/verbs.h"
#include "engine/event/codec.h"
#include "journal/query/place.h"

namespace pgo::cli {
namespace {

constexpr std::size_t kCellMax = 40;

std::string ValueText(const std::optional<Json>& value, std::size_t most = SIZE_MAX) {
  if (!value) return "(not set)";
  std::string text = value->is_string() ? AsString(*value) : DumpJson(*value);
  if (text.empty()) text = "\"\"";
  std::ranges::replace(text, '\n', ' ');
  if (Width(text) <= most) return text;
  std::size_t cut = most - 1;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
  return text.substr(0, cut) + "…";
}

// The writer's own time where it is known; it has whole seconds.
std::string WhenText(const FieldChange& change) {
  if (change.certain && !change.by.front().time.empty()) {
    const auto wall = ParseWall(change.by.front().time);
    if (wall) return (change.first && !change.created ? "≤ " : "") + TimeText(*wall).substr(0, 19);
  }
  return "≤ " + TimeText(change.seen.wall_us).substr(0, 19);
}

std::string SeqText(std::uint64_t seq) { return "#" + std::to_string(seq); }

std::string FromText(const FieldChange& change, std::size_t most) {
  if (change.created) return "(created)";
  if (change.first) return "(first seen)";
  return ValueText(change.from, most);
}

void PrintList(const Blame& blame, Console& console) {
  Table table({"FIELD", "VALUE", "SET (UTC)", "BY", "FROM", "RECORD"});
  for (const FieldStory& story : blame.fields) {
    const FieldChange& last = story.changes.back();
    table.Row({story.field, ValueText(story.value, kCellMax), WhenText(last), ByText(last),
               FromText(last, kCellMax), SeqText(last.seen.seq)});
  }
  console.out.Print(table.Text());
}

std::string ChangeLines(const Output& out, const FieldChange& c) {
  std::string text = "  " + WhenText(c) + "  " + (c.first ? "" : FromText(c, SIZE_MAX) + " → ") +
                     ValueText(c.to) + (c.first ? "  " + FromText(c, SIZE_MAX) : "") + "\n";
  text += "      by      " + ByText(c) + "\n";
  text += "      seen    " + out.Styled(Style::kDim, SeqText(c.seen.seq)) + " " +
          TimeText(c.seen.wall_us);
  if (c.before.seq != 0) {
    text += ", otherwise at " + out.Styled(Style::kDim, SeqText(c.before.seq)) + " " +
            TimeText(c.before.wall_us);
  }
  text += "\n";
  if (!c.unseen.empty()) text += out.Styled(Style::kWarn, "      between " + c.unseen) + "\n";
  if (c.action_seq != 0) {
    text +=
        "      action  " + out.Styled(Style::kDim, SeqText(c.action_seq)) + " " + c.sentence + "\n";
  }
  return text;
}

void PrintStories(const Blame& blame, Console& console) {
  const Output& out = console.out;
  std::string text;
  for (const FieldStory& story : blame.fields) {
    text += (text.empty() ? "" : "\n") +
            out.Styled(Style::kBold, story.field + " = " + ValueText(story.value)) + "\n";
    for (auto c = story.changes.rbegin(); c != story.changes.rend(); ++c) {
      text += ChangeLines(out, *c);
    }
    std::string owners;
    for (const Writer& w : story.owners) owners += (owners.empty() ? "" : ", ") + WriterText(w);
    if (story.value && !owners.empty()) text += "  held by " + owners + "\n";
  }
  console.out.Print(text);
}

// What these answers rest on, and what they cannot say.
void SayLimits(const Blame& blame, Console& console) {
  const auto say = [&](const std::string& text) {
    console.err.Line(console.err.Styled(Style::kDim, text));
  };
  say("as observed at " + MarkText(blame.at) + "; the first record of this cluster is " +
      MarkText(blame.first));
  if (blame.sets_since.seq == 0) {
    say("which manager set which field is not recorded here: a writer is named only where one "
        "alone wrote");
  } else if (blame.sets_since.seq > blame.first.seq) {
    say("which manager set which field is not recorded before " + MarkText(blame.sets_since));
  }
  if (blame.sets_cut) say("a manager's set of fields was too large to be recorded");
  say("managers are programs: which person used one, the audit log of Kubernetes says");
}

struct Reading {
  Records records;
  ClusterKey cluster;
};

Result<Reading> Read(JournalSource& source, const BlameCluster& options, const Common& common) {
  std::string ns = NamespaceFor(source, common);
  std::vector<std::string> subjects;
  if (!source.is_bundle()) {
    if (options.cluster.empty()) {
      return Fail(Code::kInvalid,
                  "no cluster is named: give its name, or a bundle with --bundle=FILE");
    }
    subjects = {ObjectSubject({"PostgresCluster", ns, options.cluster}), "kind/PostgresCluster",
                "operator/Baseline"};
  }
  auto records = source.Read(subjects);
  if (!records) return Fail(records.error());
  if (!source.is_bundle()) return Reading{*std::move(records), {ns, options.cluster}};
  auto cluster = WhichCluster(*records, options.cluster, ns);
  if (!cluster) return Fail(cluster.error());
  return Reading{*std::move(records), *cluster};
}

// The number of the last record at or before the moment.
Result<std::uint64_t> Until(const Records& records, const std::string& at, std::int64_t now) {
  if (at.empty()) return UINT64_MAX;
  const auto moment = ParseMoment("--at", at, now);
  if (!moment) return Fail(moment.error());
  std::uint64_t until = moment->seq;
  if (until == 0) {
    for (const auto& [seq, entry] : records.all()) {
      if (entry.wall_us <= moment->wall_us) until = seq;
    }
  }
  if (!records.all().empty() && until >= records.all().begin()->first) return until;
  return Fail(
      Code::kNotFound,
      "--at: \"" + at + "\": must not be before the first record" +
          (records.all().empty() ? std::string()
                                 : ", " + MarkText({records.all().begin()->first,
                                                    records.all().begin()->second.wall_us})));
}

}  // namespace

Status Run(const BlameCluster& options, const Common& common, Console& console) {
  auto source = JournalSource::Open(options.bundle, common);
  if (!source) return Fail(source.error());
  auto reading = Read(*source, options, common);
  if (!reading) return Fail(reading.error());
  auto now = source->End();
  if (!now) return Fail(now.error());
  auto until = Until(reading->records, options.at, *now);
  if (!until) return Fail(until.error());
  auto blame = BlameOf(reading->records, reading->cluster, options.field, *until);
  if (!blame) return Fail(blame.error());
  if (common.output == "json") {
    console.out.Print(Pretty(BlameJson(*blame)));
    return {};
  }
  options.field.empty() ? PrintList(*blame, console) : PrintStories(*blame, console);
  SayLimits(*blame, console);
  return {};
}

}  // namespace pgo::cli
