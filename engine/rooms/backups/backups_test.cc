#include "engine/rooms/backups/backups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/kube/names.h"
#include "engine/rooms/backups/scripts.h"
#include "engine/rooms/instances/instances.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::backups {
namespace {

constexpr std::int64_t kNoon = 1'795'262'400 * kSecond;  // 2026-11-21T12:00:00Z

// A cluster with a primary, a ready repository host and a stanza, and time to go by.
class Backups : public ::testing::Test {
 protected:
  Backups() {
    manifest()["spec"]["backups"] = JsonLiteral(R"({"pgbackrest": {
      "manual": {"repoName": "repo1", "options": ["--type=diff"]},
      "repos": [{"name": "repo1", "volume": {"volumeClaimSpec": {}}}]}})");
    builder.Show();
    builder.Settle(instances::PlanInstances(builder.View(), {}));
    builder.Bootstrapped();
    const std::string first = builder.View().instances.begin()->first;
    builder.Pod(first, "master", std::string(testing::kPrimaryStatus));
    builder.Lock(first + "-0", "10.0.0.1");
    ShowHost(true);
    Done("repo1");
    now.wall_us = kNoon;
    now.elapsed_us = 1000 * kSecond;
    Learn();
  }
  Json& manifest() { return builder.manifest(); }
  void ShowHost(bool ready) {
    Json pod = JsonLiteral(
        R"({"apiVersion": "v1", "kind": "Pod", "status": {"conditions": [{"type": "Ready"}]}})");
    pod["status"]["conditions"][0]["status"] = ready ? "True" : "False";
    Put(pod, {"metadata", "name"}, "hippo-repo-host-0");
    Put(pod, {"metadata", "namespace"}, builder.View().key.ns);
    Put(pod, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    builder.Observe(std::move(pod));
  }
  // As if the first backup and the stanza had been made long ago.
  void Done(const std::string& repo) {
    Json entry = Json::object();
    entry["name"] = repo;
    entry["stanzaCreated"] = true;
    entry["replicaCreateBackupComplete"] = true;
    entry["repoOptionsHash"] = pgbackrest::RepositoryHash({"1", true, {}, "posix"});
    Put(manifest(), {"status", "pgbackrest", "repos"}, Json::array({entry}));
    builder.Show();
  }
  void Schedule(const std::string& field, const std::string& cron) {
    manifest()["spec"]["backups"]["pgbackrest"]["repos"][0]["schedules"][field] = cron;
    builder.Show();
    Learn();
  }
  // What the fold of the newest manifest makes of the memory.
  void Learn() {
    Event event;
    event.at = now;
    event.payload = Observed{{"PostgresCluster", "default", "hippo"}, "u", "1", manifest()};
    const auto key = builder.View().key;
    std::get<Observed>(event.payload).ref.ns = key.ns;
    FoldEvent(memory, event, key);
  }
  Plan Decide() {
    auto view = builder.View();
    view.jobs_complete = true;
    return PlanBackups({view, memory, ledger, JsonLiteral(R"({})"), now});
  }
  Plan DecideSchedules() {
    const auto view = builder.View();
    const Json settings = Json::object();
    const Input in{view, memory, ledger, settings, now};
    Plan plan;
    PlanSchedules(in, Jobs(view), plan);
    RemoveOld(in, Jobs(view), plan);
    return plan;
  }
  // Carries out what was proposed: Jobs come into being, what was said is remembered.
  std::vector<std::string> Carry(const Plan& plan) {
    std::vector<std::string> said;
    for (const Proposal& p : plan.proposals) {
      Action action;
      action.room = kRoom;
      action.facts = p.facts;
      FoldAction(memory, action);
      if (const auto* apply = std::get_if<Apply>(&p.command)) builder.Observe(apply->object);
      if (const auto* gone = std::get_if<Delete>(&p.command)) builder.Remove(gone->ref);
      said.push_back(p.sentence);
    }
    return said;
  }
  std::vector<std::string> Step() { return Carry(Decide()); }
  // Ends every Job that runs.
  void End(const std::string& how) {
    for (const JobView& job : Jobs(builder.View())) {
      if (job.Finished()) continue;
      Json object = job.subject->object;
      Put(object, {"status", "conditions"}, Json::array({Json{{"type", how}, {"status", "True"}}}));
      Put(object, {"metadata", "creationTimestamp"}, WallSeconds(now.wall_us));
      builder.Observe(std::move(object));
    }
  }
  std::size_t Count(const Plan& plan, Reason reason) {
    return static_cast<std::size_t>(std::ranges::count(plan.proposals, reason, &Proposal::reason));
  }
  static const Condition* Find(const Plan& plan, const std::string& type) {
    const auto it = std::ranges::find(plan.conditions, type, &Condition::type);
    return it == plan.conditions.end() ? nullptr : &*it;
  }

  testing::ClusterBuilder builder;
  Memory memory;
  arbiter::Ledger ledger;
  Now now;
};

