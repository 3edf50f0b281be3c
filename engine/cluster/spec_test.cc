#include "engine/cluster/spec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

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
  EXPECT_EQ(
      ParseSpec(object).not_implemented,
      (Lines{"spec.backups", "spec.config.files", "spec.instances[].dataVolumeClaimSpec.autoGrow",
             "spec.instances[].sidecars.exporter", "spec.proxy"}));
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

struct Case {
  Json object;
  std::string text;  // of the only problem
};

const std::string kParameters = "spec.config.parameters.";
Json Parameter(const char* name, const char* value = "\"x\"") {
  return With({"spec", "config", "parameters", name}, value);
}
Json Hba(const char* rules) { return With({"spec", "authentication", "rules"}, rules); }
Json Users(const char* users) { return With({"spec", "users"}, users); }

// One object per rule, each with exactly that problem.
const std::vector<Case> kCases = {
    {WithInstance("replicas", "-1"),
     "spec.instances[0].replicas: -1: must be at least 1; set it to 1 or more"},
    {WithInstance("replicas", "\"3\""),
     "spec.instances[0].replicas: 3: must be a whole number; write it without quotes"},
    {WithInstance("name", "\"Upper\""),
     "spec.instances[0].name: Upper: must be lower-case letters, digits and -, not at either end, "
     "at most 63 characters; choose such a name"},
    {WithInstance("name", "\"a23456789012345678901234567890123456789012\""),
     "spec.instances[0].name: a23456789012345678901234567890123456789012: cluster and instance "
     "set names have at most 46 characters together; shorten one of them"},
    {WithInstance("dataVolumeClaimSpec", R"({"resources": {"requests": {"storage": "1Gi"}}})"),
     "spec.instances[0].dataVolumeClaimSpec.accessModes: an access mode is required; set "
     "accessModes: [ReadWriteOnce]"},
    {WithInstance("dataVolumeClaimSpec", R"({"accessModes": ["ReadWriteOnce"]})"),
     "spec.instances[0].dataVolumeClaimSpec.resources.requests.storage: a storage request is "
     "required; set resources.requests.storage, for example 1Gi"},
    {With({"spec", "postgresVersion"}, "10"),
     "spec.postgresVersion: 10: must be from 11 to 18; name a major version of PostgreSQL"},
    {With({"spec", "port"}, "80"),
     "spec.port: 80: must be from 1024 to 65535; choose a port in that range"},
    {With({"spec", "failover", "async"}, "\"fast\""),
     "spec.failover.async: fast: must be one of: InPlaceFirst, Fastest; choose one of them"},
    {Parameter("data_directory"),
     kParameters + "data_directory: (not shown): the operator decides where files are and how "
                   "clients connect; remove this parameter"},
    {Parameter("port", "5433"),
     kParameters + "port: (not shown): the port is a field of its own; set spec.port"},
    {Parameter("ssl_groups"),
     kParameters + "ssl_groups: (not shown): TLS is always on, with certificates of the operator; "
                   "remove this parameter"},
    {Parameter("unix_socket_group"),
     kParameters + "unix_socket_group: (not shown): the operator's own commands use the socket; "
                   "remove this parameter"},
    {Parameter("wal_level", "\"replica\""),
     kParameters + "wal_level: (not shown): wal_level must be logical; remove this parameter"},
    {Parameter("primary_conninfo", "\"password=canary\""),
     kParameters + "primary_conninfo: (not shown): Patroni decides replication and high "
                   "availability; use spec.patroni.dynamicConfiguration"},
    {Parameter("recovery_target_time"),
     kParameters + "recovery_target_time: (not shown): the operator decides how WAL is archived "
                   "and restored; remove this parameter"},
    {Parameter("logging_collector"),
     kParameters + "logging_collector: (not shown): the operator decides how logs are collected; "
                   "remove this parameter"},
    {Users(R"([{"name": "a", "options": "pAssword 'canary'"}])"),
     "spec.users[0].options: (not shown): options cannot assign a password; put it into the "
     "user's Secret, field verifier"},
    {Users(R"([{"name": "a", "options": "LOGIN -- canary"}])"),
     "spec.users[0].options: (not shown): options cannot hold comments; remove them"},
    {Users(R"([{"name": "a"}, {"name": "a"}])"),
     "spec.users[1].name: a: is there already; give each entry its own name"},
    {Users("[{}]"), "spec.users[0].name: is required; add it"},
    {Hba(R"([{"hba": "include other.conf"}])"),
     "spec.authentication.rules[0].hba: (not shown): hba cannot include files; write the included "
     "rules here"},
    {Hba(R"([{"connection": "hostssl"}])"),
     "spec.authentication.rules[0]: (not shown): either hba, or both connection and method; keep "
     "one of the two forms"},
    {Hba(R"([{"connection": "hostssl", "method": "trust"}])"),
     "spec.authentication.rules[0].method: trust: method trust would let anybody in; use "
     "scram-sha-256 or cert"},
    {Hba(R"([{"connection": "hostssl", "method": "ldap"}])"),
     "spec.authentication.rules[0].method: ldap: method ldap needs option ldapbasedn, ldapprefix "
     "or ldapsuffix; add one of them"},
    {Hba(R"([{"connection": "hostssl", "method": "ldap",
              "options": {"ldapprefix": "a", "ldapbindpasswd": "canary"}}])"),
     "spec.authentication.rules[0].method: ldap: ldapprefix and ldapsuffix exclude the options of "
     "a search: ldapbasedn, ldapbinddn, ldapbindpasswd, ldapsearchattribute, ldapsearchfilter; "
     "keep one of the two modes"},
    {Hba(R"([{"connection": "hostssl", "method": "radius"}])"),
     "spec.authentication.rules[0].method: radius: method radius needs options radiusservers and "
     "radiussecrets; add them"},
};

