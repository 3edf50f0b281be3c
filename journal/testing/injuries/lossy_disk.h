// A disk that forgets: what was not synced may be gone after the power was cut, in part, in another
// order, or torn in the middle of a write. For RocksDB, in front of the system's own file system.
//
// A file's bytes, and that it was created, are safe once it was synced; renaming and removal once
// its directory was. (POSIX promises the creation only with the directory; every journaling file
// system does with the file, and RocksDB relies on it for a manifest that CURRENT is about to
// name.) Nothing else is promised. Serves one flat directory. Thread safe.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "journal/testing/injuries/history.h"

namespace pgo::journal::injuries {

class LossyDisk final : public rocksdb::FileSystemWrapper {
 public:
  explicit LossyDisk(std::string directory);
  [[nodiscard]] const char* Name() const override { return "LossyDisk"; }

  // What the directory holds now is safe; the power is on.
  void Load();
  // The power goes at the `count`-th change from now on that the calling thread makes.
  void CutAfter(std::uint64_t count);
  // The power goes now: every change of this thread is refused from here on, others have
  // no effect.
  void CutNow();
  [[nodiscard]] bool Off() const;
  // With all files closed: leaves in the directory what a disk may hold after the cut, and
  // switches the power on.
  void Restart(Random& random);

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;

  // The bytes of one file: what is safe, and what was written since.
  struct Content {
    struct Write {
      std::size_t offset = 0;
      std::string bytes;
    };
    std::string synced;
    std::vector<Write> unsynced;
    [[nodiscard]] std::string All() const;
  };
  // For the files and directories that this disk opens. Each refuses if the power is off.
  rocksdb::IOStatus Append(Content& content, const rocksdb::Slice& bytes);
  rocksdb::IOStatus SyncFile(Content& content);
  rocksdb::IOStatus SyncDirectory();

 private:
  using ContentPtr = std::shared_ptr<Content>;
  using Names = std::map<std::string, ContentPtr>;
  struct Change {
    std::string name, to;  // `to`: renamed
    ContentPtr content;    // created; null: removed or renamed
  };
  static void Apply(const Change& change, Names& names);
  rocksdb::IOStatus Allow();  // counts; under the mutex
  void Record(Change change);
  [[nodiscard]] Names Survivors(Random& random) const;
  static std::string Torn(const Content& content, Random& random);
  [[nodiscard]] std::string Short(const std::string& path) const;

  const std::string directory_;
  mutable std::mutex mutex_;
  Names live_, safe_;
  std::vector<Change> changes_;  // of names, since the directory was last synced
  bool off_ = false;
  std::uint64_t left_ = UINT64_MAX;  // changes until the cut
  std::thread::id counted_;
};

}  // namespace pgo::journal::injuries
