// The golden journals: what operators of the past recorded has to be read by every later build, and
// what they decided to be decided again, or to differ as it is written down beside them.
//
// Three replays, kept apart: read (fold alone), verify (same ruleset: byte for byte), rehearse
// (another ruleset: NAME.differences.json has what differs). After a change of decisions bump
// kRuleset and run this with PGO_WRITE_DIFFERENCES=1; the review is of the files that it writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/action/action.h"
#include "engine/event/codec.h"
#include "engine/rehearse.h"
#include "engine/replay.h"
#include "journal/query/bundle_file.h"
#include "journal/query/verify.h"

namespace pgo {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::filesystem::path kJournals = "replay-tests/journals";

std::vector<std::string> Names() {
  std::vector<std::string> out;
  for (const auto& file : std::filesystem::directory_iterator(kJournals)) {
    if (file.path().extension() == ".pgoj") out.push_back(file.path().stem());
  }
  std::ranges::sort(out);
  return out;
}

std::vector<StoredRecord> RecordsOf(const std::string& name) {
  std::vector<StoredRecord> out;
  const auto bundle = journal::BundleFile::Open(kJournals / (name + ".pgoj"));
  EXPECT_TRUE(bundle) << bundle.error().message;
  if (!bundle) return out;
  const auto read = journal::Iterate(**bundle, {}, [&](const journal::Entry& e) {
    const Now at{e.frame.wall_us, static_cast<std::int64_t>(e.frame.elapsed_us)};
    out.push_back({e.seq, e.record.type, e.record.payload, at});
    return true;
  });
  EXPECT_TRUE(read) << read.error().message;
  EXPECT_EQ(out.size(), (*bundle)->Head().seq) << "a golden journal leaves nothing out";
  return out;
}

VerifyResult Verified(const std::vector<StoredRecord>& records, Json* state = nullptr) {
  Verifier verifier;
  for (const auto& record : records) verifier.Feed(record);
  VerifyResult result = verifier.Finish();
  if (state != nullptr) *state = verifier.engine().Save();
  return result;
}

Json Rehearsed(const std::vector<StoredRecord>& records, const Rehearser::Edit& edit = {}) {
  Rehearser rehearser({}, edit);
  for (const auto& record : records) rehearser.Feed(record);
  Json out = Json::array();
  for (const auto& difference : rehearser.Finish().differences) {
    out.push_back(DifferenceJson(difference));
  }
  return out;
}

class GoldenJournal : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenJournal, IsWhole) {
  const auto bundle = journal::BundleFile::Open(kJournals / (GetParam() + ".pgoj"));
  ASSERT_TRUE(bundle) << bundle.error().message;
  const auto report = journal::Verify(**bundle);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(report->records, 100u);
  EXPECT_EQ(report->elided, 0u);
}

TEST_P(GoldenJournal, IsReadAndDecidedAgain) {
  const auto records = RecordsOf(GetParam());
  Engine read;
  Rebuilder rebuilder(read);
  for (const auto& record : records) rebuilder.Feed(record);
  Json decided;
  const VerifyResult result = Verified(records, &decided);
  if (result.ruleset != kRuleset) {
    EXPECT_THAT(result.difference, HasSubstr("verify it with that build"));
    return;
  }
  EXPECT_TRUE(result.Exact()) << "record #" << result.first_bad.value() << ": " << result.difference
                              << "\nDecisions have changed: bump kRuleset (engine/engine.h), run "
                                 "journals_test with PGO_WRITE_DIFFERENCES=1 and review the "
                                 "*.differences.json that it writes";
  // Reading alone comes to the same state as deciding again.
  Json folded = read.Save();
  folded.erase("wakes");
  decided.erase("wakes");
  EXPECT_EQ(DumpJson(folded), DumpJson(decided));
}

TEST_P(GoldenJournal, DiffersAsItIsWrittenDown) {
  const auto records = RecordsOf(GetParam());
  const Json differences = Rehearsed(records);
  const std::filesystem::path path = kJournals / (GetParam() + ".differences.json");
  if (Verified(records).ruleset == kRuleset) {
    EXPECT_EQ(differences, Json::array()) << differences.dump(2);
    EXPECT_FALSE(std::filesystem::exists(path)) << path << " is not needed with this ruleset";
    return;
  }
  if (std::getenv("PGO_WRITE_DIFFERENCES") != nullptr) {
    std::ofstream(path) << differences.dump(2) << "\n";
  }
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto expected = ParseJson(text);
  ASSERT_TRUE(expected) << path << " is missing: run with PGO_WRITE_DIFFERENCES=1 and review it";
  EXPECT_EQ(differences, *expected);
}

