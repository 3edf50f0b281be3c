#include "engine/driver/driver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "engine/event/codec.h"
#include "engine/record.h"
#include "engine/replay.h"

namespace pgo {
namespace {

class FakeClock final : public Clock {
 public:
  Now Read() override { return {now_ += 1000, now_}; }

 private:
  std::int64_t now_ = kSecond;
};

// Keeps frames in memory; turns a segment after so many frames; refuses writes when told to.
class MemoryJournal final : public JournalPort {
 public:
  std::uint64_t NextSeq() const override { return records.size() + 1; }
  Status Append(const std::vector<JournalRecord>& frame, Now now, bool synced) override {
    if (broken) return Fail(Code::kUnavailable, "the disk is gone");
    ++frames_;
    sizes.push_back(frame.size());
    for (const auto& r : frame) records.push_back({NextSeq(), r.type, r.payload, now});
    if (synced) ++syncs;
    return {};
  }
  Status Sync() override { return ++late_syncs, Status(); }
  Status NewEpoch(std::int64_t) override { return {}; }
  bool RotationDue(Now) const override { return frames_ >= turn_after; }
  Status Rotate(const std::vector<JournalRecord>& baseline, Now now) override {
    frames_ = 0;
    starts.push_back(records.size());
    for (const auto& r : baseline) records.push_back({NextSeq(), r.type, r.payload, now});
    return {};
  }

  std::vector<StoredRecord> records;
  std::vector<std::size_t> sizes;   // records of each frame
  std::vector<std::size_t> starts;  // of segments
  std::size_t turn_after = SIZE_MAX;
  int syncs = 0;       // frames that were appended so
  int late_syncs = 0;  // of what was deferred
  bool broken = false;

 private:
  std::size_t frames_ = 0;
};

class DriverTest : public ::testing::Test {
 protected:
  // Runs the loop over what was posted, then ends it.
  Status RunOver(std::vector<Payload> events, DriverOptions options = {}) {
    Driver driver(Engine(), journal, clock, options);
    driver.SetOnDropped([&](const std::string& what) { dropped.push_back(what); });
    driver.Post(std::move(events));
    driver.Stop();  // it still takes what is in the inbox
    return driver.Run();
  }
  static Payload Pod(int number, std::size_t bytes = 10) {
    Json object = Json::object();
    object["note"] = std::string(bytes, 'x');
    const std::string name = "p" + std::to_string(number);
    return Observed{{"Pod", "ns", name}, "u" + name, std::to_string(number + 1), object};
  }
  std::uint64_t Count(RecordType type) const {
    return static_cast<std::uint64_t>(std::ranges::count_if(journal.records, [&](const auto& r) {
      return r.type == static_cast<std::uint64_t>(type);
    }));
  }

