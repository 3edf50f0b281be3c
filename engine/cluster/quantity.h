// Amounts as Kubernetes writes them ("1Gi", "500m"), compared without floating point.
#pragma once

#include <string_view>

namespace pgo::cluster {

// True if both are amounts and the first is the smaller one.
bool LessQuantity(std::string_view a, std::string_view b);

}  // namespace pgo::cluster
