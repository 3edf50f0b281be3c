#include "adapters/local/store/quantity.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <string>

namespace pgo::local {

std::optional<std::int64_t> MilliQuantity(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double number = std::strtod(copy.c_str(), &end);
  if (copy.empty() || end == copy.c_str() || !std::isfinite(number)) return std::nullopt;
  static const std::map<std::string, double> units = {{"", 1e3},
                                                      {"m", 1},
                                                      {"k", 1e6},
                                                      {"M", 1e9},
                                                      {"G", 1e12},
                                                      {"T", 1e15},
                                                      {"Ki", 1024e3},
                                                      {"Mi", 1048576e3},
                                                      {"Gi", 1073741824e3},
                                                      {"Ti", 1099511627776e3}};
  const auto unit = units.find(end);
  if (unit == units.end()) return std::nullopt;
  const double milli = std::ceil(number * unit->second);
  if (std::abs(milli) > 9e18) return std::nullopt;
  return static_cast<std::int64_t>(milli);
}

}  // namespace pgo::local
