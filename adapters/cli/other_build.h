// Another build of the programs, asked to rehearse: its own `pgo` decides with its own rules.
#pragma once

#include "adapters/cli/arguments.h"
#include "adapters/cli/output.h"
#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo::cli {

// `options.with` is a directory with pgo in it, a pgo, or a pgo-operator that has a pgo beside it.
// It is run with no shell, no input and no cluster. kInvalid if there is no such program, or if it
// cannot rehearse.
Result<Json> RehearseElsewhere(const Rehearse& options, Console& console);

}  // namespace pgo::cli
