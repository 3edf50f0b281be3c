// What `make injuries` once found, each as a test of its own.
#include <gtest/gtest.h>
#include <algorithm>

#include <filesystem>

#include "journal/store/database.h"
#include "journal/store/fence.h"
#include "journal/store/journal.h"
#include "journal/store/keys.h"
#include "journal/store/live_tables.h"
#include "journal/store/log_check.h"
#include "journal/store/salvage.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

namespace fs = std::filesystem;
using testing::Fails;
using testing::Ok;
using testing::SmallRecord;

class DamageTest : public ::testing::Test {
 protected:
  // One life of a writer: opens, appends, closes.
  void Live(int appends) {
    JournalOptions options;
    options.new_id = testing::TestId();
    const auto journal = Journal::Open(path_, options);
    ASSERT_TRUE(Ok(journal));
    for (int i = 0; i < appends; ++i) {
      const Record record = SmallRecord((*journal)->NextSeq(), "pod/a");
      ASSERT_TRUE(Ok((*journal)->Append({&record, 1}, {})));
    }
    head_ = (*journal)->Head();
  }
  std::map<std::string, std::string> Bytes() const {
    std::map<std::string, std::string> out;
    for (const auto& file : fs::directory_iterator(path_)) {
      const std::string name = file.path().filename().string();
      if (name.starts_with("LOG") || name == "LOCK") continue;  // what RocksDB says of itself
      out[name] = testing::ReadFileText(file.path().string());
    }
    return out;
  }
  std::string NewestLog() const {
    std::string log;
    for (const auto& file : fs::directory_iterator(path_)) {
      const bool one = file.path().extension() == ".log" && file.file_size() > 0;
      if (one && file.path().string() > log) log = file.path().string();
    }
    return log;
  }

  testing::TempDir dir_;
  const std::string path_ = dir_.Path("j");
  JournalHead head_;
};

// RocksDB passes over a manifest's missing end: of records and index, one table would be forgotten.
TEST_F(DamageTest, AManifestThatLostItsEndIsRefusedAndNothingIsRemoved) {
  for (int life = 0; life < 3; ++life) Live(5);
  const auto manifest = ReadManifestFile(path_);
  ASSERT_TRUE(Ok(manifest));
  int refused = 0;
  for (std::size_t size = 0; size < manifest->bytes.size(); size += 7) {
    testing::WriteFileText(manifest->path, manifest->bytes.substr(0, size));
    const auto before = Bytes();
    const auto opened = Journal::Open(path_, {});
    ASSERT_TRUE(Fails(opened, Code::kCorrupt)) << size;
    refused += opened.error().message.find("tables would be forgotten") != std::string::npos;
    ASSERT_TRUE(Bytes() == before) << "a refusal changes nothing, at " << size;
  }
  EXPECT_GT(refused, 10);
  testing::WriteFileText(manifest->path, manifest->bytes);
  const auto journal = Journal::Open(path_, {});
  ASSERT_TRUE(Ok(journal));
  EXPECT_EQ((*journal)->Head(), head_);
}

TEST_F(DamageTest, AnOlderManifestIsRefused) {
  Live(5);
  const auto older = ReadManifestFile(path_);
  ASSERT_TRUE(Ok(older));
  Live(5);
  testing::WriteFileText(older->path, older->bytes);
  testing::WriteFileText(path_ + "/CURRENT", fs::path(older->path).filename().string() + "\n");
  EXPECT_TRUE(Fails(Journal::Open(path_, {}), Code::kCorrupt));
}

TEST_F(DamageTest, TheFenceComparesNumberLengthAndBytes) {
  ManifestFile manifest{7, "", "0123456789"};
  const Fence fence = FenceOf(manifest, 8);
  EXPECT_EQ(ParseFence(EncodeFence(fence)), fence);
  EXPECT_FALSE(ParseFence("short"));
  EXPECT_TRUE(Ok(CheckFence(fence, manifest)));
  manifest.bytes = "01234567";
  EXPECT_TRUE(Ok(CheckFence(fence, manifest)));
  manifest.bytes = "0123456";
  EXPECT_TRUE(Fails(CheckFence(fence, manifest), Code::kCorrupt, "had 8"));
  manifest.bytes = "01234x6789";
  EXPECT_TRUE(Fails(CheckFence(fence, manifest), Code::kCorrupt, "not what was written"));
  manifest.number = 6;
  EXPECT_TRUE(Fails(CheckFence(fence, manifest), Code::kCorrupt, "older than 7"));
  manifest.number = 8;
  EXPECT_TRUE(Ok(CheckFence(fence, manifest))) << "a crash came before it was noted";
}

// With assertions, as Debian builds it, RocksDB ends the process over the second copy.
TEST_F(DamageTest, AWriteThatStandsInTheLogTwiceIsRefused) {
  Live(6);
  const std::string log = NewestLog();
  const std::string bytes = testing::ReadFileText(log);
  testing::WriteFileText(log, bytes + bytes);
  EXPECT_TRUE(Fails(Journal::Open(path_, {}), Code::kCorrupt, "a second time"));
  testing::WriteFileText(log, bytes);
  testing::WriteFileText(path_ + "/000900.log", bytes);
  EXPECT_TRUE(Fails(Journal::Open(path_, {}), Code::kCorrupt, "a second time"));
  fs::remove(path_ + "/000900.log");
  EXPECT_TRUE(Ok(Journal::Open(path_, {})));
}

