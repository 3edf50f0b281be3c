// Chance out of a seed: the same numbers on every machine and with every compiler.
#pragma once

#include <cstdint>

namespace pgo::simulation {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {  // splitmix64
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  // 0 ≤ result < below; 0 for 0.
  std::uint64_t Below(std::uint64_t below) { return below == 0 ? 0 : Next() % below; }
  // Both ends included.
  std::int64_t Between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(Below(static_cast<std::uint64_t>(high - low + 1)));
  }
  bool Chance(std::int64_t per_mille) { return Between(0, 999) < per_mille; }

 private:
  std::uint64_t state_;
};

}  // namespace pgo::simulation
