#include "engine/rooms/storage/storage.h"

#include <gtest/gtest.h>

#include "engine/cluster/roster.h"
#include "engine/kube/names.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::storage {
namespace {

using cluster::AutoGrow;
using cluster::ClaimState;

constexpr std::uint64_t kMi = 1ULL << 20, kGi = 1ULL << 30;

AutoGrow Growing(std::uint64_t limit = 8 * kGi) { return {true, 75, 0, limit}; }
ClaimState Bound(std::uint64_t size) {
  ClaimState out;
  out.request = out.capacity = size;
  out.bound = true;
  return out;
}
Reading Used(std::int64_t used, std::int64_t available, std::uint64_t seq = 9) {
  return {used + available, used, available, seq};
}

TEST(Judge, GrowsByAHalfFromTheTriggerOn) {
  const auto below = Used(749, 251), at = Used(750, 250);
  EXPECT_EQ(Judge(Growing(), Bound(kGi), &below, 5).verdict, Verdict::kEnough);
  const auto judged = Judge(Growing(), Bound(kGi), &at, 5);
  EXPECT_EQ(judged.verdict, Verdict::kGrow);
  EXPECT_EQ(judged.percent, 75U);
  EXPECT_EQ(SizeText(judged.to), "1536Mi");
}

TEST(Judge, AddsNoMoreThanMaxGrowAndStopsAtTheLimit) {
  const auto full = Used(99, 1);
  AutoGrow grow = Growing();
  grow.most = 100 * kMi;
  EXPECT_EQ(SizeText(Judge(grow, Bound(kGi), &full, 5).to), "1124Mi");
  grow.most = 1;  // at least something that can be asked for
  EXPECT_EQ(SizeText(Judge(grow, Bound(kGi), &full, 5).to), "1025Mi");
  EXPECT_EQ(SizeText(Judge(Growing(1100 * kMi), Bound(kGi), &full, 5).to), "1100Mi");
  EXPECT_EQ(Judge(Growing(kGi), Bound(kGi), &full, 5).verdict, Verdict::kAtLimit);
  EXPECT_EQ(Judge(Growing(kMi), Bound(kGi), &full, 5).verdict, Verdict::kOver);
}

TEST(Judge, NeverTwiceForOneObservationNorWhileAResizeIsPending) {
  const auto full = Used(99, 1, 9);
  EXPECT_EQ(Judge(Growing(), Bound(kGi), &full, 8).verdict, Verdict::kGrow);
  EXPECT_EQ(Judge(Growing(), Bound(kGi), &full, 9).verdict, Verdict::kUnknown);
  EXPECT_EQ(Judge(Growing(), Bound(kGi), nullptr, 1).verdict, Verdict::kUnknown);
  ClaimState growing = Bound(kGi);
  growing.request = 2 * kGi;
  EXPECT_EQ(Judge(Growing(), growing, &full, 5).verdict, Verdict::kPending);
  for (bool ClaimState::* sign : {&ClaimState::resizing, &ClaimState::file_system}) {
    ClaimState claim = Bound(kGi);
    claim.*sign = true;
    EXPECT_EQ(Judge(Growing(), claim, &full, 5).verdict, Verdict::kPending);
  }
}

TEST(Judge, NothingWithoutALimitOrOnAFileSystemThatOthersUseToo) {
  const auto full = Used(99, 1);
  EXPECT_EQ(Judge({true, 75, 0, {}}, Bound(kGi), &full, 5).verdict, Verdict::kNoLimit);
  EXPECT_EQ(Judge({}, Bound(kGi), &full, 5).verdict, Verdict::kOff);
  const auto shared = Used(90 * static_cast<std::int64_t>(kGi), static_cast<std::int64_t>(kGi));
  EXPECT_EQ(Judge(Growing(), Bound(kGi), &shared, 5).verdict, Verdict::kShared);
}

TEST(Judge, BearsAnyNumbers) {
  for (const std::int64_t used : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX}) {
    for (const std::int64_t available : {INT64_MIN, std::int64_t{0}, INT64_MAX}) {
      for (const std::uint64_t size : {std::uint64_t{0}, kGi, UINT64_MAX}) {
        const Reading reading{1, used, available, 9};
        const auto judged = Judge(Growing(UINT64_MAX), Bound(size), &reading, 5);
        EXPECT_LE(judged.percent, 100U);
      }
    }
  }
}

