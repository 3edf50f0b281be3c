// The judges themselves: a lie must be found, a disk must forget, a damage must be done.
#include <gtest/gtest.h>

#include <functional>

#include "journal/testing/injuries/damage.h"
#include "journal/testing/injuries/lossy_disk.h"
#include "journal/testing/injuries/rounds.h"
#include "journal/testing/injuries/tally.h"

namespace pgo::journal::injuries {
namespace {

// A journal whose answers somebody changes on the way.
class Liar final : public Reader {
 public:
  explicit Liar(const Reader& honest) : honest_(honest) {}
  std::function<bool(const Entry&)> hide;      // in answers by subject
  std::function<void(Entry&)> edit;            // in answers by subject
  std::function<bool(const FrameView&)> skip;  // in answers of frames
  std::function<void(JournalHead&)> head;
  std::optional<Error> refuse;

  [[nodiscard]] JournalHead Head() const override {
    JournalHead out = honest_.Head();
    if (head) head(out);
    return out;
  }
  [[nodiscard]] Result<Start> Begin() const override { return honest_.Begin(); }
  [[nodiscard]] Result<Start> Baseline(std::uint64_t seq) const override {
    return honest_.Baseline(seq);
  }
  Status Frames(SeqRange range, const FrameCallback& callback) const override {
    return honest_.Frames(range, [&](const FrameView& frame) {
      return skip && skip(frame) ? true : callback(frame);
    });
  }
  Status BySubject(std::string_view subject, SeqRange range, Order order,
                   const EntryCallback& callback) const override {
    if (refuse) return Fail(*refuse);
    return honest_.BySubject(subject, range, order, [&](const Entry& entry) {
      Entry told = entry;
      if (hide && hide(told)) return true;
      if (edit) edit(told);
      return callback(told);
    });
  }

 private:
  const Reader& honest_;
};

class InjuriesTest : public ::testing::Test {
 protected:
  InjuriesTest() {
    JournalOptions options;
    options.new_id = script_.Id();
    auto opened = Journal::Open(scratch_.Path("j"), options);
    EXPECT_TRUE(opened.has_value());
    journal_ = *std::move(opened);
    while (journal_->NextSeq() < 60) {
      const auto written = WriteNext(*journal_, script_);
      EXPECT_TRUE(written.has_value());
      ledger_.Add(*written);
    }
    EXPECT_TRUE(journal_->Sync().has_value());
  }
  Answers AskIt(const Reader& reader) {
    Random random(1);
    return Ask(reader, Model(script_, ledger_, journal_->Head().seq), random);
  }

  const Scratch scratch_{""};
  const Script script_{11};
  Ledger ledger_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(InjuriesTest, HonestAnswersAreEqual) {
  const Answers answers = AskIt(*journal_);
  EXPECT_EQ(answers.wrong, "");
  EXPECT_EQ(answers.refused, "");
}

TEST_F(InjuriesTest, EachLieIsFound) {
  {
    Liar liar(*journal_);
    liar.hide = [](const Entry& entry) { return entry.seq == 20 || entry.seq == 21; };
    EXPECT_NE(AskIt(liar).wrong, "");
  }
  {
    Liar liar(*journal_);
    liar.edit = [](Entry& entry) { entry.record.payload += "x"; };
    EXPECT_NE(AskIt(liar).wrong.find("not what was written"), std::string::npos);
  }
  {
    Liar liar(*journal_);
    liar.skip = [](const FrameView& frame) { return frame.header.first_seq > 30; };
    EXPECT_NE(AskIt(liar).wrong, "");
  }
  {
    Liar liar(*journal_);
    liar.head = [](JournalHead& head) { --head.seq; };
    EXPECT_NE(AskIt(liar).wrong.find("the head names"), std::string::npos);
  }
}

TEST_F(InjuriesTest, ARefusalIsNoWrongAnswerUnlessItSaysNothing) {
  Liar liar(*journal_);
  liar.refuse = Error{Code::kCorrupt, "table 7 is damaged"};
  EXPECT_EQ(AskIt(liar).wrong, "");
  EXPECT_NE(AskIt(liar).refused.find("table 7"), std::string::npos);
  liar.refuse->message.clear();
  EXPECT_NE(AskIt(liar).wrong.find("without a word"), std::string::npos);
}

TEST_F(InjuriesTest, AnotherHistoryIsWrong) {
  Random random(1);
  const Model other(Script(12), Ledger(), journal_->Head().seq);
  EXPECT_NE(Ask(*journal_, other, random).wrong, "");
}

class LossyDiskTest : public ::testing::Test {
 protected:
  LossyDiskTest() { MakeDirectory(scratch_.Path("d")); }
  void Write(const std::string& name, const std::string& bytes, bool sync) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    ASSERT_TRUE(disk_.NewWritableFile(Path(name), {}, &file, nullptr).ok());
    ASSERT_TRUE(file->Append(bytes, {}, nullptr).ok());
    ASSERT_TRUE(!sync || file->Sync({}, nullptr).ok());
    ASSERT_TRUE(file->Close({}, nullptr).ok());
  }
  [[nodiscard]] std::string Path(const std::string& name) const {
    return scratch_.Path("d/" + name);
  }

