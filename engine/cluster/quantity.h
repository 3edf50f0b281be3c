// Amounts as Kubernetes writes them ("1Gi", "500m"), compared without floating point.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pgo::cluster {

// True if both are amounts and the first is the smaller one.
bool LessQuantity(std::string_view a, std::string_view b);
// Whole units of an amount, rounded down: "1Gi" is 1073741824; nothing if it is none.
std::optional<std::uint64_t> WholeUnits(std::string_view amount);

}  // namespace pgo::cluster
