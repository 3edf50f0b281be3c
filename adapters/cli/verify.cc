// `pgo verify`: the proof that a bundle, or the operator's journal, is whole, and that it was not
// rolled back behind a head that was kept elsewhere; `pgo journal status`.
#include "journal/query/verify.h"

#include <charconv>
#include <cstdlib>

#include "adapters/cli/journal_source.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/replaying.h"
#include "adapters/cli/verbs.h"
#include "adapters/kube/elector.h"

namespace pgo::cli {
namespace {

bool ReadNumber(std::string_view text, std::uint64_t& out) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

template <std::size_t N>
bool ReadHex(std::string_view text, std::array<std::uint8_t, N>& out) {
  if (text.size() != N * 2) return false;
  for (std::size_t i = 0; i < N; ++i) {
    const char* at = text.data() + i * 2;
    if (std::from_chars(at, at + 2, out[i], 16).ptr != at + 2) return false;
  }
  return true;
}

// "ID/EPOCH/SEQ/CHAIN", as the operator writes it onto its Lease.
Result<journal::JournalHead> ParseAnchor(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) c == '/' ? parts.emplace_back() : parts.back() += c;
  journal::JournalHead head;
  if (parts.size() == 4 && ReadHex(parts[0], head.journal_id) && ReadNumber(parts[1], head.epoch) &&
      ReadNumber(parts[2], head.seq) && ReadHex(parts[3], head.chain)) {
    return head;
  }
  return Fail(Code::kInvalid,
              "--anchor: \"" + text +
                  "\": must be lease, or ID/EPOCH/SEQ/CHAIN as the Lease's annotation has it");
}

Result<journal::JournalHead> AnchorOfLease(const Common& common) {
  const char* named = std::getenv("PGO_CONTROLLER_LEASE_NAME");
  const std::string name = named != nullptr ? named : "cpk-leader-election-lease";
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  std::string looked;
  for (const std::string& ns : {(*kube)->ns(), std::string("postgres-operator")}) {
    looked += (looked.empty() ? "" : ", ") + ns;
    auto lease = (*kube)->Get({"Lease", ns, name});
    if (!lease && lease.error().code == Code::kNotFound) continue;
    if (!lease) return Fail(lease.error());
    const std::string text = GetString(
        *lease, {"metadata", "annotations", std::string_view(pgo::kube::kAnchorAnnotation)});
    if (!text.empty()) return ParseAnchor(text);
  }
  return Fail(Code::kNotFound, "--anchor: no Lease " + name + " with an anchor in " + looked +
                                   "; -n names the operator's namespace");
}

Result<std::shared_ptr<journal::BundleFile>> WholeJournal(const Common& common) {
  auto address = FindOperator(common);
  if (!address) return Fail(address.error());
  OperatorClient client(*std::move(address));
  const TemporaryFile file;
  if (auto got = client.Download({}, file.path()); !got) return Fail(got.error());
  auto bundle = OpenBundle(file.path());  // stays open after its name is gone
  if (!bundle) return Fail(bundle.error().In("what the operator sent"));
  return *bundle;
}

// Against the anchor. It was read before the journal, which goes on meanwhile.
Result<std::string> Judge(const journal::BundleFile& bundle, const journal::JournalHead& anchor) {
  const auto verdict = journal::CompareAnchor(bundle, anchor);
  if (!verdict) return Fail(verdict.error());
  const std::string seq = "#" + std::to_string(anchor.seq);
  switch (*verdict) {
    case journal::AnchorVerdict::kHolds:
      return " It holds record " + seq + " as the anchor has it.";
    case journal::AnchorVerdict::kBehind:
      return Fail(Code::kCorrupt, "it ends with #" + std::to_string(bundle.Head().seq) +
                                      ", the anchor names record " + seq +
                                      ": it was rolled back, lost its end, or was exported before");
    case journal::AnchorVerdict::kForeign:
      return Fail(Code::kCorrupt, "the anchor is another journal's, or another history's: record " +
                                      seq + " is not the one that was anchored");
    case journal::AnchorVerdict::kExpired:
      break;
  }
  return Fail(Code::kNotFound, "record " + seq +
                                   " of the anchor is older than what is kept here: nothing can be "
                                   "said; export from before it");
}

void Print(const journal::VerifyReport& report, const std::string& anchored, const Common& common,
           Console& console) {
  if (common.output == "json") {
    console.out.Print(Pretty({{"first_seq", report.first_seq},
                              {"last_seq", report.head.seq},
                              {"frames", report.frames},
                              {"records", report.records},
                              {"elided", report.elided},
                              {"journal_id", journal::HexOf(report.head.journal_id)},
                              {"chain", journal::HexOf(report.head.chain)},
                              {"anchor_holds", anchored.empty() ? Json(nullptr) : Json(true)}}));
    return;
  }
  console.out.Line(
      Count(report.frames, "frame") + ", " + Count(report.records, "record") + " (#" +
      std::to_string(report.first_seq) + " to #" + std::to_string(report.head.seq) + ")" +
      (report.elided == 0 ? "" : ", " + Count(report.elided, "record") + " proven by hash alone") +
      ": whole. Chain intact to head " + ShortHash(report.head.chain) +
      (anchored.empty() ? "" : "." + anchored));
}

}  // namespace

