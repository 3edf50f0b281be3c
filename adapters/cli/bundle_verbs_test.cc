// The journal verbs over bundle files, as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/cli/testing/captured.h"
#include "adapters/cli/testing/incidents.h"
#include "adapters/cli/verbs.h"
#include "engine/engine.h"

namespace pgo::cli {
namespace {

using testing::Book;
using testing::Captured;
using ::testing::HasSubstr;
using testing::kHippo;
using ::testing::Not;

class BundleVerbs : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) { return directory_.Path(name); }
  std::string Fenced() {
    testing::Fenced().SaveAs(Path("incident.pgoj"));
    return Path("incident.pgoj");
  }
  testing::TempDir directory_;
  Captured run_;
};

TEST_F(BundleVerbs, WhyNeedsNoMoreThanTheBundle) {
  Why why;
  why.bundle = Fenced();
  ASSERT_TRUE(run_(why));
  EXPECT_THAT(run_.out(), HasSubstr("FAILOVER  hippo-00-a-0 → hippo-00-b-0, timeline 1 → 2"));
  EXPECT_EQ(run_.err(), "");
  why.at = "12:03:40";
  EXPECT_THAT(run_.Error(why), HasSubstr("no change of primary is recorded at or before"));
  why.at = "12:03:41";
  EXPECT_TRUE(run_(why));
  why.at = "#9";
  EXPECT_TRUE(run_(why));
  why.at = "#nine";
  EXPECT_THAT(run_.Error(why), HasSubstr("write it as #4127"));
  why.at = "";
  why.cluster = "rhino";
  EXPECT_THAT(run_.Error(why),
              HasSubstr("no record speaks of cluster rhino; they name: postgres/hippo"));
}

TEST_F(BundleVerbs, HistoryListsWhatMattersAndSaysWhatItHides) {
  History history;
  history.bundle = Fenced();
  ASSERT_TRUE(run_(history));
  EXPECT_THAT(run_.out(), HasSubstr("Node node1: taint node.kubernetes.io/out-of-service added"));
  EXPECT_THAT(run_.out(), Not(HasSubstr("12:03:26+00:00 → ")));
  EXPECT_THAT(run_.err(), HasSubstr("not shown"));
  history.kinds = {"failover"};
  Common json;
  json.output = "json";
  ASSERT_TRUE(run_(history, json));
  const auto lines = ParseJson(run_.out());
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 6u);  // three actions with their outcomes
  EXPECT_EQ(GetString((*lines)[0], {"what"}), "Fenced");
}

TEST_F(BundleVerbs, VerifyProvesTheWhole) {
  VerifyFile verify{Fenced()};
  ASSERT_TRUE(run_(verify));
  EXPECT_THAT(run_.out(),
              HasSubstr("17 frames, 17 records (#1 to #17): whole. Chain intact to head "));
}

TEST_F(BundleVerbs, VerifyComparesWithAnAnchor) {
  VerifyFile verify{Fenced(), ""};
  Common json;
  json.output = "json";
  ASSERT_TRUE(run_(verify, json));
  const Json head = *ParseJson(run_.out());
  const std::string id = GetString(head, {"journal_id"});
  const std::string chain = GetString(head, {"chain"});
  verify.anchor = id + "/1/17/" + chain;
  ASSERT_TRUE(run_(verify)) << run_.Error(verify);
  EXPECT_THAT(run_.out(), HasSubstr(". It holds record #17 as the anchor has it."));
  verify.anchor = id + "/1/16/" + chain;
  EXPECT_THAT(run_.Error(verify), HasSubstr("record #16 is not the one that was anchored"));
  verify.anchor = id + "/1/18/" + chain;
  EXPECT_THAT(run_.Error(verify), HasSubstr("it was rolled back, lost its end, or was exported"));
  verify.anchor = std::string(32, '1') + "/1/17/" + chain;
  EXPECT_THAT(run_.Error(verify), HasSubstr("another journal's"));
  verify.anchor = "1/2/3";
  EXPECT_THAT(run_.Error(verify), HasSubstr("--anchor: \"1/2/3\": must be lease, or ID/EPOCH"));
}

TEST_F(BundleVerbs, AnyFlippedByteIsRefused) {
  const std::string whole = testing::ReadText(Fenced());
  std::size_t step = whole.size() / 97 + 1;
  for (std::size_t at = 0; at < whole.size(); at += step) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    testing::WriteText(Path("edited.pgoj"), bytes);
    EXPECT_FALSE(run_(VerifyFile{Path("edited.pgoj")})) << "byte " << at;
    EXPECT_FALSE(run_(Replay{Path("edited.pgoj"), true})) << "byte " << at;
  }
}

