#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "adapters/local/api/body.h"
#include "adapters/local/test_support.h"

namespace pgo::local {
namespace {

using ::testing::HasSubstr;

const char* const kMaps = "/api/v1/namespaces/default/configmaps";

class ApiTest : public ::testing::Test {
 protected:
  HttpAnswer Make(const std::string& name, const std::string& label = "x") {
    return api.Call(
        "POST", kMaps,
        R"({"metadata": {"name": ")" + name + R"(", "labels": {"l": ")" + label + R"("}}})");
  }
  TestServer api;
};

TEST_F(ApiTest, CrudAsKubernetesAnswers) {
  const HttpAnswer made = Make("a");
  EXPECT_EQ(made.code, 201);
  EXPECT_EQ(GetString(made.json(), {"apiVersion"}), "v1");
  EXPECT_EQ(Make("a").code, 409);
  EXPECT_EQ(GetString(Make("a").json(), {"reason"}), "AlreadyExists");
  const HttpAnswer list =
      api.Call("GET", std::string(kMaps) + "?labelSelector=l%20in%20(x,y)&limit=500");
  EXPECT_EQ(GetString(list.json(), {"kind"}), "ConfigMapList");
  EXPECT_EQ(GetArray(list.json(), {"items"}).size(), 1u);
  EXPECT_EQ(
      GetArray(api.Call("GET", "/api/v1/configmaps?labelSelector=!l").json(), {"items"}).size(),
      0u);
  const HttpAnswer missing = api.Call("GET", std::string(kMaps) + "/b");
  EXPECT_EQ(missing.code, 404);
  EXPECT_EQ(GetString(missing.json(), {"message"}), "configmaps \"b\" not found");
  const HttpAnswer gone = api.Call("DELETE", std::string(kMaps) + "/a");
  EXPECT_EQ(gone.code, 200);
  EXPECT_EQ(GetString(gone.json(), {"status"}), "Success");
  EXPECT_EQ(api.Call("GET", std::string(kMaps) + "/a").code, 404);
}

TEST_F(ApiTest, DeletionPreconditionsHold) {
  Make("a");
  const std::string path = std::string(kMaps) + "/a";
  EXPECT_EQ(api.Call("DELETE", path, R"({"preconditions": {"uid": "other"}})").code, 409);
  EXPECT_EQ(api.Call("DELETE", path, R"({"preconditions": {"resourceVersion": "1"}})").code, 409);
  const std::string uid = GetString(api.Call("GET", path).json(), {"metadata", "uid"});
  EXPECT_EQ(api.Call("DELETE", path, R"({"preconditions": {"uid": ")" + uid + R"("}})").code, 200);
}

TEST_F(ApiTest, PatchesOfAllFourKinds) {
  Make("a");
  const std::string path = std::string(kMaps) + "/a";
  const auto patch = [&](const char* type, const std::string& body, const std::string& query = "") {
    return api.Call("PATCH", path + query, body, std::string("application/") + type);
  };
  EXPECT_EQ(patch("merge-patch+json", R"({"data": {"a": "1"}})").code, 200);
  EXPECT_EQ(patch("strategic-merge-patch+json", R"({"data": {"b": "1"}})").code, 200);
  EXPECT_EQ(patch("json-patch+json", R"([{"op": "add", "path": "/data/c", "value": "1"}])").code,
            200);
  const std::string yaml =
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  d: \"1\"\n";
  EXPECT_EQ(patch("apply-patch+yaml", yaml).code, 422);  // no fieldManager
  EXPECT_EQ(patch("apply-patch+yaml", yaml, "?fieldManager=m").code, 200);
  EXPECT_EQ(GetObject(api.Call("GET", path).json(), {"data"}).size(), 4u);
  EXPECT_EQ(patch("json", "{}").code, 415);
  EXPECT_EQ(api.Call("DELETE", path, R"({"dryRun": ["All"]})").code, 200);
  EXPECT_EQ(api.Call("DELETE", kMaps, R"({"dryRun": ["All"]})").code, 200);
  EXPECT_EQ(api.Call("GET", path).code, 200) << "it was only tried";
  EXPECT_EQ(patch("merge-patch+json", R"({"metadata": {"resourceVersion": "1"}})").code, 409);
  EXPECT_EQ(patch("merge-patch+json", R"({"data": {"e": "1"}})", "?dryRun=All").code, 200);
  EXPECT_EQ(GetObject(api.Call("GET", path).json(), {"data"}).size(), 4u);
}

TEST_F(ApiTest, BadInputIsRefusedInWords) {
  EXPECT_EQ(api.Call("POST", kMaps, "{nonsense: [").code, 400);
  EXPECT_EQ(api.Call("POST", kMaps, R"({"kind": "Secret", "metadata": {"name": "a"}})").code, 400);
  EXPECT_EQ(api.Call("POST", kMaps, R"({"metadata": {"name": "a", "namespace": "other"}})").code,
            400);
  EXPECT_EQ(api.Call("POST", kMaps, R"([1])").code, 400);
  EXPECT_EQ(api.Call("GET", "/apis/nothing/v1/here").code, 404);
  EXPECT_EQ(api.Call("GET", "/api/v1/namespaces/default").code, 200);
  EXPECT_EQ(api.Call("GET", std::string(kMaps) + "?labelSelector=a%20b").code, 400);
  EXPECT_EQ(api.Call("POST", kMaps, std::string(300, '[')).code, 400);
  EXPECT_EQ(api.Call("GET", "/healthz").body, "ok");
}

TEST_F(ApiTest, OnlyOurTokensAreAccepted) {
  api.token = "wrong";
  EXPECT_EQ(api.Call("GET", kMaps).code, 401);
  api.token = api.credentials->TokenFor("default", "db");
  EXPECT_EQ(api.Call("GET", kMaps).code, 200);
  const auto who =
      api.Call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}").json();
  EXPECT_EQ(GetString(who, {"status", "userInfo", "username"}), "system:serviceaccount:default:db");
  EXPECT_EQ(api.Call("POST", "/pgo-local/api-stop?seconds=1").code, 403);
  api.token.back() = api.token.back() == '0' ? '1' : '0';
  EXPECT_EQ(api.Call("GET", kMaps).code, 401);
}

TEST_F(ApiTest, ReviewsAnswerForWhoeverHasAToken) {
  const std::string group = "/apis/authorization.k8s.io/v1/";
  for (const char* plural : {"selfsubjectaccessreviews", "subjectaccessreviews"})
    EXPECT_TRUE(GetBool(api.Call("POST", group + plural, "{}").json(), {"status", "allowed"}));
  const auto rules = api.Call("POST", group + "selfsubjectrulesreviews", "{}").json();
  EXPECT_EQ(GetArray(rules, {"status", "resourceRules"}).size(), 1u);
  const std::string reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
  const auto good = R"({"spec": {"token": ")" + api.credentials->TokenFor("ns", "sa") + R"("}})";
  EXPECT_EQ(GetString(api.Call("POST", reviews, good).json(), {"status", "user", "username"}),
            "system:serviceaccount:ns:sa");
  const auto bad = api.Call("POST", reviews, R"({"spec": {"token": "x"}})").json();
  EXPECT_FALSE(GetBool(bad, {"status", "authenticated"}));
}

TEST_F(ApiTest, WatchSendsPresentThenLaterAndEndsInTime) {
  Make("a");
  auto watch = std::async(std::launch::async, [&] {
    return api.Call("GET", std::string(kMaps) +
                               "?watch=true&labelSelector=l=x&timeoutSeconds=2&allowWatchBookmarks="
                               "true&sendInitialEvents=true");
  });
  ASSERT_TRUE(Eventually([&] {
    return api.Call("GET", "/pgo-local/requests").body.find("\"watch\"") != std::string::npos;
  }));
  Make("b");
  api.Call("PATCH", std::string(kMaps) + "/b", R"({"metadata": {"labels": {"l": "y"}}})",
           "application/merge-patch+json");
  std::string seen;
  for (const Json& line : watch.get().lines()) {
    const bool end =
        Find(line, {"object", "metadata", "annotations", "k8s.io/initial-events-end"}) != nullptr;
    seen += GetString(line, {"type"}) + (end ? "(end)" : "") + " " +
            GetString(line, {"object", "metadata", "name"}) + ";";
  }
  EXPECT_EQ(seen, "ADDED a;BOOKMARK(end) ;ADDED b;DELETED b;");
}

TEST_F(ApiTest, WatchResumesFromAVersionWithoutAGap) {
  Make("a");
  const std::string version =
      GetString(api.Call("GET", kMaps).json(), {"metadata", "resourceVersion"});
  Make("b");
  const auto lines =
      api.Call("GET", std::string(kMaps) + "?watch=1&timeoutSeconds=1&resourceVersion=" + version)
          .lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(GetString(lines[0], {"object", "metadata", "name"}), "b");
}

TEST(ApiWindowTest, AVersionBeyondTheWindowIsGone) {
  StoreOptions options;
  options.window = 2;
  TestServer api(options);
  for (const char* name : {"a", "b", "c"}) {
    api.Call("POST", kMaps, std::string(R"({"metadata": {"name": ")") + name + R"("}})");
  }
  const auto lines =
      api.Call("GET", std::string(kMaps) + "?watch=1&timeoutSeconds=1&resourceVersion=1").lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(GetString(lines[0], {"type"}), "ERROR");
  EXPECT_EQ(GetInt(lines[0], {"object", "code"}), 410);
  EXPECT_EQ(GetString(lines[0], {"object", "reason"}), "Expired");
}

TEST_F(ApiTest, AnOutageRefusesAndEndsWithNothingLost) {
  Make("a");
  auto watch = std::async(std::launch::async, [&] {
    return api.Call("GET", std::string(kMaps) + "?watch=1&timeoutSeconds=10");
  });
  ASSERT_EQ(api.Call("POST", "/pgo-local/api-stop", R"({"seconds": 1})").code, 200);
  EXPECT_TRUE(Eventually([&] { return api.Call("GET", kMaps).code == 0; }));
  const auto status = watch.wait_for(std::chrono::seconds(5));
  EXPECT_EQ(status, std::future_status::ready);  // cut, long before its ten seconds
  EXPECT_TRUE(Eventually([&] { return api.Call("GET", std::string(kMaps) + "/a").code == 200; }));
}

TEST_F(ApiTest, CustomTypesAreServedInAllTheirVersions) {
  const char* const definition =
      R"({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "foos.e.io"}, "spec": {"group": "e.io", "scope": "Namespaced",
    "names": {"plural": "foos", "kind": "Foo"}, "versions": [
     {"name": "v1beta1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
       "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}},
     {"name": "v1", "served": true, "storage": false, "schema": {"openAPIV3Schema": {"type": "object",
       "x-kubernetes-preserve-unknown-fields": true}}}]}})";
  EXPECT_EQ(
      api.Call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).code,
      201);
  const std::string foos = "/apis/e.io/v1beta1/namespaces/default/foos";
  const char* const foo =
      R"({"apiVersion": "e.io/v1beta1", "kind": "Foo", "metadata": {"name": "f"}, "spec": {"size": 1, "odd": 2}})";
  EXPECT_EQ(api.Call("POST", foos + "?fieldValidation=Strict", foo).code, 400);
  EXPECT_THAT(api.Call("POST", foos + "?fieldValidation=Strict", foo).body,
              HasSubstr("unknown field \\\"spec.odd\\\""));
  EXPECT_EQ(api.Call("POST", foos, foo).code, 201);
  const auto other = api.Call("GET", "/apis/e.io/v1/namespaces/default/foos/f").json();
  EXPECT_EQ(GetString(other, {"apiVersion"}), "e.io/v1");
  EXPECT_EQ(GetObject(other, {"spec"}), Json({{"size", 1}}));
  EXPECT_EQ(GetString(api.Call("GET", "/apis/e.io").json(), {"preferredVersion", "version"}), "v1");
  EXPECT_EQ(api.Call("PATCH", foos + "/f", "{}", "application/strategic-merge-patch+json").code,
            415);
}

