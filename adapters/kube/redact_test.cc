#include "adapters/kube/redact.h"

#include <gtest/gtest.h>

#include <fstream>

#include "adapters/kube/file.h"
#include "engine/kube/names.h"

namespace pgo::kube {
namespace {

constexpr const char* kCanary = "Tr0ub4dor-canary-9f27";

// Objects as an API server may show them, with a password wherever one can stand; CANARY is put in
// for @. What of it must still be there afterwards.
struct Case {
  const char* kind;
  const char* object;
  const char* kept;
};
constexpr Case kCases[] = {
    {"Secret", R"({"metadata":{"name":"s","annotations":{
        "kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"password\":\"@\"}}",
        "postgres-operator.crunchydata.com/recipe":"r1"},
        "managedFields":[{"manager":"kubectl","operation":"Update","time":"t","fieldsV1":{"f:@":{}}}]},
        "data":{"password":"@"},"stringData":{"password":"@"},"type":"Opaque"})",
     R"(/recipe":"r1")"},
    {"ConfigMap", R"({"metadata":{"name":"c-config","annotations":{"other":"@"}},
        "data":{"patroni.yaml":"password: @"},"binaryData":{"x":"@"}})",
     R"("patroni.yaml":"hmac:)"},
    {"ConfigMap",
     R"({"metadata":{"name":"c-intent","labels":{"postgres-operator.crunchydata.com/cluster":"c"}},
        "data":{"step":"releasing","odd":"password=@"}})",
     R"("step":"releasing")"},
    {"Pod", R"({"metadata":{"name":"p","annotations":{"vault/secret":"@",
          "status":"{\"conn_url\":\"postgres://u:@@10.0.0.1/db\",\"role\":\"primary\"}"}},
        "spec":{"nodeName":"n1","containers":[{"name":"database","image":"i","args":["@"],"command":["@"],
          "env":[{"name":"PGPASSWORD","value":"@"}],"livenessProbe":{"exec":{"command":["@"]}}}],
          "volumes":[{"name":"v","csi":{"volumeAttributes":{"x":"@"}}},
                     {"name":"d","persistentVolumeClaim":{"claimName":"c-pgdata"}}]},
        "status":{"phase":"Running","podIP":"10.1.1.1","containerStatuses":[{"name":"database",
          "state":{"terminated":{"exitCode":1,"message":"conninfo host=a password=@"}}}]}})",
     R"("claimName":"c-pgdata")"},
    {"Pod",
     R"({"metadata":{"name":"p"},"status":{"containerStatuses":[{"name":"pgbackrest","state":{
          "terminated":{"exitCode":1,"message":"recovery: FATAL: canary @ was not reached"}}}]}})",
     "was not reached"},
    {"Pod",
     R"({"metadata":{"name":"p"},"status":{"initContainerStatuses":[{"name":"postgres-startup","state":{
          "terminated":{"exitCode":0,"message":"{\"timeline\":3,\"wal\":\"data\",\"problem\":\"no space\",\"x\":\"@\"}"}}}]}})",
     R"(\"problem\":\"no space\",\"timeline\":3,\"wal\":\"data\")"},
    {"Node",
     R"({"metadata":{"name":"n1","annotations":{"x":"@"},"labels":{"secret":"@","kubernetes.io/hostname":"n1"}},
        "spec":{"podCIDR":"@","taints":[{"key":"node.kubernetes.io/out-of-service"}]},
        "status":{"nodeInfo":{"x":"@"},"conditions":[{"type":"Ready","status":"True","message":"@"}]}})",
     R"(out-of-service)"},
    {"Endpoints", R"({"metadata":{"name":"c-ha-config","annotations":{"x":"@","initialize":"7423",
        "config":"{\"postgresql\":{\"parameters\":{\"primary_conninfo\":\"@\",\"port\":5432},\"authentication\":{\"password\":\"@\"},\"url\":\"postgres://a:@@b/c\"}}"}}})",
     R"("initialize":"7423")"},
    {"PostgresCluster",
     R"({"metadata":{"name":"c","annotations":{"postgres-operator.crunchydata.com/note":"password=@"}},
        "spec":{"postgresVersion":17,
          "backups":{"pgbackrest":{"global":{"repo1-s3-key":"@","repo1-s3-key-secret":"@","repo1-cipher-pass":"@",
             "repo1-s3-token":"@","repo1-retention-full":"2"},
             "manual":{"repoName":"repo1","options":["--type=full --repo1-s3-key-secret=@"]}}},
          "dataSource":{"pgbackrest":{"stanza":"db","global":{"repo1-s3-key":"@"},
             "options":["--type=time","--repo1-cipher-pass=@"]}},
          "patroni":{"dynamicConfiguration":{"postgresql":{"parameters":{"primary_conninfo":"host=x password=@",
             "archive_command":"curl https://u:@@store/x"},"authentication":{"superuser":{"password":"@"}}}}},
          "instances":[{"containers":[{"name":"x","env":[{"name":"A","value":"@"}]}]}],
          "users":[{"name":"u","password":{"type":"ASCII"}}]}})",
     R"("password":{"type":"ASCII"})"},
    {"StatefulSet",
     R"({"metadata":{"name":"i"},"spec":{"replicas":1,"template":{"metadata":{"annotations":{"x":"@"}},
        "spec":{"containers":[{"name":"database","env":[{"name":"A","value":"@"},{"name":"B","valueFrom":
          {"secretKeyRef":{"name":"s","key":"password"}}}],"args":["@"],"command":["@"],
          "lifecycle":{"preStop":{"exec":{"command":["@"]}}},
          "readinessProbe":{"httpGet":{"path":"/","httpHeaders":[{"name":"Authorization","value":"@"}]}}}],
          "volumes":[{"name":"v","csi":{"volumeAttributes":{"x":"@"}}},{"name":"s","secret":{"secretName":"sec"}}]}}}})",
     R"("secretKeyRef":{"key":"password","name":"s"})"},
    {"Service",
     R"({"metadata":{"name":"s","annotations":{"cloud":"@"}},"spec":{"clusterIP":"10.0.0.1"}})",
     R"("clusterIP":"10.0.0.1")"},
    {"Event", R"({"metadata":{"name":"e"},"note":"@"})", R"("name":"e")"},
    {"Widget",
     R"({"apiVersion":"x/v1","metadata":{"name":"w","annotations":{"a":"@"}},"spec":{"x":"@"},"data":"@"})",
     R"("apiVersion":"x/v1")"},
};

