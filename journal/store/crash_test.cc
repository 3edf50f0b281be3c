// What is acknowledged stays, whatever ends the process; and damage on disk is never passed over.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "journal/store/database.h"
#include "journal/store/journal.h"
#include "journal/store/keys.h"
#include "journal/store/salvage.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::Ok;
using testing::Random;
using testing::SmallRecord;
using testing::TempDir;

JournalOptions Options() {
  JournalOptions options;
  options.new_id = testing::TestId();
  options.segment_bytes_max = 60'000;  // so that kills meet rotations too
  return options;
}

// In a process of its own: appends until killed, reporting each acknowledged seq.
TEST(CrashChild, DISABLED_AppendsForEver) {
  if (testing::ChildDirectory().empty()) GTEST_SKIP() << "only as a child";
  const auto journal = Journal::Open(testing::ChildDirectory(), Options());
  ASSERT_TRUE(Ok(journal));
  Random random((*journal)->NextSeq());
  while (true) {
    std::vector<Record> records;
    for (std::uint64_t i = 1 + random() % 3; i > 0; --i) {
      records.push_back(SmallRecord((*journal)->NextSeq(), "pod/a"));
      records.back().payload.resize(random() % 3000, 'x');
    }
    const auto frame = (*journal)->Append(records, {});
    ASSERT_TRUE(Ok(frame));
    const std::uint64_t seq = frame->last_seq;
    ASSERT_EQ(::write(testing::kReportFd, &seq, sizeof seq), static_cast<ssize_t>(sizeof seq));
    if (!(*journal)->RotationDue({})) continue;
    const Record baseline = SmallRecord(0, "baseline");
    ASSERT_TRUE(Ok((*journal)->Rotate({}, {&baseline, 1})));
  }
}

// The last seq that the child acknowledged before it was killed; waits for `count` of them first.
std::uint64_t KillAfter(const std::string& path, int count) {
  const testing::Child child = testing::SpawnTest("CrashChild.DISABLED_AppendsForEver", path);
  std::uint64_t seq = 0;
  std::uint64_t last = 0;
  for (int i = 0; i < count && ::read(child.reports, &seq, sizeof seq) == sizeof seq; ++i) {
    last = seq;
  }
  ::kill(child.pid, SIGKILL);
  while (::read(child.reports, &seq, sizeof seq) == sizeof seq) last = seq;
  EXPECT_TRUE(WIFSIGNALED(testing::WaitFor(child))) << "it ended by itself";
  return last;
}

TEST(CrashTest, KillsLoseNothingAcknowledged) {
  TempDir dir;
  Random random(41);
  for (int cut = 0; cut < testing::Rounds(60); ++cut) {
    const std::string path = dir.Path("j" + std::to_string(cut / 60));  // small ones open quickly
    const std::uint64_t acknowledged = KillAfter(path, static_cast<int>(random() % 25));
    JournalOptions options = Options();
    options.verify_all = true;
    const auto journal = Journal::Open(path, options);
    ASSERT_TRUE(Ok(journal)) << "cut " << cut;
    ASSERT_GE((*journal)->Head().seq, acknowledged) << "cut " << cut;
  }
}

// A closed journal with a log that is not yet in tables, and its acknowledged records.
struct Written {
  std::string directory;
  std::string log;  // path of the newest one that holds bytes
  JournalHead head;
};

Written WriteOne(const TempDir& dir, const std::string& name, int frames) {
  Written out;
  out.directory = dir.Path(name);
  JournalOptions options;
  options.new_id = testing::TestId();
  const auto journal = Journal::Open(out.directory, options);
  EXPECT_TRUE(Ok(journal));
  for (int i = 0; i < frames; ++i) {
    Record record = SmallRecord((*journal)->NextSeq(), "pod/a");
    record.payload.resize(200, 'y');
    EXPECT_TRUE(Ok((*journal)->Append({&record, 1}, {})));
  }
  out.head = (*journal)->Head();
  for (const auto& file : std::filesystem::directory_iterator(out.directory)) {
    const bool log = file.path().extension() == ".log" && file.file_size() > 0;
    if (log && file.path().string() > out.log) out.log = file.path();
  }
  EXPECT_FALSE(out.log.empty());
  return out;
}

std::string CopyOf(const Written& from, const TempDir& dir, const std::string& name) {
  const std::string to = dir.Path(name);
  std::filesystem::remove_all(to);
  std::filesystem::copy(from.directory, to);
  return to;
}

std::string LogIn(const Written& from, const std::string& directory) {
  return directory + "/" + std::filesystem::path(from.log).filename().string();
}

