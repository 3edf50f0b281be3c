// Volumes through the whole engine: growth by itself, and WAL that moves to its volume and back,
// with the operator killed on the way.
#include <gtest/gtest.h>

#include "engine/cluster/quantity.h"
#include "engine/testing/operations_play.h"

namespace pgo {
namespace {

using testing::kHippo;

constexpr const char* kWalClaim =
    R"({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})";

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
  // What the kubelet and init container postgres-startup make of a pod that is new.
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
    const Json& command = (*Find(made, {"spec", "initContainers"}))[0]["command"];
    const bool knows = command.size() > 9;
    if (knows && !stuck) wal[instance] = AsString(command[command.size() - 2]);
    EXPECT_TRUE(knows || wal[instance] != "volume") << instance << " starts without its WAL";
    Json status = JsonLiteral(R"({"name": "postgres-startup", "state": {"terminated": {
      "finishedAt": "2026-01-01T00:00:00Z"}}})");
    Json said = Json::object();
    if (knows) said["wal"] = wal[instance].empty() ? "data" : wal[instance];
    if (knows && stuck) said["problem"] = "no space";
    Put(status, {"state", "terminated", "message"}, DumpJson(said));
    pod["status"]["initContainerStatuses"].push_back(std::move(status));
    Change(ref, std::move(pod), seen);
  }
  void Watch() override {
    OperationsPlay::Watch();
    for (const auto& [instance, place] : wal) {
      const Json* claim = loop.kube.Find(Claim(instance + "-pgwal"));
      const std::string uid = claim == nullptr ? "" : GetString(*claim, {"metadata", "uid"});
      std::string& home = homes[instance];
      if (place != "volume") {
        home.clear();
        continue;
      }
      if (home.empty()) home = uid;  // a pod may be made a little before its claim
      EXPECT_EQ(home, uid) << "the WAL of " << instance << " was deleted";
    }
  }
  void AskForWalVolume(bool wanted) {
    Edit([&](Json& c) {
      Json& set = c["spec"]["instances"][0];
      wanted ? void(set["walVolumeClaimSpec"] = JsonLiteral(kWalClaim))
             : void(set.erase("walVolumeClaimSpec"));
    });
  }
  // What was tried when the operator was killed is tried again only after a while.
  void Rest() {
    loop.Wait(70 * kSecond);
    loop.Post({Ticked{}});
    Play();
  }
  std::size_t WalClaims() {
    std::size_t count = 0;
    for (const auto& ref : loop.kube.All("PersistentVolumeClaim")) {
      count += ref.name.ends_with("-pgwal") ? 1U : 0U;
    }
    return count;
  }
  void ExpectAll(const std::string& place) {
    EXPECT_EQ(wal.size(), 3U);
    for (const auto& [instance, is] : wal) EXPECT_EQ(is, place) << instance;
  }
  std::string Condition(const std::string& type) {
    for (const Json& c : GetArray(*loop.kube.Find(kHippo), {"status", "conditions"})) {
      if (GetString(c, {"type"}) == type) return GetString(c, {"reason"});
    }
    return "";
  }

  std::int64_t used = 0;
  int measured = 0;
  bool grows = true, stuck = false;
  std::map<std::string, std::string> wal;    // where it is, by instance
  std::map<std::string, std::string> homes;  // uid of the claim that has it
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

TEST_F(VolumesTest, WalMovesToItsVolumeAndBackAndOnlyThenTheVolumeGoes) {
  AskForWalVolume(true);
  Play();
  ExpectAll("volume");
  EXPECT_EQ(WalClaims(), 3U);
  EXPECT_EQ(Order().size(), 4U) << "three pods and a switchover: " << DumpJson(Json(Order()));
  loop.actions.clear();
  AskForWalVolume(false);
  Play();
  ExpectAll("data");
  EXPECT_EQ(WalClaims(), 0U);
  EXPECT_EQ(Count(Reason::kVolumeUnused), 3U);
  for (const Action& a : loop.actions) {
    const auto* gone = std::get_if<Delete>(&a.command);
    if (gone == nullptr || a.reason != Reason::kVolumeUnused) continue;
    EXPECT_FALSE(gone->uid.empty());
    EXPECT_FALSE(gone->rv.empty());
  }
  ExpectReplayIsExact();
}

TEST_F(VolumesTest, WalMovesAndComesBackThoughTheOperatorIsKilled) {
  for (const int each : {1, 3}) {
    AskForWalVolume(true);
    Play(each);
    Rest();
    ExpectAll("volume");
    EXPECT_EQ(WalClaims(), 3U);
    AskForWalVolume(false);
    Play(each);
    Rest();
    ExpectAll("data");
    EXPECT_EQ(WalClaims(), 0U);
  }
  ExpectReplayIsExact();
}

TEST_F(VolumesTest, TheFieldMayComeAndGoAtAnyMoment) {
  for (const int rounds : {1, 3, 7, 20}) {
    for (const bool wanted : {true, false, true, false}) {
      AskForWalVolume(wanted);
      for (int round = 0; round < rounds; ++round) {
        loop.Settle(1);
        Turn();
        Watch();
        loop.Wait(kSecond);
        loop.Post({Ticked{}});
      }
    }
  }
  Play();
  EXPECT_EQ(WalClaims(), 0U);
  for (const auto& [instance, place] : wal) EXPECT_NE(place, "volume") << instance;
  ExpectReplayIsExact();
}

TEST_F(VolumesTest, WalThatCannotBeMovedIsSaidAndKeepsItsVolume) {
  AskForWalVolume(true);
  Play();
  stuck = true;
  AskForWalVolume(false);
  Play();
  ExpectAll("volume");
  EXPECT_EQ(WalClaims(), 3U);
  EXPECT_EQ(Condition("WALVolume"), "NotMoved");
}

}  // namespace
}  // namespace pgo
