// backup, show backup and the schedules against the API server of pgo-local: what they write, what
// they refuse, what they show. The test itself plays the operator and pgBackRest.
#include <gmock/gmock.h>

#include <thread>

#include "adapters/cli/testing/backups.h"
#include "adapters/cli/testing/cluster_fixture.h"

namespace pgo::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BackupVerbs : public testing::ClusterFixture {
 protected:
  BackupVerbs() {
    MakeHippo();
    take_.names = {"hippo"};
    take_.timeout_s = 30;
    runtime_.Set([this](const std::string& pod, const std::string& command) {
      if (command.starts_with("pgbackrest info")) {
        asked_of_ = pod;
        return testing::FakeRuntime::Answer{0, DumpJson(testing::InfoOfTwo()) + "\n", ""};
      }
      return testing::FakeRuntime::Answer{0, R"({"wal":"000000010000000000000007","at":0})", ""};
    });
  }
  void Merge(const Json& patch, const std::string& subresource = "") {
    const auto answer = api_.Call("PATCH", kHippos + "/hippo" + subresource, DumpJson(patch),
                                  "application/merge-patch+json");
    EXPECT_EQ(answer.code, 200) << answer.body;
  }
  void GiveBackups() {
    Json patch = Json::object();
    patch["spec"]["backups"] = testing::BackupsSpec();
    Merge(patch);
    Json pod = Labelled("Pod", "hippo-repo-host-0");
    pod["spec"] = JsonLiteral(R"({"containers":[{"name":"pgbackrest","image":"i"}]})");
    pod["spec"]["nodeName"] = "node-a";
    Post("/api/v1/namespaces/default/pods", pod);
    SetRunning("hippo-repo-host-0");
  }
  void SetRunning(const std::string& pod) {
    const auto answer =
        api_.Call("PATCH", "/api/v1/namespaces/default/pods/" + pod + "/status",
                  R"({"status":{"phase":"Running","podIP":"10.0.0.9","containerStatuses":[
          {"name":"pgbackrest","ready":true,"image":"i","imageID":"i","restartCount":0,
           "state":{"running":{}}}]}})",
                  "application/merge-patch+json");
    EXPECT_EQ(answer.code, 200) << answer.body;
  }
  std::string Asked() {
    return GetString(Hippo(), {"metadata", "annotations", kube::kBackupAsked});
  }
  // Its Job, with a pod that has written `log`.
  void MakeJob(const std::string& name, const std::string& log) {
    Json job = Labelled("Job", name);
    job["apiVersion"] = "batch/v1";
    Put(job, {"metadata", "labels", kube::kLabelBackup}, "manual");
    Put(job, {"metadata", "annotations", kube::kBackupAsked}, Asked());
    job["spec"] = JsonLiteral(R"({"template":{"spec":{"restartPolicy":"Never",
      "containers":[{"name":"pgbackrest","image":"i"}]}}})");
    Post("/apis/batch/v1/namespaces/default/jobs", job);
    Json pod = Labelled("Pod", name + "-x");
    Put(pod, {"metadata", "labels", "job-name"}, name);
    pod["spec"] = JsonLiteral(R"({"nodeName":"node-a",
      "containers":[{"name":"pgbackrest","image":"i"}]})");
    Post("/api/v1/namespaces/default/pods", pod);
    SetRunning(name + "-x");
    runtime_.SetLog(name + "-x", log);
  }
  void EndJob(bool ok, const std::string& message) {
    const std::string id = Asked();
    Json status = JsonLiteral(R"({"status":{"conditions":[{"status":"False",
      "type":"PGBackRestManualBackupSuccessful","reason":"ManualBackupFailed",
      "lastTransitionTime":"2026-11-21T12:00:00Z"}]}})");
    Json& condition = status["status"]["conditions"][0];
    condition["message"] = message.empty() ? "backup " + id + " failed" : message;
    if (ok) condition["status"] = "True";
    if (ok) condition["reason"] = "ManualBackupComplete";
    status["status"]["pgbackrest"]["manualBackup"] = {
        {"id", id}, {"finished", true}, {ok ? "succeeded" : "failed", 1}};
    Merge(status, "/status");
  }
  // Runs `play` as the operator once a backup is asked for, while the verb waits.
  std::string TakeWhile(const std::function<void()>& play) {
    std::thread plays_operator([&] {
      ASSERT_TRUE(local::Eventually([&] { return !Asked().empty(); }));
      play();
    });
    const auto done = run_(take_, common_);
    plays_operator.join();
    return done ? "" : done.error().message;
  }
  // The verb has read the log and shown what it says, which it does before it reads it again.
  void ShowsLogOf(const std::string& job) {
    EXPECT_TRUE(local::Eventually([&] { return runtime_.LogReads(job + "-x") >= 2; }));
  }
  Json Manual() { return GetObject(Hippo(), {"spec", "backups", "pgbackrest", "manual"}); }
  Json Schedules() {
    return Hippo()["spec"]["backups"]["pgbackrest"]["repos"][0].value("schedules", Json::object());
  }

  TakeBackup take_;
  std::string asked_of_;  // pod where pgbackrest info ran last
};

