#include "adapters/operator/anchor.h"

#include <gtest/gtest.h>

#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo {
namespace {

using journal::testing::Fails;
using journal::testing::Ok;
using journal::testing::SmallRecord;

class AnchorTest : public ::testing::Test {
 protected:
  std::unique_ptr<journal::Journal> Open(const std::string& name) {
    auto opened = journal::Journal::Open(dir_.Path(name), {});
    EXPECT_TRUE(Ok(opened));
    return opened ? *std::move(opened) : nullptr;
  }
  static std::string Append(journal::Journal& journal, const std::string& subject = "pod/a") {
    const auto record = SmallRecord(1, subject);
    EXPECT_TRUE(Ok(journal.Append({&record, 1}, {})));
    return AnchorText(journal.Head());
  }
  journal::testing::TempDir dir_;
};

TEST_F(AnchorTest, IsReadAsItWasWritten) {
  const auto journal = Open("j");
  Append(*journal);
  const auto read = ReadAnchors(AnchorText(journal->Head()));
  ASSERT_TRUE(Ok(read));
  EXPECT_EQ(read->front(), journal->Head());
  for (const char* text : {"", "x", "a/b/c/d", "1/2/3", "//", "///", " "}) {
    EXPECT_TRUE(Fails(ReadAnchors(text), Code::kInvalid, "ID/EPOCH/SEQ/CHAIN")) << text;
  }
}

TEST_F(AnchorTest, AJournalThatHoldsItKnows) {
  const auto journal = Open("j");
  EXPECT_EQ(WhyAmnesia(*journal, ""), "") << "a first start";
  const std::string anchor = Append(*journal);
  EXPECT_EQ(WhyAmnesia(*journal, anchor), "");
  Append(*journal);
  EXPECT_EQ(WhyAmnesia(*journal, anchor), "");
}

TEST_F(AnchorTest, AJournalThatEndsBeforeItOrIsAnotherDoesNot) {
  const auto journal = Open("j");
  Append(*journal);
  std::string ahead = AnchorText(journal->Head());
  ahead.replace(ahead.find("/0/1/"), 5, "/0/7/");
  EXPECT_NE(WhyAmnesia(*journal, ahead).find("ends with record 1, the Lease names record 7"),
            std::string::npos)
      << WhyAmnesia(*journal, ahead);
  std::string chain = AnchorText(journal->Head());
  chain.back() = chain.back() == '0' ? '1' : '0';
  EXPECT_NE(WhyAmnesia(*journal, chain).find("another history"), std::string::npos);
  const auto other = Open("other");
  EXPECT_NE(WhyAmnesia(*other, AnchorText(journal->Head())).find("of journal "), std::string::npos);
  EXPECT_NE(WhyAmnesia(*journal, "nonsense"), "");
}

TEST_F(AnchorTest, WhoKnowsLessLeavesAFreeLeaseToOthersForLonger) {
  const auto journal = Open("j");
  EXPECT_EQ(HoldBackUs(*journal, ""), 0) << "a first start";
  Append(*journal);
  const std::string anchor = AnchorText(journal->Head());
  EXPECT_EQ(HoldBackUs(*journal, anchor), 0);
  Append(*journal);
  EXPECT_EQ(HoldBackUs(*journal, anchor), 0) << "it has more";
  const auto at = [&](const char* seq) {
    std::string ahead = anchor;
    ahead.replace(ahead.find("/0/1/"), 5, std::string("/0/") + seq + "/");
    return HoldBackUs(*journal, ahead);
  };
  EXPECT_EQ(at("7"), kHoldBackBehindUs);
  EXPECT_EQ(at("10003"), kHoldBackForeignUs) << "it has next to nothing";
  std::string chain = anchor;
  chain.back() = chain.back() == '0' ? '1' : '0';
  EXPECT_EQ(HoldBackUs(*journal, chain), kHoldBackForkedUs);
  const auto other = Open("other");
  EXPECT_EQ(HoldBackUs(*other, anchor), kHoldBackForeignUs);
  EXPECT_EQ(HoldBackUs(*other, WithAnchor(anchor, other->Head())), 0);
  EXPECT_EQ(HoldBackUs(*journal, WithAnchor(anchor, other->Head())), kHoldBackForeignUs)
      << "the newest leader's journal counts";
  EXPECT_EQ(WhyAmnesia(*journal, WithAnchor(anchor, other->Head())), "");
  EXPECT_NE(WhyAmnesia(*journal, WithAnchor(anchor, other->Head()), true), "");
}

// Each replica has a journal of its own: it is judged by its own anchor, and only the first
// leadership of one that the Lease does not know begins with amnesia.
TEST_F(AnchorTest, ASuccessorIsJudgedByItsOwnAnchor) {
  const auto first = Open("first"), second = Open("second");
  Append(*first);
  Append(*second);
  const std::string led = WithAnchor("", first->Head());
  EXPECT_EQ(led, AnchorText(first->Head()));
  EXPECT_NE(WhyAmnesia(*second, led).find("nothing of this one"), std::string::npos);
  const std::string both = WithAnchor(led, second->Head());
  EXPECT_EQ(both, AnchorText(second->Head()) + " " + AnchorText(first->Head()));
  EXPECT_EQ(WhyAmnesia(*second, both), "");
  EXPECT_EQ(WhyAmnesia(*first, both), "");
  Append(*first);
  EXPECT_EQ(WithAnchor(both, first->Head()),
            AnchorText(first->Head()) + " " + AnchorText(second->Head()));
}

TEST_F(AnchorTest, TheLeaseKeepsTheNewestEight) {
  journal::JournalHead head;
  std::string anchors = "nonsense";
  for (int i = 0; i < 20; ++i) {
    head.journal_id[0] = static_cast<std::uint8_t>(i);
    anchors = WithAnchor(anchors, head);
  }
  const auto read = ReadAnchors(anchors);
  ASSERT_TRUE(Ok(read));
  ASSERT_EQ(read->size(), 8U);
  EXPECT_EQ(read->front().journal_id[0], 19);
  EXPECT_EQ(read->back().journal_id[0], 12);
}

}  // namespace
}  // namespace pgo
