// The definition and its samples, as pgo-local's API server and the engine take them.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "adapters/local/store/schema.h"
#include "engine/cluster/spec.h"

namespace pgo {
namespace {

Json FromYaml(const YAML::Node& node) {
  if (node.IsMap()) {
    Json out = Json::object();
    for (const auto& entry : node) out[entry.first.as<std::string>()] = FromYaml(entry.second);
    return out;
  }
  if (node.IsSequence()) {
    Json out = Json::array();
    for (const auto& item : node) out.push_back(FromYaml(item));
    return out;
  }
  if (!node.IsScalar()) return nullptr;
  const auto plain = node.Tag() == "!" ? std::nullopt : ParseJson(node.Scalar());
  return plain ? *plain : Json(node.Scalar());
}

const Json& Schema(const std::string& version) {
  static const Json definition = FromYaml(YAML::LoadFile("crds/postgrescluster.yaml"));
  static const Json none;
  for (const Json& v : GetArray(definition, {"spec", "versions"})) {
    if (GetString(v, {"name"}) == version) return GetObject(v, {"schema", "openAPIV3Schema"});
  }
  return none;
}

Json Sample(const std::string& name) { return FromYaml(YAML::LoadFile("crds/samples/" + name)); }

std::string Errors(const Json& object) {
  std::string out;
  for (const auto& e : local::Validate(object, Schema("v1beta1")))
    out += e.field + ": " + e.message + "\n";
  return out;
}

TEST(Definition, TakesTheSamplesAndKeepsWhatItDoesNotName) {
  for (const char* name : {"minimal.yaml", "hippo.yaml", "production.yaml", "standby.yaml"}) {
    for (const char* version : {"v1beta1", "v1"}) {
      const Json written = Sample(name);
      Json object = written;
      EXPECT_EQ(local::Prune(object, Schema(version)), std::vector<std::string>{}) << name;
      EXPECT_EQ(object, written);
    }
    EXPECT_EQ(Errors(Sample(name)), "") << name;
  }
}

TEST(Definition, DefaultsAreTheEngines) {
  const Json written = Sample("minimal.yaml");
  Json object = written;
  local::SetDefaults(object, Schema("v1beta1"));
  EXPECT_NE(object, written);
  cluster::Spec with = cluster::ParseSpec(object).spec, without = cluster::ParseSpec(written).spec;
  for (auto* spec : {&with, &without}) spec->instances[0].raw = nullptr;
  EXPECT_EQ(with, without);
}

TEST(Definition, SamplesMeanWhatTheySay) {
  const auto minimal = cluster::ParseSpec(Sample("minimal.yaml"));
  EXPECT_TRUE(minimal.problems.empty());
  EXPECT_TRUE(minimal.not_implemented.empty());
  for (const char* name : {"production.yaml", "standby.yaml"}) {
    EXPECT_TRUE(cluster::ParseSpec(Sample(name)).problems.empty()) << name;
    EXPECT_TRUE(cluster::ParseSpec(Sample(name)).unknown.empty()) << name;
  }
  const auto hippo = cluster::ParseSpec(Sample("hippo.yaml"));
  EXPECT_TRUE(hippo.problems.empty());
  EXPECT_EQ(hippo.not_implemented, (std::vector<std::string>{"spec.proxy"}));
  EXPECT_EQ(hippo.spec.instances[0].replicas, 3);
  EXPECT_TRUE(hippo.spec.synchronous_mode);
  EXPECT_EQ(hippo.spec.config_parameters.count("work_mem"), 1U);
}

// What keywords say, the engine says too: neither lets pass what the other refuses.
TEST(Definition, KeywordsAndNativeRulesAgree) {
  struct Change {
    const char* pointer;
    const char* value;
  };
  for (const Change& c : std::vector<Change>{
           {"/spec/postgresVersion", "10"},
           {"/spec/postgresVersion", "\"17\""},
           {"/spec/port", "80"},
           {"/spec/imagePullPolicy", "\"Sometimes\""},
           {"/spec/paused", "\"yes\""},
           {"/spec/supplementalGroups", "[0]"},
           {"/spec/instances", "[]"},
           {"/spec/instances/0/name", "\"-a\""},
           {"/spec/instances/0/replicas", "0"},
           {"/spec/instances/0/minAvailable", "true"},
           {"/spec/instances/0/tolerations", "{}"},
           {"/spec/users", R"([{"name": "A"}])"},
           {"/spec/users", R"([{"databases": ["a"]}])"},
           {"/spec/users", R"([{"name": "a", "options": "a;b"}])"},
           {"/spec/users", R"([{"name": "a", "databases": ["b", "b"]}])"},
           {"/spec/users", R"([{"name": "a", "password": {"type": "hex"}}])"},
           {"/spec/config", R"({"parameters": {"a": 1.5}})"},
           {"/spec/config", R"({"parameters": {"a": true}})"},
           {"/spec/authentication", R"({"rules": [{"hba": ""}]})"},
           {"/spec/service", R"({"type": "ExternalName"})"},
           {"/spec/patroni", R"({"leaderLeaseDurationSeconds": 2})"},
           {"/spec/patroni", R"({"switchover": {}})"},
           {"/spec/failover", R"({"async": "Sometimes"})"},
       }) {
    Json object = Sample("minimal.yaml");
    object[Json::json_pointer(c.pointer)] = JsonLiteral(c.value);
    EXPECT_NE(Errors(object), "") << c.pointer << " " << c.value;
    EXPECT_FALSE(cluster::ValidateCluster(object).empty()) << c.pointer << " " << c.value;
  }
}

}  // namespace
}  // namespace pgo
