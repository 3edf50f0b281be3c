#include "engine/cluster/quantity.h"

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace pgo::cluster {
namespace {

constexpr std::uint64_t kMost = UINT64_MAX / 1000;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr auto kUnits = std::to_array<Unit>({{"", 1},
                                             {"k", 1000},
                                             {"M", 1000000},
                                             {"G", 1000000000},
                                             {"T", 1000000000000},
                                             {"P", 1000000000000000},
                                             {"Ki", 1ULL << 10},
                                             {"Mi", 1ULL << 20},
                                             {"Gi", 1ULL << 30},
                                             {"Ti", 1ULL << 40},
                                             {"Pi", 1ULL << 50}});

// Whole units and thousandths of them. Amounts beyond 2^64 count as the largest.
std::optional<std::pair<std::uint64_t, std::uint64_t>> Read(std::string_view text) {
  std::uint64_t whole = 0;
  std::uint64_t part = 0;
  std::uint64_t scale = 1000;
  bool point = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !point) {
      point = true;
    } else if (c < '0' || c > '9') {
      break;
    } else if (!point) {
      whole = whole > kMost / 10 ? kMost : whole * 10 + static_cast<std::uint64_t>(c - '0');
    } else if (scale > 1) {
      scale /= 10;
      part += static_cast<std::uint64_t>(c - '0') * scale;
    }
  }
  if (at == 0) return std::nullopt;
  const std::string_view unit = text.substr(at);
  if (unit == "m") return std::pair{whole / 1000, whole % 1000};
  for (const Unit& u : kUnits) {
    if (unit != u.name) continue;
    if (whole > kMost / u.factor) return std::pair{UINT64_MAX, std::uint64_t{0}};
    // part < 1000 and factor ≤ 2^50: no overflow.
    return std::pair{whole * u.factor + part * u.factor / 1000, part * u.factor % 1000};
  }
  return std::nullopt;
}

}  // namespace

bool LessQuantity(std::string_view a, std::string_view b) {
  const auto x = Read(a);
  const auto y = Read(b);
  return x && y && *x < *y;
}

std::optional<std::uint64_t> WholeUnits(std::string_view amount) {
  const auto read = Read(amount);
  return read ? std::optional(read->first) : std::nullopt;
}

}  // namespace pgo::cluster