TEST_F(BundleVerbs, ATornBundleIsRefusedWithThePlaceNamed) {
  const std::string whole = testing::ReadText(Fenced());
  testing::WriteText(Path("torn.pgoj"), whole.substr(0, whole.size() / 2));
  const std::string error = run_.Error(VerifyFile{Path("torn.pgoj")});
  EXPECT_THAT(error, HasSubstr("torn.pgoj"));
  EXPECT_THAT(error, HasSubstr("nothing of it is used"));
  EXPECT_THAT(run_.Error(VerifyFile{Path("absent.pgoj")}), HasSubstr("No such file"));
}

TEST_F(BundleVerbs, ReplayPrintsALineForEachFrame) {
  Replay replay{Fenced(), false};
  ASSERT_TRUE(run_(replay));
  EXPECT_THAT(run_.out(),
              HasSubstr("#9              → Apply Endpoints postgres/hippo-ha-failover (Fenced)"));
}

TEST_F(BundleVerbs, ABundleThatLeavesRecordsOutIsNotReplayed) {
  testing::Fenced().SaveAs(Path("part.pgoj"), 5, 6);
  EXPECT_THAT(run_.Error(Replay{Path("part.pgoj"), true}), HasSubstr("the first in frame #5"));
  EXPECT_TRUE(run_(VerifyFile{Path("part.pgoj")}));
  EXPECT_THAT(run_.out(), HasSubstr("2 records proven by hash alone"));
}

// A journal as the engine itself writes it: events, one Decided, its actions.
void Step(Engine& engine, Book& book, std::uint64_t& next, const std::vector<Payload>& payloads,
          bool forge = false) {
  std::vector<Event> events;
  book.Begin();
  const auto append = [&](JournalRecord made) {
    journal::Record record;
    record.type = static_cast<std::uint16_t>(made.type);
    record.causes = made.causes;
    record.subjects = made.subjects;
    record.payload = made.payload;
    book.Append(std::move(record));
    ++next;
  };
  for (const Payload& payload : payloads)
    events.push_back({Seq(next + events.size()), book.now(), payload});
  for (const Event& event : events) append(RecordOf(event, engine.world()));
  StepResult result = engine.Step(events, book.now());
  if (forge) result.decided.clusters.push_back({"postgres/other", 0});
  append(RecordOf(result.decided));
  for (const Action& action : result.actions) append(RecordOf(action));
  book.End();
}

Payload HippoObserved() {
  Json object = JsonLiteral(R"({"apiVersion":"postgres-operator.crunchydata.com/v1beta1",
    "kind":"PostgresCluster","metadata":{"name":"hippo","namespace":"postgres","uid":"u","generation":1},
    "spec":{"postgresVersion":17,"image":"i","instances":[{"name":"00","replicas":1,"dataVolumeClaimSpec":
    {"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}]}})");
  return Observed{{"PostgresCluster", "postgres", "hippo"}, "u", "1", std::move(object)};
}

std::vector<Payload> Beginning() {
  std::vector<Payload> payloads{Started{"test", kRuleset, "op", {}}, Leading{true, 1, ""}};
  for (const auto& kind : kube::Kinds()) {
    if (kind.watch == kube::KindInfo::Watch::kNone) continue;
    payloads.push_back(Listed{std::string(kind.kind), "1", false, {}});
  }
  return payloads;
}

TEST_F(BundleVerbs, ReplayVerifyMakesEveryDecisionAgain) {
  Engine engine;
  Book book("2026-11-21T12:00:00.000Z");
  std::uint64_t next = 1;
  Step(engine, book, next, Beginning());
  book.Wait(10);
  Step(engine, book, next, {HippoObserved()});
  book.SaveAs(Path("good.pgoj"));
  Replay replay{Path("good.pgoj"), true};
  ASSERT_TRUE(run_(replay)) << run_.Error(replay);
  EXPECT_THAT(run_.out(),
              HasSubstr("every decision reproduced byte for byte. Chain intact to head "));
  EXPECT_THAT(run_.out(), HasSubstr("1 leader term"));
  EXPECT_THAT(run_.out(), Not(HasSubstr(" 0 actions")));
}

TEST_F(BundleVerbs, AnotherDecisionThanRecordedIsNamed) {
  Engine engine;
  Book book("2026-11-21T12:00:00.000Z");
  std::uint64_t next = 1;
  Step(engine, book, next, Beginning(), true);
  book.SaveAs(Path("bad.pgoj"));
  EXPECT_THAT(run_.Error(Replay{Path("bad.pgoj"), true}), HasSubstr("field /clusters"));
}

TEST_F(BundleVerbs, AnotherRulesetNamesTheBuildToRun) {
  Engine engine;
  Book book("2026-11-21T12:00:00.000Z");
  std::uint64_t next = 1;
  Step(engine, book, next, {Started{"9.9.9", kRuleset + 1, "op", {}}});
  book.SaveAs(Path("other.pgoj"));
  const std::string error = run_.Error(Replay{Path("other.pgoj"), true});
  EXPECT_THAT(error, HasSubstr("build 9.9.9"));
}

}  // namespace
}  // namespace pgo::cli
