// What `pgbackrest info` and the status say, read and put into words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/cli/backup_text.h"
#include "adapters/cli/testing/backups.h"

namespace pgo::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

cluster::Backups Spec() { return cluster::ParseSpec(testing::ClusterWithBackups()).spec.backups; }

TEST(BackupInfo, ReadsEachRepositoryWithItsBackupsOldestFirst) {
  const auto info = ReadInfo(testing::InfoOfTwo(), Spec());
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->status, "ok");
  EXPECT_FALSE(info->running);
  ASSERT_EQ(info->repositories.size(), 1U);
  const RepositoryBackups& repo = info->repositories[0];
  EXPECT_EQ(repo.name, "repo1");
  EXPECT_EQ(repo.store, "posix");
  EXPECT_EQ(repo.wal_max, "000000010000000000000007");
  ASSERT_EQ(repo.backups.size(), 2U);
  EXPECT_EQ(repo.backups[0].label, "20261121-220000F");
  EXPECT_EQ(repo.backups[1].type, "incr");
  EXPECT_EQ(repo.backups[1].repository_backup_bytes, 900U);
  EXPECT_THAT(repo.backups[1].references, ElementsAre("20261121-220000F"));
  std::string where;
  EXPECT_EQ(TakenBy(*info, "hippo-backup-2", &where), &repo.backups[1]);
  EXPECT_EQ(where, "repo1");
  EXPECT_EQ(TakenBy(*info, "hippo-backup-3", nullptr), nullptr);
  EXPECT_EQ(TakenBy(*info, "", nullptr), nullptr);
}

TEST(BackupInfo, AnswersOfAnotherShapeAreNoCrash) {
  EXPECT_FALSE(ReadInfo(JsonLiteral("{}"), Spec()));
  const auto nothing = ReadInfo(JsonLiteral("[]"), Spec());
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->status, "no stanza");
  const auto odd = ReadInfo(
      JsonLiteral(R"([{"name":"db","repo":[null,{"key":"x"}],"backup":[7,{"info":{"size":-1},
        "reference":{},"timestamp":{"start":"a"}}],"archive":3,"status":{"lock":[]}}])"),
      Spec());
  ASSERT_TRUE(odd);
  for (const auto& repo : odd->repositories) {
    for (const auto& backup : repo.backups) EXPECT_EQ(backup.database_bytes, 0U);
  }
}

TEST(BackupInfo, ABackupUnderWayHasItsPercentage) {
  Json raw = testing::InfoOfTwo();
  raw[0]["status"]["lock"]["backup"] = {{"held", true}, {"size", 200}, {"size-cplt", 50}};
  const auto info = ReadInfo(raw, Spec());
  ASSERT_TRUE(info);
  const Output plain(stdout, false, false);
  EXPECT_THAT(ReportText(plain, {"hippo", *info, {}, {}, ""}),
              HasSubstr("a backup is under way, 25%"));
}

TEST(BackupInfo, TheWindowBeginsWithTheOldestBackupAndEndsWithTheNewestWal) {
  const auto info = ReadInfo(testing::InfoOfTwo(), Spec());
  ASSERT_TRUE(info);
  const Output plain(stdout, false, false);
  BackupReport report{"hippo", *info, {"000000010000000000000007", 0}, {}, ""};
  report.archiver.last_us = *ParseWall("2026-11-21T22:40:00Z");
  EXPECT_THAT(ReportText(plain, report),
              HasSubstr("restorable : from 2026-11-21 22:00:10 UTC to the end of WAL "
                        "000000010000000000000007, archived 2026-11-21 22:40:00"));
  EXPECT_EQ(GetString(ReportJson(report)["repositories"][0], {"restorable", "to_wal_archived"}),
            "2026-11-21T22:40:00Z");
  report.archiver.last_wal = "000000010000000000000008";  // of which the repository knows nothing
  EXPECT_THAT(ReportText(plain, report), Not(HasSubstr("archived")));
  report.info.repositories[0].backups.clear();
  EXPECT_THAT(ReportText(plain, report), HasSubstr("restorable : nothing"));
  report.repository = "repo2";
  EXPECT_THAT(ReportText(plain, report), Not(HasSubstr("repo1")));
}

TEST(BackupInfo, ThePercentageOfALogIsTheNewestOne) {
  EXPECT_EQ(PercentOfLog("a (8KB, 3.10%) x\nb (8KB, 34.55%) checksum 77\n"), "34.55%");
  EXPECT_EQ(PercentOfLog("LIKE 'a%'\n"), "");
  EXPECT_EQ(PercentOfLog("%"), "");
  EXPECT_EQ(PercentOfLog(""), "");
}

TEST(BackupInfo, SchedulesSayWhatBecameOfTheLastMoment) {
  const Json cluster = testing::ClusterWithBackups();
  const std::int64_t now = *ParseWall("2026-11-21T22:30:00Z");
  const auto without = SchedulesOf(cluster, {}, now);
  ASSERT_EQ(without.size(), 2U);
  EXPECT_EQ(without[0].name, "repo1-full");
  EXPECT_EQ(without[0].result, "run");
  EXPECT_EQ(NextText(without[0]), "2026-11-22 01:00:00");
  EXPECT_EQ(NextText(without[1]), "2026-11-22 00:00:00") << "of its cron, without a status";
  EXPECT_EQ(LastText(without[1]), "-");
  Json job = testing::ScheduledJob("full", "2026-11-21T01:00:00Z");
  EXPECT_EQ(SchedulesOf(cluster, {job}, now)[0].result, "under way");
  job["status"] = JsonLiteral(R"({"conditions":[{"type":"Failed","status":"True"}]})");
  EXPECT_EQ(SchedulesOf(cluster, {job}, now)[0].result, "failed");
  const Json other = testing::ScheduledJob("full", "2026-11-20T01:00:00Z");
  EXPECT_EQ(SchedulesOf(cluster, {other}, now)[0].result, "run");
}

TEST(BackupInfo, AScheduleThatIsNoCronTextIsShownWithWhatIsWrong) {
  Json cluster = testing::ClusterWithBackups();
  cluster["spec"]["backups"]["pgbackrest"]["repos"][0]["schedules"]["full"] = "0 25 * * *";
  const auto lines = SchedulesOf(cluster, {}, 0);
  EXPECT_THAT(NextText(lines[0]), HasSubstr("never: "));
  EXPECT_THAT(NextText(lines[0]), HasSubstr("hour"));
  EXPECT_EQ(LastText(lines[0]), "-") << "the status speaks of another cron text";
}

TEST(BackupInfo, TheLineOfShowClusterComesFromTheStatus) {
  Json cluster = testing::ClusterWithBackups();
  EXPECT_EQ(
      BackupsLine(cluster),
      "\tbackups : last known 2026-11-21 22:20:05 UTC (by hand), next 2026-11-22 01:00:00 UTC "
      "(repo1-full), repository host hippo-repo-host-0 (ready)\n");
  cluster.erase("status");
  EXPECT_EQ(BackupsLine(cluster),
            "\tbackups : none yet, no schedule, repository host hippo-repo-host-0 (not ready)\n");
  cluster["spec"].erase("backups");
  EXPECT_EQ(BackupsLine(cluster), "");
}

}  // namespace
}  // namespace pgo::cli
