// A cluster in words: a tree as 4.7 draws it, rows of a table, JSON. Pure; the same for a cluster
// that was read now and for one rebuilt from a journal. The cluster itself must be there
// (`view.subject`).
#pragma once

#include <string>
#include <vector>

#include "adapters/cli/instances.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/output.h"

namespace pgo::cli {

std::string ClusterTree(const Output& out, const Snapshot& snapshot);

std::vector<std::string> ClusterHeader(bool wide);
void AddClusterRows(Table& table, const Snapshot& snapshot, bool wide);

Json ClusterJson(const Snapshot& snapshot);

}  // namespace pgo::cli
