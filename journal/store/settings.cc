#include "journal/store/settings.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

#include <cstdarg>

namespace pgo::journal {
namespace {

constexpr std::size_t kBlockCacheBytes = 32U << 20U;

class LatchListener final : public rocksdb::EventListener {
 public:
  explicit LatchListener(std::shared_ptr<Latch> latch) : latch_(std::move(latch)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                         rocksdb::Status* status) override {
    latch_->Trip(status->ToString());
  }
  void OnFlushCompleted(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& /*info*/) override {
    latch_->MarkGrown();
  }
  void OnCompactionCompleted(rocksdb::DB* /*db*/,
                             const rocksdb::CompactionJobInfo& /*info*/) override {
    latch_->MarkGrown();
  }
  // After a refused WAL write RocksDB would go on by itself, without the refused batch: a hole.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status status,
                            bool* auto_recovery) override {
    latch_->Trip(status.ToString());
    *auto_recovery = false;
  }

 private:
  std::shared_ptr<Latch> latch_;
};

// RocksDB's own log would lie beside the journal, and the library asserts that no write to it has
// failed: a full disk would abort the process while it reports that the disk is full.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

}  // namespace

rocksdb::DBOptions DatabaseSettings(rocksdb::Env* env, const std::shared_ptr<Latch>& latch) {
  rocksdb::DBOptions options;
  if (env != nullptr) options.env = env;
  options.create_if_missing = true;
  // A damaged byte inside the log must refuse the open; the default mode would drop all behind it.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;  // notices a missing or shortened closed log
  options.paranoid_checks = true;
  options.max_background_flushes = 1;  // frames reach tables in order
  options.max_background_compactions = 1;
  options.max_bgerror_resume_count = 0;
  // Each of these has lost records in a released version; the defaults are stated to stay put.
  options.recycle_log_file_num = 0;
  options.wal_compression = rocksdb::kNoCompression;
  options.manual_wal_flush = false;
  options.unordered_write = false;
  options.allow_2pc = false;
  options.avoid_flush_during_recovery = false;
  // Bounds the time of a reopen after a crash.
  options.max_total_wal_size = 48U << 20U;
  options.info_log = std::make_shared<NoLog>();  // what matters comes as a Status
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.max_open_files = 256;
  options.listeners.push_back(std::make_shared<LatchListener>(latch));
  return options;
}

std::shared_ptr<rocksdb::Cache> NewBlockCache() { return rocksdb::NewLRUCache(kBlockCacheBytes); }

rocksdb::ColumnFamilyOptions FamilySettings(const std::shared_ptr<rocksdb::Cache>& blocks) {
  rocksdb::ColumnFamilyOptions options;  // bytewise comparator, leveled
  options.write_buffer_size = 16U << 20U;
  options.memtable_protection_bytes_per_key = 8;
  options.compression = rocksdb::kLZ4Compression;
  options.bottommost_compression = rocksdb::kZSTD;
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 16U << 10U;
  table.format_version = 5;
  table.block_cache = blocks;
  table.checksum = rocksdb::kCRC32c;  // which table_check.h can compute as well
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::WriteOptions WriteSettings(bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  options.no_slowdown = false;
  return options;
}

}  // namespace pgo::journal
