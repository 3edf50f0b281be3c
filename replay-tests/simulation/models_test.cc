// The models keep what they promise to the operator; without that the oracles prove nothing.
#include <gtest/gtest.h>

#include "replay-tests/simulation/api.h"
#include "replay-tests/simulation/postgres.h"
#include "replay-tests/simulation/profile.h"
#include "replay-tests/simulation/schedule.h"

namespace pgo::simulation {
namespace {

const kube::ObjectRef kMap{"ConfigMap", "ns", "a"};
const kube::ObjectRef kPod{"Pod", "ns", "p"};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() {
    api.SetClock([] { return std::int64_t{1'780'000'000} * kSecond; });
    api.SetOnChange([this](const Change&) { ++changes; });
  }
  std::string Of(const kube::ObjectRef& ref, std::string_view field) {
    return GetString(*api.Find(ref), {"metadata", field});
  }
  ApiServer api;
  int changes = 0;
};

TEST_F(ApiTest, AnAppliedFieldThatIsAppliedNoLongerGoesAndOthersStay) {
  api.Apply(kMap, JsonLiteral(R"({"data":{"a":"1","b":"2"}})"));
  api.Patch(kMap, {}, JsonLiteral(R"({"data":{"theirs":"3"}})"));
  api.Apply(kMap, JsonLiteral(R"({"data":{"a":"1"}})"));
  EXPECT_EQ(DumpJson((*api.Find(kMap))["data"]), R"({"a":"1","theirs":"3"})");
}

TEST_F(ApiTest, WhatChangesNothingGivesNoVersion) {
  api.Apply(kMap, JsonLiteral(R"({"data":{"a":"1"}})"));
  const std::string before = Of(kMap, "resourceVersion");
  api.Apply(kMap, JsonLiteral(R"({"data":{"a":"1"}})"));
  EXPECT_EQ(Of(kMap, "resourceVersion"), before);
  EXPECT_EQ(changes, 1);
}

TEST_F(ApiTest, PreconditionsHoldOrNothingHappens) {
  api.Create(kMap, Json::object());
  const Json patch = JsonLiteral(R"({"data":{"a":"1"}})");
  EXPECT_EQ(api.Patch(kMap, {"other", ""}, patch).outcome, Outcome::kConflict);
  EXPECT_EQ(api.Patch(kMap, {"", "1"}, patch).outcome, Outcome::kConflict);
  EXPECT_EQ(api.Delete(kMap, {"other", ""}, true).outcome, Outcome::kConflict);
  EXPECT_EQ(api.Patch(kPod, {}, patch).outcome, Outcome::kNotFound);
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(api.Patch(kMap, {Of(kMap, "uid"), Of(kMap, "resourceVersion")}, patch).outcome,
            Outcome::kOk);
}

TEST_F(ApiTest, ABoundPodAndAFinalizerAreOnlyMarked) {
  api.Create(kPod, JsonLiteral(R"({"spec":{"nodeName":"n"}})"));
  api.Delete(kPod, {}, false);
  EXPECT_NE(Of(kPod, "deletionTimestamp"), "");
  api.Delete(kPod, {}, true);
  EXPECT_EQ(api.Find(kPod), nullptr);
  api.Create(kMap, JsonLiteral(R"({"metadata":{"finalizers":["f"]}})"));
  api.Delete(kMap, {}, false);
  ASSERT_NE(api.Find(kMap), nullptr);
  api.Patch(kMap, {}, JsonLiteral(R"({"metadata":{"finalizers":[]}})"));
  EXPECT_EQ(api.Find(kMap), nullptr);
}

TEST_F(ApiTest, AWatchGetsItsKindInOrderOrIsToldThatItCameTooLate) {
  const std::uint64_t begin = api.version();
  api.Create(kMap, Json::object());
  api.Create(kPod, Json::object());
  api.Remove(kMap);
  std::vector<Change> seen;
  ASSERT_TRUE(api.Since(begin, seen, "ConfigMap"));
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_FALSE(seen[0].gone);
  EXPECT_TRUE(seen[1].gone);
  api.Compact();
  EXPECT_FALSE(api.Since(begin, seen, "ConfigMap"));
  EXPECT_TRUE(api.Since(api.version(), seen, "ConfigMap")) << "nothing was missed";
}

TEST(Disk, HoldsWhatItWroteAndWhatItsAncestorsWroteBeforeTheFork) {
  const Disk disk{true, "s", 3, 900, {{1, 300}, {2, 600}}};
  EXPECT_TRUE(disk.Holds({1, 300}));
  EXPECT_FALSE(disk.Holds({1, 301}));
  EXPECT_TRUE(disk.Holds({3, 900}));
  EXPECT_FALSE(disk.Holds({3, 901}));
  EXPECT_FALSE(disk.Holds({4, 1}));
  EXPECT_FALSE(Disk{}.Holds({1, 1}));
}

TEST(Disk, FollowsOnlyWhereNothingOfItWouldBeLost) {
  const Disk leader{true, "s", 2, 900, {{1, 300}}};
  EXPECT_TRUE((Disk{true, "s", 1, 300, {}}.IsPrefixOf(leader)));
  EXPECT_FALSE((Disk{true, "s", 1, 301, {}}.IsPrefixOf(leader)));
  EXPECT_FALSE((Disk{true, "other", 1, 100, {}}.IsPrefixOf(leader)));
}

TEST(Schedule, RunsInOrderOfTimeAndThenOfPlanning) {
  Schedule schedule;
  std::string order;
  schedule.At(20, [&] { order += "c"; });
  schedule.At(10, [&] {
    order += "a";
    schedule.At(5, [&] { order += "b"; });  // in the past: now
  });
  schedule.At(20, [&] { order += "d"; });
  while (schedule.RunNext(100)) {
  }
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(schedule.now(), 100);
}

TEST(Profile, ASeedAlwaysMeansTheSame) {
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    const Profile profile = DrawProfile(seed, 20);
    EXPECT_EQ(DumpJson(ToJson(profile)), DumpJson(ToJson(DrawProfile(seed, 20))));
    const auto faults = DrawFaults(profile);
    const auto again = DrawFaults(profile);
    ASSERT_EQ(faults.size(), again.size());
    for (std::size_t i = 0; i < faults.size(); ++i) {
      EXPECT_EQ(FaultText(faults[i]), FaultText(again[i]));
    }
  }
}

}  // namespace
}  // namespace pgo::simulation