TEST_F(Backups, WithoutRepositoriesNothingIsWanted) {
  manifest()["spec"].erase("backups");
  builder.Show();
  EXPECT_TRUE(Decide().objects.empty());
  EXPECT_TRUE(Decide().proposals.empty());
}

TEST_F(Backups, TheHostServesVolumesAndKnowsEveryInstance) {
  const Plan plan = Decide();
  std::set<std::string> names;
  for (const Desired& d : plan.objects) names.insert(d.ref.kind + " " + d.ref.name);
  for (const char* name : {"StatefulSet hippo-repo-host", "PersistentVolumeClaim hippo-repo1",
                           "ConfigMap hippo-pgbackrest-config", "Role hippo-pgbackrest"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  const auto settings = SettingsOf(builder.View());
  const std::string conf = pgbackrest::RepoConf(settings);
  for (const auto& instance : settings.instances) {
    EXPECT_NE(conf.find("-host = " + instance + "-0.hippo-pods."), std::string::npos) << conf;
  }
  EXPECT_EQ(conf.find("repo1-host"), std::string::npos) << "it is this host";
  EXPECT_NE(pgbackrest::InstanceConf(settings).find("repo1-host = hippo-repo-host-0."),
            std::string::npos);
}

// Found by scene host-killed: archiving stood still for as long as pgBackRest waits by default.
TEST_F(Backups, AHostThatIsGoneWithoutAWordHoldsArchivingUpForSecondsOnly) {
  const std::string conf = pgbackrest::InstanceConf(SettingsOf(builder.View()));
  const std::string section = conf.substr(conf.find("[global:archive-push]"));
  EXPECT_NE(section.find("protocol-timeout = 30"), std::string::npos);
}

TEST_F(Backups, ALineFeedInAnOptionStartsNoOptionOfItsOwn) {
  manifest()["spec"]["backups"]["pgbackrest"]["global"]["repo1-retention-full"] = "2\nrepo1-path=/";
  builder.Show();
  EXPECT_EQ(pgbackrest::RepoConf(SettingsOf(builder.View())).find("\nrepo1-path=/"),
            std::string::npos);
}

TEST_F(Backups, ACredentialInGlobalIsNamedAndNeverWritten) {
  manifest()["spec"]["backups"]["pgbackrest"]["global"]["repo1-cipher-pass"] = "***";
  builder.Show();
  const Plan plan = Decide();
  const Condition* said = Find(plan, "BackupOptionsReadable");
  ASSERT_NE(said, nullptr);
  EXPECT_NE(said->message.find("repo1-cipher-pass"), std::string::npos);
  EXPECT_EQ(pgbackrest::RepoConf(SettingsOf(builder.View())).find("***"), std::string::npos);
}

TEST_F(Backups, TheStanzaIsMadeOnceThePrimaryAndTheHostAreThere) {
  manifest().erase("status");
  builder.Show();
  ShowHost(false);
  EXPECT_EQ(Count(Decide(), Reason::kBackup), 0U);
  ShowHost(true);
  const Plan plan = Decide();
  ASSERT_EQ(Count(plan, Reason::kBackup), 1U) << "no backup before the stanza";
  const auto& exec = std::get<Exec>(plan.proposals.front().command);
  EXPECT_EQ(exec.ref.name, "hippo-repo-host-0");
  EXPECT_TRUE(plan.proposals.front().once);
}

TEST_F(Backups, TheFirstBackupIsTriedAgainWhenItFailed) {
  manifest()["status"]["pgbackrest"]["repos"][0]["replicaCreateBackupComplete"] = false;
  builder.Show();
  EXPECT_EQ(Step().size(), 1U);
  EXPECT_TRUE(Step().empty()) << "it is under way";
  End("Failed");
  Step();  // says so and removes the job
  EXPECT_TRUE(Jobs(builder.View()).empty());
  Step();
  ASSERT_EQ(Jobs(builder.View()).size(), 1U);
  End("Complete");
  EXPECT_TRUE(Find(Decide(), "PGBackRestReplicaCreate")->ok);
}

TEST_F(Backups, AValueOfTheAnnotationIsOneBackup) {
  Put(manifest(), {"metadata", "annotations", kube::kBackupAsked}, "one");
  builder.Show();
  Step();
  ASSERT_EQ(Jobs(builder.View()).size(), 1U);
  EXPECT_TRUE(Step().empty());
  End("Complete");
  const Plan done = Decide();
  EXPECT_TRUE(Find(done, "PGBackRestManualBackupSuccessful")->ok);
  EXPECT_TRUE(GetBool(done.status, {"pgbackrest", "manualBackup", "finished"}));
  // The job is removed later; the status still knows.
  manifest()["status"]["pgbackrest"]["manualBackup"] =
      JsonLiteral(R"({"id": "one", "finished": true, "succeeded": 1})");
  builder.Show();
  builder.Remove(Jobs(builder.View()).front().subject->ref);
  EXPECT_TRUE(Step().empty());
  Put(manifest(), {"metadata", "annotations", kube::kBackupAsked}, "two");
  builder.Show();
  EXPECT_EQ(Step().size(), 1U);
}

TEST_F(Backups, WhatCannotBeAskedForIsRefusedByName) {
  Put(manifest(), {"metadata", "annotations", kube::kBackupAsked}, "one");
  const auto message = [&] {
    builder.Show();
    const Plan plan = Decide();
    EXPECT_TRUE(plan.proposals.empty());
    const Condition* said = Find(plan, "PGBackRestManualBackupSuccessful");
    return said == nullptr ? "" : said->message;
  };
  Json& manual = manifest()["spec"]["backups"]["pgbackrest"]["manual"];
  manual["options"] = Json::array({"--type=full --repo=2"});
  EXPECT_NE(message().find("--repo"), std::string::npos);
  manual["options"] = Json::array({"; rm"});
  EXPECT_NE(message().find("must be an option"), std::string::npos);
  manual["options"] = Json::array();
  manual["repoName"] = "repo4";
  EXPECT_NE(message().find("choose one of: repo1"), std::string::npos);
}

TEST_F(Backups, NeverTwoOfOneRepositoryAtATime) {
  Put(manifest(), {"metadata", "annotations", kube::kBackupAsked}, "one");
  builder.Show();
  Step();
  Schedule("full", "*/5 * * * *");
  now.wall_us += 300 * kSecond;
  EXPECT_TRUE(Step().empty()) << "the one asked for is under way";
  End("Complete");
  EXPECT_EQ(Step().size(), 1U);
  EXPECT_EQ(Jobs(builder.View()).size(), 2U);
}

TEST_F(Backups, AMomentIsRunOnceAlsoWhenTheClockGoesBack) {
  Schedule("full", "0 * * * *");
  EXPECT_TRUE(Step().empty()) << "twelve o'clock was before the schedule";
  now.wall_us += 3600 * kSecond;
  ASSERT_EQ(Step().size(), 1U);
  End("Complete");
  now.wall_us -= 7200 * kSecond;
  for (int minutes = 0; minutes < 120; minutes += 10) {
    EXPECT_TRUE(Step().empty());
    now.wall_us += 600 * kSecond;
  }
  now.wall_us += 3600 * kSecond;
  EXPECT_EQ(Step().size(), 1U) << "two o'clock";
}

TEST_F(Backups, AfterAnOutageTheNewestMomentIsRunAndTheOthersAreMissed) {
  Schedule("incremental", "0 * * * *");
  now.wall_us += 5 * 3600 * kSecond + kSecond;
  const auto said = Step();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("17:00:00Z"), std::string::npos) << said[0];
  EXPECT_NE(said[0].find("4 earlier moments were missed"), std::string::npos) << said[0];
  End("Complete");
  EXPECT_TRUE(Step().empty());
}

// A clock that jumped by sixty years names millions of moments.
TEST_F(Backups, AJumpOfTheClockIsNoLoop) {
  Schedule("incremental", "* * * * *");
  now.wall_us += 60LL * 365 * 86400 * kSecond;
  ASSERT_EQ(Step().size(), 1U);
  EXPECT_EQ(memory.schedules.at("repo1/incr").slot_us, now.wall_us / (60 * kSecond) * 60 * kSecond);
}

TEST_F(Backups, TheFullestOfOneMomentCountsForTheOthers) {
  Schedule("full", "0 13 * * *");
  Schedule("incremental", "0 * * * *");
  now.wall_us += 3600 * kSecond;
  EXPECT_EQ(Step().size(), 1U);
  const auto said = Step();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("a fuller backup"), std::string::npos) << said[0];
  EXPECT_TRUE(Step().empty());
}