TEST(ValidateCluster, EachRuleNamesFieldValueRuleAndMend) {
  for (const Case& c : kCases) {
    const auto problems = ValidateCluster(c.object);
    EXPECT_EQ(Texts(problems), Lines{c.text});
    for (const auto& p : problems) {
      EXPECT_EQ(p.Text().find("canary"), std::string::npos) << "a credential is repeated";
    }
  }
}

TEST(ValidateCluster, EveryRuleOfTheDefinitionHasACase) {
  std::set<std::string> seen;
  for (const Case& c : kCases) {
    for (const auto& p : ValidateCluster(c.object)) seen.insert(p.rule + "; " + p.mend);
  }
  for (const std::string& rule : NativeRules()) {
    EXPECT_TRUE(seen.contains(rule)) << "no case breaks: " << rule;
  }
}

TEST(ValidateCluster, WhatTheDefinitionAllowsPasses) {
  for (const char* fine : {R"({"wal_level": "logical"})", R"({"ssl_ecdh_curve": "x"})",
                           R"({"max_connections": 200, "work_mem": "8MB"})"}) {
    EXPECT_EQ(Texts(ValidateCluster(With({"spec", "config", "parameters"}, fine))), Lines{});
  }
  Json eighteen = With({"spec", "config", "parameters"}, R"({"ssl_groups": "X25519"})");
  Put(eighteen, {"spec", "postgresVersion"}, 18);
  EXPECT_EQ(Texts(ValidateCluster(eighteen)), Lines{});
  EXPECT_EQ(Texts(ValidateCluster(WithInstance("minAvailable", "\"50%\""))), Lines{});
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

TEST(ValidateCluster, OnlyV1LimitsTheNumberOfSets) {
  Json object = Minimal();
  Json set = object["spec"]["instances"][0];
  for (int i = 0; i < 16; ++i) object["spec"]["instances"].push_back(set);
  EXPECT_EQ(ValidateCluster(object).size(), 0U);
  object["apiVersion"] = "postgres-operator.crunchydata.com/v1";
  EXPECT_EQ(Texts(ValidateCluster(object)),
            Lines{"spec.instances: 17: must have at most 16 entries; merge instance sets that are "
                  "alike"});
}

}  // namespace
}  // namespace pgo::cluster
