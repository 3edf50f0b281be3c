#include "adapters/operator/follower.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/operator/desk.h"
#include "adapters/operator/following.h"
#include "engine/event/codec.h"
#include "journal/query/bundle_file.h"
#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo {
namespace {

using journal::testing::Fails;
using journal::testing::Ok;
using journal::testing::SmallRecord;
using journal::testing::TempDir;

http::Request ReadTarget(const std::string& target) {
  http::Request request;
  request.method = "GET";
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  std::string rest = target.substr(question + 1);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto equals = rest.find('=');
    std::string value = rest.substr(equals + 1, end - equals - 1);
    if (const auto slash = value.find("%2F"); slash != std::string::npos) {
      value.replace(slash, 3, "/");
    }
    request.query[rest.substr(0, equals)] = value;
    rest = rest.substr(std::min(end + 1, rest.size()));
  }
  request.query["wait"] = "0";
  return request;
}

// A replica: a journal, what it gives to others and what it follows with.
struct Replica {
  Replica(const TempDir& dir, std::string own_name) : name(std::move(own_name)) {
    directory = dir.Path(name);
    std::filesystem::create_directories(directory);
    Open();
  }
  void Open() {
    auto opened = journal::Journal::Open(directory + "/journal", {});
    ASSERT_TRUE(Ok(opened));
    journal = *std::move(opened);
    standing.Work(journal);
    Follow();
  }
  void Close() {
    following.reset();
    standing.Close();
    journal.reset();
  }
  void Follow() {
    following = std::make_unique<Following>(
        Following::Parts{
            name, directory, *journal,
            [this](const std::string&, const std::string& target) { return ask(target); }},
        Engine());
  }
  void Write(int count) {
    for (int i = 0; i < count; ++i) {
      journal::Record record = SmallRecord(journal->NextSeq(), "operator/Ticked");
      record.type = static_cast<std::uint16_t>(RecordType::kTicked);
      record.payload = name + " wrote " + std::to_string(journal->NextSeq());
      ASSERT_TRUE(Ok(journal->Append({&record, 1}, {++wall_us, 0})));
    }
  }
  void Turn() {
    const journal::Record baseline = SmallRecord(0, "operator/Baseline");
    ASSERT_TRUE(Ok(journal->Rotate({++wall_us, 0}, {&baseline, 1})));
  }
  void Lead(std::int64_t epoch) {
    ASSERT_TRUE(Ok(journal->NewEpoch(static_cast<std::uint64_t>(epoch))));
    desk.Lead(epoch, [this](const OrphanedTail& tail) { orphans.push_back(tail); });
    Write(1);
  }
  http::Answer Answer(const std::string& target) {
    const auto response = desk.Answer(ReadTarget(target), standing);
    return {response.status, response.body};
  }

  std::string name, directory;
  std::int64_t wall_us = 0;
  std::shared_ptr<journal::Journal> journal;
  Standing standing;
  ReplicaDesk desk;
  std::vector<OrphanedTail> orphans;
  std::function<http::Answer(const std::string& target)> ask;
  std::unique_ptr<Following> following;
};

class FollowerTest : public ::testing::Test {
 protected:
  FollowerTest() { Obey(b_, a_); }
  static void Obey(Replica& follower, Replica& leader) {
    follower.ask = [&leader](const std::string& target) { return leader.Answer(target); };
  }
  static LeaderSeen Seen(const Replica& leader, std::int64_t epoch) {
    return {leader.name, leader.name + ":8444", epoch};
  }
  // Asks until it is in step, or something is wrong; what was said on the way.
  static std::string Follow(Replica& follower, const LeaderSeen& leader) {
    std::string said;
    for (int i = 0; i < 1000; ++i) {
      const auto turn = follower.following->Ask(leader);
      EXPECT_TRUE(Ok(turn));
      if (!turn->why.empty()) said += turn->why + "\n";
      if (follower.following->anew()) {
        const follow::BeginAnew anew = *follower.following->anew();
        follower.Close();
        const auto kept = SetAside(follower.directory, anew);
        EXPECT_TRUE(Ok(kept));
        said += "kept " + *kept + "\n";
        follower.Open();
        continue;
      }
      if ((turn->in_step && !turn->moved) || !turn->at_once) return said;
    }
    return said + "never in step";
  }
  static void ExpectSame(const Replica& one, const Replica& other) {
    EXPECT_EQ(one.journal->Head(), other.journal->Head());
    EXPECT_TRUE(Ok(journal::Verify(*one.journal)));
    EXPECT_TRUE(Ok(one.journal->VerifyIndex()));
  }