// One instance with a bound claim of 1Gi.
class Volumes : public ::testing::Test {
 protected:
  Volumes() : builder("hippo", 1) {
    name = cluster::Roster(builder.View()).front().name;
    builder.Pod(name, "master", std::string(testing::kPrimaryStatus));
    Settle();
  }
  Json& Asked() { return builder.manifest()["spec"]["instances"][0]["dataVolumeClaimSpec"]; }
  void Ask(const std::string& size) {
    Put(Asked(), {"resources", "requests", "storage"}, size);
    builder.Show();
  }
  void LetGrow(const std::string& limit) {
    Asked()["autoGrow"] = Json::object();
    if (!limit.empty()) Put(Asked(), {"resources", "limits", "storage"}, limit);
    builder.Show();
    builder.Pod(name, "master", std::string(testing::kPrimaryStatus));
  }
  Json Claim(const std::string& size = "1Gi", const std::string& capacity = "1Gi") {
    Json claim = PlanStorage(builder.View()).objects.front().object;
    Put(claim, {"spec", "resources", "requests", "storage"}, size);
    Put(claim, {"status", "phase"}, "Bound");
    Put(claim, {"status", "capacity", "storage"}, capacity);
    return claim;
  }
  void Settle() { builder.Observe(Claim()); }
  Plan Look() { return PlanVolumes({builder.View(), memory, ledger}); }
  std::string Said(const std::string& type) {
    for (const auto& c : Look().conditions) {
      if (c.type == type) return c.reason + ": " + c.message;
    }
    return "";
  }
  void Refused(Outcome outcome) {
    arbiter::Entry entry;
    entry.outcome = outcome;
    entry.message = "only dynamically provisioned pvc can be resized";
    ledger.entries["storage/apply/PersistentVolumeClaim postgres/" + name + "-pgdata"] = entry;
  }

  testing::ClusterBuilder builder;
  std::string name;
  Memory memory;
  arbiter::Ledger ledger;
};

TEST_F(Volumes, ARaisedRequestIsAppliedAndALoweredOneIsRefusedByName) {
  Ask("2Gi");
  const auto size = [&] {
    return cluster::AskedStorage(PlanStorage(builder.View()).objects.front().object["spec"]);
  };
  EXPECT_EQ(size(), "2Gi");
  EXPECT_EQ(Said("PersistentVolumeResizeError"), "");
  Ask("512Mi");
  EXPECT_EQ(size(), "1Gi");
  EXPECT_EQ(Said("PersistentVolumeResizeError"),
            "CannotShrink: spec.instances[0].dataVolumeClaimSpec.resources.requests.storage: "
            "512Mi: claim " +
                name + "-pgdata has 1Gi and a claim cannot shrink; set it to 1Gi or more");
}

TEST_F(Volumes, AClassThatCannotExpandIsNamed) {
  Json claim = Claim();
  Put(claim, {"spec", "storageClassName"}, "rigid");
  builder.Observe(claim);
  Ask("2Gi");
  for (const Outcome outcome : {Outcome::kDenied, Outcome::kInvalid}) {
    Refused(outcome);
    const std::string said = Said("PersistentVolumeResizeError");
    EXPECT_TRUE(said.starts_with("ExpansionRefused: spec.instances[0].dataVolumeClaimSpec"))
        << said;
    EXPECT_NE(said.find("class rigid must have allowVolumeExpansion"), std::string::npos) << said;
    EXPECT_NE(said.find("only dynamically"), std::string::npos) << said;
  }
  Refused(Outcome::kOk);
  EXPECT_EQ(Said("PersistentVolumeResizeError"), "");
  Refused(Outcome::kDenied);
  Ask("1Gi");  // the wish is taken back: the refusal is none of it any more
  EXPECT_EQ(Said("PersistentVolumeResizeError"), "");
}

TEST_F(Volumes, ResizesAreShown) {
  EXPECT_EQ(Said("PersistentVolumeResizing"), "");
  builder.Observe(Claim("2Gi", "1Gi"));
  Ask("2Gi");
  EXPECT_EQ(Said("PersistentVolumeResizing"), "Resizing: " + name + "-pgdata from 1Gi to 2Gi");
  Json claim = Claim("2Gi", "1Gi");
  claim["status"]["conditions"] =
      JsonLiteral(R"([{"type": "FileSystemResizePending", "status": "True"}])");
  builder.Observe(claim);
  EXPECT_TRUE(Said("PersistentVolumeResizing").starts_with("FileSystemResizePending: "));
  claim["status"]["conditions"][0]["type"] = "ControllerResizeError";
  builder.Observe(claim);
  EXPECT_TRUE(Said("PersistentVolumeResizeError").starts_with("ResizeFailed: "));
}

// A live claim keeps a limit that it was made with (it could not be taken off); a new one has none.
TEST_F(Volumes, AClaimThatDoesNotSayItsSizeYetIsNotCalledResizing) {
  Json claim = Claim();
  claim["status"].erase("capacity");
  builder.Observe(claim);
  EXPECT_EQ(Said("PersistentVolumeResizing"), "");
}

TEST_F(Volumes, TheLimitBoundsGrowthAndIsNoneOfTheClaims) {
  Put(Asked(), {"resources", "limits", "storage"}, "4Gi");
  builder.Show();
  const auto limit = [&] {
    return cluster::AskedStorage(PlanStorage(builder.View()).objects.front().object["spec"],
                                 "limits");
  };
  EXPECT_EQ(limit(), "");
  Json claim = Claim();
  Put(claim, {"spec", "resources", "limits", "storage"}, "3Gi");
  builder.Observe(claim);
  EXPECT_EQ(limit(), "3Gi");
}

