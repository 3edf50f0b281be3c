#include "journal/testing/injuries/tally.h"

namespace pgo::journal::injuries {
namespace {

constexpr std::size_t kFailuresKept = 100;
// Stand in the summary even if nothing of the kind happened.
constexpr const char* kNames[] = {"kills",         "power_losses", "injuries",           "lost",
                                  "wrong_answers", "crashes",      "detected",           "harmless",
                                  "past_anchor",   "salvaged",     "unacknowledged_kept"};

const char* CountOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDetected:
      return "detected";
    case Outcome::kHarmless:
      return "harmless";
    case Outcome::kPastAnchor:
      return "past_anchor";
    case Outcome::kKept:
      return "rounds_kept";
    case Outcome::kLost:
      return "lost";
    case Outcome::kWrong:
      return "wrong_answers";
  }
  return "";
}

}  // namespace

void Tally::Add(const Verdict& verdict, const std::string& reproduce) {
  for (const auto& [name, count] : verdict.counts) counts_[name] += count;
  ++counts_[CountOf(verdict.outcome)];
  if (verdict.counts.contains("injuries")) ++by_kind_[verdict.kind][NameOf(verdict.outcome)];
  if (verdict.outcome == Outcome::kDetected) ++stages_[verdict.stage];
  if (injuries::Bad(verdict.outcome)) {
    Blame(CountOf(verdict.outcome), verdict.kind, verdict.what, reproduce);
  }
}

void Tally::AddCrash(const std::string& kind, const std::string& how,
                     const std::string& reproduce) {
  ++counts_["crashes"];
  Blame("crashes", kind, how, reproduce);
}

void Tally::Blame(const std::string& name, const std::string& kind, const std::string& what,
                  const std::string& reproduce) {
  if (failures_.size() >= kFailuresKept) return;
  failures_.push_back(Json{{"as", name}, {"kind", kind}, {"what", what}, {"reproduce", reproduce}});
}

std::uint64_t Tally::Count(const std::string& name) const {
  const auto found = counts_.find(name);
  return found == counts_.end() ? 0 : found->second;
}

std::uint64_t Tally::Bad() const {
  return Count("lost") + Count("wrong_answers") + Count("crashes");
}

Json Tally::Summary(bool complete, double seconds) const {
  Json json = Json::object();
  for (const char* name : kNames) json[name] = Count(name);
  json["seed"] = seed_;
  json["complete"] = complete;
  json["seconds"] = static_cast<std::int64_t>(seconds);
  json["detected_at"] = stages_;
  json["by_kind"] = by_kind_;
  json["failures"] = failures_;
  return json;
}

std::string LineOf(std::uint64_t round, const Verdict& verdict) {
  Json json = Json::object();
  json["round"] = round;
  json["outcome"] = static_cast<int>(verdict.outcome);
  json["kind"] = verdict.kind;
  json["stage"] = verdict.stage;
  json["what"] = verdict.what;
  json["counts"] = verdict.counts;
  return DumpJson(json) + "\n";
}

std::optional<RoundVerdict> ParseLine(const std::string& line) {
  const auto json = ParseJson(line);
  if (!json || Find(*json, "outcome") == nullptr) return std::nullopt;
  RoundVerdict out;
  out.round = static_cast<std::uint64_t>(GetInt(*json, {"round"}));
  out.verdict.outcome = static_cast<Outcome>(GetInt(*json, {"outcome"}));
  out.verdict.kind = GetString(*json, {"kind"});
  out.verdict.stage = GetString(*json, {"stage"});
  out.verdict.what = GetString(*json, {"what"});
  for (const auto& [name, count] : GetObject(*json, {"counts"}).items()) {
    out.verdict.counts[name] = static_cast<std::uint64_t>(AsInt(count));
  }
  return out;
}

}  // namespace pgo::journal::injuries
