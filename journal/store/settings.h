// The settings of RocksDB that the journal's promises rest on; each has its reason in settings.cc.
#pragma once

#include <rocksdb/options.h>

#include <memory>

#include "journal/store/latch.h"

namespace pgo::journal {

inline constexpr std::size_t kProtectionBytes = 8;  // per key of a batch

// `latch` trips on any error of RocksDB's background work.
rocksdb::DBOptions DatabaseSettings(rocksdb::Env* env, const std::shared_ptr<Latch>& latch);
rocksdb::ColumnFamilyOptions FamilySettings();
rocksdb::WriteOptions WriteSettings(bool sync);

}  // namespace pgo::journal
