#include "engine/rooms/config/config.h"

#include <gtest/gtest.h>

#include "engine/patroni/config.h"
#include "engine/patroni/yaml.h"
#include "engine/pgbackrest/config.h"
#include "engine/postgres/hba.h"
#include "engine/postgres/parameters.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::config {
namespace {

TEST(Parameters, PrecedenceIsMandatoryManifestDynamicDefault) {
  const auto settings = postgres::EffectiveSettings(
      {{"Work_Mem", "8MB"}, {"ssl", "off"}, {"jit", "on"}},
      JsonLiteral(R"({"work_mem": "4MB", "max_connections": 200, "jit": false,
                      "shared_preload_libraries": "timescaledb", "nested": {}})"));
  EXPECT_EQ(settings.at("work_mem"), "8MB");
  EXPECT_EQ(settings.at("ssl"), "on");
  EXPECT_EQ(settings.at("jit"), "on");
  EXPECT_EQ(settings.at("max_connections"), "200");
  EXPECT_EQ(settings.at("shared_preload_libraries"), "pgaudit,timescaledb");
  EXPECT_EQ(settings.at("password_encryption"), "scram-sha-256");
  EXPECT_FALSE(settings.contains("nested"));
}

TEST(Rules, OursComeFirstAndTheDefaultOnlyAlone) {
  const Json none;
  EXPECT_EQ(postgres::EffectiveRules(none, none).back(), "hostssl all all all scram-sha-256");
  const auto rules =
      postgres::EffectiveRules(JsonLiteral(R"([{"hba": "hostnossl all all all reject"},
                      {"connection": "hostssl", "databases": ["a\"b", "all"], "method": "cert",
                       "options": {"map": "x y"}}, 7, {"connection": "host"}])"),
                               JsonLiteral(R"(["local all all peer"])"));
  ASSERT_EQ(rules.size(), 7U);
  EXPECT_EQ(rules[0], "local all \"postgres\" peer");
  EXPECT_EQ(rules[5], "hostssl \"a\"\"b\",\"all\" all all cert map=\"x y\"");
  EXPECT_EQ(rules[6], "local all all peer");
}

TEST(Yaml, StringsNeverTurnIntoSomethingElse) {
  EXPECT_EQ(patroni::ToYaml(JsonLiteral(R"({"a": {"on": "off"}, "b": [1, {"c": []}], "d": {}})")),
            "a:\n  \"on\": \"off\"\nb:\n  - 1\n  -\n    c: []\nd: {}\n");
}

TEST(Patroni, LoopAndRetriesFitTheLease) {
  for (const std::int64_t ttl : {20, 30, 60}) {
    for (const std::int64_t loop : {1, 3, 10}) {
      patroni::Settings s;
      s.ttl_s = ttl;
      s.loop_wait_s = loop;
      const Json config = patroni::DynamicConfiguration(s);
      EXPECT_LE(loop + 2 * GetInt(config, {"retry_timeout"}), ttl);
    }
  }
}

TEST(Config, ALivingClusterIsReconfiguredOnceAndKeepsItsPause) {
  testing::ClusterBuilder builder;
  EXPECT_TRUE(PlanConfig(builder.View()).proposals.empty());
  builder.Bootstrapped(R"({"pause": true, "ttl": 30})");
  const Plan plan = PlanConfig(builder.View());
  ASSERT_EQ(plan.proposals.size(), 1U);
  const auto& patch = std::get<Patch>(plan.proposals[0].command);
  EXPECT_FALSE(patch.rv.empty());
  EXPECT_FALSE(patch.uid.empty());
  const std::string text = GetString(patch.patch, {"metadata", "annotations", "config"});
  EXPECT_TRUE(GetBool(ParseJson(text).value_or(Json()), {"pause"}));
  builder.Bootstrapped(text);
  EXPECT_TRUE(PlanConfig(builder.View()).proposals.empty());
  builder.manifest()["spec"]["patroni"]["dynamicConfiguration"]["synchronous_mode"] = true;
  builder.Show();
  EXPECT_EQ(PlanConfig(builder.View()).proposals.size(), 1U);
}

TEST(Config, GarbageInTheAnnotationIsLeftAlone) {
  testing::ClusterBuilder builder;
  for (const char* text : {"", "{", "[]", "7"}) {
    builder.Bootstrapped(text);
    EXPECT_TRUE(PlanConfig(builder.View()).proposals.empty()) << text;
  }
}