TEST_F(BackupVerbs, WithoutARepositoryTheErrorSaysWhatToAdd) {
  EXPECT_THAT(run_.Error(take_, common_),
              AllOf(HasSubstr("spec.backups.pgbackrest.repos: must have a repository"),
                    HasSubstr("add one to its manifest")));
  ShowBackup show;
  show.names = {"hippo"};
  EXPECT_THAT(run_.Error(show, common_), HasSubstr("add one to its manifest"));
  CreateSchedule create;
  create.names = {"hippo"};
  create.schedule = "@daily";
  create.backup_type = "full";
  EXPECT_THAT(run_.Error(create, common_), HasSubstr("add one to its manifest"));
  EXPECT_EQ(Asked(), "");
}

TEST_F(BackupVerbs, ABackupIsAskedForWithItsRepositoryAndOptions) {
  GiveBackups();
  take_.wait = false;
  take_.options = "--type=full  --start-fast";
  ASSERT_TRUE(run_(take_, common_)) << run_.Error(take_, common_);
  EXPECT_EQ(Manual(),
            JsonLiteral(R"({"repoName":"repo1","options":["--type=full","--start-fast"]})"));
  EXPECT_NE(Asked(), "");
  take_.options = "";
  ASSERT_TRUE(run_(take_, common_));
  EXPECT_EQ(Manual(), JsonLiteral(R"({"repoName":"repo1"})")) << "options of before are not kept";
}

TEST_F(BackupVerbs, WhatTheOperatorWouldRefuseIsRefusedBeforeAnythingIsWritten) {
  GiveBackups();
  take_.repository = "repo3";
  EXPECT_THAT(run_.Error(take_, common_), HasSubstr("choose one of: repo1 (posix)"));
  take_.repository = "";
  take_.storage_type = "s3";
  EXPECT_THAT(run_.Error(take_, common_), HasSubstr("--pgbackrest-storage-type: \"s3\""));
  take_.storage_type = "posix";
  take_.options = "--type=full --repo=2";
  EXPECT_THAT(run_.Error(take_, common_),
              AllOf(HasSubstr("--backup-opts: \"--repo\""), HasSubstr("give --repo-name")));
  EXPECT_EQ(Asked(), "");
}

TEST_F(BackupVerbs, ACompleteBackupIsNamedWithItsSize) {
  GiveBackups();
  EXPECT_EQ(TakeWhile([&] {
              MakeJob("hippo-backup-2", "file a (8KB, 12.50%) checksum 1\n");
              ShowsLogOf("hippo-backup-2");
              EndJob(true, "backup is complete");
            }),
            "");
  EXPECT_THAT(run_.out(), AllOf(HasSubstr("asked for a backup of hippo into repo1"),
                                HasSubstr("under way (job hippo-backup-2), 12.50%"),
                                HasSubstr("20261121-222000F_20261121-222000I (incr), database "
                                          "22.0 MiB, 900 B in repo1")));
}

TEST_F(BackupVerbs, AFailedBackupShowsTheOperatorsWordsAndTheEndOfTheLog) {
  GiveBackups();
  const std::string error = TakeWhile([&] {
    MakeJob("hippo-backup-9", "P00   INFO: backup command begin\nP00  ERROR: [082]: no WAL came\n");
    ShowsLogOf("hippo-backup-9");
    EndJob(false, "");
  });
  EXPECT_THAT(error, AllOf(HasSubstr("hippo: backup "), HasSubstr(" failed")));
  EXPECT_THAT(run_.err(), HasSubstr("P00  ERROR: [082]: no WAL came"));
}

TEST_F(BackupVerbs, ARefusalEndsTheWait) {
  GiveBackups();
  EXPECT_THAT(TakeWhile([&] {
                Json status = JsonLiteral(R"({"status":{"conditions":[{"status":"False",
      "type":"PGBackRestManualBackupSuccessful","reason":"ManualBackupFailed",
      "message":"spec.backups.pgbackrest.manual.options: because so",
      "lastTransitionTime":"2026-11-21T12:00:00Z"}]}})");
                Merge(status, "/status");
              }),
              HasSubstr("the backup was refused: spec.backups.pgbackrest.manual.options: because"));
}

TEST_F(BackupVerbs, WhenSomebodyElseAsksFirstThatIsSaid) {
  GiveBackups();
  EXPECT_THAT(TakeWhile([&] {
                Json patch = Json::object();
                Put(patch, {"metadata", "annotations", kube::kBackupAsked}, "theirs");
                Merge(patch);
              }),
              HasSubstr("somebody else asked for a backup of hippo"));
}

