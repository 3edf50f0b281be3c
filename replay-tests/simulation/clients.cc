#include "replay-tests/simulation/clients.h"

#include "replay-tests/simulation/oracles.h"

namespace pgo::simulation {
namespace {

// A client gives up and connects anew rather than have more commits wait than this.
constexpr std::size_t kWaitingMax = 20;

}  // namespace

void Clients::Begin() {
  sim_.schedule.After(sim_.profile.write_every_ms * kMs, [this] {
    Round();
    Begin();
  });
}

void Clients::Round() {
  for (Member* member : sim_.Members()) {
    const bool reachable = member->node().on && !member->node().frozen;
    if (!member->Writable() || !reachable || member->waiting_commits() >= kWaitingMax) continue;
    ++written;
    member->Write([this, pod = member->pod()](Commit commit) { Acknowledged(pod, commit); });
  }
}

void Clients::Acknowledged(const std::string& pod, const Commit& commit) {
  ++acknowledged;
  if (last_ != 0) longest_gap = std::max(longest_gap, sim_.now() - last_);
  last_ = sim_.now();
  sim_.oracles->Acknowledged(pod, commit);
}

}  // namespace pgo::simulation