TEST_F(Backups, AMomentThatCannotBeKeptIsSkippedWithTheReason) {
  Schedule("full", "0 * * * *");
  ShowHost(false);
  now.wall_us += 3600 * kSecond;
  EXPECT_TRUE(Step().empty()) << "it waits until the next moment";
  now.wall_us += 3600 * kSecond;
  const auto said = Step();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("13:00:00Z is skipped: the repository host is not ready"),
            std::string::npos)
      << said[0];
  ShowHost(true);
  EXPECT_EQ(Step().size(), 1U) << "fourteen o'clock";
}

TEST_F(Backups, AWrongScheduleNamesItsField) {
  Schedule("differential", "0 25 * * *");
  const Plan plan = Decide();
  const Condition* said = Find(plan, "BackupSchedulesValid");
  ASSERT_NE(said, nullptr);
  EXPECT_NE(said->message.find("repos[repo1].schedules.differential: hour \"25\""),
            std::string::npos)
      << said->message;
}

TEST_F(Backups, ASuccessorWithoutJournalGoesOnFromTheStatus) {
  Schedule("full", "0 * * * *");
  now.wall_us += 3600 * kSecond;
  Carry(Decide());
  End("Complete");
  manifest()["status"]["pgbackrest"]["schedules"] = Decide().status["pgbackrest"]["schedules"];
  memory = {};
  now.wall_us += 60 * kSecond;
  builder.Show();
  Learn();
  EXPECT_TRUE(Step().empty()) << "thirteen o'clock was dealt with";
  now.wall_us += 3600 * kSecond;
  EXPECT_EQ(Step().size(), 1U);
}

