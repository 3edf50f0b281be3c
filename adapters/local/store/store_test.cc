#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "adapters/local/store/selector.h"
#include "adapters/local/test_support.h"

namespace pgo::local {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Resource kMaps{"", "configmaps"};
const Resource kSets{"apps", "statefulsets"};
const Resource kFoos{"e.io", "foos"};

Json Map(const std::string& name, Json data = Json::object()) {
  return {{"metadata", {{"name", name}}}, {"data", std::move(data)}};
}

const char* const kDefinition = R"({
  "metadata": {"name": "foos.e.io"},
  "spec": {"group": "e.io", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
    "versions": [
      {"name": "v1beta1", "served": true, "storage": true, "subresources": {"status": {}},
       "schema": {"openAPIV3Schema": {"type": "object", "properties": {
         "spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1},
            "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
            "port": {"x-kubernetes-int-or-string": true},
            "name": {"type": "string", "maxLength": 3, "pattern": "^[a-z]+$"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "parts": {"type": "array", "maxItems": 2, "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": ["name"],
              "items": {"type": "object", "properties": {"name": {"type": "string"},
                                                          "value": {"type": "integer"}}}}}},
         "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}},
      {"name": "v1", "served": true, "storage": false, "subresources": {"status": {}},
       "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})";

class StoreTest : public ::testing::Test {
 protected:
  void Define() {
    ASSERT_TRUE(store->Create({"apiextensions.k8s.io", "customresourcedefinitions"}, "",
                              JsonLiteral(kDefinition), {}));
  }
  Answer<Json> MakeFoo(const char* spec) {
    return store->Create(kFoos, "default",
                         {{"metadata", {{"name", "f"}}}, {"spec", JsonLiteral(spec)}}, {});
  }
  Answer<Json> ApplyMap(const std::string& manager, Json data, bool force = false) {
    return store->Patch({kMaps, "default", "a"}, PatchType::kApply,
                        {{"apiVersion", "v1"},
                         {"kind", "ConfigMap"},
                         {"metadata", {{"name", "a"}}},
                         {"data", std::move(data)}},
                        {.field_manager = manager, .force = force});
  }
  std::unique_ptr<MemoryStore> store = *MemoryStore::Open({});
};

TEST_F(StoreTest, CreationGivesIdentityAndVersion) {
  const auto made = store->Create(kMaps, "default", Map("a"), {});
  ASSERT_TRUE(made);
  EXPECT_EQ(GetString(*made, {"metadata", "uid"}).size(), 36u);
  EXPECT_EQ(GetString(*made, {"metadata", "resourceVersion"}), std::to_string(store->Version()));
  EXPECT_EQ(GetString(*made, {"kind"}), "ConfigMap");
  EXPECT_EQ(store->Create(kMaps, "default", Map("a"), {}).error().reason, "AlreadyExists");
  EXPECT_EQ(store->Create(kMaps, "nowhere", Map("a"), {}).error().http_code, 404);
  EXPECT_EQ(store->Create(kMaps, "default", Map("A_b"), {}).error().http_code, 422);
}

TEST_F(StoreTest, AClaimOnlyGrowsAndOnlyWhereItsClassCanExpand) {
  const Resource classes{"storage.k8s.io", "storageclasses"}, claims{"", "persistentvolumeclaims"};
  for (const auto& [name, expands] : {std::pair{"elastic", true}, {"rigid", false}}) {
    ASSERT_TRUE(store->Create(
        classes, "", {{"metadata", {{"name", name}}}, {"allowVolumeExpansion", expands}}, {}));
    ASSERT_TRUE(store->Create(
        claims, "default",
        {{"metadata", {{"name", name}}},
         {"spec",
          {{"storageClassName", name}, {"resources", {{"requests", {{"storage", "1Gi"}}}}}}}},
        {}));
  }
  const auto resize = [&](const char* name, const char* size) {
    return store->Patch({claims, "default", name}, PatchType::kMerge,
                        {{"spec", {{"resources", {{"requests", {{"storage", size}}}}}}}}, {});
  };
  EXPECT_TRUE(resize("elastic", "1025Mi"));
  EXPECT_EQ(resize("elastic", "1Gi").error().http_code, 422);
  EXPECT_EQ(resize("rigid", "1025Mi").error().http_code, 403);
  EXPECT_TRUE(resize("rigid", "1024Mi")) << "the same amount";
}

TEST_F(StoreTest, StaleVersionAndWrongUidConflict) {
  Json made = *store->Create(kMaps, "default", Map("a"), {});
  Json next = made;
  next["data"]["x"] = "1";
  ASSERT_TRUE(store->Update({kMaps, "default", "a"}, next, {}));
  next["data"]["x"] = "2";
  EXPECT_EQ(store->Update({kMaps, "default", "a"}, next, {}).error().reason, "Conflict");
  const Json stale = {{"metadata", {{"resourceVersion", made["metadata"]["resourceVersion"]}}}};
  EXPECT_EQ(store->Patch({kMaps, "default", "a"}, PatchType::kMerge, stale, {}).error().http_code,
            409);
  const Json wrong = {{"metadata", {{"uid", "other"}}}};
  EXPECT_EQ(store->Patch({kMaps, "default", "a"}, PatchType::kStrategicMerge, wrong, {})
                .error()
                .http_code,
            409);
  EXPECT_EQ(store->Delete({kMaps, "default", "a"}, {.uid = "other"}).error().http_code, 409);
}

TEST_F(StoreTest, WhatChangesNothingIsNotWritten) {
  ASSERT_TRUE(store->Create(kMaps, "default", Map("a", {{"x", "1"}}), {}));
  const auto before = store->Version();
  EXPECT_TRUE(
      store->Patch({kMaps, "default", "a"}, PatchType::kMerge, {{"data", {{"x", "1"}}}}, {}));
  EXPECT_TRUE(store->Update({kMaps, "default", "a"}, *store->Get({kMaps, "default", "a"}), {}));
  ASSERT_TRUE(ApplyMap("m", {{"y", "1"}}));
  const auto after = store->Version();
  EXPECT_EQ(after, before + 1);
  ASSERT_TRUE(ApplyMap("m", {{"y", "1"}}));
  EXPECT_EQ(store->Version(), after);
}

TEST_F(StoreTest, GenerationCountsSpecificationsOnlyAndStatusIsApart) {
  Define();
  ASSERT_TRUE(MakeFoo(R"({"size": 1})"));
  const Key key{kFoos, "default", "f"};
  auto object =
      store->Patch(key, PatchType::kMerge,
                   {{"status", {{"x", 1}}}, {"metadata", {{"labels", {{"a", "b"}}}}}}, {});
  EXPECT_EQ(GetInt(*object, {"metadata", "generation"}), 1);
  EXPECT_FALSE(object->contains("status"));
  object = store->Patch(key, PatchType::kMerge, {{"status", {{"x", 1}}}, {"spec", {{"size", 5}}}},
                        {.subresource = "status"});
  EXPECT_EQ(GetInt(*object, {"status", "x"}), 1);
  EXPECT_EQ(GetInt(*object, {"spec", "size"}), 1);
  object = store->Patch(key, PatchType::kMerge, {{"spec", {{"size", 2}}}}, {});
  EXPECT_EQ(GetInt(*object, {"metadata", "generation"}), 2);
  EXPECT_EQ(GetInt(*object, {"status", "x"}), 1);
}

TEST_F(StoreTest, FinalizersAndGraceHoldAnObject) {
  Json map = Map("a");
  map["metadata"]["finalizers"] = {"e.io/hold"};
  ASSERT_TRUE(store->Create(kMaps, "default", map, {}));
  const Key key{kMaps, "default", "a"};
  ASSERT_TRUE(store->Delete(key, {}));
  EXPECT_FALSE(GetString(*store->Get(key), {"metadata", "deletionTimestamp"}).empty());
  ASSERT_TRUE(store->Patch(key, PatchType::kMerge, {{"metadata", {{"finalizers", nullptr}}}}, {}));
  EXPECT_FALSE(store->Get(key));

  const Json pod = {
      {"metadata", {{"name", "p"}}},
      {"spec", {{"nodeName", "n"}, {"containers", {{{"name", "c"}, {"image", "i"}}}}}}};
  const Key pod_key{{"", "pods"}, "default", "p"};
  ASSERT_TRUE(store->Create(pod_key.resource, "default", pod, {}));
  ASSERT_TRUE(store->Delete(pod_key, {}));
  EXPECT_EQ(GetInt(*store->Get(pod_key), {"metadata", "deletionGracePeriodSeconds"}), 30);
  ASSERT_TRUE(store->Delete(pod_key, {.grace_period_seconds = 0}));
  EXPECT_FALSE(store->Get(pod_key));
}

TEST_F(StoreTest, StrategicMergeKeepsListItemsByKey) {
  const Json set =
      JsonLiteral(R"({"metadata": {"name": "s"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
    "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
      {"name": "x", "image": "1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
      {"name": "y", "image": "1"}]}}}})");
  ASSERT_TRUE(store->Create(kSets, "default", set, {}));
  const Json patch = JsonLiteral(R"({"spec": {"template": {"spec": {"containers": [
      {"name": "x", "env": [{"name": "A", "value": "9"}, {"name": "B", "$patch": "delete"}]}]}}}})");
  const auto patched = store->Patch({kSets, "default", "s"}, PatchType::kStrategicMerge, patch, {});
  ASSERT_TRUE(patched);
  const Json& containers = GetArray(*patched, {"spec", "template", "spec", "containers"});
  ASSERT_EQ(containers.size(), 2u);
  EXPECT_EQ(containers[0]["image"], "1");
  EXPECT_EQ(containers[0]["env"], JsonLiteral(R"([{"name": "A", "value": "9"}])"));
}

