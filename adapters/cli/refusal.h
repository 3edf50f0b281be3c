// What an API server's refusal says, for people: the field, its value, the rule, the mend.
#pragma once

#include <string>
#include <vector>

#include "engine/base/json.h"
#include "engine/cluster/spec.h"

namespace pgo::cli {

// The broken rules named by a metav1.Status (details.causes), or none.
std::vector<cluster::FieldProblem> ProblemsOf(const Json& status);

// "hippo is refused: 2 fields are wrong" and four lines for each.
std::string RefusalText(const std::string& what,
                        const std::vector<cluster::FieldProblem>& problems);

}  // namespace pgo::cli
