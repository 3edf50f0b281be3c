// Payload codecs. Internal to journal/format.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace pgo::journal {

// The payload as one zstd frame, if that is smaller.
std::optional<std::string> Compress(std::string_view payload);
// Total; memory is bounded by kPayloadBytesMax.
Result<std::string> Decompress(std::string_view stored);

}  // namespace pgo::journal
