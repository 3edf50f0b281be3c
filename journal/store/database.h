// The RocksDB directory of a journal: opening it with its checks, its segments, and cursors over
// their frames. Knows nothing about appending.
#pragma once

#include <rocksdb/db.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "journal/query/reader.h"
#include "journal/store/fence.h"
#include "journal/store/latch.h"
#include "journal/store/seal.h"

namespace pgo::journal {

// Shared, so that a reader inside a segment that is dropped meanwhile can finish. All must be gone
// before the database closes.
using Family = std::shared_ptr<rocksdb::ColumnFamilyHandle>;

struct Segment {
  std::uint32_t number = 0;
  Family records;
  Family index;
  std::uint64_t first_seq = 0;     // 0: empty
  std::int64_t first_wall_us = 0;  // of its first frame
};

struct DatabaseOptions {
  bool create_if_missing = true;
  JournalId new_id{};           // of a journal made now
  std::vector<Seal> new_seals;  // and what it does not hold of its past
  rocksdb::Env* env = nullptr;
  // For salvage alone: cuts the log at the first damage instead of refusing it.
  bool cut_damaged_log = false;
};

class Database {
 public:
  static Result<std::unique_ptr<Database>> Open(const std::string& directory,
                                                const DatabaseOptions& options,
                                                const std::shared_ptr<Latch>& latch);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] rocksdb::DB& db() const { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* latest() const { return latest_.get(); }
  [[nodiscard]] const JournalId& journal_id() const { return journal_id_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  // In order, numbers without a gap, at least one; the first one follows the last seal. As of Open;
  // later ones come from AddSegment. Gives them away: the database keeps no hold on them.
  [[nodiscard]] std::vector<Segment> TakeSegments() { return std::move(segments_); }
  // Of the segments that were dropped, in order, from the first segment on. As of Open.
  [[nodiscard]] const std::vector<Seal>& opened_seals() const { return seals_; }

  Result<Segment> AddSegment(std::uint32_t number);
  // Durable in a table when it returns.
  Status WriteSeal(const Seal& seal);
  // Removes a segment that holds nothing, or is sealed.
  Status DropSegment(const Segment& segment);
  // The manifest as of now. `opened`: for the first write to the log that Open began.
  Result<Fence> MakeFence(bool opened) const;

 private:
  explicit Database(std::string directory);
  Status OpenFamilies(const DatabaseOptions& options, const std::shared_ptr<Latch>& latch);
  Result<std::vector<std::string>> FamilyNames(const rocksdb::DBOptions& settings,
                                               const DatabaseOptions& options) const;
  Status ProbeFence(rocksdb::DBOptions settings, const std::vector<std::string>& names) const;
  Status EnsureIdentity(const DatabaseOptions& options);
  [[nodiscard]] Result<bool> HoldsFrames() const;
  Status EnsureLatest();
  Status CollectSeals();
  Status DropSealed();
  Status CollectSegments();
  Status FillSegment(Segment& segment);
  Status DropFamily(const Family& family);
  Result<Family> CreateFamily(const std::string& name);
  [[nodiscard]] Family FindFamily(const std::string& name) const;
  void Hold(rocksdb::ColumnFamilyHandle* family);
  [[nodiscard]] bool HasSegments() const;

  std::string directory_;
  std::shared_ptr<rocksdb::Cache> blocks_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<Family> families_;  // those of segments only while it opens
  Family latest_;
  JournalId journal_id_{};
  std::uint64_t newest_log_before_ = 0;  // Open began a later one
  std::vector<Segment> segments_;
  std::vector<Seal> seals_;
};

// Our error for one of RocksDB's: kCorrupt for damage, kUnavailable for a disk that refuses.
Error FromRocks(const rocksdb::Status& status);

}  // namespace pgo::journal
