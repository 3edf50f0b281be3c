// Amounts as Kubernetes writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pgo::local {

// "128Mi", "0.5", "500m", "1e3" in thousandths of the unit; nothing if it is no quantity.
std::optional<std::int64_t> MilliQuantity(std::string_view text);

}  // namespace pgo::local
