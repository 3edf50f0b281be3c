#include "journal/testing/fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace pgo::journal::testing {
namespace {

std::string RandomBytes(Random& random, std::size_t size, bool compressible) {
  std::string out(size, '\0');
  for (char& byte : out) {
    byte = compressible ? "abcd"[random() % 4] : static_cast<char>(random() & 0xffU);
  }
  return out;
}

}  // namespace

int Rounds(int usual) {
  const char* scale = std::getenv("PGO_TEST_SCALE");
  const int factor = scale == nullptr ? 1 : std::atoi(scale);
  return usual * std::clamp(factor, 1, 10'000);
}

TempDir::TempDir(Disk disk) {
  std::error_code error;
  std::filesystem::path parent = std::filesystem::temp_directory_path();
  const bool memory = disk == Disk::kMemory && std::filesystem::is_directory("/dev/shm", error);
  if (memory && ::access("/dev/shm", W_OK) == 0) parent = "/dev/shm";
  std::string name = (parent / "pgo-journal-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "mkdtemp " << name;
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

Record RandomRecord(Random& random, std::uint64_t seq) {
  Record record;
  record.type = static_cast<std::uint16_t>(random());
  record.schema = static_cast<std::uint16_t>(random() % 5);
  record.source = static_cast<std::uint16_t>(random() % 300);
  for (std::uint64_t i = random() % 4; i > 0 && seq > 1; --i) {
    record.causes.push_back(1 + random() % (seq - 1));
  }
  for (std::uint64_t i = random() % 4; i > 0; --i) {
    std::string subject = RandomBytes(random, 1 + random() % 40, random() % 2 == 0);
    std::replace(subject.begin(), subject.end(), '\0', 'x');
    record.subjects.push_back(subject);
  }
  record.rv = RandomBytes(random, random() % 12, true);
  constexpr std::size_t kSizes[] = {0, 1, 63, 64, 65, 300, 5000};
  record.payload = RandomBytes(random, kSizes[random() % 7], random() % 2 == 0);
  return record;
}

Record SmallRecord(std::uint64_t seq, const std::string& subject) {
  Record record;
  record.type = 1;
  record.subjects = {subject};
  record.payload = "payload of " + std::to_string(seq);
  return record;
}

Record Version(const std::string& subject, std::uint64_t number) {
  Record record = SmallRecord(number, subject);
  record.rv = std::to_string(1000 + number);
  Random same(std::hash<std::string>()(subject));
  record.payload = R"({"kind":"Pod","resourceVersion":")" + record.rv + "\",";
  for (int i = 0; i < 80; ++i) {
    record.payload += "\"field" + std::to_string(same()) + "\":" + std::to_string(i) + ",";
  }
  record.payload += "\"seen\":" + std::to_string(number * 17) + "}";
  return record;
}

std::vector<Record> RandomRecords(Random& random, std::uint64_t first_seq, std::size_t count) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < count; ++i) records.push_back(RandomRecord(random, first_seq + i));
  return records;
}

JournalId TestId() {
  JournalId id{};
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<std::uint8_t>(0xa0 + i);
  return id;
}

std::vector<EncodedFrame> MakeFrames(Random& random, std::size_t count) {
  std::vector<EncodedFrame> frames;
  FrameHeader header;
  header.first_seq = 1;
  Hash chain = GenesisOf(TestId());
  for (std::size_t i = 0; i < count; ++i) {
    header.epoch = 1 + i / 3;
    header.wall_us = 1'700'000'000'000'000 + static_cast<std::int64_t>(i);
    header.elapsed_us = i * 1000;
    const auto records = RandomRecords(random, header.first_seq, 1 + random() % 4);
    Result<EncodedFrame> frame = EncodeFrame(header, records, chain);
    EXPECT_TRUE(Ok(frame));
    chain = frame->chain;
    header.first_seq = frame->header.last_seq() + 1;
    frames.push_back(*std::move(frame));
  }
  return frames;
}

std::string MakeBundle(const std::vector<EncodedFrame>& frames) {
  std::string out;
  BundleWriter writer([&out](std::string_view bytes) {
    out += bytes;
    return Status();
  });
  Manifest manifest;
  manifest.journal_id = TestId();
  manifest.build = "test";
  manifest.start_chain = GenesisOf(TestId());
  EXPECT_TRUE(Ok(writer.Begin(manifest)));
  for (const EncodedFrame& frame : frames) {
    const Result<FrameView> view = ViewFrame(frame.bytes);
    EXPECT_TRUE(Ok(view));
    EXPECT_TRUE(Ok(writer.Add(*view)));
  }
  EXPECT_TRUE(Ok(writer.End()));
  return out;
}

Source SourceOf(const std::string& bytes) {
  return
      [&bytes, at = std::size_t{0}](char* buffer, std::size_t size) mutable -> Result<std::size_t> {
        const std::size_t count = std::min(size, bytes.size() - at);
        std::memcpy(buffer, bytes.data() + at, count);
        at += count;
        return count;
      };
}

Result<BundleSummary> ReadAll(const std::string& bundle) {
  return ReadBundle(SourceOf(bundle), BundleVisitor{});
}

Child SpawnTest(const std::string& test, const std::string& directory) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  const std::string filter = "--gtest_filter=" + test;
  const std::string environment = "PGO_TEST_DIRECTORY=" + directory;
  const char* argv[] = {"journal_test", filter.c_str(), "--gtest_also_run_disabled_tests",
                        "--gtest_brief=1", nullptr};
  const char* envp[] = {environment.c_str(), nullptr};
  const pid_t child = ::fork();
  if (child == 0) {  // only async-signal-safe calls until exec
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::dup2(ends[1], kReportFd) < 0) ::_exit(126);
    if (ends[1] == kReportFd) ::fcntl(kReportFd, F_SETFD, 0);
    ::execve("/proc/self/exe", const_cast<char**>(argv), const_cast<char**>(envp));
    ::_exit(127);
  }
  ::close(ends[1]);
  return {child, ends[0]};
}

int WaitFor(const Child& child) {
  int status = -1;
  EXPECT_EQ(::waitpid(child.pid, &status, 0), child.pid);
  ::close(child.reports);
  return status;
}

std::string ChildDirectory() {
  const char* directory = std::getenv("PGO_TEST_DIRECTORY");
  return directory == nullptr ? "" : directory;
}

std::string ReadFileText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void WriteFileText(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  EXPECT_TRUE(out.good()) << path;
}

}  // namespace pgo::journal::testing