TEST_F(BackupVerbs, ShowBackupAsksTheRepositoryHost) {
  GiveBackups();
  ShowBackup show;
  show.names = {"hippo"};
  ASSERT_TRUE(run_(show, common_)) << run_.Error(show, common_);
  EXPECT_THAT(run_.out(), AllOf(HasSubstr("cluster : hippo"), HasSubstr("repo1 : posix (ok)"),
                                HasSubstr("full backup : 20261121-220000F"),
                                HasSubstr("needs : 20261121-220000F"),
                                HasSubstr("schedule : repo1-full \"0 1 * * *\"")));
  common_.output = "json";
  ASSERT_TRUE(run_(show, common_));
  const auto json = ParseJson(run_.out());
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)[0]["repositories"][0]["backups"][1]["job"], "hippo-backup-2");
  EXPECT_EQ((*json)[0]["pgbackrest"], testing::InfoOfTwo());
  EXPECT_EQ(asked_of_, "hippo-repo-host-0");
  common_.output = "";
  show.repository = "repo2";
  EXPECT_THAT(run_.Error(show, common_), HasSubstr("choose one of: repo1"));
}

TEST_F(BackupVerbs, WithAllRepositoriesInTheCloudThePrimaryIsAsked) {
  Merge(JsonLiteral(R"({"spec":{"backups":{"pgbackrest":{"repos":[{"name":"repo1",
    "s3":{"bucket":"b","endpoint":"e","region":"r"}}]}}}})"));
  ShowBackup show;
  show.names = {"hippo"};
  ASSERT_TRUE(run_(show, common_)) << run_.Error(show, common_);
  EXPECT_EQ(asked_of_, "hippo-00-a-0");
  EXPECT_THAT(run_.out(), HasSubstr("repo1 : s3 (ok)"));
}

TEST_F(BackupVerbs, WithoutItsRepositoryHostThatIsSaid) {
  Json patch = Json::object();
  patch["spec"]["backups"] = testing::BackupsSpec();
  Merge(patch);
  ShowBackup show;
  show.names = {"hippo"};
  EXPECT_THAT(run_.Error(show, common_),
              HasSubstr("repository host hippo-repo-host-0 is not there"));
}

TEST_F(BackupVerbs, SchedulesComeAndGoAndNothingElseChanges) {
  GiveBackups();
  const Json before = Hippo()["spec"];
  CreateSchedule create;
  create.names = {"hippo"};
  create.schedule = "30 2 * * 3";
  create.backup_type = "diff";
  ASSERT_TRUE(run_(create, common_)) << run_.Error(create, common_);
  EXPECT_EQ(Schedules(), JsonLiteral(R"({"full":"0 1 * * *","differential":"30 2 * * 3",
                                         "incremental":"0 */6 * * *"})"));
  EXPECT_THAT(run_.out(), HasSubstr("hippo: schedule repo1-diff \"30 2 * * 3\", next at 20"));
  ShowSchedule show;
  show.names = {"hippo"};
  ASSERT_TRUE(run_(show, common_));
  EXPECT_THAT(run_.out(), AllOf(HasSubstr("repo1-full"), HasSubstr("repo1-diff")));
  DeleteSchedule remove;
  remove.names = {"hippo"};
  remove.schedule_name = "repo1-diff";
  ASSERT_TRUE(run_(remove, common_)) << run_.Error(remove, common_);
  EXPECT_EQ(Hippo()["spec"], before);
  EXPECT_THAT(run_.Error(remove, common_), HasSubstr("choose one of: repo1-full, repo1-incr"));
}

TEST_F(BackupVerbs, AScheduleThatCannotBeIsRefused) {
  GiveBackups();
  CreateSchedule create;
  create.names = {"hippo"};
  create.backup_type = "diff";
  create.schedule = "0 25 * * *";
  EXPECT_THAT(run_.Error(create, common_), AllOf(HasSubstr("--schedule: "), HasSubstr("hour")));
  create.schedule = "0 0 30 2 *";
  EXPECT_THAT(run_.Error(create, common_), HasSubstr("within eight years"));
  create.schedule = "0 0 * * *";
  create.repository = "repo4";
  EXPECT_THAT(run_.Error(create, common_), HasSubstr("choose one of: repo1"));
  create.repository = "";
  create.backup_type = "full";
  EXPECT_THAT(
      run_.Error(create, common_),
      HasSubstr("remove it first with `pgo delete schedule hippo --schedule-name=repo1-full"));
  EXPECT_EQ(Schedules(), testing::BackupsSpec()["pgbackrest"]["repos"][0]["schedules"]);
}

TEST_F(BackupVerbs, ShowClusterHasALineOfBackups) {
  ShowCluster show;
  show.names = {"hippo"};
  ASSERT_TRUE(run_(show, common_));
  EXPECT_THAT(run_.out(), Not(HasSubstr("backups : ")));
  GiveBackups();
  ASSERT_TRUE(run_(show, common_));
  EXPECT_THAT(run_.out(), HasSubstr("\tbackups : none yet, no schedule, repository host "
                                    "hippo-repo-host-0 (not ready)\n"));
}

}  // namespace
}  // namespace pgo::cli