// Patroni splits the command as a shell does; quotes of the options must come through unharmed.
TEST(Config, TheRestoreOfACopyIsOneCommandWhateverIsInItsOptions) {
  const std::string command = pgbackrest::CloneCommand(
      {.repository = "2",
       .options = {"--type=time", "--target=\"2026-11-21 22:36:36+00\"", "--set='a b'; touch /x"}},
      17, "/pgdata/pg17_wal");
  const std::string script =
      "import os, shlex\n"
      "words = shlex.split(os.environ['COMMAND'])\n"
      "assert words[:2] == ['bash', '-ceu'] and len(words) == 3, words\n"
      "inner = shlex.split(words[2])\n"
      "assert '--target=2026-11-21 22:36:36+00' in inner, inner\n"
      "assert '--set=a b;' in inner and '--target-action=promote;' in inner, inner\n"
      "assert '--repo2-host-cert-file=/etc/pgbackrest/server/client-tls.crt' in inner, inner\n";
  ::setenv("COMMAND", command.c_str(), 1);
  const std::string run = "python3 - <<'END_OF_SCRIPT'\n" + script + "END_OF_SCRIPT";
  EXPECT_EQ(std::system(run.c_str()), 0);  // NOLINT(cert-env33-c)
}

// Keys of a store name their files by where they lie in the source's pods.
TEST(Config, ACopyReadsItsSourcesKeysWithThePathsPutRight) {
  std::string command = pgbackrest::CloneCommand(
      {.repository = "1", .stanza = "old", .on_host = false, .keys = true}, 17, "/pgdata/pg17_wal");
  EXPECT_EQ(command.find("-host-"), std::string::npos) << command;
  const std::string script = R"python(
import os, subprocess, shlex, sys, tempfile
with tempfile.TemporaryDirectory() as place:
    command = os.environ["COMMAND"]
    for old in ("/etc/pgbackrest", "/dev/shm", "/pgdata"):
        command = command.replace(old, place + old)
    for folder in ("/etc/pgbackrest/server", "/etc/pgbackrest/source", "/dev/shm", "/bin"):
        os.makedirs(place + folder)
    own = place + "/etc/pgbackrest/conf.d/"
    texts = {"server/source.conf": "repo1-path = /p\n", "source/a b.conf": f"k={own}ca.crt\nl={own}x y",
             "source/ca.crt": f"{own}"}
    for name, text in texts.items():
        with open(f"{place}/etc/pgbackrest/{name}", "w") as f:
            f.write(text)
    with open(place + "/bin/pgbackrest", "w") as f:
        f.write("#!/bin/sh\nprintf '%s\\n' \"$@\"\numask\n")
    os.chmod(place + "/bin/pgbackrest", 0o755)
    run = subprocess.run(shlex.split(command), capture_output=True, text=True, umask=0o022,
                         env={"PATH": place + "/bin:" + os.environ["PATH"]})
    assert run.returncode == 0, run
    copied = place + "/dev/shm/pgbackrest-source"
    for word in ("--config=" + copied + "/source.conf", "--config-include-path=" + copied + "/conf.d",
                 "--stanza=old", "0022"):
        assert word in run.stdout.split("\n"), (word, run.stdout)
    assert sorted(os.listdir(copied + "/conf.d")) == ["a b.conf"]
    keys = place + "/etc/pgbackrest/source/"
    assert open(copied + "/conf.d/a b.conf").read() == f"k={keys}ca.crt\nl={keys}x y\n"
    assert open(copied + "/source.conf").read() == "repo1-path = /p\n"
    for path in (copied, copied + "/conf.d/a b.conf"):
        assert os.stat(path).st_mode & 0o077 == 0, path
)python";
  ::setenv("COMMAND", command.c_str(), 1);
  const std::string run = "python3 - <<'END_OF_SCRIPT'\n" + script + "END_OF_SCRIPT";
  EXPECT_EQ(std::system(run.c_str()), 0);  // NOLINT(cert-env33-c)
}

TEST(Config, AStanzasNameIsNoScript) {
  for (const char* stanza : {"a; b", "a'b", "$(b)", "", "-b"}) {
    const auto command =
        pgbackrest::CloneCommand({.repository = "1", .stanza = stanza}, 17, "/pgdata/pg17_wal");
    EXPECT_NE(command.find("--stanza=none"), std::string::npos) << command;
  }
}

TEST(Config, ABucketsConfigurationIsWhatTheManifestSaysOfIt) {
  testing::ClusterBuilder builder;
  Put(builder.manifest(), {"spec", "dataSource", "pgbackrest"}, JsonLiteral(R"({
    "stanza": "db", "global": {"repo2-path": "/mine", "repo2-s3-uri-style": "path\nrepo2-x=y"},
    "repo": {"name": "repo2", "s3": {"bucket": "b", "endpoint": "e", "region": "r"}}})"));
  builder.Show();
  const Plan plan = PlanConfig(builder.View());
  EXPECT_EQ(GetString(plan.objects[0].object, {"data", "pgbackrest_source.conf"}),
            "# Generated by postgres-operator. DO NOT EDIT.\n\n[global]\nrepo2-path = /mine\n"
            "repo2-s3-bucket = b\nrepo2-s3-endpoint = e\nrepo2-s3-region = r\n"
            "repo2-s3-uri-style = path repo2-x=y\nrepo2-type = s3\n");
  EXPECT_NE(GetString(plan.objects[1].object, {"data", "patroni.yaml"}).find("--repo=2"),
            std::string::npos);
}

}  // namespace
}  // namespace pgo::rooms::config
