// The manifest that `pgo create cluster` stands for. Pure.
#pragma once

#include "adapters/cli/arguments.h"
#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo::cli {

// A PostgresCluster in namespace `ns`. kInvalid names the option, its value, the rule and the mend;
// rules of the definition itself are checked as well, before anything is sent.
Result<Json> ManifestOf(const CreateCluster& options, const std::string& ns);

}  // namespace pgo::cli
