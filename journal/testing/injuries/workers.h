// Rounds in processes of their own: RocksDB may abort over damaged bytes, and that is a finding,
// not the end of the run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "journal/testing/injuries/tally.h"

namespace pgo::journal::injuries {

enum class Kind : std::uint8_t { kKill, kPowerLoss, kInjury };
const char* NameOf(Kind kind);  // kill, power-loss, injury

struct Batch {
  Kind kind = Kind::kInjury;
  std::uint64_t seed = 0;
  std::uint64_t from = 0, to = 0;  // rounds, [from, to)
  int workers = 2;
  std::string parent;          // where scratch directories are made; "" : in memory
  std::function<bool()> over;  // asked now and then: end early
  std::function<void(std::uint64_t done)> progress;  // rounds of this batch
};

// Runs the rounds in `workers` processes and adds them up. Returns early when it is over; no
// process and no file is left then either.
void RunBatch(const Batch& batch, Tally& tally);

// The worker itself: runs every `step`-th round of [from, to), a line on standard output for each.
int Work(Kind kind, std::uint64_t seed, std::uint64_t from, std::uint64_t to, std::uint64_t step,
         const std::string& scratch);

}  // namespace pgo::journal::injuries