TEST_F(StoreTest, StrategicMergeReplacesSubsetsWhole) {
  const Json endpoints =
      JsonLiteral(R"({"metadata": {"name": "c-ha", "annotations": {"leader": "a"}},
      "subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 5432}]}]})");
  ASSERT_TRUE(store->Create({"", "endpoints"}, "default", endpoints, {}));
  const auto patched = store->Patch(
      {{"", "endpoints"}, "default", "c-ha"}, PatchType::kStrategicMerge,
      JsonLiteral(R"({"metadata": {"annotations": {"leader": null}}, "subsets": []})"), {});
  ASSERT_TRUE(patched);
  EXPECT_TRUE(GetArray(*patched, {"subsets"}).empty());
  EXPECT_TRUE(GetObject(*patched, {"metadata", "annotations"}).empty());
}

TEST_F(StoreTest, JsonPatchTestsBeforeItChanges) {
  ASSERT_TRUE(store->Create(kMaps, "default", Map("a", {{"x", "1"}}), {}));
  const Key key{kMaps, "default", "a"};
  EXPECT_FALSE(store->Patch(key, PatchType::kJson,
                            JsonLiteral(R"([{"op": "test", "path": "/data/x", "value": "2"},
                                            {"op": "remove", "path": "/data/x"}])"),
                            {}));
  EXPECT_TRUE(store->Patch(key, PatchType::kJson,
                           JsonLiteral(R"([{"op": "replace", "path": "/data/x", "value": "3"}])"),
                           {}));
  EXPECT_EQ(GetString(*store->Get(key), {"data", "x"}), "3");
}

