// Who set a field: fields by name and key, managers by what Kubernetes keeps of them, and honesty
// where that is not recorded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/cli/blame.h"
#include "adapters/cli/field_paths.h"
#include "adapters/cli/testing/captured.h"
#include "adapters/cli/testing/incidents.h"
#include "adapters/cli/verbs.h"

namespace pgo::cli {
namespace {

using testing::Book;
using testing::Captured;
using ::testing::HasSubstr;
using testing::kHippo;
using ::testing::Not;

TEST(FieldPaths, NameFieldsByPlaceAndByKey) {
  const auto leaves = LeavesOf(
      "spec", JsonLiteral(R"({"instances":[{"name":"a","replicas":2},{"name":"b"}],"ports":[1,2],
      "empty":{},"x.y":{"":1},"odd":[{"n":1}]})"));
  std::string all;
  for (const auto& [key, leaf] : leaves) all += key + " " + leaf.shown + "\n";
  EXPECT_EQ(all,
            "spec.empty spec.empty\n"
            "spec.instances[name=a].name spec.instances[0].name\n"
            "spec.instances[name=a].replicas spec.instances[0].replicas\n"
            "spec.instances[name=b].name spec.instances[1].name\n"
            "spec.odd[0].n spec.odd[0].n\n"
            "spec.ports spec.ports\n"
            "spec[x.y][] spec[x.y][]\n");
  EXPECT_TRUE(IsBelow("spec.instances[0].replicas", "spec.instances"));
  EXPECT_FALSE(IsBelow("spec.imagePullPolicy", "spec.image"));
}

TEST(FieldPaths, AnyDepthIsTaken) {
  Json deep = 1;
  for (int i = 0; i < 150; ++i) deep = Json{{"a", deep}};
  EXPECT_EQ(LeavesOf("spec", deep).size(), 1u);
}

TEST(FieldPaths, ASetOfFieldsNamesEntriesByTheirKeys) {
  const Json spec = JsonLiteral(R"({"instances":[{"name":"a","replicas":2},{"name":"b","x":1}],
    "whole":{"y":1}})");
  const Json fields = JsonLiteral(R"({"f:spec":{"f:instances":{"k:{\"name\":\"a\"}":
    {".":{},"f:replicas":{}}},"f:whole":{}}})");
  std::string owned;
  for (const auto& [key, leaf] : LeavesOf("spec", spec)) {
    if (Owns(fields, leaf.steps)) owned += key + "\n";
  }
  EXPECT_EQ(owned, "spec.instances[name=a].replicas\nspec.whole.y\n");
  EXPECT_FALSE(Owns(Json::object(), LeavesOf("spec", spec).begin()->second.steps));
  EXPECT_FALSE(Owns(7, LeavesOf("spec", spec).begin()->second.steps));
}

Json Manager(const std::string& name, const std::string& time, const std::string& fields) {
  Json out = {{"manager", name}, {"operation", "Update"}, {"time", time}};
  if (!fields.empty()) out["fields"] = JsonLiteral(fields);
  return out;
}

constexpr const char* kReplicas =
    R"({"f:spec":{"f:instances":{"k:{\"name\":\"00\"}":{"f:replicas":{}}}}})";
constexpr const char* kAll =
    R"({"f:spec":{"f:image":{},"f:instances":{"k:{\"name\":\"00\"}":{".":{},"f:name":{},"f:replicas":{}}}}})";

class Blaming : public ::testing::Test {
 protected:
  void See(int generation, int replicas, std::initializer_list<Json> managers,
           const std::string& uid = "u") {
    Json object = JsonLiteral(R"({"metadata":{"name":"hippo","namespace":"postgres"},
      "spec":{"image":"i","instances":[{"name":"00"}]}})");
    object["metadata"]["generation"] = generation;
    object["metadata"]["managers"] = managers;
    object["spec"]["instances"][0]["replicas"] = replicas;
    last_ = book_.Observe("PostgresCluster", "hippo", object, uid);
    book_.Wait(60'000);
  }
  FieldStory Story(const std::string& field) {
    auto blame = BlameOf(book_.Read(), kHippo, field, UINT64_MAX);
    EXPECT_TRUE(blame) << blame.error().message;
    EXPECT_EQ(blame->fields.size(), 1u);
    return blame->fields.at(0);
  }
  Book book_{"2026-05-04T03:00:00.000Z"};
  std::uint64_t last_ = 0;
};

TEST_F(Blaming, TheWriterIsTheOneWhoseEntryIsNewAndHoldsTheField) {
  const Json helm = Manager("helm", "2026-05-04T03:00:00Z", kAll);
  See(1, 1, {helm});
  const auto first = last_;
  See(2, 3,
      {Manager("helm", "2026-05-04T03:00:00Z", R"({"f:spec":{"f:image":{}}})"),
       Manager("kubectl-edit", "2026-05-04T03:00:58Z", kReplicas),
       Manager("other", "2026-05-04T03:00:59Z", R"({"f:spec":{"f:port":{}}})")});
  const FieldStory story = Story("spec.instances[0].replicas");
  ASSERT_EQ(story.changes.size(), 2u);
  EXPECT_EQ(ByText(story.changes[0]), "helm (Update)");
  EXPECT_TRUE(story.changes[0].created);
  const FieldChange& change = story.changes[1];
  EXPECT_EQ(ByText(change), "kubectl-edit (Update)");
  EXPECT_EQ(*change.from, 1);
  EXPECT_EQ(*change.to, 3);
  EXPECT_EQ(change.before.seq, first);
  EXPECT_EQ(change.seen.seq, last_);
  ASSERT_EQ(story.owners.size(), 1u);
  EXPECT_EQ(story.owners[0].manager, "kubectl-edit");
  EXPECT_EQ(Story("instances[name=00].replicas").key, story.key);
}