// Every moment of a year ends once: run, covered or among those told as missed.
TEST_F(Backups, AYearOfMomentsWithoutOneLostOrDoubled) {
  Schedule("full", "30 1 * * 0");
  Schedule("incremental", "15 */6 * * *");
  std::set<std::string> run;
  std::uint64_t random = 42;
  const std::int64_t end = now.wall_us + 365LL * 86400 * kSecond;
  std::int64_t missed = 0;
  while (now.wall_us < end) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::int64_t step = static_cast<std::int64_t>((random >> 33) % 9000) - 600;  // back too
    now.wall_us += step * kSecond;
    if ((random >> 20) % 200 == 0) now.wall_us += 20 * 3600 * kSecond;  // an outage
    for (int i = 0; i < 3; ++i) {
      for (const std::string& sentence : Carry(DecideSchedules())) {
        if (!sentence.starts_with("schedule ")) continue;
        const std::string slot = sentence.substr(0, sentence.find(": back"));
        EXPECT_TRUE(run.insert(slot).second) << sentence;
        const auto at = sentence.find("; ");
        if (at != std::string::npos) missed += std::stoll(sentence.substr(at + 2));
      }
      End((random >> 40) % 10 == 0 ? "Failed" : "Complete");
    }
  }
  const auto fulls = 52, incrs = 365 * 4;
  EXPECT_LE(std::abs(static_cast<std::int64_t>(run.size()) + missed - fulls - incrs), 3);
  EXPECT_GT(run.size(), 1200U);
  EXPECT_LE(Jobs(builder.View()).size(), 10U) << "old jobs are removed";
}

TEST_F(Backups, JobsTakeWhatTheManifestAsksOfThem) {
  manifest()["spec"]["backups"]["pgbackrest"]["jobs"] = JsonLiteral(R"({
    "resources": {"limits": {"cpu": "2"}}, "tolerations": [{"key": "t"}], "affinity": {"a": {}},
    "priorityClassName": "high", "ttlSecondsAfterFinished": 60})");
  Put(manifest(), {"metadata", "annotations", kube::kBackupAsked}, "one");
  builder.Show();
  Step();
  const auto jobs = Jobs(builder.View());
  ASSERT_EQ(jobs.size(), 1U);
  const Json& spec = GetObject(jobs.front().subject->object, {"spec"});
  const Json& pod = GetObject(spec, {"template", "spec"});
  EXPECT_EQ(GetInt(spec, {"ttlSecondsAfterFinished"}), 60);
  EXPECT_EQ(GetString(pod["containers"][0], {"resources", "limits", "cpu"}), "2");
  EXPECT_EQ(GetString(pod["tolerations"][0], {"key"}), "t");
  EXPECT_EQ(GetString(pod, {"priorityClassName"}), "high");
  EXPECT_NE(pgo::Find(pod, {"affinity", "a"}), nullptr);
  const std::string command = DumpJson(pod["containers"][0]["command"]);
  EXPECT_NE(command.find("--type=diff"), std::string::npos);
  EXPECT_NE(command.find("--annotation=pgo-job=" + jobs.front().subject->ref.name),
            std::string::npos);
}

TEST(BackupScripts, AreShellThatParses) {
  for (const auto& script : {BackupScript(), WithHashScript()}) {
    const std::string command = "bash -n <<'END_OF_SCRIPT'\n" + script + "\nEND_OF_SCRIPT";
    EXPECT_EQ(std::system(command.c_str()), 0);  // NOLINT(cert-env33-c)
  }
  const std::string python = "python3 -c 'import ast,sys; ast.parse(sys.stdin.read())' <<'END'\n" +
                             RemoteScript() + "\nEND";
  EXPECT_EQ(std::system(python.c_str()), 0);  // NOLINT(cert-env33-c)
}

}  // namespace
}  // namespace pgo::rooms::backups
