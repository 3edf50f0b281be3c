// An episode on paper.
#pragma once

#include <string>

#include "adapters/cli/output.h"
#include "adapters/cli/story.h"

namespace pgo::cli {

// Several lines with a final newline; styled as the output allows.
std::string EpisodeText(const Episode& episode, const Output& output);

}  // namespace pgo::cli
