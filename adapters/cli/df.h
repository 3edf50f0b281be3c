// The volumes of a cluster and what `df` and `du` say of them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/cli/pod_commands.h"

namespace pgo::cli {

struct Volume {
  std::string claim, instance, type;  // type: see VolumeType
  std::string pod, container, path;   // where it can be looked at; "" if no pod that runs has it
  std::uint64_t capacity = 0;         // of the claim, bytes
  std::optional<std::uint64_t> used, available;
  // Its file system is larger than the claim: others use it too, so `du` has to add up its files.
  bool shared = false;
  std::string problem;  // why nothing is known
};

std::vector<Volume> VolumesOf(const Snapshot& snapshot);
// Output of `df --block-size=1 --output=size,used,avail`, and of `du --summarize --block-size=1`.
void TakeDf(const Result<CommandOutput>& answer, Volume& volume);
void TakeDu(const Result<CommandOutput>& answer, Volume& volume);
// Rounded; of what can be used at all, or of the claim if the file system is shared.
std::optional<std::uint64_t> PercentUsed(const Volume& volume);

}  // namespace pgo::cli
