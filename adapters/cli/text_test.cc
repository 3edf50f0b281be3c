// Manifests, documents, times, tables, refusals, what changed in an object.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/cli/documents.h"
#include "adapters/cli/facts.h"
#include "adapters/cli/manifest.h"
#include "adapters/cli/operator_client.h"
#include "adapters/cli/output.h"
#include "adapters/cli/refusal.h"
#include "adapters/cli/testing/incidents.h"
#include "adapters/cli/when.h"

namespace pgo::cli {
namespace {

using ::testing::HasSubstr;

CreateCluster Hippo() {
  CreateCluster options;
  options.name = "hippo";
  return options;
}

TEST(ManifestTest, ReplicaCountComesOnTopOfThePrimary) {
  CreateCluster options = Hippo();
  options.replica_count = 2;
  options.sync_replication = true;
  options.labels = {"team=a"};
  const auto manifest = ManifestOf(options, "pg");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(GetInt(GetArray(*manifest, {"spec", "instances"})[0], {"replicas"}), 3);
  EXPECT_TRUE(GetBool(*manifest, {"spec", "patroni", "dynamicConfiguration", "synchronous_mode"}));
  EXPECT_EQ(GetString(*manifest, {"spec", "metadata", "labels", "team"}), "a");
  EXPECT_EQ(Find(*manifest, {"spec", "users"}), nullptr);
}

TEST(TextTest, CreateClusterKeepsBackupsAndBeginsFromOnes) {
  CreateCluster options;
  options.name = "rhino";
  const auto repos = [&] {
    return GetArray(*ManifestOf(options, "pg"), {"spec", "backups", "pgbackrest", "repos"});
  };
  EXPECT_TRUE(repos().empty());
  options.backup_storage = "posix";
  const Path size{"volume", "volumeClaimSpec", "resources", "requests", "storage"};
  EXPECT_EQ(GetString(repos().front(), size), "1Gi");
  options.backup_size = "20Gi";
  EXPECT_EQ(GetString(repos().front(), size), "20Gi");
  options.restore_from = "hippo";
  options.restore_options = "--type=time --target=\"2026-05-04 03:12+00\"";
  const auto manifest = ManifestOf(options, "pg");
  const Json& source = GetObject(*manifest, {"spec", "dataSource", "postgresCluster"});
  EXPECT_EQ(GetString(source, {"clusterName"}), "hippo");
  EXPECT_EQ(GetString(source, {"repoName"}), "repo1");
  EXPECT_EQ(AsString(GetArray(source, {"options"}).front()), options.restore_options);
  options.backup_storage = "s3";
  EXPECT_THAT(ManifestOf(options, "pg").error().message, HasSubstr("must be posix"));
}

TEST(ManifestTest, OldImageTagsGiveTheMajorVersion) {
  CreateCluster options = Hippo();
  options.ccp_image_tag = "centos8-13.5-4.7.4";
  EXPECT_EQ(GetInt(*ManifestOf(options, "pg"), {"spec", "postgresVersion"}), 13);
  options.ccp_image_tag = "latest";
  EXPECT_THAT(
      ManifestOf(options, "pg").error().message,
      HasSubstr("--ccp-image-tag: \"latest\": must hold a PostgreSQL version; write it as"));
}

TEST(ManifestTest, WrongValuesAreRefusedBeforeAnythingIsSent) {
  CreateCluster options = Hippo();
  options.name = "Hippo";
  EXPECT_THAT(ManifestOf(options, "pg").error().message, HasSubstr("NAME: \"Hippo\": must be"));
  options = Hippo();
  options.labels = {"team"};
  EXPECT_THAT(ManifestOf(options, "pg").error().message, HasSubstr("must be key=value"));
  options = Hippo();
  options.name = std::string(50, 'a');
  EXPECT_THAT(ManifestOf(options, "pg").error().message, HasSubstr("46 characters"));
}

TEST(DocumentsTest, YamlJsonListsAndSeveralDocuments) {
  const auto yaml = ReadDocuments("kind: A\n---\n\n---\nkind: B\nn: 1\ns: \"1\"\nt: 1Gi\n", "f");
  ASSERT_TRUE(yaml);
  ASSERT_EQ(yaml->size(), 2u);
  EXPECT_EQ(DumpJson((*yaml)[1]), R"({"kind":"B","n":1,"s":"1","t":"1Gi"})");
  const auto list = ReadDocuments(R"({"kind":"List","items":[{"kind":"A"},{"kind":"B"}]})", "f");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->size(), 2u);
  EXPECT_THAT(ReadDocuments("a: [1", "f.yaml").error().message, HasSubstr("f.yaml: line "));
  EXPECT_THAT(ReadDocuments("- 1", "f.yaml").error().message, HasSubstr("is no object"));
  // yaml-cpp alone would read empty documents here until memory ends.
  for (const char* text : {",", ",999,", "--- a\n--- ,"}) {
    EXPECT_THAT(ReadDocuments(text, "f.yaml").error().message, HasSubstr("nothing can begin here"));
  }
}

TEST(DocumentsTest, YamlOutAndInIsTheSame) {
  const Json json = JsonLiteral(
      R"({"a":{"b":[1,{"c":"x: y"},[]],"d":"true","e":"1e3","f":"","g":null,"h":"line\nline","i":{}}})");
  const auto back = ReadDocuments(YamlText(json), "f");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->at(0), json) << YamlText(json);
}

