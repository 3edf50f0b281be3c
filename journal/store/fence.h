// A fence around RocksDB's manifest, the list of its tables, of which it is the only copy. A
// manifest that lost its end opens like one that was never longer: tables are forgotten, and
// answers by subject may miss records that the hash chain still shows. So the journal notes number,
// length and digest of the manifest in its log, and nothing is opened whose manifest is not at
// least that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "journal/format/hash.h"

namespace pgo::journal {

struct Fence {
  std::uint64_t number = 0;  // of the manifest's file
  std::uint64_t size = 0;    // bytes that were durable
  Hash digest{};             // of those bytes
  // Number of the write-ahead log that it was written to, by the open that began it, and of the
  // oldest one that RocksDB would still read then. 0: of another write.
  std::uint64_t log = 0, oldest_log = 0;

  bool operator==(const Fence&) const = default;
};

// A manifest as it lies in the directory.
struct ManifestFile {
  std::uint64_t number = 0;
  std::string path;
  std::string bytes;
};

// The one that CURRENT names. kCorrupt if it names none or the file is missing.
Result<ManifestFile> ReadManifestFile(const std::string& directory);

Fence FenceOf(const ManifestFile& manifest, std::uint64_t size);

// kCorrupt if the manifest is older or shorter than the fence, or was changed before its end.
Status CheckFence(const Fence& fence, const ManifestFile& manifest);

std::string EncodeFence(const Fence& fence);
std::optional<Fence> ParseFence(std::string_view bytes);

}  // namespace pgo::journal