// A power loss tears what was written last, also in the manifest: RocksDB refuses that for ever.
TEST_F(DamageTest, ATornEndOfTheManifestIsCutInACopy) {
  Live(5);
  const auto manifest = ReadManifestFile(path_);
  ASSERT_TRUE(Ok(manifest));
  testing::WriteFileText(manifest->path, manifest->bytes + std::string("\0\0\0\1\4\0\1none", 11));
  EXPECT_TRUE(Fails(Journal::Open(path_, {}), Code::kCorrupt, "MANIFEST"));
  const auto salvaged = SalvageCopy(path_, dir_.Path("copy"));
  ASSERT_TRUE(Ok(salvaged));
  EXPECT_EQ((*salvaged)->Head(), head_);
}

TEST_F(DamageTest, AManifestBrokenInTheMiddleIsNotCut) {
  Live(5);
  const auto manifest = ReadManifestFile(path_);
  ASSERT_TRUE(Ok(manifest));
  std::string bytes = manifest->bytes;
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  EXPECT_FALSE(TornAt(manifest->bytes));
  EXPECT_FALSE(TornAt(bytes));
  EXPECT_EQ(TornAt(manifest->bytes + "12345678"), manifest->bytes.size());
  testing::WriteFileText(manifest->path, bytes);
  EXPECT_TRUE(Fails(SalvageCopy(path_, dir_.Path("copy")), Code::kCorrupt));
}

// One bit of a table's end switches the checks of all its blocks off.
TEST_F(DamageTest, ATableThatDisownsItsChecksumsIsRefused) {
  for (int life = 0; life < 2; ++life) Live(5);
  int tables = 0;
  for (const auto& [name, bytes] : Bytes()) {
    if (!name.ends_with(".sst")) continue;
    std::string changed = bytes;
    char& type = changed[changed.size() - 53];
    ASSERT_TRUE(type >= 1 && type <= 4) << "the byte that says how blocks are checked";
    type = 0;
    testing::WriteFileText(path_ + "/" + name, changed);
    EXPECT_TRUE(Fails(Journal::Open(path_, {}), Code::kCorrupt, name + " says"));
    testing::WriteFileText(path_ + "/" + name, bytes);
    ++tables;
  }
  EXPECT_GT(tables, 2);
  EXPECT_TRUE(Ok(Journal::Open(path_, {})));
}

// What was being written when the power went is named by no manifest and was counted on by nobody.
TEST_F(DamageTest, AnUnfinishedTableThatTheManifestDoesNotNameIsNoDamage) {
  for (int life = 0; life < 2; ++life) Live(5);
  const auto live = LiveTables(path_);
  ASSERT_TRUE(live);
  std::size_t tables = 0;
  for (const auto& [name, bytes] : Bytes()) {
    if (!name.ends_with(".sst")) continue;
    ++tables;
    EXPECT_TRUE(live->contains(std::stoull(name))) << name;
    std::string torn = bytes;
    std::ranges::fill(torn.begin(), torn.end() - 60, '\0');
    testing::WriteFileText(path_ + "/000987.sst", torn);
  }
  EXPECT_EQ(live->size(), tables);
  const auto journal = Journal::Open(path_, {});
  ASSERT_TRUE(Ok(journal));
  EXPECT_EQ((*journal)->Head(), head_);
}

// RocksDB reads a table's properties before it checks them.
TEST_F(DamageTest, ATableWithDamagedPropertiesIsRefused) {
  for (int life = 0; life < 2; ++life) Live(5);
  int refused = 0;
  for (const auto& [name, bytes] : Bytes()) {
    if (!name.ends_with(".sst")) continue;
    const std::size_t at = bytes.find("leveldb.BytewiseComparator");
    if (at == std::string::npos) continue;
    std::string changed = bytes;
    changed[at + 3] = static_cast<char>(changed[at + 3] ^ 1);
    testing::WriteFileText(path_ + "/" + name, changed);
    refused += Fails(Journal::Open(path_, {}), Code::kCorrupt, name + " has damaged properties");
    testing::WriteFileText(path_ + "/" + name, bytes);
  }
  EXPECT_GT(refused, 2);
  EXPECT_TRUE(Ok(Journal::Open(path_, {})));
}

// Two segments that begin one after the other: each baseline is its own segment's.
TEST_F(DamageTest, ABaselineEndsWithItsSegment) {
  Live(3);
  const auto journal = Journal::Open(path_, {});
  ASSERT_TRUE(Ok(journal));
  const std::vector<Record> baseline(2, SmallRecord(0, "baseline"));
  ASSERT_TRUE(Ok((*journal)->Rotate({}, baseline)));  // 4, 5
  ASSERT_TRUE(Ok((*journal)->Rotate({}, baseline)));  // 6, 7
  for (const auto& [at, first] : {std::pair{3, 1}, {4, 1}, {5, 4}, {6, 4}, {7, 6}}) {
    const auto start = (*journal)->Baseline(static_cast<std::uint64_t>(at));
    ASSERT_TRUE(Ok(start));
    EXPECT_EQ(start->first_seq, static_cast<std::uint64_t>(first)) << at;
  }
}

// Writing to it on a full disk aborted the process.
TEST_F(DamageTest, TheLibraryKeepsNoLogOfItsOwnBesideTheRecords) {
  Live(3);
  EXPECT_FALSE(Bytes().contains("LOG"));
}

}  // namespace
}  // namespace pgo::journal
