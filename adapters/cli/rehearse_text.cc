#include "adapters/cli/rehearse_text.h"

#include <map>
#include <set>

#include "engine/base/ids.h"

namespace pgo::cli {
namespace {

constexpr std::size_t kShownMost = 20;
constexpr std::size_t kNamedMost = 3;

Json TollJson(const std::map<ClusterKey, Toll>& tolls) {
  Json out = Json::object();
  for (const auto& [key, toll] : tolls) {
    out[key.Text()] = {{"restarts", toll.restarts},
                       {"failovers", toll.failovers},
                       {"creates", toll.creates},
                       {"changes", toll.changes},
                       {"deletes", toll.deletes}};
  }
  return out;
}

bool IsWords(const Json& difference) { return GetString(difference, {"difference"}) == "reworded"; }
// What a status says follows from the rest.
bool IsStatus(const Json& difference) { return GetString(difference, {"room"}) == "status"; }

std::string Names(const std::set<std::string>& clusters) {
  std::string out;
  std::size_t named = 0;
  for (const std::string& name : clusters) {
    if (named++ == kNamedMost) break;
    out += (out.empty() ? "" : ", ") + name;
  }
  if (clusters.size() > kNamedMost) {
    out += " and " + std::to_string(clusters.size() - kNamedMost) + " more";
  }
  return out;
}

// "2 clusters would get a new PodDisruptionBudget (team-a/pay, team-b/geo)"
std::string ObjectsText(const Json& tolls, const char* member, const std::string& before,
                        const std::string& after) {
  std::map<std::string, std::set<std::string>> by_kind;
  for (const auto& [cluster, toll] : tolls.items()) {
    for (const auto& [kind, count] : GetObject(toll, {member}).items()) {
      by_kind[kind].insert(cluster);
    }
  }
  std::string out;
  for (const auto& [kind, clusters] : by_kind) {
    out += ", " + Count(clusters.size(), "cluster") + " " + before + kind + after + " (" +
           Names(clusters) + ")";
  }
  return out;
}

std::int64_t Sum(const Json& tolls, const char* member) {
  std::int64_t sum = 0;
  for (const Json& toll : tolls) sum += GetInt(toll, {member});
  return sum;
}

// "0 restarts", "2 restarts more and 1 less"
std::string Balance(const Json& r, const char* member, const std::string& noun) {
  const auto more = static_cast<std::uint64_t>(Sum(GetObject(r, {"would"}), member));
  const auto less = static_cast<std::uint64_t>(Sum(GetObject(r, {"would_not"}), member));
  std::string text = Count(more, noun) + (more > 0 ? " more" : "");
  if (less > 0) text = (more > 0 ? text + ", " : "") + Count(less, noun) + " less";
  return text;
}

std::int64_t TimeOf(const Json& json, const char* member) {
  return ParseWall(GetString(json, {member})).value_or(0);
}

std::string Summary(const Json& r) {
  const auto number = [&](const char* name) {
    return static_cast<std::uint64_t>(GetInt(r, {name}));
  };
  const Json& would = GetObject(r, {"would"});
  const Json& would_not = GetObject(r, {"would_not"});
  return Count(number("clusters"), "cluster") + ", " +
         DurationText(TimeOf(r, "to") - TimeOf(r, "from")) + ", " +
         Count(number("events"), "event") + ", " + Count(number("actions"), "action") + ": " +
         Balance(r, "restarts", "restart") + ", " + Balance(r, "failovers", "failover") +
         ObjectsText(would, "creates", "would get a new ", "") +
         ObjectsText(would, "changes", "would have another ", "") +
         ObjectsText(would, "deletes", "would lose a ", "") +
         ObjectsText(would_not, "creates", "would not get the ", "") +
         ObjectsText(would_not, "deletes", "would keep a ", "");
}

std::string Apart(const Json& d) {
  return DurationText(std::abs(TimeOf(d, "recorded_time") - TimeOf(d, "time")));
}

// What differs, in a clause.
std::string Clause(const Json& d) {
  const std::string kind = GetString(d, {"difference"});
  const std::string recorded = "#" + std::to_string(GetInt(d, {"recorded_seq"}));
  if (kind == "extra") return "this build would act where nothing was done";
  if (kind == "missing") return "this build would not do what was done";
  if (kind == "changed") return "this build would do it otherwise";
  if (kind == "earlier") return "this build would do it " + Apart(d) + " earlier than " + recorded;
  if (kind == "later") return "this build would do it " + Apart(d) + " later than " + recorded;
  return "this build says it otherwise";
}

std::string SentenceOf(const Json& d) {
  const std::string sentence = GetString(d, {"sentence"});
  if (!sentence.empty()) return sentence;
  return GetString(d, {"action"}) + " " + GetString(d, {"object"});
}

std::string Short(const std::string& text) {
  constexpr std::size_t kMost = 160;
  if (text.size() <= kMost) return text;
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

std::string DifferenceText(const Json& d, const DescribeSeq& describe, const Output& out) {
  const std::string seq = "#" + std::to_string(GetInt(d, {"seq"}));
  std::string text =
      TimeText(TimeOf(d, "time")) + "  " + out.Styled(Style::kDim, seq) + "  " +
      out.Styled(Style::kBold, GetString(d, {"cluster"}) + " " + GetString(d, {"room"}) + " " +
                                   GetString(d, {"reason"})) +
      ": " + Clause(d) + "\n    " + SentenceOf(d) + "\n";
  if (const std::string field = GetString(d, {"field"}); !field.empty()) {
    text += "    field " + field + ": recorded " + GetString(d, {"recorded"}) + ", now " +
            GetString(d, {"now"}) + "\n";
  }
  if (GetBool(d, {"replaces_pods"})) {
    text +=
        out.Styled(Style::kWarn, "    it asks for another pod: the pod would be replaced") + "\n";
  }
  const Json& causes = GetArray(d, {"causes"});
  if (!causes.empty()) {
    const auto first = static_cast<std::uint64_t>(AsInt(causes.back()));
    text += "    because of " + out.Styled(Style::kDim, "#" + std::to_string(first)) + " " +
            Short(describe(first)) + "\n";
  }
  if (const auto times = static_cast<std::uint64_t>(GetInt(d, {"times"})); times > 1) {
    text += out.Styled(Style::kDim, "    wished for at " + Count(times, "decision")) + "\n";
  }
  return text;
}

// "first difference at …: …. 7 actions differ; 9 only in the status; 1 only in words"
std::string Counts(const Json& r) {
  std::size_t acts = 0;
  std::size_t status = 0;
  std::size_t words = 0;
  const Json* first = nullptr;
  for (const Json& d : GetArray(r, {"differences"})) {
    if (IsWords(d)) {
      ++words;
    } else if (IsStatus(d)) {
      ++status;
    } else {
      if (acts++ == 0) first = &d;
    }
  }
  std::string text = "no action differs";
  if (first != nullptr) {
    text = "first difference at " + TimeText(TimeOf(*first, "time")) + ": " + Clause(*first) +
           ". " + Count(acts, "action") + (acts == 1 ? " differs" : " differ");
  }
  if (status > 0) text += "; " + Count(status, "update") + " of the status (--all shows them)";
  if (words > 0) text += "; " + std::to_string(words) + " only in what is said (--all)";
  return text;
}

}  // namespace

Json RehearsalJson(const Rehearsal& r) {
  Json out = {{"rehearsal", 1},
              {"recorded_build", r.build},
              {"recorded_ruleset", r.ruleset},
              {"from", WallText(r.first_wall_us)},
              {"to", WallText(r.last_wall_us)},
              {"clusters", r.clusters.size()},
              {"events", r.events},
              {"decisions", r.decisions},
              {"actions", r.actions},
              {"identical", true},
              {"would", TollJson(r.more)},
              {"would_not", TollJson(r.less)},
              {"differences", Json::array()}};
  for (const Difference& d : r.differences) {
    out["differences"].push_back(DifferenceJson(d));
    if (d.kind != Difference::Kind::kReworded) out["identical"] = false;
  }
  return out;
}

std::string RehearsalText(const Json& r, bool all, const DescribeSeq& describe, const Output& out) {
  std::string text = out.Styled(Style::kBold, Summary(r)) + "\n" + Counts(r) + "\n";
  std::size_t shown = 0;
  std::size_t more = 0;
  for (const Json& d : GetArray(r, {"differences"})) {
    if (!all && (IsWords(d) || IsStatus(d))) continue;
    if (!all && shown == kShownMost) {
      ++more;
      continue;
    }
    ++shown;
    text += "\n" + DifferenceText(d, describe, out);
  }
  if (more > 0) text += "\n" + std::to_string(more) + " more: --all or -o json\n";
  return text;
}

}  // namespace pgo::cli
