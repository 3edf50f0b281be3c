// Rehearsals and stepping over the golden journals, as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "adapters/cli/overrides.h"
#include "adapters/cli/rehearse_text.h"
#include "adapters/cli/replay_session.h"
#include "adapters/cli/testing/captured.h"
#include "adapters/cli/testing/incidents.h"
#include "adapters/cli/verbs.h"

namespace pgo::cli {
namespace {

using testing::Captured;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kGolden = "replay-tests/journals/";

// The golden journal that the newest ruleset decided in: `failover-power-off` with the largest
// number.
std::string Current() {
  std::string found = "failover-power-off";
  for (int i = 2;; ++i) {
    const std::string next = "failover-power-off-" + std::to_string(i);
    if (!std::filesystem::exists(kGolden + next + ".pgoj")) return found;
    found = next;
  }
}

TEST(Overrides, NameFieldValueRuleAndMend) {
  const auto error = [](const std::string& text) {
    const auto parsed = ParseOverride(text);
    return parsed ? "(taken)" : parsed.error().message;
  };
  EXPECT_THAT(error("patroni.leaderLease=15"),
              HasSubstr("\"leaderLease\" must be a field of the definition; there are: "));
  EXPECT_THAT(error("patroni.leaderLeaseDurationSeconds=long"), HasSubstr("whole number"));
  EXPECT_THAT(error("instances.replicas=1"), HasSubstr("place in a list"));
  EXPECT_THAT(error("shutdown=7"), HasSubstr("true or false"));
  EXPECT_THAT(error("nonsense"), HasSubstr("FIELD=VALUE"));
  EXPECT_THAT(error("=1"), HasSubstr("FIELD=VALUE"));
  EXPECT_THAT(error("instances[0=1"), HasSubstr("write for example [0]"));
  EXPECT_EQ(error("spec.instances[0].replicas=3"), "(taken)");
  EXPECT_EQ(error("metadata.labels.team=7"), "(taken)");
}

TEST(Overrides, ReachObservationsBaselinesAndTheEnvironment) {
  std::vector<Override> all;
  for (const char* text : {"patroni.port=9", "instances[0].replicas=3", "instances[7].replicas=1",
                           "image=null", "RELATED_IMAGE_X=y"}) {
    all.push_back(*ParseOverride(text));
  }
  const Json cluster = JsonLiteral(R"({"kind":"PostgresCluster","metadata":{"name":"a"},
    "spec":{"image":"i","instances":[{"name":"00"}]}})");
  const Json wanted =
      JsonLiteral(R"({"instances":[{"name":"00","replicas":3}],"patroni":{"port":9}})");
  Payload observed = Observed{{"PostgresCluster", "n", "a"}, "u", "1", cluster};
  ApplyOverrides(all, observed);
  EXPECT_EQ(std::get<Observed>(observed).object["spec"], wanted);
  Payload pod = Observed{{"Pod", "n", "a"}, "u", "1", cluster};
  ApplyOverrides(all, pod);
  EXPECT_EQ(std::get<Observed>(pod).object, cluster);
  Payload baseline = Baseline{{{"world", {{"subjects", {{{"object", cluster}}}}}},
                               {"context", {{"settings", Json::object()}}}}};
  ApplyOverrides(all, baseline);
  const Json& state = std::get<Baseline>(baseline).state;
  EXPECT_EQ(state["world"]["subjects"][0]["object"]["spec"], wanted);
  EXPECT_EQ(GetString(state, {"context", "settings", "RELATED_IMAGE_X"}), "y");
  Payload started = Started{"b", 1, "i", {}};
  ApplyOverrides(all, started);
  EXPECT_EQ(GetString(std::get<Started>(started).settings, {"RELATED_IMAGE_X"}), "y");
}

class Rehearsing : public ::testing::Test {
 protected:
  Rehearse On(const std::string& name) {
    Rehearse rehearse;
    rehearse.bundle = kGolden + name + ".pgoj";
    return rehearse;
  }
  testing::TempDir directory_;
  Captured run_;
};

TEST_F(Rehearsing, TheSameBuildDiffersInNothing) {
  ASSERT_TRUE(run_(On(Current())));
  EXPECT_EQ(run_.status(), 0);
  EXPECT_THAT(run_.out(), StartsWith("1 cluster, "));
  EXPECT_THAT(run_.out(), HasSubstr(": 0 restarts, 0 failovers\nno action differs\n"));
}

TEST_F(Rehearsing, OtherSettingsAreToldWithTheirFirstCause) {
  auto rehearse = On(Current());
  rehearse.settings = {"metadata.labels={\"team\":\"a\"}"};
  ASSERT_TRUE(run_(rehearse)) << run_.Error(rehearse);
  EXPECT_EQ(run_.status(), kStatusDifferent);
  EXPECT_THAT(run_.out(), HasSubstr("first difference at "));
  EXPECT_THAT(run_.out(), HasSubstr("would do it otherwise"));
  EXPECT_THAT(run_.out(), HasSubstr("/labels/team: recorded nothing, now \"a\""));
  EXPECT_THAT(run_.out(), HasSubstr("    because of #"));
  Common json;
  json.output = "json";
  ASSERT_TRUE(run_(rehearse, json));
  const auto out = ParseJson(run_.out());
  ASSERT_TRUE(out);
  EXPECT_FALSE(GetBool(*out, {"identical"}, true));
  EXPECT_GT(GetArray(*out, {"differences"}).size(), 3u);
  rehearse.settings = {"wrong"};
  EXPECT_THAT(run_.Error(rehearse), HasSubstr("--set: \"wrong\""));
}

TEST_F(Rehearsing, ARangeIsComparedAndTheRestOnlyFolded) {
  auto rehearse = On("create");
  rehearse.settings = {"metadata.labels={\"team\":\"a\"}"};
  rehearse.from = "100000";
  EXPECT_THAT(run_.Error(rehearse), HasSubstr("must be before --to and before the end"));
  rehearse.from = "";
  rehearse.to = "3";
  ASSERT_TRUE(run_(rehearse));
  EXPECT_EQ(run_.status(), 0);
}

TEST_F(Rehearsing, AnotherBuildIsAskedItself) {
  auto rehearse = On("create");
  rehearse.with = directory_.Path("nothing");
  EXPECT_THAT(run_.Error(rehearse), HasSubstr("must be a pgo program, or a directory with one"));
  const auto program = [&](const std::string& text) {
    testing::WriteText(directory_.Path("pgo"), "#!/bin/sh\n" + text);
    ::chmod(directory_.Path("pgo").c_str(), 0700);
    rehearse.with = directory_.Path("");
  };
  program("echo 'pgo: \"rehearse\": must be a verb' >&2\nexit 2\n");
  EXPECT_THAT(run_.Error(rehearse),
              HasSubstr("did not rehearse (exit status 2): pgo: \"rehearse\""));
  program(
      "echo \"$*\" > " + directory_.Path("asked") +
      "\necho '{\"rehearsal\":1,\"clusters\":312,\"events\":41000000,\"actions\":5,"
      "\"from\":\"2026-05-01T00:00:00.000Z\",\"to\":\"2026-05-31T00:00:00.000Z\","
      "\"identical\":false,\"would\":{\"team-a/pay\":{\"creates\":{\"PodDisruptionBudget\":1}},"
      "\"team-b/geo\":{\"creates\":{\"PodDisruptionBudget\":1}}},\"differences\":[{}]}'\nexit 1\n");
  rehearse.settings = {"shutdown=true"};
  ASSERT_TRUE(run_(rehearse)) << run_.Error(rehearse);
  EXPECT_EQ(run_.status(), kStatusDifferent);
  EXPECT_THAT(run_.out(),
              StartsWith("312 clusters, 30 d 0 h, 41,000,000 events, 5 actions: 0 restarts, 0 "
                         "failovers, 2 clusters would get a new PodDisruptionBudget (team-a/pay, "
                         "team-b/geo)\n"));
  EXPECT_EQ(testing::ReadText(directory_.Path("asked")),
            "rehearse " + rehearse.bundle + " -o json --set=shutdown=true\n");
}

TEST_F(Rehearsing, ABundleWithHolesIsRefused) {
  testing::Fenced().SaveAs(directory_.Path("part.pgoj"), 5, 6);
  Rehearse rehearse;
  rehearse.bundle = directory_.Path("part.pgoj");
  EXPECT_THAT(run_.Error(rehearse), HasSubstr("the first in frame #5"));
}

TEST(RehearsalText, AnyJsonGivesSomeText) {
  const Output out(stdout, false, false);
  const auto describe = [](std::uint64_t) { return std::string(); };
  for (const char* text : {"{}", "7", R"({"differences":[7,{},{"difference":1}],"would":[1]})",
                           R"({"would":{"a":7},"from":3})"}) {
    EXPECT_THAT(RehearsalText(JsonLiteral(text), false, describe, out), HasSubstr("0 restarts"));
  }
}

class Stepping : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::Fenced().SaveAs(directory_.Path("b.pgoj"));
    auto bundle = OpenBundle(directory_.Path("b.pgoj"));
    ASSERT_TRUE(bundle);
    auto session = ReplaySession::Open(*bundle, "", "");
    ASSERT_TRUE(session) << session.error().message;
    session_ = std::make_unique<ReplaySession>(*std::move(session));
  }
  std::string Do(const std::string& command) {
    auto said = session_->Do(command, Output(stdout, false, false));
    return said ? *said : "ERROR " + said.error().message;
  }
  testing::TempDir directory_;
  std::unique_ptr<ReplaySession> session_;
};