  const Scratch scratch_{""};
  LossyDisk disk_{scratch_.Path("d")};
};

TEST_F(LossyDiskTest, KeepsWhatWasSyncedWithItsName) {
  Write("a", "synced", true);
  ASSERT_TRUE(disk_.SyncDirectory().ok());
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    disk_.CutNow();
    Random random(seed);
    disk_.Restart(random);
    ASSERT_EQ(ReadText(Path("a")), "synced");
  }
}

TEST_F(LossyDiskTest, LosesTearsAndReordersTheRest) {
  std::set<std::string> seen;
  std::size_t missing = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Write("b", std::string(600, 'b') + std::string(600, 'c'), false);
    disk_.CutNow();
    Random random(seed);
    disk_.Restart(random);
    const bool there = FilesIn(scratch_.Path("d")) == std::vector<std::string>{"b"};
    missing += there ? 0 : 1;
    if (there) seen.insert(ReadText(Path("b")));
    if (there) RemoveFile(Path("b"));
    disk_.Load();
  }
  EXPECT_GT(missing, 20U) << "a name that was never synced";
  EXPECT_GT(seen.size(), 20U);
  EXPECT_TRUE(seen.contains(std::string(1024, '\0') + std::string(176, 'c'))) << "the last alone";
}

TEST_F(LossyDiskTest, RefusesWhenThePowerIsOff) {
  disk_.CutAfter(1);
  std::unique_ptr<rocksdb::FSWritableFile> file;
  ASSERT_TRUE(disk_.NewWritableFile(Path("a"), {}, &file, nullptr).ok());
  EXPECT_FALSE(file->Append("x", {}, nullptr).ok());
  EXPECT_FALSE(file->Sync({}, nullptr).ok());
  EXPECT_FALSE(disk_.DeleteFile(Path("a"), {}, nullptr).ok());
  EXPECT_TRUE(disk_.Off());
}

TEST(DamageOf, EveryKindChangesTheDirectory) {
  const Scratch scratch("");
  for (const Damage damage : kDamages) {
    int changed = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const std::string now = scratch.Path("now");
      const std::string older = scratch.Path("older");
      for (const std::string& path : {now, older}) {
        RemoveTree(path);
        MakeDirectory(path);
        for (const char* name : {"000004.log", "000007.log", "000009.sst", "MANIFEST-000005"}) {
          WriteText(path + "/" + name, path + name + std::string(900, 'x'));
        }
      }
      const auto bytes = [&] {
        std::string out;
        for (const std::string& name : FilesIn(now)) out += name + ReadText(now + "/" + name);
        return out;
      };
      const std::string before = bytes();
      Random random(seed);
      Injure(now, {older}, damage, random);
      changed += bytes() == before ? 0 : 1;
    }
    EXPECT_GT(changed, 4) << NameOf(damage);
  }
}

TEST(TallyTest, CountsAndCarriesVerdicts) {
  Tally tally(5);
  Verdict verdict{Outcome::kWrong, "cut", "", "by subject", {{"injuries", 1}}};
  const auto line = ParseLine(LineOf(17, verdict));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->round, 17U);
  tally.Add(line->verdict, "again");
  tally.AddCrash("injury", "signal 6", "again");
  const Json summary = tally.Summary(false, 1);
  EXPECT_EQ(GetInt(summary, {"wrong_answers"}), 1);
  EXPECT_EQ(GetInt(summary, {"crashes"}), 1);
  EXPECT_EQ(GetInt(summary, {"lost"}, -1), 0);
  EXPECT_EQ(GetInt(summary, {"by_kind", "cut", "wrong"}), 1);
  EXPECT_EQ(tally.Bad(), 2U);
  EXPECT_FALSE(GetBool(summary, {"complete"}, true));
  EXPECT_FALSE(ParseLine("noise"));
}

// Fixed seeds, so that what a change breaks shows in every run of the tests.
TEST(RoundsTest, AFewOfEachLoseNothing) {
  const Scratch scratch("");
  Rounds rounds(23, scratch.path());
  for (std::uint64_t round = 0; round < 12; ++round) {
    const Verdict verdict = rounds.PowerLoss(round);
    EXPECT_FALSE(Bad(verdict.outcome)) << round << ": " << verdict.what;
  }
  for (std::uint64_t round = 0; round < 150; ++round) {
    const Verdict verdict = rounds.Injury(round);
    EXPECT_FALSE(Bad(verdict.outcome)) << round << ": " << verdict.what;
  }
}

}  // namespace
}  // namespace pgo::journal::injuries