TEST_F(Blaming, OldJournalsNameAWriterOnlyWhereOneAloneWrote) {
  See(4, 1, {Manager("helm", "2026-05-04T02:00:00Z", "")});
  See(5, 3,
      {Manager("helm", "2026-05-04T02:00:00Z", ""),
       Manager("kubectl-edit", "2026-05-04T03:00:58Z", "")});
  EXPECT_EQ(ByText(Story("spec.instances[0].replicas").changes.back()), "kubectl-edit (Update)");
  See(6, 2,
      {Manager("helm", "2026-05-04T03:01:02Z", ""),
       Manager("kubectl-edit", "2026-05-04T03:01:03Z", "")});
  const auto last = Story("spec.instances[0].replicas").changes.back();
  EXPECT_FALSE(last.certain);
  EXPECT_EQ(ByText(last), "one of: helm (Update), kubectl-edit (Update)");
  auto blame = BlameOf(book_.Read(), kHippo, "", UINT64_MAX);
  ASSERT_TRUE(blame);
  EXPECT_EQ(blame->sets_since.seq, 0u);
  EXPECT_FALSE(blame->fields[0].changes[0].created);
}

TEST_F(Blaming, AFieldTakenAwayAndAGapAreTold) {
  See(1, 1, {Manager("helm", "2026-05-04T03:00:00Z", kAll)});
  book_.Write(Listed{"PostgresCluster", "9", true, {"postgres/hippo"}}, std::nullopt);
  Json object = JsonLiteral(R"({"metadata":{"name":"hippo","generation":2},"spec":{"image":"i"}})");
  object["metadata"]["managers"] = {
      Manager("kubectl-edit", "2026-05-04T03:00:58Z", R"({"f:spec":{"f:image":{}}})")};
  book_.Observe("PostgresCluster", "hippo", object);
  const FieldStory story = Story("spec.instances[0].replicas");
  EXPECT_FALSE(story.value);
  EXPECT_EQ(ByText(story.changes.back()), "kubectl-edit (Update)");
  EXPECT_THAT(story.changes.back().unseen, HasSubstr("a gap"));
}

TEST_F(Blaming, TheOperatorsOwnWriteLeadsToItsAction) {
  See(1, 1, {Manager("helm", "2026-05-04T03:00:00Z", kAll)});
  Action action = testing::Said(Reason::kScaling, "scale down to 0", {1}, "g");
  action.command = Patch{{"PostgresCluster", kHippo.ns, kHippo.name}, "u", "1", "", {}};
  const auto done = book_.Do(action);
  See(2, 0, {Manager(kFieldManager, "2026-05-04T03:01:00Z", kReplicas)});
  const auto change = Story("spec.instances[0].replicas").changes.back();
  EXPECT_EQ(change.action_seq, done);
  EXPECT_EQ(change.sentence, "scale down to 0");
}

TEST_F(Blaming, AnotherClusterOfTheSameNameBeginsAnew) {
  See(7, 5, {Manager("helm", "2026-05-04T03:00:00Z", kAll)});
  See(1, 1, {Manager("argocd", "2026-05-04T03:01:00Z", kAll)}, "u2");
  const auto story = Story("spec.instances[0].replicas");
  ASSERT_EQ(story.changes.size(), 1u);
  EXPECT_EQ(ByText(story.changes[0]), "argocd (Update)");
}

TEST_F(Blaming, TheVerbTellsAndSaysWhatItCannot) {
  See(1, 1, {Manager("helm", "2026-05-04T03:00:00Z", kAll)});
  See(2, 3,
      {Manager("helm", "2026-05-04T03:00:00Z", R"({"f:spec":{"f:image":{}}})"),
       Manager("kubectl-edit", "2026-05-04T03:00:58Z", kReplicas)});
  const testing::TempDir directory;
  book_.SaveAs(directory.Path("b.pgoj"));
  Captured run;
  BlameCluster blame;
  blame.bundle = directory.Path("b.pgoj");
  ASSERT_TRUE(run(blame)) << run.Error(blame);
  EXPECT_THAT(run.out(), HasSubstr("spec.instances[0].replicas  3      2026-05-04 03:00:58  "
                                   "kubectl-edit (Update)  1          #2\n"));
  EXPECT_THAT(run.err(), HasSubstr("the audit log of Kubernetes says"));
  EXPECT_THAT(run.err(), Not(HasSubstr("is not recorded")));
  blame.field = "spec.instances[0].replicas";
  ASSERT_TRUE(run(blame));
  EXPECT_THAT(run.out(), HasSubstr("1 → 3\n      by      kubectl-edit (Update)\n"));
  blame.at = "#1";
  ASSERT_TRUE(run(blame));
  EXPECT_THAT(run.out(), HasSubstr("spec.instances[0].replicas = 1\n"));
  blame.at = "2025-01-01";
  EXPECT_THAT(run.Error(blame), HasSubstr("must not be before the first record"));
  blame.at = "";
  blame.field = "spec.nothing";
  EXPECT_THAT(run.Error(blame), HasSubstr("FIELD: \"spec.nothing\": must be a field that"));
  Common json;
  json.output = "json";
  blame.field = "spec.image";
  ASSERT_TRUE(run(blame, json));
  const auto out = ParseJson(run.out());
  ASSERT_TRUE(out);
  EXPECT_EQ(GetString((*out)["fields"][0]["changes"][0]["by"][0], {"manager"}), "helm");
}

}  // namespace
}  // namespace pgo::cli
