// A look at RocksDB's write-ahead logs before it opens them.
//
// kTolerateCorruptedTailRecords takes a record that passes the end of the log for one torn by a
// crash, and drops the rest. A flipped bit in the length of an older record looks the same, and
// would drop acknowledged records silently. The two differ: behind a torn record nothing follows.
#pragma once

#include <string>

#include "engine/base/result.h"

namespace pgo::journal {

// kCorrupt, naming log and offset, if intact records follow a broken one in the last block of a
// log. All other damage inside a log is found by RocksDB. Changes nothing.
Status CheckLogs(const std::string& directory);

}  // namespace pgo::journal
