// State at a moment and the difference of two, from bundles; and completion, which needs nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/cli/completing.h"
#include "adapters/cli/testing/captured.h"
#include "adapters/cli/testing/incidents.h"
#include "adapters/cli/verbs.h"
#include "adapters/cli/when.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

using testing::Book;
using testing::Captured;
using ::testing::HasSubstr;
using testing::kHippo;
using ::testing::Not;

Json Ours(Json object, const std::string& instance) {
  Put(object, {"metadata", "labels", kube::kLabelCluster}, kHippo.name);
  if (!instance.empty()) Put(object, {"metadata", "labels", kube::kLabelInstance}, instance);
  return object;
}

Json Pod(const std::string& letter, const std::string& role, int timeline) {
  Json pod = Ours(testing::MemberObject(role, 0x5000148, timeline, "node1"), "hippo-00-" + letter);
  pod["status"]["containerStatuses"] =
      JsonLiteral(R"([{"name":"database","state":{"running":{}}}])");
  if (role == "primary") {
    Put(pod, {"metadata", "labels", kube::kLabelRole}, std::string(kube::kRolePrimary));
  }
  return pod;
}

Json Lock(const std::string& leader) {
  return Ours(testing::Annotated({{"leader", leader}, {"renewTime", "2026-11-21T12:00:01+00:00"}}),
              "");
}

