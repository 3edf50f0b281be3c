#include "adapters/operator/journal_port.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

#include "engine/driver/driver.h"
#include "engine/replay.h"
#include "engine/testing/fake_kube.h"
#include "journal/query/bundle_file.h"
#include "journal/testing/fixture.h"

namespace pgo {
namespace {

using journal::testing::Ok;

class FakeClock final : public Clock {
 public:
  Now Read() override { return {now_ += 1000, now_}; }

 private:
  std::int64_t now_ = kSecond;
};

// Kubernetes answers each action at once, on the loop's own thread.
class FakeEffects final : public Effects {
 public:
  FakeEffects(testing::FakeKube& kube, Driver& driver) : kube_(kube), driver_(driver) {}
  void Submit(Action action) override { driver_.Post(kube_.Carry(action)); }
  void Halt() override {}

 private:
  testing::FakeKube& kube_;
  Driver& driver_;
};

// The loop on a real store whose segments are short.
class JournalPortTest : public ::testing::Test {
 protected:
  JournalPortTest() {
    options_.segment_records_max = 60;
    Json cluster = JsonLiteral(R"({"apiVersion":"postgres-operator.crunchydata.com/v1beta1",
      "spec":{"postgresVersion":17,"instances":[{"replicas":2,"dataVolumeClaimSpec":{
        "accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}]}})");
    kube_.Put({"PostgresCluster", "postgres", "hippo"}, cluster);
  }
  void Open() {
    journal_.reset();
    auto opened = journal::Journal::Open(dir_.Path("j"), options_);
    ASSERT_TRUE(Ok(opened));
    journal_ = *std::move(opened);
  }
  // One life of the operator: starts from what the journal has, lists, works until nothing is left
  // to do. Gives the state that it ended with.
  Json Live(std::int64_t epoch) {
    auto engine = Rebuild(*journal_);
    EXPECT_TRUE(Ok(engine));
    StorePort port(*journal_);
    Driver driver(*std::move(engine), port, clock_, {20'000, 5, 1U << 20U});
    FakeEffects effects(kube_, driver);
    driver.SetEffects(&effects);
    Json settings = Json::object();
    settings["RELATED_IMAGE_POSTGRES_17"] = "localhost/pgo/postgres:17";
    driver.Post({Started{"test", kRuleset, "one", settings}, Leading{true, epoch, ""}});
    driver.Post(kube_.ListAll());
    driver.Stop();  // after what is in the inbox, answers included
    EXPECT_TRUE(Ok(driver.Run()));
    auto rebuilt = Rebuild(*journal_);
    EXPECT_TRUE(Ok(rebuilt));
    return rebuilt ? rebuilt->Save() : Json();
  }
  static VerifyResult VerifyFrom(const journal::Reader& reader, std::uint64_t from) {
    Verifier verifier;
    const auto walked = journal::Iterate(reader, {from, UINT64_MAX}, [&](const auto& entry) {
      verifier.Feed({entry.seq,
                     entry.record.type,
                     entry.record.payload,
                     {entry.frame.wall_us, static_cast<std::int64_t>(entry.frame.elapsed_us)}});
      return true;
    });
    EXPECT_TRUE(Ok(walked));
    return verifier.Finish();
  }
  static Json FoldedFrom(const journal::Reader& reader, std::uint64_t from) {
    Engine engine;
    Rebuilder rebuilder(engine);
    const auto walked = journal::Iterate(reader, {from, UINT64_MAX}, [&](const auto& entry) {
      rebuilder.Feed({entry.seq,
                      entry.record.type,
                      entry.record.payload,
                      {entry.frame.wall_us, static_cast<std::int64_t>(entry.frame.elapsed_us)}});
      return true;
    });
    EXPECT_TRUE(Ok(walked));
    return engine.Save();
  }
  // First seqs of all segments that open with a baseline.
  std::vector<std::uint64_t> Baselines() const {
    std::vector<std::uint64_t> out;
    for (std::uint64_t seq = journal_->Head().seq; seq > 1;) {
      const auto start = journal_->Baseline(seq);
      if (!start || start->first_seq == 1) break;
      out.push_back(start->first_seq);
      seq = start->first_seq - 1;
    }
    return out;
  }

  journal::testing::TempDir dir_;
  journal::JournalOptions options_;
  std::unique_ptr<journal::Journal> journal_;
  testing::FakeKube kube_;
  FakeClock clock_;
};

TEST_F(JournalPortTest, EverySegmentFoldsAndReplaysFromItsBaseline) {
  Open();
  Live(1);
  Open();
  const Json state = Live(2);
  Open();
  const auto baselines = Baselines();
  ASSERT_GE(baselines.size(), 2U);
  EXPECT_EQ(journal_->SegmentCount(), baselines.size() + 1);
  ASSERT_TRUE(Ok(journal::Verify(*journal_)));
  EXPECT_TRUE(FoldedFrom(*journal_, 1) == state);
  for (const std::uint64_t from : baselines) {
    EXPECT_TRUE(FoldedFrom(*journal_, from) == state) << "from " << from;
    const auto result = VerifyFrom(*journal_, from);
    EXPECT_TRUE(result.Exact()) << "from " << from << ": " << result.difference;
  }
  const auto whole = VerifyFrom(*journal_, 1);
  EXPECT_TRUE(whole.Exact()) << "#" << whole.first_bad.value() << ": " << whole.difference;
  EXPECT_GT(whole.actions, 10U);
}

TEST_F(JournalPortTest, WhatRetentionKeepsFoldsToTheSameState) {
  options_.retention.bytes_max = 1;
  Open();
  Live(1);
  Open();
  const Json state = Live(2);
  Open();
  const auto begin = journal_->Begin();
  ASSERT_TRUE(Ok(begin));
  EXPECT_GT(begin->first_seq, 1U);
  EXPECT_EQ(journal_->SegmentCount(), options_.retention.segments_min);
  ASSERT_TRUE(Ok(journal::Verify(*journal_)));
  EXPECT_TRUE(FoldedFrom(*journal_, begin->first_seq) == state);
  EXPECT_TRUE(VerifyFrom(*journal_, begin->first_seq).Exact());
}

TEST_F(JournalPortTest, ABundleOfTheNewestSegmentStandsAlone) {
  Open();
  const Json state = Live(1);
  const auto baselines = Baselines();
  ASSERT_FALSE(baselines.empty());
  journal::ExportOptions options;
  options.range.from = journal_->Head().seq;
  ASSERT_TRUE(Ok(journal::ExportBundleFile(*journal_, options, dir_.Path("b.pgoj"))));
  const auto bundle = journal::BundleFile::Open(dir_.Path("b.pgoj"));
  ASSERT_TRUE(Ok(bundle));
  EXPECT_EQ((*bundle)->Begin()->first_seq, baselines.front());
  ASSERT_TRUE(Ok(journal::Verify(**bundle)));
  EXPECT_TRUE(FoldedFrom(**bundle, 1) == state);
  EXPECT_TRUE(VerifyFrom(**bundle, 1).Exact());
}

TEST_F(JournalPortTest, ADueSegmentIsTurnedAtTheStart) {
  options_.segment_records_max = UINT64_MAX;
  Open();
  Live(1);
  ASSERT_EQ(journal_->SegmentCount(), 1U);
  options_.segment_records_max = 10;
  Open();
  StorePort port(*journal_);
  auto engine = Rebuild(*journal_);
  ASSERT_TRUE(Ok(engine));
  Driver driver(*std::move(engine), port, clock_, {});
  driver.Stop();
  ASSERT_TRUE(Ok(driver.Run()));
  EXPECT_EQ(journal_->SegmentCount(), 2U);
}

}  // namespace
}  // namespace pgo