TEST(WhenTest, TimesAsPeopleWriteThem) {
  const std::int64_t now = *ParseWall("2026-05-04T12:00:00Z");
  const auto when = [&](const std::string& text) {
    auto at = ParseWhen("--since", text, now);
    return at ? WallText(*at) : at.error().message;
  };
  EXPECT_EQ(when("2026-05-04 03:12:05.118"), "2026-05-04T03:12:05.118Z");
  EXPECT_EQ(when("2026-05-04T03:12:05Z"), "2026-05-04T03:12:05.000Z");
  EXPECT_EQ(when("2026-05-04 03:12"), "2026-05-04T03:12:00.000Z");
  EXPECT_EQ(when("2026-01-01"), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(when("03:12"), "2026-05-04T03:12:00.000Z");
  EXPECT_EQ(when("13:00"), "2026-05-03T13:00:00.000Z");
  EXPECT_EQ(when("2h"), "2026-05-04T10:00:00.000Z");
  for (const char* wrong : {"", "x", "25:00", "2026-13-01", "3w", "-1h", "2026-05-04X03:12"}) {
    EXPECT_THAT(when(wrong), HasSubstr("--since: \"" + std::string(wrong) + "\": must be"))
        << wrong;
  }
}

TEST(OutputTest, ColumnsAreAlignedByCharacters) {
  Table table({"A", "B"});
  table.Row({"é→", "x"});
  table.Row({"long", "y"});
  EXPECT_EQ(table.Text(), "A     B\né→    x\nlong  y\n");
  EXPECT_EQ(DurationText(31'000), "0.031 s");
  EXPECT_EQ(DurationText(5'800'000), "5.8 s");
  EXPECT_EQ(DurationText(252 * kSecond), "4 m 12 s");
  EXPECT_EQ(Grouped(1234567), "1,234,567");
  EXPECT_EQ(Bytes(1536), "1.5 KiB");
}

TEST(RefusalTest, FieldValueRuleAndMend) {
  const Json status = JsonLiteral(R"({"details":{"causes":[
    {"field":"spec.instances[0].replicas","message":"Invalid value: -1: must be at least 1; set it to 1 or more"},
    {"field":"spec.port","message":"Invalid value: \"a: b\": must be integer"},
    {"field":"spec.postgresVersion","message":"Required value"}]}})");
  EXPECT_EQ(RefusalText("PostgresCluster hippo", ProblemsOf(status)),
            "PostgresCluster hippo is refused: 3 fields are wrong\n"
            "  field  spec.instances[0].replicas\n  value  -1\n  rule   must be at least 1\n"
            "  mend   set it to 1 or more\n"
            "  field  spec.port\n  value  \"a: b\"\n  rule   must be integer\n"
            "  mend   correct the field and try again\n"
            "  field  spec.postgresVersion\n  value  (absent)\n  rule   Required value\n"
            "  mend   correct the field and try again");
}

TEST(FactsTest, ARenewedLockAloneIsAHeartbeat) {
  const Observed lock{{"Endpoints", "pg", "hippo-ha"},
                      "u",
                      "2",
                      testing::Annotated({{"leader", "a"}, {"renewTime", "2"}})};
  const Json before = testing::Annotated({{"leader", "a"}, {"renewTime", "1"}});
  EXPECT_TRUE(Describe(lock, &before).heartbeat);
  const Json other = testing::Annotated({{"leader", "b"}, {"renewTime", "1"}});
  EXPECT_FALSE(Describe(lock, &other).heartbeat);
  EXPECT_EQ(Describe(lock, &other).text, "Endpoints hippo-ha: leader b → a, renewTime 1 → 2");
}

TEST(FactsTest, AStoppedContainerIsToldWithItsExit) {
  const Json before = JsonLiteral(
      R"({"status":{"containerStatuses":[{"name":"database","state":{"running":{}}}]}})");
  const Observed pod{{"Pod", "pg", "p"}, "u", "2", JsonLiteral(R"({"status":{"containerStatuses":[
      {"name":"database","state":{"terminated":{"exitCode":137,"finishedAt":"2026-11-21T12:00:00Z"}}}]}})")};
  EXPECT_EQ(Describe(pod, &before).text,
            "Pod p: container database running → ended (exit 137 at 2026-11-21T12:00:00Z)");
}

TEST(FactsTest, AnyJsonIsDescribedWithoutHarm) {
  for (const char* text : {"null", "[]", "{}", "1", R"({"metadata":1,"status":[],"spec":"x"})",
                           R"({"metadata":{"annotations":{"status":"{nonsense"}}})"}) {
    for (const char* kind : {"Pod", "Node", "Endpoints", "PostgresCluster", "ConfigMap"}) {
      const Json json = JsonLiteral(text);
      EXPECT_FALSE(Describe(Observed{{kind, "n", "x"}, "u", "1", json}, &json).text.empty());
      EXPECT_FALSE(Describe(Observed{{kind, "n", "x"}, "u", "1", json}, nullptr).text.empty());
    }
  }
}

TEST(OperatorClientTest, QueriesAreEscaped) {
  EXPECT_EQ(FramesPath({{"cluster/a/b", "operator/Started"}, 3, 9}),
            "/frames?subject=cluster%2Fa%2Fb%2Coperator%2FStarted&from=3&to=9");
  EXPECT_EQ(FramesPath({}), "/frames");
  EXPECT_EQ(FramesPath({{"a"}, 0, 9, "team a"}), "/frames?namespace=team%20a&subject=a&to=9");
  EXPECT_EQ(InNamespace("/journal", "n"), "/journal?namespace=n");
  EXPECT_EQ(InNamespace("/place?seq=3", "n"), "/place?seq=3&namespace=n");
  EXPECT_EQ(InNamespace("/journal", ""), "/journal");
}

}  // namespace
}  // namespace pgo::cli