TEST(CrashTest, AChangedByteInTheLogIsNeverPassedOver) {
  TempDir dir;
  const Written written = WriteOne(dir, "j", 40);
  const std::string log = testing::ReadFileText(written.log);
  Random random(43);
  int refused = 0;
  for (int i = 0; i < testing::Rounds(150); ++i) {
    const std::string copy = CopyOf(written, dir, "copy");
    std::string damaged = log;
    const std::size_t at = random() % damaged.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
    testing::WriteFileText(LogIn(written, copy), damaged);
    JournalOptions options;
    options.verify_all = true;
    const auto journal = Journal::Open(copy, options);
    if (!journal) {
      EXPECT_EQ(journal.error().code, Code::kCorrupt) << journal.error().message;
      ++refused;
      continue;
    }
    // What opens is a prefix; a shorter one than was acknowledged is what the anchor is for.
    EXPECT_TRUE((*journal)->Head() == written.head ||
                CompareAnchor(**journal, written.head) == AnchorVerdict::kBehind)
        << "byte " << at;
  }
  EXPECT_GT(refused, 100);
}

// The length of an old record, changed to pass the end of the log, must not look like a torn tail.
TEST(CrashTest, AChangedLengthInTheLogIsRefused) {
  TempDir dir;
  const Written written = WriteOne(dir, "j", 40);
  const std::string log = testing::ReadFileText(written.log);
  const auto length_at = [&](std::size_t at) {
    return static_cast<unsigned char>(log[at + 4]) + 256U * static_cast<unsigned char>(log[at + 5]);
  };
  int records = 0;
  for (std::size_t at = 0, next = 0; at + 7 < log.size(); at = next, ++records) {
    next = at + 7 + length_at(at);
    if (next >= log.size()) break;  // the last one cannot be told from a torn one
    const std::string copy = CopyOf(written, dir, "copy");
    std::string damaged = log;
    damaged[at + 5] = static_cast<char>(damaged[at + 5] ^ 0x7f);
    testing::WriteFileText(LogIn(written, copy), damaged);
    const auto journal = Journal::Open(copy, {});
    ASSERT_TRUE(Fails(journal, Code::kCorrupt, "the record at offset " + std::to_string(at)));
  }
  EXPECT_GE(records, 35);
}

TEST(CrashTest, ATornLogLeavesAPrefix) {
  TempDir dir;
  const Written written = WriteOne(dir, "j", 40);
  const std::string log = testing::ReadFileText(written.log);
  std::uint64_t before = 0;
  for (std::size_t size = 0; size <= log.size(); size += 131) {
    const std::string copy = CopyOf(written, dir, "copy");
    testing::WriteFileText(LogIn(written, copy), log.substr(0, size));
    JournalOptions options;
    options.verify_all = true;
    const auto journal = Journal::Open(copy, options);
    ASSERT_TRUE(Ok(journal)) << size;
    EXPECT_GE((*journal)->Head().seq, before);
    before = (*journal)->Head().seq;
    if (before < written.head.seq) {
      EXPECT_EQ(CompareAnchor(**journal, written.head), AnchorVerdict::kBehind);
    }
  }
  EXPECT_GE(before + 1, written.head.seq);
}

// Power loss may leave the last record's bytes as zeros without shortening the file.
TEST(CrashTest, ATornTailIsCutInACopyAndAdopted) {
  TempDir dir;
  const Written written = WriteOne(dir, "j", 40);
  JournalHead anchor;
  {
    const auto journal = Journal::Open(written.directory, {});
    ASSERT_TRUE(Ok(journal));
    const Record record = SmallRecord(1, "pod/a");
    ASSERT_TRUE(Ok((*journal)->Append({&record, 1}, {})));
    anchor = (*journal)->Head();
    ASSERT_TRUE(Ok((*journal)->Append({&record, 1}, {})));
  }
  std::string log;
  for (const auto& file : std::filesystem::directory_iterator(written.directory)) {
    const bool one = file.path().extension() == ".log" && file.file_size() > 0;
    if (one && file.path().string() > log) log = file.path();
  }
  std::string bytes = testing::ReadFileText(log);
  bytes.replace(bytes.size() - 50, 50, 50, '\0');
  testing::WriteFileText(log, bytes);
  EXPECT_TRUE(Fails(Journal::Open(written.directory, {}), Code::kCorrupt, "salvage a copy"));
  EXPECT_EQ(testing::ReadFileText(log), bytes) << "a refusal changes nothing";
  {
    const auto salvaged = SalvageCopy(written.directory, dir.Path("copy"));
    ASSERT_TRUE(Ok(salvaged));
    EXPECT_EQ((*salvaged)->Head(), anchor);
    EXPECT_EQ(CompareAnchor(**salvaged, anchor), AnchorVerdict::kHolds);
  }
  EXPECT_TRUE(Fails(SalvageCopy(written.directory, dir.Path("copy")), Code::kConflict));
  const auto kept = AdoptSalvaged(written.directory, dir.Path("copy"));
  ASSERT_TRUE(Ok(kept));
  EXPECT_EQ(*kept, written.directory + ".damaged");
  const auto journal = Journal::Open(written.directory, {});
  ASSERT_TRUE(Ok(journal));
  const Record record = SmallRecord(1, "pod/a");
  EXPECT_TRUE(Ok((*journal)->Append({&record, 1}, {})));
  EXPECT_TRUE(Ok(Verify(**journal)));
}