  FakeClock clock;
  MemoryJournal journal;
  std::vector<std::string> dropped;
};

TEST_F(DriverTest, ABatchOverItsBytesIsCutAndNothingIsLost) {
  std::vector<Payload> events = {Started{"test", kRuleset, "one", Json::object()}};
  for (int i = 0; i < 20; ++i) events.push_back(Pod(i, 1000));
  DriverOptions options;
  options.batch_bytes = 5000;
  ASSERT_TRUE(RunOver(events, options));
  EXPECT_EQ(Count(RecordType::kObserved), 20U);
  EXPECT_EQ(Count(RecordType::kDecided), journal.sizes.size());
  EXPECT_GE(journal.sizes.size(), 5U);
  EXPECT_EQ(Count(RecordType::kTicked), 0U);
}

TEST_F(DriverTest, OneEventOverTheBytesOfABatchIsABatchOfItsOwn) {
  DriverOptions options;
  options.batch_bytes = 5000;
  ASSERT_TRUE(RunOver({Pod(1), Pod(2, 9000), Pod(3)}, options));
  EXPECT_EQ(journal.sizes, (std::vector<std::size_t>{2, 2, 2}));
}

TEST_F(DriverTest, AnEventThatNoRecordCanHoldDoesNotStopTheLoop) {
  Done done{ActionId("a1"), Outcome::kOk, "fine", Json::object()};
  done.result["all"] = std::string(kJournalPayloadMax, 'x');
  ASSERT_TRUE(RunOver({Pod(1), Pod(2, kJournalPayloadMax), done, Pod(3)}));
  EXPECT_EQ(dropped, std::vector<std::string>{"Pod/ns/p2"});
  EXPECT_EQ(Count(RecordType::kObserved), 2U);
  ASSERT_EQ(Count(RecordType::kDone), 1U) << "or its action would be under way for ever";
  EXPECT_NE(journal.records[1].payload.find("too large to keep"), std::string::npos);
}

TEST_F(DriverTest, SegmentsTurnBetweenBatchesAndReplayFromEachBaseline) {
  journal.turn_after = 3;
  std::vector<Payload> events = {Started{"test", kRuleset, "one", Json::object()},
                                 Leading{true, 1, ""}};
  for (int i = 0; i < 20; ++i) events.push_back(Pod(i));
  DriverOptions options;
  options.batch_max = 1;
  ASSERT_TRUE(RunOver(events, options));
  ASSERT_GE(journal.starts.size(), 5U);
  journal.starts.push_back(0);
  for (const std::size_t start : journal.starts) {
    Verifier verifier;
    for (std::size_t i = start; i < journal.records.size(); ++i) verifier.Feed(journal.records[i]);
    const auto result = verifier.Finish();
    EXPECT_TRUE(result.Exact()) << result.difference;
  }
}

TEST_F(DriverTest, AHeartbeatWaitsForTheNextSyncAndAnythingElseDoesNot) {
  ASSERT_TRUE(RunOver({Pod(1), Pod(2)}));
  EXPECT_EQ(journal.syncs, 0);
  EXPECT_EQ(journal.late_syncs, 1) << "at the latest when the loop ends";
  ASSERT_TRUE(RunOver({Pod(3), Contact{true, "GET /readyz"}}));
  EXPECT_EQ(journal.syncs, 1);
}

TEST_F(DriverTest, AJournalThatRefusesEndsTheLoopAndNothingIsShown) {
  journal.broken = true;
  Driver driver(Engine(), journal, clock, {});
  int shown = 0;
  driver.SetOnCommit([&](const std::vector<Event>&, const StepResult&, std::int64_t) { ++shown; });
  driver.Post({Pod(1)});
  const auto status = driver.Run();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("the disk is gone"), std::string::npos);
  EXPECT_EQ(shown, 0);
  driver.Post({Pod(2)});  // does not block: the loop has ended
  EXPECT_FALSE(driver.Inspect([](const Engine&) {}));
}

// Somebody else's time: no turn waits, each does what is due, and the frames are those of Run.
TEST_F(DriverTest, TurnsDoWhatRunDoes) {
  Driver driver(Engine(), journal, clock, {});
  ASSERT_TRUE(driver.Turn());
  EXPECT_TRUE(journal.records.empty()) << "nothing was there to do";
  driver.Post({Pod(1)});
  ASSERT_TRUE(driver.Turn());
  EXPECT_EQ(Count(RecordType::kObserved), 1U);
  EXPECT_EQ(Count(RecordType::kDecided), 1U);
  EXPECT_NE(driver.engine().world().Find({"Pod", "ns", "p1"}), nullptr);
  ASSERT_TRUE(driver.DueAt()) << "the heartbeat waits for its sync";
  EXPECT_EQ(journal.late_syncs, 0);
  for (int i = 0; i < 1500; ++i) ASSERT_TRUE(driver.Turn());  // the clock moves at each look
  EXPECT_EQ(journal.late_syncs, 1);
  EXPECT_FALSE(driver.DueAt());
  journal.broken = true;
  driver.Post({Pod(2)});
  EXPECT_FALSE(driver.Turn());
}

TEST_F(DriverTest, TakesEventsAndQuestionsFromManyThreads) {
  DriverOptions options;
  options.inbox_max = 4;
  Driver driver(Engine(), journal, clock, options);
  std::thread loop([&] { EXPECT_TRUE(driver.Run()); });
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t) {
    posters.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) driver.Post({Pod(t * 100 + i)});
      EXPECT_TRUE(driver.Inspect([](const Engine& engine) { engine.world().Clusters(); }));
    });
  }
  for (auto& poster : posters) poster.join();
  driver.Stop();
  loop.join();
  EXPECT_EQ(Count(RecordType::kObserved), 200U);
}

}  // namespace
}  // namespace pgo