TEST_F(Stepping, GoesForwardBackAndToPlaces) {
  EXPECT_EQ(session_->Prompt(), "hippo (beginning)> ");
  EXPECT_THAT(Do("next"), HasSubstr("#1  operator Started"));
  EXPECT_THAT(Do("n 2"), HasSubstr("#4  Pod Observed"));
  EXPECT_THAT(Do(""), HasSubstr("#5"));  // again
  EXPECT_THAT(Do("back"), HasSubstr("#5"));
  EXPECT_THAT(Do("run #9"), HasSubstr("#9  failover Fenced"));
  EXPECT_EQ(session_->Prompt(), "hippo #9 12:03:41.000> ");
  EXPECT_THAT(Do("run 12:03:40"), HasSubstr("#7"));
  EXPECT_THAT(Do("run end"), HasSubstr("#17"));
  EXPECT_THAT(Do("run start"), HasSubstr("at the beginning"));
  EXPECT_THAT(Do("run #99"),
              HasSubstr("ERROR \"#99\": must be a record of this bundle: #1 to #17"));
  EXPECT_THAT(Do("next x"), HasSubstr("must be a number of steps"));
  EXPECT_THAT(Do("jump"), HasSubstr("must be a command; `help` lists them"));
}

TEST_F(Stepping, StopsAtBreaksOfAnyKind) {
  EXPECT_THAT(Do("run"), HasSubstr("no break is set"));
  Do("run start");
  EXPECT_THAT(Do("break failover lock"), HasSubstr("break 1: 3 lines of that kind"));
  EXPECT_THAT(Do("run"), HasSubstr("#9  failover Fenced"));
  EXPECT_THAT(Do("run"), HasSubstr("#11  failover Released"));
  EXPECT_EQ(Do("breaks"), "1  failover lock\n");
  EXPECT_EQ(Do("delete 1"), "removed\n");
  EXPECT_THAT(Do("delete 1"), HasSubstr("must be the number of a break"));
  EXPECT_THAT(Do("break nonsense"), HasSubstr("no line of this history is of that kind"));
}