std::string TextOf(const StepResult& step) {
  std::string out = DumpJson(ToJson(step.decided));
  for (const Action& action : step.actions) out += "\n" + DumpJson(ActionToJson(action));
  return out;
}

// Whatever ruleset it was recorded with: history goes on as it was, each decision is made twice.
TEST_P(GoldenJournal, IsDecidedTheSameWithoutWhatIsKeptForSpeed) {
  Engine quick, plain;
  std::vector<Event> events;
  std::size_t decisions = 0;
  for (const StoredRecord& record : RecordsOf(GetParam())) {
    if (record.type == static_cast<std::uint64_t>(RecordType::kDecided)) {
      const Now now{DecodeDecided(record.payload)->wall_us,
                    DecodeDecided(record.payload)->elapsed_us};
      for (Event& event : events) event.at = now;
      plain.DropShortcuts();
      ASSERT_EQ(TextOf(quick.Propose(events, now)), TextOf(plain.Propose(events, now)))
          << "decision #" << record.seq;
      ASSERT_EQ(quick.WakeAt(), plain.WakeAt()) << "decision #" << record.seq;
      events.clear();
      ++decisions;
    } else if (auto payload = DecodePayload(record.type, record.payload);
               payload && !std::holds_alternative<Baseline>(*payload)) {
      events.push_back({Seq(record.seq), record.at, *std::move(payload)});
    } else {
      for (Engine* engine : {&quick, &plain}) Rebuilder(*engine).Feed(record);
    }
  }
  EXPECT_GT(decisions, 20U);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenJournal, ::testing::ValuesIn(Names()), [](const auto& name) {
  std::string out = name.param;
  std::ranges::replace(out, '-', '_');
  return out;
});

// A journal that this ruleset decided in; after a bump, record the scene anew under the next name.
constexpr const char* kCurrent = "failover-power-off-4";

// What the replays find where there is something to find.
class Replays : public ::testing::Test {
 protected:
  // The first recorded action of that room and reason.
  std::size_t Find(const std::string& room, Reason reason) {
    for (std::size_t i = 0; i < records_.size(); ++i) {
      if (records_[i].type != static_cast<std::uint64_t>(RecordType::kAction)) continue;
      const auto action = DecodeAction(records_[i].payload);
      if (action && action->room == room && action->reason == reason) return i;
    }
    ADD_FAILURE() << "no action " << room << " " << NameOf(reason);
    return 0;
  }
  // The action with something in it changed.
  void Change(std::size_t at, const std::function<void(Json&)>& edit) {
    Json json = *ParseJson(records_[at].payload);
    edit(json);
    records_[at].payload = DumpJson(json);
  }
  std::vector<StoredRecord> records_ = RecordsOf(kCurrent);
};

TEST_F(Replays, ADivergenceNamesRecordFieldAndCauses) {
  const std::size_t at = Find("failover", Reason::kFenced);
  const auto causes = DecodeAction(records_[at].payload)->causes;
  Change(at, [](Json& a) { a["command"]["object"]["metadata"]["annotations"]["odd"] = "x"; });
  const auto result = Verified(records_);
  EXPECT_EQ(result.first_bad.value(), records_[at].seq);
  EXPECT_EQ(result.field, "/command/object/metadata/annotations/odd");
  EXPECT_THAT(result.difference, HasSubstr("recorded \"x\", replayed nothing"));
  EXPECT_EQ(result.causes, causes);
  EXPECT_THAT(causes, Not(IsEmpty()));
}

TEST_F(Replays, AnActionThatIsNotTakenNamesItsCauses) {
  const std::size_t at = Find("failover", Reason::kFenced);
  StoredRecord twice = records_[at];
  Json json = *ParseJson(twice.payload);
  json["goal"] = "another";
  twice.payload = DumpJson(json);
  std::size_t end = at;  // behind the decision's last action
  while (records_[end].type == static_cast<std::uint64_t>(RecordType::kAction)) ++end;
  records_.insert(records_.begin() + static_cast<std::ptrdiff_t>(end), twice);
  const auto result = Verified(records_);
  EXPECT_THAT(result.difference, HasSubstr("does not take the recorded action"));
  EXPECT_THAT(result.causes, Not(IsEmpty()));
}

