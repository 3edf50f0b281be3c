#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/operator/operator.h"
#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo {
namespace {

namespace fs = std::filesystem;
using journal::testing::Fails;
using journal::testing::Ok;

class SalvageTest : public ::testing::Test {
 protected:
  // A journal of three records; `anchor` names the second.
  SalvageTest() {
    options_.data_directory = dir_.Path("");
    auto journal = journal::Journal::Open(directory_, {});
    EXPECT_TRUE(Ok(journal));
    for (int i = 0; i < 3; ++i) {
      const auto record = journal::testing::SmallRecord(1, "pod/a");
      EXPECT_TRUE(Ok((*journal)->Append({&record, 1}, {})));
      anchors_.push_back(TextOf((*journal)->Head()));
    }
  }
  static std::string TextOf(const journal::JournalHead& head) {
    return journal::HexOf(head.journal_id) + "/" + std::to_string(head.epoch) + "/" +
           std::to_string(head.seq) + "/" + journal::HexOf(head.chain);
  }
  // As a power loss does: the last record's bytes are zeros, the file as long as before.
  void TearTail() {
    std::string log;
    for (const auto& file : fs::directory_iterator(directory_)) {
      const bool one = file.path().extension() == ".log" && file.file_size() > 0;
      if (one && file.path().string() > log) log = file.path();
    }
    std::string bytes = journal::testing::ReadFileText(log);
    bytes.replace(bytes.size() - 50, 50, 50, '\0');
    journal::testing::WriteFileText(log, bytes);
  }
  std::uint64_t HeadSeq() const {
    const auto journal = journal::Journal::Open(directory_, {});
    EXPECT_TRUE(Ok(journal));
    return journal ? (*journal)->Head().seq : 0;
  }

  journal::testing::TempDir dir_;
  const std::string directory_ = dir_.Path("") + "/journal";
  std::vector<std::string> anchors_;  // after each record
  Options options_;
};

TEST_F(SalvageTest, GoesOnWithACopyThatReachesTheAnchor) {
  TearTail();
  options_.anchor = anchors_[1];
  ASSERT_TRUE(Ok(SalvageJournal(options_)));
  EXPECT_EQ(HeadSeq(), 2U);
  EXPECT_TRUE(fs::exists(directory_ + ".damaged"));
  EXPECT_FALSE(fs::exists(directory_ + ".salvaged"));
}

TEST_F(SalvageTest, RefusesToLoseWhatWasAcknowledgedUnlessTold) {
  TearTail();
  options_.anchor = anchors_[2];
  EXPECT_TRUE(Fails(SalvageJournal(options_), Code::kConflict, "acknowledged records are missing"));
  EXPECT_TRUE(Fails(SalvageJournal(options_), Code::kConflict, "ends with record 2"));
  options_.anchor.clear();
  EXPECT_TRUE(Fails(SalvageJournal(options_), Code::kInvalid, "without --anchor"));
  EXPECT_FALSE(fs::exists(directory_ + ".damaged")) << "a refusal changes nothing";
  EXPECT_FALSE(fs::exists(directory_ + ".salvaged"));
  options_.accept_loss = true;
  ASSERT_TRUE(Ok(SalvageJournal(options_)));
  EXPECT_EQ(HeadSeq(), 2U);
}

TEST_F(SalvageTest, RefusesAnAnchorThatIsAnothersOrNone) {
  TearTail();
  options_.accept_loss = true;
  options_.anchor = anchors_[1];
  options_.anchor.back() = options_.anchor.back() == '0' ? '1' : '0';
  EXPECT_TRUE(Fails(SalvageJournal(options_), Code::kConflict, "another"));
  for (const char* text : {"x", "a/b/c/d", "1/2/3", "//"}) {
    options_.anchor = text;
    EXPECT_TRUE(Fails(SalvageJournal(options_), Code::kInvalid, "ID/EPOCH/SEQ/CHAIN")) << text;
  }
}

TEST_F(SalvageTest, LeavesAJournalAloneThatOpens) {
  options_.anchor = anchors_[2];
  EXPECT_TRUE(Fails(SalvageJournal(options_), Code::kInvalid, "nothing to salvage"));
  options_.data_directory += "/none";
  EXPECT_FALSE(SalvageJournal(options_));
  EXPECT_EQ(HeadSeq(), 3U);
}

}  // namespace
}  // namespace pgo
