#include "replay-tests/simulation/profile.h"

#include <algorithm>

#include "replay-tests/simulation/random.h"

namespace pgo::simulation {
namespace {

constexpr std::size_t kKinds = EnumNames<FaultKind>::kNames.size();

// How long each lasts, in seconds; short ones and long ones, nothing between.
std::int64_t LastsMs(FaultKind kind, Random& random) {
  const bool is_long = random.Chance(300);
  switch (kind) {
    case FaultKind::kFreezeOperator:
      return random.Between(2'000, is_long ? 120'000 : 12'000);
    case FaultKind::kPause:
      return random.Between(10'000, 180'000);
    case FaultKind::kPowerOff:
    case FaultKind::kPowerOffTold:
      return random.Between(20'000, is_long ? 500'000 : 90'000);
    default:
      return random.Between(1'000, is_long ? 120'000 : 35'000);
  }
}

}  // namespace

Profile DrawProfile(std::uint64_t seed, std::int64_t minutes) {
  Random random(seed ^ 0x5eed0001U);
  Profile p;
  p.seed = seed;
  p.minutes = minutes;
  constexpr std::int64_t kSizes[] = {3, 3, 3, 2, 5, 1};
  p.instances = kSizes[random.Below(6)];
  p.mode = static_cast<Mode>(random.Below(3));
  if (p.mode != Mode::kAsync) p.instances = std::max<std::int64_t>(p.instances, 2);
  p.nodes = random.Between(3, 5);
  p.fastest = random.Chance(400);
  if (random.Chance(300)) {
    p.ttl_s = 20;
    p.loop_wait_s = 5;
  }
  p.write_every_ms = random.Chance(500) ? 2000 : 6000;
  p.watch_lag_ms = random.Chance(300) ? random.Between(200, 4000) : random.Between(5, 80);
  const auto some = [&](std::int64_t most) {
    return random.Chance(400) ? random.Between(1, most) : 0;
  };
  p.api_unsure = some(60);
  p.api_late = some(40);
  p.api_busy = some(80);
  p.rotate_every = random.Chance(400) ? random.Between(100, 1000) : 0;
  return p;
}

std::vector<Fault> DrawFaults(const Profile& profile) {
  Random random(profile.seed ^ 0xfa170002U);
  // Swarm: this seed's kinds.
  std::vector<FaultKind> kinds;
  const std::int64_t keep = random.Between(100, 500);
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (random.Chance(keep)) kinds.push_back(static_cast<FaultKind>(i));
  }
  if (kinds.empty()) return {};
  const std::int64_t every_ms = random.Between(20'000, 150'000);
  std::vector<Fault> out;
  const std::int64_t end = profile.minutes * 60'000;
  // Some begin before the cluster is there.
  for (std::int64_t at = random.Between(1'000, 60'000); at < end;
       at += random.Between(every_ms / 8, 2 * every_ms)) {
    Fault fault;
    fault.at_ms = at;
    fault.kind = kinds[random.Below(kinds.size())];
    fault.target = random.Chance(500) ? 0 : random.Between(1, 9);
    fault.lasts_ms = LastsMs(fault.kind, random);
    out.push_back(fault);
  }
  return out;
}

std::string FaultText(const Fault& fault) {
  return std::string(NameOf(fault.kind)) + " at " + std::to_string(fault.at_ms / 1000) +
         " s, target " + std::to_string(fault.target) + ", for " +
         std::to_string(fault.lasts_ms / 1000) + " s";
}

}  // namespace pgo::simulation
