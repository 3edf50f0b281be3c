// Clients that write and remember what was acknowledged. One stands beside every server that
// accepts writes, so that a primary nobody else can reach has somebody to lose.
#pragma once

#include "replay-tests/simulation/simulation.h"

namespace pgo::simulation {

class Clients {
 public:
  explicit Clients(Simulation& sim) : sim_(sim) {}
  void Begin();

  std::uint64_t written = 0, acknowledged = 0;
  Micros longest_gap = 0;  // between two acknowledged writes

 private:
  void Round();
  void Acknowledged(const std::string& pod, const Commit& commit);

  Simulation& sim_;
  Micros last_ = 0;
};

}  // namespace pgo::simulation
