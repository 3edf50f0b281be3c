// The settings of RocksDB that the journal's promises rest on; each has its reason in settings.cc.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/options.h>

#include <memory>

#include "journal/store/latch.h"

namespace pgo::journal {

inline constexpr std::size_t kProtectionBytes = 8;  // per key of a batch

// `latch` trips on any error of RocksDB's background work.
rocksdb::DBOptions DatabaseSettings(rocksdb::Env* env, const std::shared_ptr<Latch>& latch);
// For all segments of one open directory, or each would take its own. Never for two directories: a
// copy's blocks have the same keys as the original's, and damage in one would not be seen.
std::shared_ptr<rocksdb::Cache> NewBlockCache();
rocksdb::ColumnFamilyOptions FamilySettings(const std::shared_ptr<rocksdb::Cache>& blocks);
rocksdb::WriteOptions WriteSettings(bool sync);

}  // namespace pgo::journal
