// Restores in place through the whole engine.
#include <gtest/gtest.h>

#include "engine/testing/restore_play.h"

namespace pgo {
namespace {

using testing::kHippo;
using testing::kJob;
using testing::RestorePlay;

TEST_F(RestorePlay, EverythingStopsPrimaryLastThenTheVolumeIsOverwrittenAndTheOthersRebuilt) {
  const auto uids = Uids();
  const std::string primary = leader_;
  AskRestore("one", R"(["--type=time", "--target=\"2026-05-01 10:00:00+00\""])");
  Play();
  ExpectRestoredOnce(uids);
  EXPECT_GT(watched, 0);
  EXPECT_EQ(GetString(Place(), {"instance"}) + "-0", primary);
  EXPECT_EQ(GetString(Place(), {"undo"}), "--set=20260101-000000F --target-timeline=1");
  // Found by scene restore-in-place: the moment fell into two words.
  const Json job = *loop.kube.Find({"Job", "postgres", kJob});
  const Json& pod = GetObject(job, {"spec", "template", "spec"});
  const Json& command = GetArray(pod["containers"][0], {"command"});
  for (const char* word : {"--target=2026-05-01 10:00:00+00", "--type=time", "--repo=1",
                           "--target-action=promote", "--delta"}) {
    EXPECT_NE(std::ranges::find(command, Json(word)), command.end()) << word;
  }
  // In the order of the promise.
  std::vector<std::string> steps;
  std::size_t replicas_stopped = 0, primary_stopped = 0, at = 0;
  for (const Action& action : loop.actions) {
    ++at;
    if (action.room == "restores" && action.goal.find('/') != std::string::npos) {
      const std::string step = GetString(action.facts, {"step"});
      if (!step.empty() && (steps.empty() || steps.back() != step)) steps.push_back(step);
    }
    const auto* apply = std::get_if<Apply>(&action.command);
    if (apply == nullptr || apply->ref.kind != "StatefulSet") continue;
    if (GetInt(apply->object, {"spec", "replicas"}, 1) != 0) continue;
    (apply->ref.name + "-0" == primary ? primary_stopped : replicas_stopped) = at;
  }
  EXPECT_EQ(steps, (std::vector<std::string>{"Stopping", "Clearing", "Restoring", "Starting",
                                             "Rebuilding", "Done"}));
  EXPECT_LT(replicas_stopped, primary_stopped);
  ExpectReplayIsExact();
}

TEST_F(RestorePlay, JobsTakeWhatTheManifestAsksOfThem) {
  AskRestore("one");
  Edit([](Json& c) {
    c["spec"]["backups"]["pgbackrest"]["restore"].update(JsonLiteral(R"({
      "resources": {"limits": {"cpu": "2"}}, "tolerations": [{"key": "t"}],
      "affinity": {"a": {}}, "priorityClassName": "high"})"));
  });
  Play();
  const Json job = *loop.kube.Find({"Job", "postgres", kJob});
  const Json& pod = GetObject(job, {"spec", "template", "spec"});
  EXPECT_EQ(GetString(pod["containers"][0], {"resources", "limits", "cpu"}), "2");
  EXPECT_EQ(GetString(pod["tolerations"][0], {"key"}), "t");
  EXPECT_EQ(GetString(pod, {"priorityClassName"}), "high");
  EXPECT_NE(Find(pod, {"affinity", "a"}), nullptr);
  EXPECT_EQ(Find(pod, {"serviceAccountName"}), nullptr) << "it needs no right";
}

TEST_F(RestorePlay, AnAnnotationsValueIsOneRestore) {
  AskRestore("one");
  Play();
  const auto uids = Uids();
  loop.kube.Remove({"Job", "postgres", kJob});
  Kill();
  Play();
  EXPECT_EQ(Uids(), uids);
  AskRestore("two");
  Play();
  EXPECT_NE(Uids(), uids);
  EXPECT_EQ(GetString(Place(), {"id"}), "two");
  EXPECT_EQ(Told(), "RestoreComplete");
  // Whoever removes the place does not get a third one: the status knows.
  loop.Post({loop.kube.Remove({"ConfigMap", "postgres", "hippo-intent"})});
  const auto after = Uids();
  Play();
  EXPECT_EQ(Uids(), after);
}

struct Bad {
  const char* name;
  const char* options;
  const char* found;
  const char* says;
};
class BadTargetTest : public RestorePlay, public ::testing::WithParamInterface<Bad> {};

TEST_P(BadTargetTest, StopsNothingAndSaysWhatToDo) {
  const auto uids = Uids();
  if (*GetParam().found != 0) found = JsonLiteral(GetParam().found);
  AskRestore("one", GetParam().options);
  Play();
  EXPECT_EQ(Uids(), uids);
  EXPECT_EQ(Told(), "RestoreRefused");
  EXPECT_NE(Message().find(GetParam().says), std::string::npos) << Message();
  EXPECT_TRUE(Place().empty());
  EXPECT_EQ(Count(Reason::kOperationRefused), 1U) << "an Event";
  // A corrected request of the same value goes on; what is mended elsewhere is told by a new one.
  found = JsonLiteral(R"({"error": "", "backups": 1, "chosen": "x", "newest_label": "x"})");
  AskRestore(std::string(GetParam().options) == "[]" ? "two" : "one");
  Play();
  EXPECT_EQ(Told(), "RestoreComplete");
}

INSTANTIATE_TEST_SUITE_P(
    Every, BadTargetTest,
    ::testing::Values(
        Bad{"BeforeTheFirstBackup", R"(["--type=time", "--target=\"2020-01-01 00:00:00+00\""])",
            R"({"error": "", "backups": 2, "oldest": 1700000000, "chosen": ""})",
            "must lie after the end of a backup, and the oldest one ends at 2023-11-14T22:13:20Z"},
        Bad{"NoBackup", "[]", R"({"error": "", "backups": 0, "chosen": ""})",
            "repo1: must have a backup, and has none"},
        Bad{"UnknownSet", R"(["--set=20200101-000000F"])",
            R"({"error": "", "backups": 2, "oldest": 1700000000, "chosen": ""})",
            "--set: \"20200101-000000F\": must be a backup of repo1"},
        Bad{"Unreadable", "[]", R"({"error": "unable to load info file", "chosen": ""})",
            "pgbackrest info of repo1: unable to load info file"},
        Bad{"Malformed", R"(["--type=time", "--target=yesterday"])", "",
            "must be a moment with its time zone; write it like 2026-11-21 22:36:36+00"},
        Bad{"Future", R"(["--type=time", "--target=\"2099-01-01 00:00:00+00\""])", "",
            "must not lie in the future"},
        Bad{"Forbidden", R"(["--stanza=other"])", "", "--stanza: must be an option"},
        Bad{"Credential", R"(["--archive-mode=***"])", "", "must not hold a credential"},
        Bad{"Lsn", R"(["--type=lsn", "--target=12"])", "", "must be a WAL position"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(RestorePlay, AnUnknownRepositoryIsRefusedByName) {
  AskRestore("one", "[]", "repo3");
  Play();
  EXPECT_NE(Message().find("repoName: \"repo3\": must be one of"), std::string::npos) << Message();
  EXPECT_EQ(checks, 0);
}

TEST_F(RestorePlay, NothingIsOverwrittenThatIsNotInTheArchiveUnlessThatIsWaived) {
  const auto uids = Uids();
  safety["archived"] = false;
  AskRestore("one");
  Play();
  EXPECT_EQ(Uids(), uids);
  EXPECT_EQ(Told(), "RestoreUnsafe") << Message();
  Edit([](Json& c) { Put(c, {"metadata", "annotations", kube::kRestoreSafety}, "None"); });
  Play();
  ExpectRestoredOnce(uids);
  EXPECT_EQ(GetString(Place(), {"safe"}), "false");
}

TEST_F(RestorePlay, AFailedOneLeavesItsReasonAndDoesNotStandInTheWayOfTheNext) {
  const auto uids = Uids();
  fails = "yes";
  AskRestore("one");
  Play();
  EXPECT_EQ(Told(), "RestoreFailed") << Message();
  EXPECT_EQ(GetString(Condition("PostgresDataInitialized"), {"reason"}), "PGBackRestRestoreFailed");
  EXPECT_EQ(Instances(), 0U);
  EXPECT_EQ(GetString(Condition("Ready"), {"reason"}), "Restoring");
  EXPECT_EQ(Count(Reason::kRestoreFailed), 1U);
  fails.clear();
  AskRestore("two");
  Play();
  jobs[kJob].erase(jobs[kJob].begin());
  ExpectRestoredOnce(uids);
  EXPECT_EQ(GetString(Place(), {"undo"}), "--set=20260101-000000F --target-timeline=1")
      << "of before the first";
}

TEST_F(RestorePlay, UntilTheVolumeIsOverwrittenItCanBeCancelled) {
  for (int rounds = 1; rounds < 40; ++rounds) {
    SCOPED_TRACE(rounds);
    Reset();
    AskRestore("one");
    for (int i = 0; i < rounds; ++i) {
      loop.Settle(1);
      Turn();
      loop.Wait(kSecond);
      loop.Post({Ticked{}});
    }
    Edit([](Json& c) { c["spec"]["backups"]["pgbackrest"]["restore"]["enabled"] = false; });
    Play();
    EXPECT_EQ(Instances(), 3U);
    if (jobs.contains(kJob)) {  // it was too late
      EXPECT_EQ(Told(), "RestoreComplete");
      EXPECT_GT(rounds, 4) << "so many it could be cancelled";
      break;
    }
    if (!Place().empty()) {
      EXPECT_EQ(Told(), "RestoreCancelled") << Message();
    }
    AskRestore("two");
    Play();
    EXPECT_EQ(Told(), "RestoreComplete");
  }
}

TEST_F(RestorePlay, APausedClusterWaitsBetweenTwoSteps) {
  Edit([](Json& c) { c["spec"]["paused"] = true; });
  AskRestore("one");
  Play();
  EXPECT_EQ(Told(), "RestoreWaits");
  EXPECT_EQ(checks, 0);
  Edit([](Json& c) { c["spec"]["paused"] = false; });
  Play();
  EXPECT_EQ(Told(), "RestoreComplete");
}

// Nothing starts on volumes of which nobody knows what is on them.
TEST_F(RestorePlay, ALostPlaceStartsNothingAndIsWrittenAnew) {
  const auto uids = Uids();
  AskRestore("one");
  for (int i = 0; i < 100 && loop.kube.Find({"Job", "postgres", kJob}) == nullptr; ++i) {
    loop.Settle(1);
    if (loop.kube.Find({"Job", "postgres", kJob}) != nullptr) break;
    Turn();
    loop.Wait(kSecond);
    loop.Post({Ticked{}});
  }
  loop.Post({loop.kube.Remove({"ConfigMap", "postgres", "hippo-intent"})});
  Play();
  EXPECT_EQ(Told(), "RestoreComplete") << Message();
  EXPECT_EQ(Instances(), 3U);
}

}  // namespace
}  // namespace pgo
