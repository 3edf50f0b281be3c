#include "engine/cluster/spec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "engine/cluster/schema.h"
#include "engine/cluster/spec_check.h"

namespace pgo::cluster {
namespace {

Json Minimal() {
  return JsonLiteral(R"({
    "apiVersion": "postgres-operator.crunchydata.com/v1beta1", "kind": "PostgresCluster",
    "metadata": {"name": "hippo", "namespace": "ns"},
    "spec": {"postgresVersion": 17, "instances": [{"dataVolumeClaimSpec": {
      "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}})");
}

Json With(Path path, const char* value) {
  Json object = Minimal();
  Put(object, path, JsonLiteral(value));
  return object;
}

Json WithInstance(std::string_view key, const char* value) {
  Json object = Minimal();
  Put(object["spec"]["instances"][0], {key}, JsonLiteral(value));
  return object;
}

std::vector<std::string> Texts(const std::vector<FieldProblem>& problems) {
  std::vector<std::string> out;
  for (const auto& p : problems) out.push_back(p.Text());
  return out;
}

using Lines = std::vector<std::string>;

TEST(ParseSpec, MinimalManifestHasTheDocumentedDefaults) {
  const ParsedSpec parsed = ParseSpec(Minimal());
  EXPECT_EQ(Texts(parsed.problems), Lines{});
  EXPECT_EQ(parsed.not_implemented, Lines{});
  const Spec& spec = parsed.spec;
  EXPECT_EQ(spec.postgres_version, 17);
  EXPECT_EQ(spec.port, 5432);
  EXPECT_EQ(spec.patroni.lease_duration_s, 30);
  EXPECT_EQ(spec.patroni.sync_period_s, 10);
  EXPECT_EQ(spec.patroni.port, 8008);
  EXPECT_EQ(spec.maximum_lag_on_failover, 1'048'576U);
  EXPECT_FALSE(spec.synchronous_mode);
  EXPECT_FALSE(spec.failover_fastest);
  ASSERT_EQ(spec.instances.size(), 1U);
  EXPECT_EQ(spec.instances[0].name, "00");
  EXPECT_EQ(spec.instances[0].replicas, 1);
  EXPECT_TRUE(spec.instances[0].affinity.is_null());
  ASSERT_EQ(spec.users.size(), 1U);
  EXPECT_EQ(spec.users[0].name, "hippo");
  EXPECT_EQ(spec.users[0].databases, Lines{"hippo"});
  EXPECT_FALSE(spec.users_given);
}

TEST(ParseSpec, AnEmptyListOfUsersMeansNone) {
  const Spec spec = ParseSpec(With({"spec", "users"}, "[]")).spec;
  EXPECT_TRUE(spec.users_given);
  EXPECT_TRUE(spec.users.empty());
}

TEST(ParseSpec, SynchronousModeIsReadAsPatroniReadsIt) {
  for (const char* on : {"true", "\"on\"", "\"quorum\""}) {
    EXPECT_TRUE(ParseSpec(With({"spec", "patroni", "dynamicConfiguration", "synchronous_mode"}, on))
                    .spec.synchronous_mode)
        << on;
  }
  for (const char* off : {"false", "\"off\"", "null", "[]"}) {
    EXPECT_FALSE(
        ParseSpec(With({"spec", "patroni", "dynamicConfiguration", "synchronous_mode"}, off))
            .spec.synchronous_mode)
        << off;
  }
}

TEST(ParseSpec, NamesWhatItDoesNotActOnAtTheHighestPath) {
  Json object = Minimal();
  Put(object, {"spec", "backups", "pgbackrest", "repos"}, JsonLiteral(R"([{"name": "repo1"}])"));
  Put(object, {"spec", "proxy"}, JsonLiteral("{}"));
  Put(object, {"spec", "openshift"}, Json());  // null is absent
  Put(object, {"spec", "config", "files"}, JsonLiteral("[]"));
  Json& set = object["spec"]["instances"][0];
  Put(set, {"sidecars", "exporter"}, JsonLiteral("{}"));
  Put(set, {"dataVolumeClaimSpec", "autoGrow"}, JsonLiteral("{}"));
  Put(set, {"dataVolumeClaimSpec", "storageClassName"}, "fast");
  object["spec"]["instances"].push_back(set);  // the same path is named once
  EXPECT_EQ(ParseSpec(object).not_implemented, (Lines{"spec.config.files", "spec.proxy"}));
  EXPECT_EQ(ParseSpec(object).unknown, Lines{"spec.instances[].sidecars.exporter"});
}

TEST(ParseSpec, SurvivesAnyTypeInAnyPlace) {
  Json full = Minimal();
  full["spec"].update(JsonLiteral(R"({
    "port": 5432, "users": [{"name": "a", "databases": ["d"], "options": "x",
    "password": {"type": "ASCII"}}], "config": {"parameters": {"work_mem": "1MB"}},
    "authentication": {"rules": [{"connection": "host", "method": "ldap", "options": {}}]},
    "service": {"type": "ClusterIP"}, "patroni": {"port": 8008, "switchover": {"enabled": true}},
    "metadata": {"labels": {"a": "b"}}, "supplementalGroups": [1], "failover": {"async": "Fastest"}
  })"));
  const Json flat = full.flatten();
  for (const char* text : {"null", "true", "-1", "18446744073709551615", "1.5", "\"\"", "[]", "{}",
                           "[[]]", "[null]", "{\"a\": null}"}) {
    const Json odd = JsonLiteral(text);
    for (const auto& [pointer, unused] : flat.items()) {
      // Every member on the way to the leaf, too.
      for (Json::json_pointer at(pointer); !at.empty(); at = at.parent_pointer()) {
        Json object = full;
        object[at] = odd;
        const ParsedSpec parsed = ParseSpec(object);
        for (const auto& set : parsed.spec.instances) EXPECT_GE(set.replicas, 1);
        EXPECT_GE(parsed.spec.port, 1024);
        EXPECT_GE(parsed.spec.patroni.sync_period_s, 1);
      }
    }
    ParseSpec(odd);
  }
}

// crds/cases: manifests made of the smallest one by a few changes, and what is said of each.
struct Case {
  Json object;
  std::string text;  // of the only problem
};

std::vector<Case> Cases(const char* file) {
  std::ifstream in(std::string("crds/cases/") + file);
  std::vector<Case> out;
  const auto cases = ParseJson(std::string(std::istreambuf_iterator<char>(in), {}));
  for (const Json& entry : cases.value_or(Json::array())) {
    Case made{Minimal(), GetString(entry, {"says"})};
    if (GetBool(entry, {"v1"})) {
      made.object["apiVersion"] = "postgres-operator.crunchydata.com/v1";
    }
    for (const auto& [pointer, value] : GetObject(entry, {"set"}).items()) {
      made.object[Json::json_pointer(pointer)] = value;
    }
    out.push_back(std::move(made));
  }
  EXPECT_GT(out.size(), 20U) << file;
  return out;
}

TEST(ValidateCluster, EachRuleNamesFieldValueRuleAndMend) {
  for (const Case& c : Cases("refused.json")) {
    const auto problems = ValidateCluster(c.object);
    EXPECT_EQ(Texts(problems), Lines{c.text});
    for (const auto& p : problems) {
      EXPECT_EQ(p.Text().find("canary"), std::string::npos) << "a credential is repeated";
    }
  }
}

TEST(ValidateCluster, EveryRuleOfTheDefinitionHasACase) {
  std::set<std::string> seen;
  for (const Case& c : Cases("refused.json")) {
    for (const auto& p : ValidateCluster(c.object)) seen.insert(p.rule + "; " + p.mend);
  }
  for (const std::string& rule : NativeRules()) {
    EXPECT_TRUE(seen.contains(rule)) << "no case breaks: " << rule;
  }
}

TEST(ValidateCluster, WhatTheDefinitionAllowsPasses) {
  for (const Case& c : Cases("accepted.json")) {
    EXPECT_EQ(Texts(ValidateCluster(c.object)), Lines{}) << DumpJson(c.object);
  }
}

TEST(ValidateCluster, TwoSetsMayNotShareAName) {
  Json object = Minimal();
  Json second = object["spec"]["instances"][0];
  second["name"] = "00";  // what the first one is called without a name
  object["spec"]["instances"].push_back(second);
  EXPECT_EQ(Texts(ValidateCluster(object)),
            Lines{"spec.instances[1].name: 00: is there already; give each entry its own name"});
  EXPECT_EQ(ParseSpec(object).spec.instances.size(), 1U);
}

TEST(ValidateCluster, WhatWasWrongAlreadyDoesNotBlockOtherChanges) {
  const Json old = WithInstance("replicas", "0");
  Json object = old;
  Put(object, {"metadata", "finalizers"}, JsonLiteral("[]"));
  EXPECT_EQ(ValidateCluster(object, &old).size(), 0U);
  Put(object, {"spec", "paused"}, true);
  EXPECT_EQ(ValidateCluster(object, &old).size(), 0U);
  Put(object, {"spec", "port"}, 1);
  EXPECT_EQ(ValidateCluster(object, &old).size(), 1U);
  EXPECT_EQ(ParseSpec(object).problems.size(), 2U) << "but a cluster's problems are all of them";
}

TEST(Schema, EveryTypeWithRulesIsAType) {
  for (const std::string_view name : rules::TypesWithRules()) {
    const auto is = [&](const schema::TypeRow& t) { return t.name == name || t.base == name; };
    EXPECT_TRUE(std::ranges::any_of(schema::kTypes, is)) << name;
  }
}

TEST(Schema, DurationsAreSummedAndNeverOverflow) {
  EXPECT_EQ(schema::DurationMs("0"), 0);
  EXPECT_EQ(schema::DurationMs("1 min 2Secs5ms"), 62'005);
  EXPECT_EQ(schema::DurationMs("PT2days 1hr"), 49 * 3'600'000);
  EXPECT_EQ(schema::DurationMs("99999999999999999999w 1h"), INT64_MAX);
  for (const char* no : {"", "PT", "5", "m", "5m 1", "5 months", "-5m", "5m1d", "5hrs"}) {
    EXPECT_EQ(schema::DurationMs(no), -1) << no;
  }
}

}  // namespace
}  // namespace pgo::cluster