  TempDir dir_;
  Replica a_{dir_, "a"}, b_{dir_, "b"};
};

TEST_F(FollowerTest, ANewReplicaTakesTheWholeHistoryAndStaysInStep) {
  a_.Lead(1);
  a_.Write(30);
  a_.Turn();
  a_.Write(3);
  EXPECT_NE(Follow(b_, Seen(a_, 1)).find("kept \n"), std::string::npos) << "it held nothing";
  ExpectSame(b_, a_);
  a_.Write(5);
  EXPECT_EQ(Follow(b_, Seen(a_, 1)), "");
  ExpectSame(b_, a_);
  const auto followers = a_.desk.Followers(BootMicros());
  ASSERT_EQ(followers.size(), 1U);
  EXPECT_EQ(followers[0].name, "b");
  EXPECT_EQ(followers[0].seq, a_.journal->Head().seq);
  EXPECT_TRUE(a_.desk.WaitFollowed(a_.journal->Head().seq, 0));
  EXPECT_FALSE(a_.desk.WaitFollowed(a_.journal->Head().seq + 1, 0));
}

// Under a load that never pauses there is always something new.
TEST_F(FollowerTest, AnAnswerThatEndsWithTheJournalIsInStep) {
  a_.Lead(1);
  Follow(b_, Seen(a_, 1));
  a_.Write(1);
  const auto turn = b_.following->Ask(Seen(a_, 1));
  ASSERT_TRUE(Ok(turn));
  EXPECT_TRUE(turn->moved && turn->in_step);
}

// More than one answer holds, and a baseline of several frames in the middle of it.
TEST_F(FollowerTest, ALongHistoryComesInWholeCommits) {
  a_.Lead(1);
  journal::Record large = SmallRecord(0, "operator/Ticked");
  large.type = static_cast<std::uint16_t>(RecordType::kTicked);
  journal::testing::Random random(7);
  std::vector<journal::Record> baseline;
  for (int i = 0; i < 7; ++i) {
    large.payload.resize(3U << 20U);
    for (char& c : large.payload) c = static_cast<char>(random());
    baseline.push_back(large);
  }
  ASSERT_TRUE(Ok(a_.journal->Append(baseline, {++a_.wall_us, 0})));
  ASSERT_TRUE(Ok(a_.journal->Rotate({++a_.wall_us, 0}, baseline)));
  a_.Write(3);
  int answers = 0;
  b_.ask = [&](const std::string& target) {
    const http::Answer answer = a_.Answer(target);
    answers += answer.status == 200;
    return answer;
  };
  Follow(b_, Seen(a_, 1));
  ExpectSame(b_, a_);
  EXPECT_GT(answers, 2);
  EXPECT_EQ(b_.journal->SegmentCount(), 2U);
  const auto begin = b_.journal->Baseline(b_.journal->Head().seq);
  ASSERT_TRUE(Ok(begin));
  EXPECT_EQ(begin->first_seq, a_.journal->Baseline(a_.journal->Head().seq)->first_seq);
}

