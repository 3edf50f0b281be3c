#include "adapters/cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgo::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
T Parsed(const std::vector<std::string>& words, Common* common = nullptr) {
  auto arguments = ParseArguments("pgo", words);
  EXPECT_TRUE(arguments) << arguments.error().text;
  if (!arguments || !std::holds_alternative<T>(arguments->command)) {
    ADD_FAILURE() << "another verb was understood";
    return T{};
  }
  if (common != nullptr) *common = arguments->common;
  return std::get<T>(arguments->command);
}

Ending Refused(const std::vector<std::string>& words) {
  auto arguments = ParseArguments("pgo", words);
  EXPECT_FALSE(arguments);
  return arguments ? Ending{} : arguments.error();
}

TEST(ArgumentsTest, TheVersionIsAFlagToo) {
  const Ending ending = Refused({"--version"});
  EXPECT_EQ(ending.status, 0);
  EXPECT_THAT(ending.text, HasSubstr("pgo client version 0."));
}

TEST(ArgumentsTest, CreateClusterTakesTheFlagsOf47) {
  Common common;
  const auto o = Parsed<CreateCluster>(
      {"create", "cluster", "hippo", "--replica-count=2", "--sync-replication", "-d", "shop", "-u",
       "app", "--storage-config=fast", "--label=a=1,b=2", "--no-wait", "-n", "pg", "-o", "json"},
      &common);
  EXPECT_EQ(o.name, "hippo");
  EXPECT_EQ(o.replica_count, 2);
  EXPECT_TRUE(o.sync_replication);
  EXPECT_EQ(o.database, "shop");
  EXPECT_EQ(o.username, "app");
  EXPECT_EQ(o.storage_class, "fast");
  EXPECT_THAT(o.labels, ElementsAre("a=1", "b=2"));
  EXPECT_FALSE(o.wait);
  EXPECT_EQ(common.ns, "pg");
  EXPECT_EQ(common.output, "json");
}

TEST(ArgumentsTest, ABundleMayStandWhereTheClusterDoes) {
  EXPECT_EQ(Parsed<Why>({"why", "x.pgoj"}).bundle, "x.pgoj");
  EXPECT_EQ(Parsed<Why>({"why", "x.pgoj"}).cluster, "");
  const auto history = Parsed<History>({"history", "hippo", "--bundle=x.pgoj", "--kind=a,b"});
  EXPECT_EQ(history.cluster, "hippo");
  EXPECT_THAT(history.kinds, ElementsAre("a", "b"));
  EXPECT_TRUE(Parsed<Replay>({"replay", "--verify", "x.pgoj"}).verify);
  EXPECT_EQ(Parsed<IncidentExport>({"incident", "export", "hippo", "-o", "f"}).file, "f");
}

TEST(ArgumentsTest, BackupsAreAskedForAsIn47) {
  const auto backup = Parsed<TakeBackup>({"backup", "hippo", "--backup-type=pgbackrest",
                                          "--backup-opts=--type=full --start-fast",
                                          "--pgbackrest-storage-type=posix"});
  EXPECT_THAT(backup.names, ElementsAre("hippo"));
  EXPECT_EQ(backup.options, "--type=full --start-fast");
  EXPECT_EQ(backup.storage_type, "posix");
  const auto schedule =
      Parsed<CreateSchedule>({"create", "schedule", "hippo", "--schedule=0 1 * * *",
                              "--schedule-type=pgbackrest", "--pgbackrest-backup-type=incr"});
  EXPECT_EQ(schedule.schedule, "0 1 * * *");
  EXPECT_EQ(schedule.backup_type, "incr");
  EXPECT_THAT(Refused({"backup", "hippo", "--backup-type=pgdump"}).text,
              HasSubstr("must be one of: pgbackrest"));
  EXPECT_THAT(Refused({"delete", "schedule", "hippo", "--schedule-name=repo5-full"}).text,
              HasSubstr("must be one of: repo1-full, "));
}

TEST(ArgumentsTest, RestoresAreAskedForAsIn47) {
  const auto restore = Parsed<RestoreCluster>(
      {"restore", "hippo", "--pitr-target=2026-11-21 22:36:36+00", "--backup-opts=--type=time",
       "--backup-type=pgbackrest", "--pgbackrest-storage-type=s3", "--no-prompt", "--no-wait"});
  EXPECT_EQ(restore.cluster, "hippo");
  EXPECT_EQ(restore.pitr_target, "2026-11-21 22:36:36+00");
  EXPECT_EQ(restore.options, "--type=time");
  EXPECT_TRUE(restore.no_prompt);
  EXPECT_FALSE(restore.wait);
  EXPECT_THAT(Refused({"restore", "hippo", "--repo-name=repo7"}).text,
              HasSubstr("must be one of: repo1"));
}

TEST(ArgumentsTest, HelpOfEveryVerbHasExamplesAndEndsWell) {
  for (const VerbWords& verb : Verbs()) {
    std::vector<std::string> words{verb.path.substr(0, verb.path.find(' '))};
    if (verb.path.find(' ') != std::string::npos)
      words.push_back(verb.path.substr(verb.path.find(' ') + 1));
    words.emplace_back("--help");
    const Ending ending = Refused(words);
    EXPECT_EQ(ending.status, 0) << verb.path;
    EXPECT_THAT(ending.text, HasSubstr("Examples:\n  ")) << verb.path;
    EXPECT_THAT(ending.text, HasSubstr("Usage: pgo " + verb.path)) << verb.path;
  }
}

TEST(ArgumentsTest, WrongUseSaysWhatAndHowAndEndsWithTwo) {
  const Ending range = Refused({"create", "cluster", "hippo", "--replica-count=-1"});
  EXPECT_EQ(range.status, 2);
  EXPECT_EQ(
      range.text,
      "pgo: --replica-count: \"-1\": must be 0 to 99; write for example 2; see `pgo create cluster "
      "--help`\n");
  EXPECT_THAT(Refused({"versio"}).text, HasSubstr("did you mean `version`?"));
  EXPECT_THAT(Refused({"-n", "pg", "--context=c", "versio"}).text, HasSubstr("did you mean"));
  EXPECT_THAT(Refused({"create", "clutser", "x"}).text, HasSubstr("did you mean `cluster`?"));
  EXPECT_THAT(Refused({"upgrade", "hippo"}).text, HasSubstr("is not in this version yet"));
  EXPECT_THAT(Refused({"create", "cluster"}).text, HasSubstr("name is required"));
  EXPECT_THAT(Refused({"show", "cluster", "-o", "xml"}).text,
              HasSubstr("\"xml\": must be one of: json, yaml, table, wide, text"));
  EXPECT_EQ(Refused({}).status, 2);
}

TEST(ArgumentsTest, AsAPluginItCallsItselfSo) {
  const auto refused = ParseArguments("kubectl pgo", {"why", "--nonsense"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("see `kubectl pgo why --help`"));
}

}  // namespace
}  // namespace pgo::cli
