// A look at RocksDB's write-ahead logs before it opens them.
//
// kTolerateCorruptedTailRecords takes a record that passes the end of the log for one torn by a
// crash, and drops the rest. A flipped bit in the length of an older record looks the same, and
// would drop acknowledged records silently. The two differ: behind a torn record nothing follows.
//
// A write that stands in the logs twice (a file restored beside itself, a part repeated) ends a
// RocksDB with assertions, as Debian builds it: each start of the operator would end so. The
// numbers of the writes tell before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace pgo::journal {

// kCorrupt, naming log and offset, if intact records follow a broken one in the last block of a
// log, or if the numbers of writes do not ascend over all logs. All other damage inside a log is
// found by RocksDB. Changes nothing.
Status CheckLogs(const std::string& directory);

// The checksum of RocksDB's logs and tables.
std::uint32_t MaskedCrc32c(std::string_view bytes);

// Where a log (or a manifest, which is one) is torn: the offset of its first broken record, if
// nothing intact follows. Nothing if it is not torn, or broken in another way.
std::optional<std::size_t> TornAt(std::string_view log);

}  // namespace pgo::journal