TEST_F(FollowerTest, ATornOrChangedAnswerIsNotUsedAndTheNextOneIs) {
  a_.Lead(1);
  Follow(b_, Seen(a_, 1));
  a_.Write(20);
  const auto before = b_.journal->Head();
  int torn = 0;
  b_.ask = [&](const std::string& target) {
    http::Answer answer = a_.Answer(target);
    if (torn % 2 == 0) answer.body.resize(answer.body.size() * 2 / 3);
    if (torn % 2 == 1) answer.body[answer.body.size() / 2] ^= 1;
    ++torn;
    return answer;
  };
  for (int i = 0; i < 4; ++i) {
    EXPECT_NE(Follow(b_, Seen(a_, 1)).find("is not used"), std::string::npos);
    EXPECT_EQ(b_.journal->Head(), before);
  }
  Obey(b_, a_);
  EXPECT_EQ(Follow(b_, Seen(a_, 1)), "");
  ExpectSame(b_, a_);
}

TEST_F(FollowerTest, FramesThatAreWholeButOfAnotherPlaceAreNotUsed) {
  a_.Lead(1);
  Follow(b_, Seen(a_, 1));
  a_.Write(1);
  const std::string old = a_.Answer(Follower("x").Next(*b_.journal, Seen(a_, 1))).body;
  Follow(b_, Seen(a_, 1));
  b_.ask = [&](const std::string&) { return http::Answer{200, old}; };
  EXPECT_NE(Follow(b_, Seen(a_, 1)).find("does not continue record"), std::string::npos);
  Obey(b_, a_);
  ExpectSame(b_, a_);
}

TEST_F(FollowerTest, AnotherJournalIsSetAsideByNameAndNeverDestroyed) {
  b_.Write(7);
  const auto own = b_.journal->Head();
  a_.Lead(1);
  EXPECT_NE(Follow(b_, Seen(a_, 1)).find("kept orphan/journal-0-7"), std::string::npos);
  ExpectSame(b_, a_);
  const auto kept = journal::Journal::Open(b_.directory + "/orphan/journal-0-7", {});
  ASSERT_TRUE(Ok(kept));
  EXPECT_EQ((*kept)->Head(), own);
}

TEST_F(FollowerTest, WhoIsBehindWhatIsKeptBeginsWithWhatIs) {
  a_.Lead(1);
  Follow(b_, Seen(a_, 1));
  for (int i = 0; i < 4; ++i) {
    a_.Write(5);
    a_.Turn();
  }
  ASSERT_TRUE(Ok(a_.journal->Retain({a_.wall_us, 0}, {1, 0, 1})));
  EXPECT_NE(Follow(b_, Seen(a_, 1)).find("kept orphan/journal-1-1"), std::string::npos);
  ExpectSame(b_, a_);
  EXPECT_EQ(b_.journal->Begin()->first_seq, a_.journal->Begin()->first_seq);
}

TEST_F(FollowerTest, NobodyIsFollowedInAnotherEpochThanTheLeaseNames) {
  a_.Lead(1);
  Follow(b_, Seen(a_, 1));
  a_.Write(3);
  const auto before = b_.journal->Head();
  EXPECT_NE(Follow(b_, Seen(a_, 2)).find("does not lead in epoch 2"), std::string::npos);
  a_.desk.EndLeading();
  EXPECT_NE(Follow(b_, Seen(a_, 1)).find("does not lead in epoch 1"), std::string::npos);
  EXPECT_EQ(b_.journal->Head(), before);
}

TEST_F(FollowerTest, AChangeOfLeaderInMidPullContinuesOneChainOfEpochs) {
  Replica c(dir_, "c");
  Obey(c, a_);
  a_.Lead(1);
  a_.Write(10);
  Follow(b_, Seen(a_, 1));
  Follow(c, Seen(a_, 1));
  a_.Write(10);
  int asked = 0;
  c.ask = [&](const std::string& target) {  // the leader dies while it answers
    const http::Answer answer = a_.Answer(target);
    return ++asked == 1 ? http::Answer{200, answer.body.substr(0, 500)}
                        : http::Answer{0, "connection refused"};
  };
  Follow(c, Seen(a_, 1));
  EXPECT_NE(Follow(c, Seen(a_, 1)).find("connection refused"), std::string::npos);
  Follow(b_, Seen(a_, 1));  // b got the rest in time
  b_.Lead(2);
  Obey(c, b_);
  EXPECT_EQ(Follow(c, Seen(b_, 2)), "");
  ExpectSame(c, b_);
  EXPECT_EQ(c.journal->Head().epoch, 2U);
}