std::string Planted(const std::string& text, const std::string& canary) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    // "@@" is the password followed by the sign of a URL.
    if (text[i] == '@' && i > 0 && text[i - 1] == '@' && text[i + 1] != '@') {
      out += '@';
    } else {
      out += text[i] == '@' ? canary : std::string(1, text[i]);
    }
  }
  return out;
}

TEST(Redact, NoPlantedPasswordComesThrough) {
  const Redactor redactor("key");
  for (const Case& c : kCases) {
    for (const std::string& canary : {std::string(kCanary), EncodeBase64(kCanary)}) {
      const auto object = ParseJson(Planted(c.object, canary));
      ASSERT_TRUE(object) << c.kind;
      const std::string out = DumpJson(redactor.Redact(c.kind, *object));
      EXPECT_EQ(out.find(canary), std::string::npos) << out;
      EXPECT_NE(out.find(c.kept), std::string::npos) << out;
    }
  }
}

// A name that is added there and not to the allow-list would never reach the engine.
TEST(Redact, EveryAnnotationOfOursIsKeptAndNoOther) {
  std::ifstream names("engine/kube/names.h");
  std::string line;
  bool annotations = false;
  int found = 0;
  while (std::getline(names, line)) {
    if (line.starts_with("// annotation")) annotations = true;
    if (line.starts_with("// the finalizer")) annotations = false;
    const auto quote = line.find('"');
    if (!annotations || !line.starts_with("PGO_NAME(") || quote == line.npos) continue;
    const std::string word = line.substr(quote + 1, line.find('"', quote + 1) - quote - 1);
    EXPECT_TRUE(KeepsAnnotation("", std::string(kPrefix) + word)) << word;
    ++found;
  }
  EXPECT_GE(found, 14);
  EXPECT_FALSE(KeepsAnnotation("PostgresCluster", std::string(kPrefix) + "note"));
}

TEST(Redact, SecretKeepsKeysSizesAndKeyedDigests) {
  const Redactor redactor("key"), other("other");
  const Json secret = {{"metadata", {{"name", "s"}}},
                       {"data", {{"a", EncodeBase64("hello")}, {"b", ""}}}};
  const Json out = redactor.Redact("Secret", secret);
  EXPECT_EQ(GetInt(out, {"redacted", "a", "size"}), 5);
  EXPECT_EQ(GetInt(out, {"redacted", "b", "size"}), 0);
  EXPECT_NE(GetString(out, {"redacted", "a", "hmac"}),
            GetString(other.Redact("Secret", secret), {"redacted", "a", "hmac"}));
  EXPECT_EQ(Find(out, "data"), nullptr);
}

TEST(Redact, ManagersStandInForManagedFields) {
  const Json pod = {{"metadata",
                     {{"name", "p"},
                      {"managedFields",
                       {{{"manager", "kubelet"},
                         {"operation", "Update"},
                         {"time", "t"},
                         {"fieldsV1", {{"f:x", Json::object()}}}}}}}}};
  const Json out = Redactor("k").Redact("Pod", pod);
  EXPECT_EQ(DumpJson(*Find(out, {"metadata", "managers"})),
            R"([{"manager":"kubelet","operation":"Update","time":"t"}])");
}

Json ManagersKept(const char* kind, const Json& fields) {
  const Json object = {
      {"metadata", {{"name", "x"}, {"managedFields", {{{"manager", "m"}, {"fieldsV1", fields}}}}}}};
  return GetArray(Redactor("k").Redact(kind, object), {"metadata", "managers"})[0];
}

