// Which tables RocksDB's manifest counts as its own. A table that was being written when the power
// went lies about unfinished and unnamed; RocksDB removes it, and nothing it holds was counted on.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace pgo::journal {

// Numbers of the tables of all column families, up to the manifest's intact end. Nothing if there
// is no manifest or it holds what is not known here: then every table has to be taken for a live
// one. Follows VersionEdit of RocksDB 7.8 (db/version_edit.h). Changes nothing.
std::optional<std::set<std::uint64_t>> LiveTables(const std::string& directory);

}  // namespace pgo::journal
