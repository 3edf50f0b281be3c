// A look at the ends of RocksDB's tables before it opens them.
//
// A table's last bytes say how its blocks are checked: one flipped bit says "not at all". And the
// block of its properties is read before it is checked: with assertions, as Debian builds RocksDB,
// damage there ends the process, at each start of the operator again.
#pragma once

#include <string>

#include "engine/base/result.h"

namespace pgo::journal {

// kCorrupt, naming the table, if one that the manifest names says that its blocks carry no checksum
// (ours all do), or if its properties are damaged. All other damage in a table is found by RocksDB.
// Changes nothing.
Status CheckTables(const std::string& directory);

}  // namespace pgo::journal
