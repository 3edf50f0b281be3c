// Payload codecs. Internal to journal/format.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace pgo::journal {

// The payload as one zstd frame, if that is smaller.
std::optional<std::string> Compress(std::string_view payload);
// Its difference to `base` as one zstd frame, if that is at most half as large and within limits.
std::optional<std::string> CompressDelta(std::string_view payload, std::string_view base);
// Total; memory is bounded by kPayloadBytesMax.
Result<std::string> Decompress(std::string_view stored);
// Total; memory is bounded by kDeltaPayloadBytesMax. Another base than the one that it was made
// with is kCorrupt.
Result<std::string> DecompressDelta(std::string_view stored, std::string_view base);

}  // namespace pgo::journal