TEST(Redact, FieldSetsOfClustersAreKeptWhereBlameNeedsThem) {
  const Json fields = JsonLiteral(R"({"f:spec":{"f:image":{},"f:instances":{
      "k:{\"name\":\"00\"}":{".":{},"f:replicas":{}},"k:{\"value\":\"hunter2\"}":{}}},
    "f:status":{"f:conditions":{}},"f:data":{"f:x":{}},"f:metadata":{
      "f:annotations":{".":{},"f:other":{},"f:postgres-operator.crunchydata.com/restart":{}},
      "f:finalizers":{"v:\"a\"":{},"v:\"postgres://u:p@h/d\"":{}},"f:labels":{"f:team":{}}},
    "odd":{},"v:not json":{}})");
  EXPECT_EQ(DumpJson(ManagersKept("Pod", fields)), R"({"manager":"m"})");
  EXPECT_EQ(ManagersKept("PostgresCluster", fields)["fields"], JsonLiteral(R"({"f:metadata":{
      "f:annotations":{"f:postgres-operator.crunchydata.com/restart":{}},
      "f:finalizers":{"v:\"a\"":{},"v:\"***\"":{}},"f:labels":{"f:team":{}}},
    "f:spec":{"f:image":{},"f:instances":{"k:{\"name\":\"00\"}":{".":{},"f:replicas":{}},
      "k:{\"value\":\"***\"}":{}}}})"));
}

TEST(Redact, FieldSetsOfAnySizeAreBounded) {
  Json wide = Json::object();
  for (int i = 0; i < 5000; ++i) wide["f:spec"]["f:" + std::to_string(i)] = Json::object();
  EXPECT_EQ(DumpJson(ManagersKept("PostgresCluster", wide)), R"({"fieldsCut":true,"manager":"m"})");
  Json deep = Json::object();
  for (int i = 0; i < 100; ++i) deep = Json{{"f:x", deep}};
  EXPECT_TRUE(GetBool(ManagersKept("PostgresCluster", {{"f:spec", deep}}), {"fieldsCut"}));
}

TEST(Redact, AHeartbeatLeavesANodeUnchanged) {
  const auto node = [](const char* rv, const char* beat, const char* ready) {
    return Redactor("k").Redact(
        "Node", {{"metadata",
                  {{"name", "n"},
                   {"resourceVersion", rv},
                   {"managedFields", {{{"manager", "kubelet"}, {"time", beat}}}}}},
                 {"status",
                  {{"conditions",
                    {{{"type", "Ready"}, {"status", ready}, {"lastHeartbeatTime", beat}}}}}}});
  };
  EXPECT_TRUE(Unchanged(node("1", "10:00", "True"), node("2", "10:05", "True")));
  EXPECT_FALSE(Unchanged(node("1", "10:00", "True"), node("2", "10:05", "Unknown")));
}

TEST(Redact, MalformedObjectsAreTakenAsTheyAre) {
  const Redactor redactor("k");
  for (
      const char* text :
      {"7", "[]", "{}", "null", R"({"metadata":7,"spec":[],"status":"x","data":[1]})",
       R"({"metadata":{"annotations":[],"managedFields":{},"labels":7},"spec":{"env":[7],"taints":{}}})"}) {
    for (const char* kind :
         {"Pod", "Secret", "ConfigMap", "Node", "StatefulSet", "PostgresCluster", "?"}) {
      EXPECT_EQ(GetString(redactor.Redact(kind, JsonLiteral(text)), {"kind"}), kind);
    }
  }
}

// How a store's keys are got decides about clusters; it is no key.
TEST(Redact, TheKindOfAStoresKeysIsKept) {
  const Json out = Redactor("key").Redact("PostgresCluster", JsonLiteral(R"({"spec":
    {"backups":{"pgbackrest":{"global":{"repo1-s3-key-type":"web-id","repo1-s3-key":"x"},
      "manual":{"options":["--type=full","--repo1-s3-key-type=auto"]}}}}})"));
  const Json& backrest = out["spec"]["backups"]["pgbackrest"];
  EXPECT_EQ(DumpJson(backrest["global"]), R"({"repo1-s3-key":"***","repo1-s3-key-type":"web-id"})");
  EXPECT_EQ(DumpJson(backrest["manual"]["options"]),
            R"(["--type=full","--repo1-s3-key-type=auto"])");
}

TEST(Redact, OrdinaryTextIsNotACredential) {
  for (const char* text : {"postgres://10.0.0.1:5432/postgres", "https://host:8008/patroni",
                           "user=a host=b", "scram-sha-256", "the password was changed",
                           "hostssl all all all scram-sha-256", "git@host:path"}) {
    EXPECT_FALSE(LooksLikeCredential(text)) << text;
  }
  for (const char* text :
       {"postgres://u:p@h/db", "x password = y", "PGPASSWORD=abc", "\"password\": \"x\"",
        "-----BEGIN EC PRIVATE KEY-----", "https://u:a/b@h", "SCRAM-SHA-256$4096:abc"}) {
    EXPECT_TRUE(LooksLikeCredential(text)) << text;
  }
}

}  // namespace
}  // namespace pgo::kube
