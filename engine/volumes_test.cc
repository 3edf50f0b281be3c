// Volumes through the whole engine: growth by itself.
#include <gtest/gtest.h>

#include "engine/cluster/quantity.h"
#include "engine/testing/operations_play.h"

namespace pgo {
namespace {

using testing::kHippo;

class VolumesTest : public testing::OperationsPlay {
 protected:
  VolumesTest() {
    Play();  // what the base class began is seen by this one's kubelet
    loop.actions.clear();
    measured = 0;
  }
  static kube::ObjectRef Claim(const std::string& name) {
    return {"PersistentVolumeClaim", "postgres", name};
  }
  Json Ran(const Exec& exec) override {
    if (DumpJson(Json(exec.argv)).find("df --block-size") == std::string::npos) {
      return OperationsPlay::Ran(exec);
    }
    ++measured;
    const Json* claim =
        loop.kube.Find(Claim(exec.ref.name.substr(0, exec.ref.name.size() - 2) + "-pgdata"));
    const auto size = static_cast<std::int64_t>(
        cluster::WholeUnits(GetString(*claim, {"status", "capacity", "storage"})).value_or(0));
    Json out = Json::object();
    Put(out, {"data", "size"}, size);
    Put(out, {"data", "used"}, std::min(used, size));
    Put(out, {"data", "available"}, size - std::min(used, size));
    return out;
  }
  void Turn() override {
    OperationsPlay::Turn();
    std::vector<Payload> seen;
    for (const auto& ref : loop.kube.All("PersistentVolumeClaim")) Bind(ref, seen);
    for (const auto& ref : loop.kube.All("StatefulSet")) Start(ref.name, seen);
    if (!seen.empty()) loop.Post(std::move(seen));
  }
  void Bind(const kube::ObjectRef& ref, std::vector<Payload>& seen) {
    Json claim = *loop.kube.Find(ref);
    Put(claim, {"status", "phase"}, "Bound");
    const std::string asked = GetString(claim, {"spec", "resources", "requests", "storage"});
    if (grows) Put(claim, {"status", "capacity", "storage"}, asked);
    Change(ref, std::move(claim), seen);
  }
  // What the kubelet makes of a pod that is new.
  void Start(const std::string& instance, std::vector<Payload>& seen) {
    const auto ref = testing::PodOf(instance);
    const Json* found = loop.kube.Find(ref);
    if (found == nullptr || Find(*found, {"spec", "volumes"}) != nullptr) return;
    Json pod = *found;
    const Json& made =
        *Find(*loop.kube.Find({"StatefulSet", "postgres", instance}), {"spec", "template"});
    pod["spec"]["volumes"] = *Find(made, {"spec", "volumes"});
    Put(pod, {"metadata", "annotations", kube::kAsked},
        GetString(made, {"metadata", "annotations", kube::kAsked}));
    Change(ref, std::move(pod), seen);
  }
  std::string Condition(const std::string& type) {
    for (const Json& c : GetArray(*loop.kube.Find(kHippo), {"status", "conditions"})) {
      if (GetString(c, {"type"}) == type) return GetString(c, {"reason"});
    }
    return "";
  }

  std::int64_t used = 0;
  int measured = 0;
  bool grows = true;
};

TEST_F(VolumesTest, NothingIsMeasuredThatIsNotToGrow) {
  Play();
  EXPECT_EQ(measured, 0);
}

TEST_F(VolumesTest, AVolumeThatFillsUpGrowsOnceForEachMeasurementUpToItsLimit) {
  Edit([](Json& c) {
    Json& claim = c["spec"]["instances"][0]["dataVolumeClaimSpec"];
    Put(claim, {"resources", "limits", "storage"}, "2Gi");
    claim["autoGrow"] = Json::object();
  });
  used = 1000LL << 20;
  const auto rounds = [&](int count) {
    for (int round = 0; round < count; ++round) {
      loop.Settle();
      Turn();
      loop.Wait(5 * kSecond);
      loop.Post({Ticked{}});
    }
  };
  rounds(40);
  const auto sizes = [&] {
    std::set<std::string> out;
    for (const auto& ref : loop.kube.All("PersistentVolumeClaim")) {
      out.insert(GetString(*loop.kube.Find(ref), {"spec", "resources", "requests", "storage"}));
    }
    return out;
  };
  EXPECT_EQ(sizes(), std::set<std::string>{"1536Mi"}) << "65% of that are used";
  used = 3LL << 30;
  rounds(40);
  EXPECT_EQ(sizes(), std::set<std::string>{"2Gi"});
  EXPECT_EQ(Condition("VolumeAutoGrow"), "LimitReached");
  EXPECT_EQ(Count(Reason::kVolumeLimitReached), 3U);
  Kill();
  rounds(20);
  EXPECT_EQ(sizes(), std::set<std::string>{"2Gi"});
  ExpectReplayIsExact();
}

TEST_F(VolumesTest, WhileAResizeIsPendingNothingGrows) {
  Edit([](Json& c) {
    Put(c["spec"]["instances"][0], {"dataVolumeClaimSpec", "resources", "limits", "storage"},
        "8Gi");
  });
  loop.Settle();
  Turn();
  grows = false;
  used = 1LL << 40;
  for (int round = 0; round < 40; ++round) {
    loop.Settle();
    Turn();
    loop.Wait(5 * kSecond);
    loop.Post({Ticked{}});
  }
  for (const auto& ref : loop.kube.All("PersistentVolumeClaim")) {
    EXPECT_EQ(GetString(*loop.kube.Find(ref), {"spec", "resources", "requests", "storage"}),
              "1536Mi");
  }
  EXPECT_EQ(Condition("PersistentVolumeResizing"), "Resizing");
  ExpectReplayIsExact();
}

}  // namespace
}  // namespace pgo
