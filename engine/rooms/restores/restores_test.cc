#include "engine/rooms/restores/restores.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/pgbackrest/target.h"
#include "engine/rooms/restores/scripts.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::restores {
namespace {

std::string Refused(const std::vector<std::string>& words) {
  const auto target = pgbackrest::ReadTarget(words);
  return target ? "" : target.error().message;
}

TEST(RestoreTarget, MomentsAreReadAsPgBackRestReadsThem) {
  const auto at = [](const std::string& text) {
    const auto target = pgbackrest::ReadTarget({"--type=time", "--target=" + text});
    return target ? target->time_us : -1;
  };
  const std::int64_t wanted = 1'795'300'596 * kSecond;
  EXPECT_EQ(at("2026-11-21 22:36:36+00"), wanted);
  EXPECT_EQ(at("2026-11-21 23:36:36+01"), wanted);
  EXPECT_EQ(at("2026-11-22 04:06:36+05:30"), wanted);
  EXPECT_EQ(at("2026-11-21 19:06:36-0330"), wanted);
  EXPECT_EQ(at("2026-11-21 22:36:36.25+00"), wanted + kSecond / 4);
  for (const char* wrong :
       {"", "yesterday", "2026-11-21", "2026-11-21 22:36", "2026-11-21 22:36:36",
        "2026-13-21 22:36:36+00", "2026-02-30 22:36:36+00", "2026-11-21 24:36:36+00",
        "2026-11-21 22:36:36+", "2026-11-21 22:36:36+00x", "2026-11-21T22:36:36Z"}) {
    EXPECT_EQ(at(wrong), -1) << wrong;
  }
}

TEST(RestoreTarget, EachTypeNamesWhatItWants) {
  EXPECT_EQ(Refused({}), "");
  EXPECT_EQ(Refused({"--type=immediate", "--set=20261121-214701F"}), "");
  EXPECT_EQ(Refused({"--type=lsn", "--target=0/2D0188E0"}), "");
  EXPECT_EQ(Refused({"--type=xid", "--target=742"}), "");
  EXPECT_EQ(Refused({"--type=name", "--target=before-upgrade"}), "");
  EXPECT_NE(Refused({"--type=xid", "--target=x"}).find("number of a transaction"),
            std::string::npos);
  EXPECT_NE(Refused({"--type=name"}).find("write --target=NAME"), std::string::npos);
  EXPECT_NE(Refused({"--type=standby"}).find("must be one of default"), std::string::npos);
  EXPECT_NE(Refused({"--target=742"}).find("needs a type"), std::string::npos);
}

// What the scripts that the Jobs run are made of is at least shell and Python.
TEST(RestoreScripts, AreShellThatParses) {
  for (const auto& script : {RestoreScript(), ClearScript(), SafetyScript()}) {
    const std::string command = "bash -n <<'END_OF_SCRIPT'\n" + script + "\nEND_OF_SCRIPT";
    EXPECT_EQ(std::system(command.c_str()), 0);  // NOLINT(cert-env33-c)
  }
  const std::string python = "python3 -c 'import ast,sys; ast.parse(sys.stdin.read())' <<'END'\n" +
                             CheckScript() + "\nEND";
  EXPECT_EQ(std::system(python.c_str()), 0);  // NOLINT(cert-env33-c)
}

// The script looks at what a pgBackRest says that is played here.
std::string Checked(const std::string& backups, const std::string& arguments) {
  const std::string command =
      "set -e; d=$(mktemp -d); printf '#!/bin/bash\\ncat %s\\n' \"$d/info\" >\"$d/pgbackrest\"; "
      "chmod +x \"$d/pgbackrest\"; cat >\"$d/info\" <<'END'\n[{\"status\": {\"code\": 0, "
      "\"message\": \"ok\"}, \"backup\": " +
      backups + "}]\nEND\nPATH=\"$d:$PATH\" python3 -Ic \"$CHECK\" " + arguments + "; rm -r \"$d\"";
  setenv("CHECK", CheckScript().c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  setenv("PLAY", command.c_str(), 1);         // NOLINT(concurrency-mt-unsafe)
  FILE* pipe = popen("bash -c 'eval \"$PLAY\"'", "r");
  std::string out;
  for (char c = 0; pipe != nullptr && std::fread(&c, 1, 1, pipe) == 1;) out.push_back(c);
  if (pipe != nullptr) pclose(pipe);
  const auto json = ParseJson(out);
  return json ? GetString(*json, {"chosen"}, "none") : out;
}

TEST(RestoreScripts, TheNewestBackupThatEndsBeforeTheTargetIsFound) {
  const std::string two =
      R"([{"label": "a", "error": false, "timestamp": {"stop": 100}, "lsn": {"stop": "0/100"}},
          {"label": "b", "error": false, "timestamp": {"stop": 200}, "lsn": {"stop": "0/200"}},
          {"label": "broken", "error": true, "timestamp": {"stop": 150}, "lsn": {"stop": "0/150"}}])";
  EXPECT_EQ(Checked(two, "1 default '' ''"), "b");
  EXPECT_EQ(Checked(two, "1 time 201 ''"), "b");
  EXPECT_EQ(Checked(two, "1 time 200 ''"), "a") << "it must end before the target";
  EXPECT_EQ(Checked(two, "1 time 100 ''"), "");
  EXPECT_EQ(Checked(two, "1 lsn 511 ''"), "a");
  EXPECT_EQ(Checked(two, "1 default '' a"), "a");
  EXPECT_EQ(Checked(two, "1 default '' broken"), "");
  EXPECT_EQ(Checked("[]", "1 default '' ''"), "");
}

// Of a stopped cluster no instance may run, whatever the place says, or does not say any more.
TEST(RestorePlace, SaysWhoMayRun) {
  testing::ClusterBuilder builder;
  const auto place = [&](const char* step) {
    Json intent = JsonLiteral(R"({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {
      "name": "hippo-intent", "namespace": "postgres"}, "data": {"operation": "Restore",
      "id": "one", "instance": "a", "others": "[\"b\", \"c\"]", "cleared": "[\"b\"]"}})");
    Put(intent, {"metadata", "labels", "postgres-operator.crunchydata.com/cluster"}, "hippo");
    intent["data"]["step"] = step;
    builder.Observe(std::move(intent));
    const auto view = builder.View();
    std::string out;
    for (const char* name : {"a", "b", "c", "new"}) {
      if (view.MayRun(name)) out += std::string(name) + " ";
    }
    return out;
  };
  EXPECT_EQ(place("Stopping"), "");
  EXPECT_EQ(place("Clearing"), "");
  EXPECT_EQ(place("Restoring"), "");
  EXPECT_EQ(place("Failed"), "");
  EXPECT_EQ(place("a word of a later version"), "");
  EXPECT_EQ(place("Starting"), "a ");
  EXPECT_EQ(place("Rebuilding"), "a b new ");
  EXPECT_EQ(place("Done"), "a b c new ");
  EXPECT_EQ(place("Cancelled"), "a b c new ");
  builder.Remove({"ConfigMap", "postgres", "hippo-intent"});
  EXPECT_TRUE(builder.View().MayRun("a"));
  Put(builder.manifest(), {"status", "pgbackrest", "restore", "id"}, "one");
  builder.Show();
  EXPECT_FALSE(builder.View().MayRun("a")) << "under way, and its place is lost";
}

}  // namespace
}  // namespace pgo::rooms::restores