class Growth : public Volumes {
 protected:
  Growth() { LetGrow("4Gi"); }
  // The pod mounts the claim, and df says this of it.
  void Measured(std::int64_t percent, std::uint64_t seq = 1000) {
    const auto whole = static_cast<std::int64_t>(kGi);
    memory.readings[name + "-0/data"] = {whole, whole / 100 * percent,
                                         whole - whole / 100 * percent, seq};
  }
  void ShowPod() {
    const auto view = builder.View();
    Json pod = view.instances.at(name).pod->subject->object;
    Json volume = JsonLiteral(R"({"name": "postgres-data", "persistentVolumeClaim": {}})");
    volume["persistentVolumeClaim"]["claimName"] = name + "-pgdata";
    pod["spec"]["volumes"].push_back(std::move(volume));
    builder.Observe(std::move(pod));
  }
  // The proposals of a kind of command.
  template <typename C>
  std::vector<Proposal> All() {
    std::vector<Proposal> out;
    for (auto& p : Look().proposals) {
      if (std::holds_alternative<C>(p.command)) out.push_back(p);
    }
    return out;
  }
};

TEST_F(Growth, AskedForIsMeasuredInThePodThatMountsIt) {
  EXPECT_TRUE(All<Exec>().empty());
  ShowPod();
  const auto probes = All<Exec>();
  ASSERT_EQ(probes.size(), 1U);
  const auto& exec = std::get<Exec>(probes.front().command);
  EXPECT_TRUE(exec.probe);
  EXPECT_EQ(exec.argv.back(), "/pgdata");
  Memory known;
  Done done;
  done.result = JsonLiteral(R"({"data": {"size": 100, "used": 60, "available": 40}})");
  FoldDone(known, "storage/" + probes.front().goal, done, 77);
  EXPECT_EQ(known.readings.at(name + "-0/data").used, 60);
  EXPECT_EQ(known.readings.at(name + "-0/data").seq, 77U);
  FoldEvent(known, {Seq(78), {}, Gone{{"Pod", "postgres", name + "-0"}, ""}});
  EXPECT_TRUE(known.readings.empty());
}

TEST_F(Growth, IsAPatchOfExactlyThisClaimWithItsReason) {
  Measured(80);
  const auto patches = All<Patch>();
  ASSERT_EQ(patches.size(), 1U);
  const auto& patch = std::get<Patch>(patches.front().command);
  EXPECT_FALSE(patch.uid.empty());
  EXPECT_FALSE(patch.rv.empty());
  EXPECT_EQ(GetString(patch.patch, {"spec", "resources", "requests", "storage"}), "1536Mi");
  EXPECT_EQ(patches.front().reason, Reason::kVolumeAutoGrow);
  EXPECT_EQ(patches.front().sentence,
            name +
                "-pgdata is 80% full and spec.instances[0].dataVolumeClaimSpec.autoGrow asks "
                "for more from 75% on: grow it from 1Gi to 1536Mi; its limit is 4Gi");
  EXPECT_EQ(All<Notice>().size(), 1U);
  builder.Observe(Claim("1536Mi", "1Gi"));
  EXPECT_TRUE(All<Patch>().empty()) << "a resize is pending";
  Measured(90, 1);
  builder.Observe(Claim("1536Mi", "1536Mi"));
  EXPECT_TRUE(All<Patch>().empty()) << "measured before it grew";
}

TEST_F(Growth, ALoweredRequestOfAClaimThatGrewIsNoMistake) {
  builder.Observe(Claim("2Gi", "2Gi"));
  EXPECT_EQ(Said("PersistentVolumeResizeError"), "");
}

TEST_F(Growth, WhatKeepsItFromGrowingIsSaid) {
  Measured(99);
  builder.Observe(Claim("4Gi", "4Gi"));
  Measured(99, 1001);
  EXPECT_EQ(Said("VolumeAutoGrow").substr(0, 12), "LimitReached");
  EXPECT_EQ(All<Notice>().size(), 1U);
  builder.Observe(Claim("5Gi", "5Gi"));
  EXPECT_EQ(Said("VolumeAutoGrow").substr(0, 16), "RequestOverLimit");
  Asked()["resources"].erase("limits");
  builder.Show();
  EXPECT_EQ(Said("VolumeAutoGrow"),
            "NoLimit: spec.instances[0].dataVolumeClaimSpec.resources.limits.storage: is required, "
            "it bounds spec.instances[0].dataVolumeClaimSpec.autoGrow; set it to the most that the "
            "volume may become");
}

TEST_F(Growth, ANewInstanceBeginsAsLargeAsTheOthersHaveBecome) {
  builder.Observe(Claim("3Gi", "3Gi"));
  builder.manifest()["spec"]["instances"][0]["replicas"] = 2;
  builder.Show();
  const auto plan = PlanStorage(builder.View());
  ASSERT_EQ(plan.objects.size(), 2U);
  for (const auto& desired : plan.objects) {
    EXPECT_EQ(cluster::AskedStorage(desired.object["spec"]), "3Gi");
  }
}

}  // namespace
}  // namespace pgo::rooms::storage