Status Run(const VerifyFile& options, const Common& common, Console& console) {
  std::optional<journal::JournalHead> anchor;
  if (!options.anchor.empty()) {
    auto read = options.anchor == "lease" ? AnchorOfLease(common) : ParseAnchor(options.anchor);
    if (!read) return Fail(read.error());
    anchor = *read;
  }
  auto bundle = options.bundle.empty() ? WholeJournal(common) : OpenBundle(options.bundle);
  if (!bundle) return Fail(bundle.error());
  Percent progress(console.err, "verifying");
  auto report = journal::Verify(**bundle, [&](const journal::VerifyProgress& p) {
    progress.Set(p.seq, p.last_seq);
    return true;
  });
  const std::string what = options.bundle.empty() ? "the operator's journal" : options.bundle;
  if (!report) return Fail(report.error().In(what));
  std::string anchored;
  if (anchor) {
    auto judged = Judge(**bundle, *anchor);
    if (!judged) return Fail(judged.error().In(what));
    anchored = *judged;
  }
  Print(*report, anchored, common, console);
  return {};
}

namespace {

// Which replica this is, who leads, and how far the others are behind.
std::string ReplicationText(const Json& json) {
  const std::string role = GetString(json, {"role"});
  if (role.empty()) return "";
  const std::string leader = GetString(json, {"leader"});
  const std::int64_t behind = GetInt(json, {"behind_seconds"});
  std::string text = "replica " + GetString(json, {"name"}) + ": " + role + ", epoch " +
                     std::to_string(GetInt(json, {"epoch"}));
  if (role != "leader") {
    text += leader.empty() ? ", nobody leads" : ", " + leader + " leads";
    text += behind < 0 ? ", never in step yet" : ", in step " + Count(behind, "second") + " ago";
  }
  text += "\n";
  if (const std::string anchor = GetString(json, {"anchor"}); !anchor.empty()) {
    text += "anchor on the Lease: " + anchor + "\n";
  }
  if (const std::string why = GetString(json, {"why"}); !why.empty()) text += why + "\n";
  const auto& followers = GetArray(json, {"followers"});
  if (followers.empty()) return text;
  Table table({"FOLLOWER", "HAS", "LAG", "SEEN"});
  for (const Json& one : followers) {
    table.Row({GetString(one, {"name"}), "#" + std::to_string(GetInt(one, {"seq"})),
               Count(static_cast<std::uint64_t>(GetInt(one, {"lag_records"})), "record"),
               std::to_string(GetInt(one, {"seen_seconds"})) + " s ago"});
  }
  return text + table.Text();
}

}  // namespace

Status Run(const ShowJournal&, const Common& common, Console& console) {
  auto address = FindOperator(common);
  if (!address) return Fail(address.error());
  auto json =
      OperatorClient(*std::move(address)).Get(InNamespace("/journal", DefaultNamespace(common)));
  if (!json) return Fail(json.error());
  if (common.output == "json") {
    console.out.Print(Pretty(*json));
    return {};
  }
  const auto number = [](const Json& at, const char* name) {
    return static_cast<std::uint64_t>(GetInt(at, {name}));
  };
  console.out.Line("journal " + GetString(*json, {"journal_id"}) + ": records #" +
                   std::to_string(number(*json, "first_seq")) + " to #" +
                   std::to_string(number(*json, "seq")) + ", epoch " +
                   std::to_string(number(*json, "epoch")) + ", " +
                   Bytes(number(*json, "disk_bytes")) + " on disk");
  Table table({"SEGMENT", "FROM", "TO", "SINCE (UTC)", "UNTIL", "SIZE"});
  for (const Json& one : GetArray(*json, {"segments"})) {
    const bool empty = number(one, "first_seq") == 0;
    const auto time = [&](const char* name) {
      return empty ? std::string("-") : TimeText(GetInt(one, {name}));
    };
    table.Row({std::to_string(number(one, "number")), std::to_string(number(one, "first_seq")),
               std::to_string(number(one, "last_seq")), time("first_wall_us"), time("last_wall_us"),
               Bytes(number(one, "bytes")) + (GetBool(one, {"active"}) ? "  active" : "")});
  }
  console.out.Print(table.Text());
  console.out.Print(ReplicationText(GetObject(*json, {"replication"})));
  if (const std::string why = GetString(*json, {"refuses_writes_since"}); !why.empty()) {
    console.out.Line(console.out.Styled(Style::kBad, "it refuses writes: " + why));
  }
  return {};
}

}  // namespace pgo::cli
