// spec.shutdown and the way back: replicas stop before the primary, who led last starts first.
#include "engine/rooms/instances/power.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/kube/names.h"
#include "engine/rooms/instances/instances.h"
#include "engine/rooms/storage/storage.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::instances {
namespace {

class PowerTest : public ::testing::Test {
 protected:
  PowerTest() {
    builder_.Settle(PlanInstances(builder_.View(), {}));
    for (const auto& [name, instance] : builder_.View().instances) names_.push_back(name);
    builder_.Bootstrapped();
    builder_.Pod(names_[1], "master", std::string(testing::kPrimaryStatus));
    builder_.Pod(names_[0], "replica", std::string(testing::kReplicaStatus));
    builder_.Pod(names_[2], "replica", std::string(testing::kReplicaStatus));
    builder_.Lock(names_[1] + "-0", testing::ClusterBuilder::Address(names_[1]));
    builder_.Settle(storage::PlanStorage(builder_.View()));
  }

  void Ask(bool shutdown) {
    builder_.manifest()["spec"]["shutdown"] = shutdown;
    builder_.Show();
  }
  void Record(const std::string& name) {
    Put(builder_.manifest(), {"status", "startupInstance"}, name);
    builder_.Show();
  }
  void Stop(const std::string& name) {
    builder_.Remove({"Pod", builder_.View().key.ns, name + "-0"});
  }
  Power Plan(bool changing = false) { return PlanPower(builder_.View(), changing); }
  std::set<std::string> Off(bool changing = false) {
    std::set<std::string> out;
    for (const auto& [name, why] : Plan(changing).off) out.insert(name);
    return out;
  }
  // The StatefulSets as planned now.
  void Apply() {
    InstanceSettings settings;
    settings.off = Plan().off;
    builder_.Settle(PlanInstances(builder_.View(), settings));
  }

  testing::ClusterBuilder builder_;
  std::vector<std::string> names_;
};

TEST_F(PowerTest, NothingIsStoppedUnasked) {
  EXPECT_TRUE(Plan().off.empty());
  EXPECT_TRUE(Plan().status.empty());
}

TEST_F(PowerTest, WhoLedIsWrittenDownBeforeAnybodyStops) {
  Ask(true);
  EXPECT_TRUE(Plan().off.empty());
  EXPECT_EQ(GetString(Plan().status, {"startupInstance"}), names_[1]);
  EXPECT_EQ(GetString(Plan().status, {"startupInstanceSet"}), "00");
}

TEST_F(PowerTest, ReplicasStopFirstThePrimaryLast) {
  Ask(true);
  Record(names_[1]);
  EXPECT_EQ(Off(), (std::set{names_[0], names_[2]}));
  Apply();
  Stop(names_[0]);
  EXPECT_EQ(Off(), (std::set{names_[0], names_[2]}));
  Stop(names_[2]);
  EXPECT_EQ(Off().size(), 3U);
  Apply();
  Stop(names_[1]);
  EXPECT_EQ(Off().size(), 3U);
  EXPECT_TRUE(Plan().status.empty());
}

TEST_F(PowerTest, ANewPrimaryOnTheWayIsWrittenDownAndStopsLast) {
  Ask(true);
  Record(names_[0]);  // led when the shutdown was asked for
  EXPECT_TRUE(Off().empty());
  EXPECT_EQ(GetString(Plan().status, {"startupInstance"}), names_[1]);
}

TEST_F(PowerTest, AChangeOfPrimaryIsFinishedFirst) {
  Ask(true);
  Record(names_[1]);
  EXPECT_TRUE(Off(true).empty());
  EXPECT_FALSE(Off(false).empty());
}

class StartUpTest : public PowerTest {
 protected:
  StartUpTest() {
    Ask(true);
    Record(names_[1]);
    for (const std::string& name : names_) Stop(name);
    builder_.Lock("", "");
    Apply();
    Ask(false);
  }
};

TEST_F(StartUpTest, WhoLedLastStartsFirstAndTheOthersOnceItIsPrimary) {
  EXPECT_EQ(Off(), (std::set{names_[0], names_[2]}));
  EXPECT_TRUE(Plan().status.empty());
  Apply();
  builder_.Pod(names_[1], "master", std::string(testing::kPrimaryStatus));
  builder_.Lock(names_[1] + "-0", testing::ClusterBuilder::Address(names_[1]));
  EXPECT_TRUE(Off().empty());
  EXPECT_EQ(GetString(Plan().status, {"startupInstance"}, "?"), "");
}

TEST_F(StartUpTest, AnAnnotationNamesAnotherOrAny) {
  const auto annotate = [&](const std::string& value) {
    Put(builder_.manifest(), {"metadata", "annotations", kube::kStartupInstance}, value);
    builder_.Show();
  };
  annotate(names_[0]);
  EXPECT_EQ(Off(), (std::set{names_[1], names_[2]}));
  annotate("hippo-00-slip");
  EXPECT_EQ(Off(), (std::set{names_[0], names_[2]})) << "as without the annotation";
  annotate("any");
  EXPECT_TRUE(Off().empty());
}

TEST_F(StartUpTest, TheAnnotationIsForOneStartAlone) {
  Put(builder_.manifest(), {"metadata", "annotations", kube::kStartupInstance}, names_[0]);
  builder_.Show();
  EXPECT_FALSE(Plan().served) << "nobody leads yet";
  builder_.Pod(names_[0], "master", std::string(testing::kPrimaryStatus));
  builder_.Lock(names_[0] + "-0", testing::ClusterBuilder::Address(names_[0]));
  ASSERT_TRUE(Plan().served);
  EXPECT_TRUE(std::holds_alternative<Patch>(Plan().served->command));
}

TEST_F(StartUpTest, AVolumeThatIsGoneIsNotWaitedFor) {
  builder_.Remove(
      {"PersistentVolumeClaim", builder_.View().key.ns, kube::InstanceDataName(names_[1])});
  EXPECT_EQ(Off().empty(), builder_.View().complete);
}

}  // namespace
}  // namespace pgo::rooms::instances