TEST_F(FollowerTest, ATailThatNobodyHadIsKeptAsABundleAndTold) {
  a_.Lead(1);
  a_.Write(10);
  Follow(b_, Seen(a_, 1));
  const std::uint64_t common = b_.journal->Head().seq;
  a_.Write(300);  // more ends of frames than one answer names
  const auto tail = a_.journal->Head();
  b_.Lead(2);
  b_.Write(4);
  Obey(a_, b_);
  const std::string said = Follow(a_, Seen(b_, 2));
  EXPECT_NE(said.find("kept as orphan/1.pgoj"), std::string::npos) << said;
  ExpectSame(a_, b_);
  const auto kept = journal::BundleFile::Open(a_.directory + "/orphan/1.pgoj");
  ASSERT_TRUE(Ok(kept));
  EXPECT_EQ((*kept)->Head().chain, tail.chain);
  EXPECT_EQ((*kept)->Begin()->first_seq, common + 1);
  ASSERT_EQ(b_.orphans.size(), 1U);
  EXPECT_EQ(b_.orphans[0].replica, "a");
  EXPECT_EQ(b_.orphans[0].epoch, 1);
  EXPECT_EQ(static_cast<std::uint64_t>(b_.orphans[0].first_seq), common + 1);
  EXPECT_EQ(static_cast<std::uint64_t>(b_.orphans[0].last_seq), tail.seq);
  EXPECT_EQ(b_.orphans[0].chain, journal::HexOf(tail.chain));
  EXPECT_EQ(b_.orphans[0].kept, "orphan/1.pgoj");
}

TEST_F(FollowerTest, ATailThatBeganASegmentIsKeptAsAWhole) {
  a_.Lead(1);
  Follow(b_, Seen(a_, 1));
  a_.Write(5);
  a_.Turn();
  a_.Write(5);
  b_.Lead(2);
  Obey(a_, b_);
  EXPECT_NE(Follow(a_, Seen(b_, 2)).find("kept orphan/journal-1-12"), std::string::npos);
  ExpectSame(a_, b_);
}

TEST_F(FollowerTest, TwoTailsOfOneEpochHaveTwoNames) {
  a_.Lead(1);
  Follow(b_, Seen(a_, 1));
  std::filesystem::create_directories(a_.directory + "/orphan");
  journal::testing::WriteFileText(a_.directory + "/orphan/1.pgoj", "earlier");
  a_.Write(2);
  b_.Lead(2);
  Obey(a_, b_);
  EXPECT_NE(Follow(a_, Seen(b_, 2)).find("orphan/1-2.pgoj"), std::string::npos);
  EXPECT_EQ(journal::testing::ReadFileText(a_.directory + "/orphan/1.pgoj"), "earlier");
}

TEST_F(FollowerTest, WhatALeaderSaysOfItsBeginningMustProveItself) {
  b_.Write(1);
  a_.Lead(1);
  Follower follower("b");
  const LeaderSeen leader = Seen(a_, 1);
  follower.AskAnew("test");
  follower.Next(*b_.journal, leader);
  follower.AskAnew("test");
  for (const char* body : {"", "{}", R"({"journal_id":"00"})",
                           R"({"journal_id":"000102030405060708090a0b0c0d0e0f","seals":[{}]})"}) {
    follower.AskAnew("test");
    EXPECT_TRUE(std::holds_alternative<follow::Again>(follower.Take(*b_.journal, 200, body)))
        << body;
  }
}

}  // namespace
}  // namespace pgo