TEST(CrashTest, ASalvagedCopyThatLostRecordsIsBehindTheAnchor) {
  TempDir dir;
  const Written written = WriteOne(dir, "j", 40);
  std::string bytes = testing::ReadFileText(written.log);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  testing::WriteFileText(written.log, bytes);
  const auto salvaged = SalvageCopy(written.directory, dir.Path("copy"));
  ASSERT_TRUE(Ok(salvaged));
  EXPECT_GT((*salvaged)->Head().seq, 10U);
  EXPECT_EQ(CompareAnchor(**salvaged, written.head), AnchorVerdict::kBehind);
}

TEST(CrashTest, MissingFilesAreNoticed) {
  TempDir dir;
  const Written written = WriteOne(dir, "j", 10);
  std::string copy = CopyOf(written, dir, "no-log");
  for (const auto& file : std::filesystem::directory_iterator(copy)) {
    if (file.path().extension() == ".log") std::filesystem::remove(file.path());
  }
  EXPECT_TRUE(Fails(Journal::Open(copy, {}), Code::kCorrupt, "write-ahead log is missing"));
  copy = CopyOf(written, dir, "no-current");
  std::filesystem::remove(copy + "/CURRENT");
  EXPECT_TRUE(Fails(Journal::Open(copy, {}), Code::kCorrupt, "CURRENT"));
  copy = CopyOf(written, dir, "no-tables");
  for (const auto& file : std::filesystem::directory_iterator(copy)) {
    if (file.path().extension() == ".sst") std::filesystem::remove(file.path());
  }
  EXPECT_TRUE(Fails(Journal::Open(copy, {}), Code::kCorrupt));
}

TEST(CrashTest, ADamagedTableIsNoticed) {
  TempDir dir;
  const Written written = WriteOne(dir, "j", 200);
  {
    EXPECT_TRUE(Ok(Journal::Open(written.directory, {})));
  }  // moves the log into tables
  Random random(47);
  int noticed = 0;
  for (int i = 0; i < 60; ++i) {
    const std::string copy = CopyOf(written, dir, "copy");
    std::string largest;
    for (const auto& file : std::filesystem::directory_iterator(copy)) {
      const std::string path = file.path().string();
      const bool table = file.path().extension() == ".sst";
      if (table && (largest.empty() || file.file_size() > std::filesystem::file_size(largest))) {
        largest = path;
      }
    }
    std::string bytes = testing::ReadFileText(largest);
    const std::size_t at = random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    testing::WriteFileText(largest, bytes);
    JournalOptions options;
    options.verify_all = true;
    const auto journal = Journal::Open(copy, options);
    if (!journal) {
      EXPECT_EQ(journal.error().code, Code::kCorrupt) << journal.error().message;
      ++noticed;
      continue;
    }
    EXPECT_EQ((*journal)->Head(), written.head) << "harmless only if nothing changed";
  }
  EXPECT_GT(noticed, 20);
}

// The chain does not cover the index; VerifyIndex does.
TEST(CrashTest, AMissingOrForeignIndexKeyIsNoticed) {
  TempDir dir;
  const Written written = WriteOne(dir, "j", 40);
  for (const bool remove : {true, false}) {
    const std::string copy = CopyOf(written, dir, "copy");
    {
      const auto database = Database::Open(copy, {}, std::make_shared<Latch>());
      ASSERT_TRUE(Ok(database));
      rocksdb::DB& db = (*database)->db();
      const Family index = (*database)->TakeSegments()[0].index;
      const std::string key = SubjectKey("pod/a", 7);
      ASSERT_TRUE(
          (remove ? db.Delete({}, index.get(), key) : db.Put({}, index.get(), "b" + key, "")).ok());
    }
    JournalOptions options;
    const auto journal = Journal::Open(copy, options);
    ASSERT_TRUE(Ok(journal));
    EXPECT_TRUE(Ok(Verify(**journal)));
    EXPECT_TRUE(Fails((*journal)->VerifyIndex(), Code::kCorrupt, "index of segment 1"));
  }
}

}  // namespace
}  // namespace pgo::journal