TEST_F(ApiTest, DiscoveryNamesWhatIsServed) {
  const auto core = api.Call("GET", "/api/v1").json();
  bool exec = false;
  for (const Json& resource : GetArray(core, {"resources"}))
    exec = exec || GetString(resource, {"name"}) == "pods/exec";
  EXPECT_TRUE(exec);
  EXPECT_EQ(api.Call("GET", "/apis/apps/v1").code, 200);
  EXPECT_EQ(api.Call("GET", "/openapi/v3/apis/apps/v1").code, 200);
  EXPECT_EQ(GetString(api.Call("GET", "/version").json(), {"major"}), "1");
}

TEST_F(ApiTest, AVersionOfTheFutureIsTooLarge) {
  const HttpAnswer list = api.Call(
      "GET", std::string(kMaps) + "?resourceVersion=999999&resourceVersionMatch=NotOlderThan");
  EXPECT_EQ(list.code, 504);
  EXPECT_THAT(list.body, HasSubstr("ResourceVersionTooLarge"));
  EXPECT_EQ(api.Call("GET", std::string(kMaps) + "?watch=1&resourceVersion=999999").code, 504);
}

TEST_F(ApiTest, EventsOfBothGroupsAreTheSameObjects) {
  const std::string renewed = "/apis/events.k8s.io/v1/namespaces/default/events";
  ASSERT_EQ(api.Call("POST", renewed,
                     R"({"metadata": {"name": "e"}, "note": "why", "regarding": {"name": "p"}})")
                .code,
            201);
  const Json core = api.Call("GET", "/api/v1/namespaces/default/events/e").json();
  EXPECT_EQ(GetString(core, {"message"}), "why");
  EXPECT_EQ(GetString(core, {"involvedObject", "name"}), "p");
  ASSERT_EQ(
      api.Call("PATCH", renewed + "/e", R"({"note": "because"})", "application/merge-patch+json")
          .code,
      200);
  const Json again = api.Call("GET", renewed + "/e").json();
  EXPECT_EQ(GetString(again, {"note"}), "because");
  EXPECT_EQ(GetString(again, {"apiVersion"}), "events.k8s.io/v1");
  EXPECT_EQ(GetArray(api.Call("GET", renewed + "?fieldSelector=metadata.name=e").json(), {"items"})
                .size(),
            1u);
}

