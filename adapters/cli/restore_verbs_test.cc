// `pgo restore` against the API server of pgo-local: what it writes, refuses and takes back. The
// test itself plays the operator.
#include <gmock/gmock.h>

#include <thread>

#include "adapters/cli/testing/backups.h"
#include "adapters/cli/testing/cluster_fixture.h"

namespace pgo::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class RestoreVerb : public testing::ClusterFixture {
 protected:
  RestoreVerb() {
    MakeHippo();
    Json patch = Json::object();
    patch["spec"]["backups"] = testing::BackupsSpec();
    Merge(patch);
    restore_.cluster = "hippo";
    restore_.no_prompt = true;
    restore_.timeout_s = 30;
  }
  void Merge(const Json& patch, const std::string& subresource = "") {
    const auto answer = api_.Call("PATCH", kHippos + "/hippo" + subresource, DumpJson(patch),
                                  "application/merge-patch+json");
    EXPECT_EQ(answer.code, 200) << answer.body;
  }
  std::string Asked() {
    return GetString(Hippo(), {"metadata", "annotations", kube::kRestoreAsked});
  }
  Json Written() { return GetObject(Hippo(), {"spec", "backups", "pgbackrest", "restore"}); }
  // The operator's word about what is asked for.
  void Say(const std::string& reason, const std::string& rest) {
    Json status = JsonLiteral(R"({"status":{"conditions":[{"status":"False",
      "type":"PGBackRestoreProgressing","lastTransitionTime":"2026-11-21T12:00:00Z"}]}})");
    status["status"]["conditions"][0]["reason"] = reason;
    status["status"]["conditions"][0]["message"] = "restore " + Asked() + rest;
    Merge(status, "/status");
  }
  std::string RestoreWhile(const std::function<void()>& play) {
    std::thread plays_operator([&] {
      ASSERT_TRUE(local::Eventually([&] { return !Asked().empty(); }));
      play();
    });
    const auto done = run_(restore_, common_);
    plays_operator.join();
    return done ? "" : done.error().message;
  }

  RestoreCluster restore_;
};

TEST_F(RestoreVerb, AMomentIsAskedForAs47DidAndAsV6Reads) {
  restore_.wait = false;
  restore_.pitr_target = "2026-11-21 22:36:36+00";
  restore_.options = "--type=time";
  ASSERT_TRUE(run_(restore_, common_)) << run_.Error(restore_, common_);
  EXPECT_EQ(Written(), JsonLiteral(R"({"enabled":true,"repoName":"repo1","options":[
      "--type=time","--target=\"2026-11-21 22:36:36+00\""]})"));
  EXPECT_NE(Asked(), "");
  // Without a type it is a moment; options of before are not kept.
  restore_.options = "";
  ASSERT_TRUE(run_(restore_, common_));
  EXPECT_EQ(Written()["options"].size(), 2U);
  restore_.pitr_target = "";
  ASSERT_TRUE(run_(restore_, common_));
  EXPECT_EQ(Written(), JsonLiteral(R"({"enabled":true,"repoName":"repo1"})"));
}

TEST_F(RestoreVerb, WhatCannotBeIsRefusedBeforeAnythingIsWritten) {
  restore_.pitr_target = "yesterday";
  EXPECT_THAT(run_.Error(restore_, common_),
              AllOf(HasSubstr("--pitr-target"), HasSubstr("write it like 2026-11-21 22:36:36+00")));
  restore_.pitr_target = "2026-11-21 22:36:36+00";
  restore_.options = "--target=742";
  EXPECT_THAT(run_.Error(restore_, common_), HasSubstr("leave one of the two out"));
  restore_.pitr_target = "";
  restore_.options = "--repo=2";
  EXPECT_THAT(run_.Error(restore_, common_), HasSubstr("give --repo-name"));
  restore_.options = "";
  restore_.repository = "repo4";
  EXPECT_THAT(run_.Error(restore_, common_), HasSubstr("choose one of: repo1 (posix)"));
  restore_.repository = "";
  restore_.no_prompt = false;
  EXPECT_THAT(run_.Error(restore_, common_),
              AllOf(HasSubstr("this overwrites all data of hippo"), HasSubstr("add --no-prompt")));
  EXPECT_EQ(Asked(), "");
}

TEST_F(RestoreVerb, ItShowsEachStepAndEndsWithTheWayBack) {
  common_.output = "json";
  EXPECT_EQ(RestoreWhile([&] {
              Say("ReadyForRestore", ": job hippo-pgbackrest-restore overwrites the volume");
              Say("RestoreComplete", ": restored: it comes back with --set=a --target-timeline=1");
            }),
            "");
  EXPECT_THAT(run_.out(), HasSubstr("comes back with --set=a --target-timeline=1"));
}

TEST_F(RestoreVerb, WhatIsRefusedIsTakenBack) {
  EXPECT_THAT(RestoreWhile([&] { Say("RestoreUnsafe", " waits: there is no primary"); }),
              AllOf(HasSubstr("there is no primary"), HasSubstr("nothing was changed")));
  EXPECT_EQ(Asked(), "") << "or it would begin as soon as there is one";
  EXPECT_TRUE(Written().empty());
}

TEST_F(RestoreVerb, AFailureIsToldInTheOperatorsWords) {
  EXPECT_THAT(RestoreWhile([&] { Say("RestoreFailed", " failed: FATAL: no space left"); }),
              HasSubstr("FATAL: no space left"));
}

TEST_F(RestoreVerb, CancelTakesItBackAndSaysWhenThatIsTooLate) {
  restore_.cancel = true;
  EXPECT_THAT(run_.Error(restore_, common_), HasSubstr("no restore of hippo is asked for"));
  restore_.cancel = false;
  restore_.wait = false;
  ASSERT_TRUE(run_(restore_, common_));
  restore_.cancel = true;
  ASSERT_TRUE(run_(restore_, common_));
  EXPECT_EQ(Asked(), "");
  restore_.cancel = false;
  ASSERT_TRUE(run_(restore_, common_));
  Say("ReadyForRestore", ": job hippo-pgbackrest-restore overwrites the volume");
  restore_.cancel = true;
  EXPECT_THAT(run_.Error(restore_, common_), HasSubstr("it goes on to its end"));
}

}  // namespace
}  // namespace pgo::cli