TEST_F(Stepping, TellsWhyAndShowsTheRecord) {
  Do("run #11");
  const std::string why = Do("why");
  EXPECT_THAT(why, StartsWith("release the leader lock"));
  EXPECT_THAT(why, HasSubstr("because  #9  12:03:41.000  primary hippo-00-a-0 is fenced"));
  EXPECT_THAT(why, HasSubstr("outcome  #12  "));
  EXPECT_THAT(Do("why #1"), HasSubstr("is no action"));
  EXPECT_THAT(Do("show"), HasSubstr("\"room\": \"failover\""));
  EXPECT_THAT(Do("list"), HasSubstr("> 12:03:41.020  #11"));
  EXPECT_THAT(Do("help"), HasSubstr("until FIELD=VALUE"));
  Do("quit");
  EXPECT_TRUE(session_->ended());
}

class SteppingGolden : public Stepping {
 protected:
  void SetUp() override {
    auto bundle = OpenBundle(kGolden + "failover-power-off.pgoj");
    ASSERT_TRUE(bundle);
    session_ = std::make_unique<ReplaySession>(*ReplaySession::Open(*bundle, "hippo", ""));
  }
};

TEST_F(SteppingGolden, RunsUntilSomethingIsSoAndDiffersFromThere) {
  EXPECT_THAT(Do("state"), HasSubstr("ERROR nothing is known before the first record"));
  EXPECT_THAT(Do("until timeline=1"), HasSubstr("#"));
  EXPECT_THAT(Do("state"), HasSubstr("cluster : hippo"));
  EXPECT_THAT(Do("until timeline=2"), HasSubstr("Pod"));
  EXPECT_THAT(Do("diff"), HasSubstr("primary : "));
  EXPECT_THAT(Do("until Ready=True"), Not(HasSubstr("ERROR")));
  EXPECT_THAT(Do("until spec.postgresVersion!=17"), HasSubstr("it is not so any more"));
  EXPECT_THAT(Do("until"), HasSubstr("must be FIELD=VALUE"));
}

TEST_F(Rehearsing, ReplayTakesCommandsAndStopsAtTheFirstThatIsWrong) {
  Replay replay;
  replay.bundle = kGolden + "failover-power-off.pgoj";
  replay.commands = {"break failover", "run", "why"};
  ASSERT_TRUE(run_(replay)) << run_.Error(replay);
  EXPECT_THAT(run_.out(), HasSubstr("  because  #"));
  replay.commands = {"break failover", "odd", "run"};
  EXPECT_THAT(run_.Error(replay), HasSubstr("\"odd\": must be a command"));
  EXPECT_EQ(run_.out(), "break 1: " + run_.out().substr(9));
  replay.commands = {"next"};
  replay.which = "rhino";
  EXPECT_THAT(run_.Error(replay), HasSubstr("no record speaks of cluster rhino"));
}

}  // namespace
}  // namespace pgo::cli