TEST_F(ApiTest, AHangingApiKeepsItsConnectionsSilent) {
  Make("a");
  auto watch = std::async(std::launch::async, [&] {
    return api.Call("GET", std::string(kMaps) + "?watch=1&timeoutSeconds=3&resourceVersion=1");
  });
  ASSERT_TRUE(Eventually([&] {
    return api.Call("GET", "/pgo-local/requests").body.find("\"watch\"") != std::string::npos;
  }));
  api.server->Stop(true);
  ASSERT_TRUE(Eventually([&] { return api.Call("GET", kMaps).code == 0; }));
  ASSERT_TRUE(api.store->Create({"", "configmaps"}, "default",
                                {{"metadata", {{"name", "meanwhile"}}}}, {}));
  EXPECT_EQ(watch.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  api.server->Resume();
  EXPECT_THAT(watch.get().body, HasSubstr("meanwhile"));
}

TEST_F(ApiTest, RequestsAreCounted) {
  Make("a");
  api.Call("GET", kMaps);
  api.Call("GET", kMaps);
  std::int64_t lists = 0;
  const Json report = api.Call("GET", "/pgo-local/requests").json();
  for (const Json& row : GetArray(report, {"requests"})) {
    if (GetString(row, {"verb"}) == "list" && GetString(row, {"userAgent"}) == "local-test/1.0")
      lists += GetInt(row, {"count"});
  }
  EXPECT_EQ(lists, 2);
}

TEST_F(ApiTest, ScaleAndDeleteCollection) {
  const std::string sets = "/apis/apps/v1/namespaces/default/statefulsets";
  ASSERT_EQ(
      api.Call(
             "POST", sets,
             R"({"metadata": {"name": "s", "labels": {"q": "1"}}, "spec": {"replicas": 1, "template": {}}})")
          .code,
      201);
  const auto scaled = api.Call("PATCH", sets + "/s/scale", R"({"spec": {"replicas": 0}})",
                               "application/merge-patch+json");
  EXPECT_EQ(GetString(scaled.json(), {"kind"}), "Scale");
  EXPECT_EQ(GetInt(api.Call("GET", sets + "/s").json(), {"spec", "replicas"}), 0);
  EXPECT_EQ(api.Call("DELETE", sets + "?labelSelector=q=1").code, 200);
  EXPECT_EQ(api.Call("GET", sets + "/s").code, 404);
}

TEST(BodyTest, YamlScalarsKeepTheirTypes) {
  const auto body =
      ReadBody("a: 1\nb: \"1\"\nc: true\nd: 1.5\ne: text\nf:\ng: 'true'\nh: 10.1.2.3\n");
  ASSERT_TRUE(body);
  EXPECT_EQ(
      *body,
      JsonLiteral(
          R"({"a": 1, "b": "1", "c": true, "d": 1.5, "e": "text", "f": null, "g": "true", "h": "10.1.2.3"})"));
}

}  // namespace
}  // namespace pgo::local
