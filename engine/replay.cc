#include "engine/replay.h"

#include "engine/event/codec.h"

namespace pgo {
namespace {

// What an action rests on, by its journaled bytes.
std::vector<std::uint64_t> CausesOf(const std::string& action) {
  const auto json = ParseJson(action);
  std::vector<std::uint64_t> out;
  if (!json) return out;
  for (const Json& cause : GetArray(*json, {"causes"})) {
    out.push_back(static_cast<std::uint64_t>(AsInt(cause)));
  }
  return out;
}

// What a baseline must say of a state. When decisions are due again is not compared: a restart does
// not rebuild it, and forgets it with its Started.
std::string ProvableState(const Engine& engine) {
  Json state = engine.Save();
  state.erase("wakes");
  return DumpJson(state);
}

}  // namespace

// The first place where two JSON texts differ, for people.
Verifier::Change Verifier::FirstDifference(const std::string& recorded,
                                           const std::string& replayed) {
  const auto a = ParseJson(recorded);
  const auto b = ParseJson(replayed);
  if (!a || !b) return {"", "the record is not readable"};
  const Json patch = Json::diff(*a, *b);
  if (patch.empty()) return {"", "the bytes differ but not the values"};
  const std::string path = GetString(patch[0], {"path"});
  const Json::json_pointer pointer(path);
  const auto show = [&](const Json& json) {
    return json.contains(pointer) ? DumpJson(json[pointer]).substr(0, 200) : std::string("nothing");
  };
  return {path, "field " + path + ": recorded " + show(*a) + ", replayed " + show(*b)};
}

void Verifier::Differ(std::uint64_t seq, const Change& what, std::vector<std::uint64_t> causes) {
  if (!result_.difference.empty()) return;
  result_.first_bad = Seq(seq);
  result_.difference = what.text;
  result_.field = what.field;
  result_.causes = std::move(causes);
}

void Verifier::CheckCount(std::uint64_t seq) {
  if (next_expected_ < expected_.size()) {
    const std::string& extra = expected_[next_expected_];
    Differ(seq,
           {"", "this build takes one action more than was recorded before #" +
                    std::to_string(seq) + ": " + extra.substr(0, 300)},
           CausesOf(extra));
  }
}

void Verifier::Feed(const StoredRecord& record) {
  if (!result_.Exact()) return;
  if (record.type == static_cast<std::uint64_t>(RecordType::kAction)) return FeedAction(record);
  CheckCount(record.seq);
  if (!result_.Exact()) return;
  if (record.type == static_cast<std::uint64_t>(RecordType::kDecided)) return FeedDecided(record);
  FeedEvent(record);
}

void Verifier::FeedEvent(const StoredRecord& record) {
  ++result_.events;
  auto payload = DecodePayload(record.type, record.payload);
  if (!payload) return;  // the fold is total: what it cannot read it passes over
  if (const auto* started = std::get_if<Started>(&*payload)) {
    result_.build = started->build;
    result_.ruleset = started->ruleset;
    if (started->ruleset != kRuleset) {
      Differ(record.seq,
             {"/ruleset", "the journal was written with ruleset " +
                              std::to_string(started->ruleset) + " (build " + started->build +
                              "), this build has ruleset " + std::to_string(kRuleset) +
                              ": verify it with that build, or rehearse it with this one"});
    }
  }
  if (const auto* leading = std::get_if<Leading>(&*payload);
      leading != nullptr && leading->leading) {
    ++result_.terms;
  }
  if (std::holds_alternative<Baseline>(*payload)) {
    return FeedBaseline(record, *std::move(payload));
  }
  CheckBaseline(record.seq);
  begun_ = true;
  events_.push_back({Seq(record.seq), record.at, *std::move(payload)});
}

// A baseline must equal the state that the records before it lead to, unless reading begins with
// it. Then it takes that state's place, as it did when it was written.
void Verifier::FeedBaseline(const StoredRecord& record, Payload payload) {
  if (!events_.empty()) {
    return Differ(record.seq, {"", "a baseline between events and their decision"});
  }
  if (begun_ && !before_baseline_) before_baseline_ = ProvableState(engine_);
  engine_.FoldEvent({Seq(record.seq), record.at, std::move(payload)});
}

void Verifier::CheckBaseline(std::uint64_t seq) {
  if (!before_baseline_) return;
  const std::string before = *std::exchange(before_baseline_, std::nullopt);
  const std::string recorded = ProvableState(engine_);
  if (before == recorded) return;
  Change change = FirstDifference(recorded, before);
  change.text = "the baseline is not the state before it: " + change.text;
  Differ(seq - 1, change);
}

void Verifier::FeedDecided(const StoredRecord& record) {
  ++result_.decisions;
  if (events_.empty()) return Differ(record.seq, {"", "a decision without an event before it"});
  const auto recorded = DecodeDecided(record.payload);
  if (!recorded) return Differ(record.seq, {"", "the decision record is not readable"});
  const Now now{recorded->wall_us, recorded->elapsed_us};
  for (Event& event : events_) event.at = now;
  if (plainly_) engine_.DropShortcuts();
  auto step = engine_.Step(events_, now);
  std::vector<std::uint64_t> causes;  // the batch that it was decided on
  for (const Event& event : events_) causes.push_back(event.seq.value());
  events_.clear();
  const std::string replayed = DumpJson(ToJson(step.decided));
  if (replayed != record.payload) {
    Differ(record.seq, FirstDifference(record.payload, replayed), std::move(causes));
  }
  expected_.clear();
  next_expected_ = 0;
  for (const Action& action : step.actions) expected_.push_back(DumpJson(ActionToJson(action)));
}

void Verifier::FeedAction(const StoredRecord& record) {
  ++result_.actions;
  if (next_expected_ == expected_.size()) {
    return Differ(
        record.seq,
        {"", "this build does not take the recorded action: " + record.payload.substr(0, 300)},
        CausesOf(record.payload));
  }
  const std::string& replayed = expected_[next_expected_++];
  if (replayed != record.payload) {
    Differ(record.seq, FirstDifference(record.payload, replayed), CausesOf(record.payload));
  }
}

VerifyResult Verifier::Finish() {
  CheckCount(UINT64_MAX);
  CheckBaseline(UINT64_MAX);
  if (result_.Exact() && !events_.empty()) {
    Differ(events_.back().seq.value(),
           {"", "the last events have no decision: the end is missing"});
  }
  return result_;
}

}  // namespace pgo