TEST_F(Replays, AnotherRulesetIsNotVerifiedButRehearsed) {
  for (auto& record : records_) {
    if (record.type != static_cast<std::uint64_t>(RecordType::kStarted)) continue;
    Json json = *ParseJson(record.payload);
    json["ruleset"] = 99;
    json["build"] = "7.7.7";
    record.payload = DumpJson(json);
  }
  EXPECT_THAT(Verified(records_).difference, HasSubstr("ruleset 99 (build 7.7.7)"));
  EXPECT_EQ(Rehearsed(records_), Json::array());
}

TEST_F(Replays, ARehearsalTellsEachKindOfDifference) {
  const std::size_t at = Find("failover", Reason::kFenced);
  const auto seq = records_[at].seq;
  const auto only = [&](const char* kind) {
    const Json found = Rehearsed(records_);
    EXPECT_EQ(found.size(), 1u) << found.dump(2);
    EXPECT_EQ(GetString(found[0], {"difference"}), kind);
    EXPECT_EQ(GetString(found[0], {"reason"}), "Fenced");
    return found[0];
  };
  const StoredRecord whole = records_[at];
  Change(at, [](Json& a) { a["sentence"] = "said otherwise"; });
  EXPECT_EQ(GetString(only("reworded"), {"field"}), "/sentence");
  records_[at] = whole;
  Change(at, [](Json& a) { a["command"]["object"]["metadata"]["annotations"]["member"] = "x"; });
  const Json changed = only("changed");
  EXPECT_EQ(GetInt(changed, {"recorded_seq"}), static_cast<std::int64_t>(seq));
  EXPECT_EQ(GetString(changed, {"recorded"}), "\"x\"");
}

TEST_F(Replays, AWishThatStaysIsToldOnce) {
  const std::size_t at = Find("services", Reason::kCreating);
  Change(at, [](Json& a) { a["goal"] = "something else"; });
  const Json found = Rehearsed(records_);
  ASSERT_EQ(found.size(), 1u) << found.dump(2);
  EXPECT_EQ(GetString(found[0], {"difference"}), "reworded");
  EXPECT_EQ(GetString(found[0], {"field"}), "/goal");
}

TEST_F(Replays, WhatWasNotDoneIsExtraAndWhatNobodyWouldDoIsMissing) {
  const std::size_t at = Find("failover", Reason::kFenced);
  const StoredRecord taken = records_[at];
  records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(at));
  const Json extra = Rehearsed(records_);
  ASSERT_FALSE(extra.empty());
  EXPECT_EQ(GetString(extra[0], {"difference"}), "extra");
  EXPECT_EQ(GetString(extra[0], {"reason"}), "Fenced");
  EXPECT_GE(GetInt(extra[0], {"times"}), 1);
  records_.insert(records_.begin() + static_cast<std::ptrdiff_t>(at), taken);
  StoredRecord odd = records_[Find("services", Reason::kCreating)];
  Json json = *ParseJson(odd.payload);
  json["goal"] = "odd";
  json["command"]["ref"]["name"] = "odd";
  odd.payload = DumpJson(json);
  records_.insert(records_.begin() + static_cast<std::ptrdiff_t>(at), odd);
  const Json missing = Rehearsed(records_);
  ASSERT_EQ(missing.size(), 1u) << missing.dump(2);
  EXPECT_EQ(GetString(missing[0], {"difference"}), "missing");
  EXPECT_EQ(GetString(missing[0], {"goal"}), "odd");
}

TEST_F(Replays, OtherSettingsDifferWhereTheyMatter) {
  const Json found = Rehearsed(records_, [](Payload& payload) {
    auto* observed = std::get_if<Observed>(&payload);
    if (observed == nullptr || observed->ref.kind != "PostgresCluster") return;
    observed->object["spec"]["metadata"]["labels"]["team"] = "a";
  });
  ASSERT_FALSE(found.empty());
  for (const Json& d : found) EXPECT_EQ(GetString(d, {"difference"}), "changed") << d.dump(2);
  EXPECT_THAT(GetString(found[0], {"field"}), HasSubstr("/labels/team"));
}

}  // namespace
}  // namespace pgo