class PastVerbs : public ::testing::Test {
 protected:
  // #1 to #17: the operator starts, lists all and sees hippo led by a. 12:00:00.
  PastVerbs() : book_("2026-11-21T12:00:00.000Z") {
    Start();
    Json cluster = Json::object();
    cluster["metadata"]["name"] = "hippo";
    cluster["spec"] = JsonLiteral(R"({"postgresVersion":17,"instances":[{"name":"00"}]})");
    book_.Observe("PostgresCluster", "hippo", cluster);
    book_.Observe("Pod", "hippo-00-a-0", Pod("a", "primary", 1), "ua");
    seen_ = book_.Observe("Endpoints", "hippo-ha", Lock("hippo-00-a-0"));
  }
  void Start(bool gap = false) {
    book_.Write(Started{"0.1.0", 1, "op-1", {}}, std::nullopt);
    for (const auto& info : kube::Kinds()) {
      if (info.watch == kube::KindInfo::Watch::kNone) continue;
      if (gap && !keep_.contains(std::string(info.kind))) keep_[std::string(info.kind)] = {};
      book_.Write(Listed{std::string(info.kind), "1", gap, keep_[std::string(info.kind)]},
                  std::nullopt);
    }
  }
  // 12:01:00: b leads, a is gone.
  void Change() {
    book_.Wait(60'000);
    book_.Observe("Pod", "hippo-00-b-0", Pod("b", "primary", 2), "ub");
    book_.Observe("Endpoints", "hippo-ha", Lock("hippo-00-b-0"));
    book_.Write(Gone{{"Pod", kHippo.ns, "hippo-00-a-0"}, "ua"});
  }
  std::string Saved() {
    book_.SaveAs(directory_.Path("b.pgoj"));
    return directory_.Path("b.pgoj");
  }
  std::string StateAt(const std::string& at, const std::string& output = "") {
    ShowState state;
    state.bundle = Saved();
    state.at = at;
    Common common;
    common.output = output;
    const auto done = run_(state, common);
    return done ? run_.out() : done.error().message;
  }

  Book book_;
  std::uint64_t seen_ = 0;
  std::map<std::string, std::vector<std::string>> keep_;
  testing::TempDir directory_;
  Captured run_;
};

TEST_F(PastVerbs, StateIsWhatHadBeenSeenByThen) {
  Change();
  const std::string before = StateAt("12:00:59");
  EXPECT_THAT(before,
              HasSubstr("hippo at 2026-11-21 12:00:00.000 (#" + std::to_string(seen_) + ")\n"));
  EXPECT_THAT(before, HasSubstr("pod : hippo-00-a-0 (Running) on node1"));
  EXPECT_THAT(before, HasSubstr("(primary)  accepts writes"));
  EXPECT_THAT(before, Not(HasSubstr("hippo-00-b-0")));
  EXPECT_THAT(before, Not(HasSubstr("NOT OBSERVED")));
  const std::string after = StateAt("");
  EXPECT_THAT(after, HasSubstr("lock : hippo-00-b-0"));
  EXPECT_THAT(after, Not(HasSubstr("hippo-00-a-0")));
  EXPECT_EQ(StateAt(std::to_string(seen_)), before);
  const auto json = ParseJson(StateAt("now", "json"));
  ASSERT_TRUE(json);
  EXPECT_TRUE(GetBool(*json, {"observed"}));
  EXPECT_EQ(GetString(*json, {"lock", "leader"}), "hippo-00-b-0");
}

TEST_F(PastVerbs, WhatIsBeforeOrBehindTheRecordsIsNotGuessed) {
  EXPECT_THAT(StateAt("2026-11-21 11:59:58"),
              HasSubstr("the records begin at 2026-11-21 12:00:00.000 (#1): nothing is known of"));
  EXPECT_THAT(StateAt("2026-11-21 12:00:02"),
              HasSubstr("the records end at 2026-11-21 12:00:00.000 (#"));
  EXPECT_THAT(StateAt("99999"), HasSubstr("nothing is known of #99999, which is after"));
  EXPECT_THAT(StateAt("1"),
              HasSubstr("no cluster at all was there at 2026-11-21 12:00:00.000 (#1)"));
  EXPECT_THAT(StateAt("0"), HasSubstr("write it as #4127"));
}

TEST_F(PastVerbs, AWindowWithoutTheOperatorIsCalledUnobserved) {
  book_.Wait(120'000);
  keep_["PostgresCluster"] = {"postgres/hippo"};
  keep_["Endpoints"] = {"postgres/hippo-ha"};
  Start(true);
  const std::string text = StateAt("12:01:00");
  EXPECT_THAT(text,
              HasSubstr("NOT OBSERVED: the operator did not run, from 2026-11-21 12:00:00.000"));
  EXPECT_THAT(text, HasSubstr("until 2026-11-21 12:02:00.000"));
  EXPECT_THAT(text, HasSubstr("hippo-00-a-0"));
  const auto json = ParseJson(StateAt("12:01:00", "json"));
  ASSERT_TRUE(json);
  EXPECT_FALSE(GetBool(*json, {"observed"}));
  // A record's number means what was known then.
  EXPECT_THAT(StateAt(std::to_string(seen_)), Not(HasSubstr("NOT OBSERVED")));
  EXPECT_THAT(StateAt(std::to_string(seen_ + 1)), HasSubstr("had started and not yet read: "));
  EXPECT_THAT(StateAt("now"), Not(HasSubstr("NOT OBSERVED")));
}

TEST_F(PastVerbs, WhatABundleLeavesOutIsNotTakenForUnread) {
  ShowState state;
  state.bundle = directory_.Path("part.pgoj");
  book_.SaveAs(state.bundle, 3, 3);  // a list
  ASSERT_TRUE(run_(state, Common()));
  EXPECT_THAT(run_.out(), HasSubstr("NOT INCLUDED: 1 record that this bundle leaves out"));
  EXPECT_THAT(run_.out(), Not(HasSubstr("NOT OBSERVED")));
}

TEST_F(PastVerbs, AWatchThatMissedChangesIsNamedWithItsKind) {
  book_.Wait(60'000);
  book_.Observe("Endpoints", "hippo-ha", Lock("hippo-00-a-0"));
  book_.Wait(60'000);
  book_.Write(Listed{"Pod", "9", true, {"postgres/hippo-00-a-0"}}, std::nullopt);
  EXPECT_THAT(StateAt("12:01:30"), HasSubstr("changes may have been missed of: Pod, from "));
  book_.Write(Contact{false, "GET /"}, std::nullopt);
  EXPECT_THAT(StateAt("now"),
              HasSubstr("NOT OBSERVED: the API server did not answer the operator"));
}

TEST_F(PastVerbs, DiffTellsWhatBecameOfEachObject) {
  Change();
  Diff diff;
  diff.bundle = Saved();
  diff.from = "12:00:30";
  ASSERT_TRUE(run_(diff));
  EXPECT_THAT(run_.out(), HasSubstr("primary : hippo-00-a-0 → hippo-00-b-0\n"));
  EXPECT_THAT(run_.out(),
              HasSubstr("~ Endpoints hippo-ha\n    leader: hippo-00-a-0 → hippo-00-b-0\n"));
  EXPECT_THAT(run_.out(), HasSubstr("- Pod hippo-00-a-0\n+ Pod hippo-00-b-0\n"));
  EXPECT_THAT(run_.out(), Not(HasSubstr("PostgresCluster")));
  diff.from = diff.to = "12:00:30";
  ASSERT_TRUE(run_(diff));
  EXPECT_THAT(run_.out(), HasSubstr("nothing else changed that matters"));
  Common json;
  json.output = "json";
  diff.to = "";
  ASSERT_TRUE(run_(diff, json));
  const auto all = ParseJson(run_.out());
  ASSERT_TRUE(all);
  EXPECT_EQ(GetArray(*all, {"changes"}).size(), 3U);
  diff.from = "yesterday";
  EXPECT_THAT(run_.Error(diff), HasSubstr("FROM: \"yesterday\": must be a time in UTC or an age"));
}

TEST(WhenTest, MomentsMayBeAgesInWordsAndNumbers) {
  const std::int64_t now = *ParseWall("2026-11-21T12:00:00.000Z");
  EXPECT_EQ(*ParseWhen("--at", "10 minutes ago", now), now - 600 * kSecond);
  EXPECT_EQ(*ParseWhen("--at", "1 hour ago", now), now - 3600 * kSecond);
  EXPECT_EQ(*ParseWhen("--at", "90s ago", now), now - 90 * kSecond);
  EXPECT_FALSE(ParseWhen("--at", "10 fortnights ago", now));
  EXPECT_EQ(ParseMoment("--at", "#4127", now)->seq, 4127U);
  EXPECT_EQ(ParseMoment("--at", "4127", now)->seq, 4127U);
  EXPECT_EQ(ParseMoment("--at", "now", now)->wall_us, now);
  EXPECT_EQ(ParseMoment("--at", "11:59:59", now)->wall_us, now - 1);
  EXPECT_FALSE(ParseMoment("--at", "99999999999999999999999", now));
}

std::vector<std::string> WordsFor(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const auto& [word, about] : CompletionOf(words).words) out.push_back(word);
  return out;
}

TEST(CompletingTest, WordsFollowTheGrammar) {
  using ::testing::Contains;
  using ::testing::ElementsAre;
  using Names = Completing::Names;
  EXPECT_THAT(WordsFor({"sta"}), ElementsAre("status", "state"));
  EXPECT_THAT(WordsFor({"-n", "pg", "delete", ""}), ElementsAre("cluster", "label", "schedule"));
  EXPECT_THAT(WordsFor({"backup", "hippo", "--repo-name=repo4"}), ElementsAre("repo4"));
  EXPECT_EQ(CompletionOf({"create", "schedule", ""}).names, Names::kClusters);
  EXPECT_THAT(WordsFor({"create", "cluster", "x", "--rep"}), ElementsAre("--replica-count"));
  EXPECT_THAT(WordsFor({"show", "cluster", "--"}), Contains("--namespace"));
  EXPECT_THAT(WordsFor({"show", "cluster", "-o", "j"}), ElementsAre("json"));
  EXPECT_THAT(WordsFor({"show", "cluster", "--output", "=", "y"}), ElementsAre("yaml"));
  EXPECT_EQ(CompletionOf({"show", "cluster", "--output=y"}).before, "--output=");
  EXPECT_EQ(CompletionOf({"show", "cluster", "--output", "=", "y"}).before, "");
  EXPECT_THAT(WordsFor({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
  EXPECT_EQ(CompletionOf({"test", "a", "b", ""}).names, Names::kClusters);
  EXPECT_EQ(CompletionOf({"why", ""}).names, Names::kClustersOrBundles);
  EXPECT_EQ(CompletionOf({"diff", "hippo", ""}).names, Names::kNone);
  EXPECT_EQ(CompletionOf({"create", "cluster", ""}).names, Names::kNone);
  EXPECT_EQ(CompletionOf({"apply", "-f", "x"}).names, Names::kFiles);
  EXPECT_EQ(CompletionOf({"verify", ""}).names, Names::kFiles);
  const auto target = CompletionOf({"failover", "hippo", "--target", "hip", "-n", ""});
  EXPECT_EQ(target.names, Names::kNamespaces);
  EXPECT_EQ(CompletionOf({"failover", "hippo", "--target=hip"}).names, Names::kInstances);
  EXPECT_EQ(CompletionOf({"failover", "hippo", "--target=hip"}).cluster, "hippo");
  EXPECT_EQ(CompletionOf({"test", "--context", "c", "-n", "pg", ""}).common.context, "c");
  EXPECT_THAT(WordsFor({"nonsense", "--bo=gus", "=", "="}), ElementsAre());
  EXPECT_FALSE(WordsFor({}).empty());
}

}  // namespace
}  // namespace pgo::cli