TEST_F(StoreTest, ApplyRemovesWhatItsManagerNoLongerSays) {
  ASSERT_TRUE(ApplyMap("m", {{"x", "1"}, {"y", "1"}}));
  ASSERT_TRUE(ApplyMap("other", {{"y", "1"}, {"z", "1"}}));
  const auto object = ApplyMap("m", {{"x", "1"}});  // y stays: the other owns it too
  EXPECT_EQ(GetObject(*object, {"data"}), Json({{"x", "1"}, {"y", "1"}, {"z", "1"}}));
  EXPECT_EQ(GetObject(*ApplyMap("other", {{"z", "1"}}), {"data"}), Json({{"x", "1"}, {"z", "1"}}));
  EXPECT_EQ(GetObject(*ApplyMap("other", Json::object()), {"data"}), Json({{"x", "1"}}));
}

TEST_F(StoreTest, ApplyConflictsNameTheManagerUnlessForced) {
  ASSERT_TRUE(ApplyMap("m", {{"x", "1"}}));
  const auto refused = ApplyMap("other", {{"x", "2"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().http_code, 409);
  EXPECT_THAT(refused.error().message, HasSubstr("conflict with \"m\" using v1: .data.x"));
  EXPECT_EQ(GetString(*ApplyMap("other", {{"x", "2"}}, true), {"data", "x"}), "2");
  // It lost the field: leaving it out removes nothing.
  EXPECT_EQ(GetString(*ApplyMap("m", Json::object()), {"data", "x"}), "2");
}

TEST_F(StoreTest, AnUpdateTakesFieldsFromAnApplier) {
  ASSERT_TRUE(ApplyMap("m", {{"x", "1"}}));
  ASSERT_TRUE(store->Patch({kMaps, "default", "a"}, PatchType::kMerge, {{"data", {{"x", "2"}}}},
                           {.field_manager = "hand"}));
  const auto refused = ApplyMap("m", {{"x", "1"}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("\"hand\""));
}

TEST_F(StoreTest, ApplyMergesListsOfCustomTypesByTheirKeys) {
  Define();
  const Key key{kFoos, "default", "f"};
  const auto apply = [&](const char* manager, const char* spec) {
    return store->Patch(key, PatchType::kApply,
                        {{"apiVersion", "e.io/v1beta1"},
                         {"kind", "Foo"},
                         {"metadata", {{"name", "f"}}},
                         {"spec", JsonLiteral(spec)}},
                        {.field_manager = manager, .version = "v1beta1"});
  };
  ASSERT_TRUE(apply("m", R"({"size": 1, "parts": [{"name": "a", "value": 1}]})"));
  ASSERT_TRUE(apply("n", R"({"size": 1, "parts": [{"name": "b", "value": 2}]})"));
  EXPECT_EQ(GetArray(*store->Get(key), {"spec", "parts"}).size(), 2u);
  const auto object = apply("m", R"({"size": 1})");
  EXPECT_EQ(GetArray(*object, {"spec", "parts"}), JsonLiteral(R"([{"name": "b", "value": 2}])"));
}

TEST_F(StoreTest, SchemaPrunesDefaultsAndValidates) {
  Define();
  const auto bad = MakeFoo(R"({"size": 0, "mode": "c", "name": "LONG", "port": true,
                              "parts": [{"name": "a"}, {"name": "a"}, {"name": "b"}]})");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().http_code, 422);
  std::vector<std::string> fields;
  for (const Json& cause : GetArray(bad.error().details, {"causes"}))
    fields.push_back(GetString(cause, {"field"}));
  EXPECT_THAT(fields, ElementsAre("spec.mode", "spec.name", "spec.name", "spec.parts",
                                  "spec.parts[1]", "spec.port", "spec.size"));
  EXPECT_THAT(bad.error().message,
              HasSubstr("Unsupported value: \"c\": supported values: \"a\", \"b\""));
  EXPECT_THAT(MakeFoo("{}").error().message, HasSubstr("spec.size: Required value"));

  const auto good = MakeFoo(R"({"size": 1, "unknown": 1, "free": {"any": [1]}, "port": "50%"})");
  ASSERT_TRUE(good);
  EXPECT_EQ(GetObject(*good, {"spec"}),
            JsonLiteral(R"({"size": 1, "mode": "a", "free": {"any": [1]}, "port": "50%"})"));
}

TEST(AdmissionTest, NativeRulesRefuseWithTheirField) {
  StoreOptions options;
  options.admission["Foo"] = [](const Json& object, const Json* old) -> std::vector<FieldError> {
    if (old == nullptr || GetInt(object, {"spec", "size"}) >= GetInt(*old, {"spec", "size"}))
      return {};
    return {{"spec.size", "FieldValueInvalid", "Invalid value: may not shrink"}};
  };
  const auto store = *MemoryStore::Open(options);
  ASSERT_TRUE(store->Create({"apiextensions.k8s.io", "customresourcedefinitions"}, "",
                            JsonLiteral(kDefinition), {}));
  ASSERT_TRUE(store->Create(
      kFoos, "default", JsonLiteral(R"({"metadata": {"name": "f"}, "spec": {"size": 2}})"), {}));
  const auto refused = store->Patch({kFoos, "default", "f"}, PatchType::kMerge,
                                    JsonLiteral(R"({"spec": {"size": 1}})"), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().http_code, 422);
  EXPECT_THAT(refused.error().message, HasSubstr("spec.size: Invalid value: may not shrink"));
}

TEST(PersistenceTest, AnotherProcessFindsEverything) {
  const TemporaryDirectory directory;
  std::uint64_t version = 0;
  {
    const auto store = *MemoryStore::Open({.directory = directory.path()});
    ASSERT_TRUE(store->Create(kMaps, "default", Map("a", {{"x", "1"}}), {}));
    ASSERT_TRUE(store->Create(kMaps, "default", Map("gone"), {}));
    ASSERT_TRUE(store->Delete({kMaps, "default", "gone"}, {}));
    version = store->Version();
  }
  std::ofstream(directory.path() + "/objects.jsonl", std::ios::app) << "{\"v\": 99, \"torn";
  const auto store = MemoryStore::Open({.directory = directory.path()});
  ASSERT_TRUE(store);
  EXPECT_EQ((*store)->Version(), version);
  EXPECT_EQ(GetString(*(*store)->Get({kMaps, "default", "a"}), {"data", "x"}), "1");
  EXPECT_FALSE((*store)->Get({kMaps, "default", "gone"}));
}

TEST(PersistenceTest, DamageInTheMiddleIsRefusedWithItsLine) {
  const TemporaryDirectory directory;
  {
    const auto store = *MemoryStore::Open({.directory = directory.path()});
  }
  const std::string path = directory.path() + "/objects.jsonl";
  std::ofstream(path, std::ios::app) << "nonsense\n{\"v\": 99}\n";
  const auto store = MemoryStore::Open({.directory = directory.path()});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kCorrupt);
  EXPECT_THAT(store.error().message, HasSubstr("line"));
}

TEST(WatchTest, BeginsWhereAskedAndExpires) {
  StoreOptions options;
  options.window = 5;
  const auto store = *MemoryStore::Open(options);
  ASSERT_TRUE(store->Create(kMaps, "default", Map("a"), {}));
  const auto since = store->Version();
  ASSERT_TRUE(store->Create(kMaps, "default", Map("b"), {}));
  std::mutex mu;
  std::vector<std::string> names;
  auto watch = store->Watch(kMaps, "default", since, [&](const WatchItem& item) {
    std::lock_guard lock(mu);
    names.push_back(item.change.key.name);
  });
  ASSERT_TRUE(watch);
  ASSERT_TRUE(store->Create(kMaps, "default", Map("c"), {}));
  EXPECT_TRUE(Eventually([&] {
    std::lock_guard lock(mu);
    return names == std::vector<std::string>{"b", "c"};
  }));
  for (int i = 0; i < 6; ++i)
    ASSERT_TRUE(store->Create(kMaps, "default", Map("n" + std::to_string(i)), {}));
  EXPECT_EQ(store->Watch(kMaps, "default", since, [](const WatchItem&) {}).error().http_code, 410);
  EXPECT_TRUE(Eventually([&] { return store->Settled() == store->Version(); }));
}

TEST(SelectorTest, FullSyntax) {
  const Json object = JsonLiteral(
      R"({"metadata": {"name": "p", "labels": {"a": "1", "b": "2"}}, "spec": {"nodeName": "n"}})");
  const auto matches = [&](const char* labels, const char* fields = "") {
    const auto selector = Selector::Parse(labels, fields);
    return selector && selector->Matches(object);
  };
  EXPECT_TRUE(matches("a=1,b!=3,a in (1, 2),b notin (4),!c,a"));
  EXPECT_FALSE(matches("a==2"));
  EXPECT_FALSE(matches("c"));
  EXPECT_FALSE(matches("a notin (1)"));
  EXPECT_TRUE(matches("", "metadata.name=p,spec.nodeName!=m"));
  EXPECT_FALSE(matches("", "spec.nodeName=m"));
  EXPECT_FALSE(Selector::Parse("a in 1)", "").has_value() &&
               Selector::Parse("x y", "").has_value());
}

}  // namespace
}  // namespace pgo::local
