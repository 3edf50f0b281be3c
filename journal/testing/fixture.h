// What the journal's tests share: seeded records, a directory that goes away, bundles in memory.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "journal/format/bundle.h"
#include "journal/query/reader.h"

namespace pgo::journal::testing {

// In memory a sync costs nothing, so that tests of what survives a process are quick on any disk.
enum class Disk : std::uint8_t { kMemory, kReal };

// A directory of this test alone, removed at the end.
class TempDir {
 public:
  explicit TempDir(Disk disk = Disk::kMemory);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string Path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// How often a random test repeats: `usual`, times PGO_TEST_SCALE if that is set.
int Rounds(int usual);

using Random = std::mt19937_64;

// A record that may stand at `seq`: any lengths, any bytes, causes before it.
Record RandomRecord(Random& random, std::uint64_t seq);
Record SmallRecord(std::uint64_t seq, const std::string& subject);
// One version of an object: some kilobytes, of which a few differ from version to version.
Record Version(const std::string& subject, std::uint64_t number);
std::vector<Record> RandomRecords(Random& random, std::uint64_t first_seq, std::size_t count);

JournalId TestId();

// Encodes frames of 1..4 records each, one after another from genesis.
std::vector<EncodedFrame> MakeFrames(Random& random, std::size_t count);
// A bundle of those frames.
std::string MakeBundle(const std::vector<EncodedFrame>& frames);

Source SourceOf(const std::string& bytes);
Result<BundleSummary> ReadAll(const std::string& bundle);

// Runs one disabled test of this program in a process of its own (RocksDB's threads do not survive
// a fork), with PGO_TEST_DIRECTORY set. What it writes to kReportFd can be read from `reports`.
inline constexpr int kReportFd = 3;
struct Child {
  pid_t pid = -1;
  int reports = -1;
};
Child SpawnTest(const std::string& test, const std::string& directory);
int WaitFor(const Child& child);  // its wait status
std::string ChildDirectory();     // in the child; empty: this process is none

std::string ReadFileText(const std::string& path);
void WriteFileText(const std::string& path, const std::string& bytes);

template <typename T>
::testing::AssertionResult Ok(const T& result) {
  if (result.has_value()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << CodeName(result.error().code) << ": " << result.error().message;
}

template <typename T>
::testing::AssertionResult Fails(const T& result, Code code, const std::string& words = "") {
  if (result.has_value()) return ::testing::AssertionFailure() << "it succeeded";
  if (result.error().code == code && result.error().message.find(words) != std::string::npos) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "it failed otherwise: " << CodeName(result.error().code)
                                       << ": " << result.error().message;
}

}  // namespace pgo::journal::testing
