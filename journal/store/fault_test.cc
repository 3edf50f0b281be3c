// A disk that refuses: the first failed write closes the journal for writing, for good.
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>

#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::Ok;
using testing::SmallRecord;
using testing::TempDir;

enum class Call : std::uint8_t { kNone, kAppend, kSync };

// Which call on a write-ahead log fails from now on, how often, and how.
struct Fault {
  std::atomic<Call> call = Call::kNone;
  std::atomic<int> times = 0;
  std::atomic<bool> no_space = false;  // else an I/O error

  rocksdb::IOStatus Take(Call now) {
    if (call != now || times <= 0) return rocksdb::IOStatus::OK();
    --times;
    return no_space ? rocksdb::IOStatus::NoSpace("injected: no space left on device")
                    : rocksdb::IOStatus::IOError("injected: input/output error");
  }
};

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file, Fault& fault)
      : FSWritableFileOwnerWrapper(std::move(file)), fault_(fault) {}

  using FSWritableFileOwnerWrapper::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* context) override {
    const rocksdb::IOStatus fault = fault_.Take(Call::kAppend);
    return fault.ok() ? FSWritableFileOwnerWrapper::Append(data, options, context) : fault;
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* context) override {
    const rocksdb::IOStatus fault = fault_.Take(Call::kSync);
    return fault.ok() ? FSWritableFileOwnerWrapper::Sync(options, context) : fault;
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* context) override {
    const rocksdb::IOStatus fault = fault_.Take(Call::kSync);
    return fault.ok() ? FSWritableFileOwnerWrapper::Fsync(options, context) : fault;
  }

 private:
  Fault& fault_;
};

class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFileSystem(Fault& fault)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), fault_(fault) {}
  [[nodiscard]] const char* Name() const override { return "FaultyFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    const auto made = FileSystemWrapper::NewWritableFile(name, options, file, context);
    if (made.ok() && name.ends_with(".log")) {
      *file = std::make_unique<FaultyFile>(std::move(*file), fault_);
    }
    return made;
  }

 private:
  Fault& fault_;
};

// One journal on a disk that can be told to refuse.
class FaultTest : public ::testing::Test {
 protected:
  void Open() {
    JournalOptions options;
    options.new_id = testing::TestId();
    options.env = env_.get();
    options.verify_all = true;
    Result<std::unique_ptr<Journal>> journal = Journal::Open(dir_.Path("j"), options);
    ASSERT_TRUE(Ok(journal));
    journal_ = *std::move(journal);
  }
  Result<AppendedFrame> AppendOne() {
    const Record record = SmallRecord(journal_->NextSeq(), "pod/a");
    return journal_->Append({&record, 1}, {});
  }
  void Break(Call call, bool no_space, int times = 1) {
    fault_.no_space = no_space;
    fault_.times = times;
    fault_.call = call;
  }
  // The refused write poisons the journal; the head stays; a reopen is whole and goes on.
  void ExpectLatchedThenWhole(Call call, bool no_space) {
    Open();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(Ok(AppendOne()));
    const JournalHead head = journal_->Head();
    Break(call, no_space);
    EXPECT_TRUE(Fails(AppendOne(), Code::kUnknown, "injected"));
    // The disk works again by now. RocksDB would go on; the journal must not.
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(Fails(AppendOne(), Code::kUnavailable, "injected"));
    }
    EXPECT_TRUE(Fails(journal_->Sync(), Code::kUnavailable, "injected"));
    EXPECT_TRUE(Fails(journal_->Rotate({}, {}), Code::kUnavailable, "injected"));
    ASSERT_TRUE(journal_->Poisoned());
    EXPECT_EQ(journal_->Head(), head);
    EXPECT_TRUE(Ok(Verify(*journal_))) << "reads go on";
    journal_.reset();
    Open();
    // The refused frame may have come back (then it is whole) or not; nothing else may differ.
    EXPECT_GE(journal_->Head().seq, head.seq);
    EXPECT_LE(journal_->Head().seq, head.seq + 1);
    EXPECT_EQ(CompareAnchor(*journal_, head), AnchorVerdict::kHolds);
    EXPECT_TRUE(Ok(AppendOne()));
    EXPECT_TRUE(Ok(Verify(*journal_)));
  }

  TempDir dir_;
  Fault fault_;
  std::unique_ptr<rocksdb::Env> env_ =
      rocksdb::NewCompositeEnv(std::make_shared<FaultyFileSystem>(fault_));
  std::unique_ptr<Journal> journal_;
};

TEST_F(FaultTest, NoSpaceInSync) { ExpectLatchedThenWhole(Call::kSync, true); }
TEST_F(FaultTest, NoSpaceInAppend) { ExpectLatchedThenWhole(Call::kAppend, true); }
TEST_F(FaultTest, IoErrorInSync) { ExpectLatchedThenWhole(Call::kSync, false); }
TEST_F(FaultTest, IoErrorInAppend) { ExpectLatchedThenWhole(Call::kAppend, false); }

TEST_F(FaultTest, ADeferredFrameIsNotServedWhenItsSyncFails) {
  Open();
  ASSERT_TRUE(Ok(AppendOne()));
  const JournalHead head = journal_->Head();
  const Record record = SmallRecord(2, "pod/a");
  ASSERT_TRUE(Ok(journal_->Append({&record, 1}, {}, Durability::kDeferred)));
  Break(Call::kSync, true);
  EXPECT_TRUE(Fails(journal_->Sync(), Code::kUnknown, "injected"));
  EXPECT_EQ(journal_->Head(), head);
  EXPECT_TRUE(Fails(AppendOne(), Code::kUnavailable, "injected"));
}

TEST_F(FaultTest, AnOpenThatTheDiskRefusesSaysSo) {
  Open();
  ASSERT_TRUE(Ok(AppendOne()));
  journal_.reset();
  Break(Call::kAppend, true, 1000);
  JournalOptions options;
  options.env = env_.get();
  Result<std::unique_ptr<Journal>> journal = Journal::Open(dir_.Path("j"), options);
  if (journal) {  // nothing had to be written to open it: then the first append is refused
    journal_ = *std::move(journal);
    EXPECT_TRUE(Fails(AppendOne(), Code::kUnknown, "injected"));
  } else {
    EXPECT_TRUE(Fails(journal, Code::kUnavailable, "injected"));
  }
  fault_.call = Call::kNone;
  journal_.reset();
  Open();
  EXPECT_EQ(journal_->Head().seq, 1U);
}

}  // namespace
}  // namespace pgo::journal
