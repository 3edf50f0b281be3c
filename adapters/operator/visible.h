// What of the journal is told to somebody who may see one namespace: records of objects, actions
// and outcomes of that namespace, of Nodes if he may list those, and what the operator says of
// itself. Not baselines, lists and decisions: those speak of every cluster at once.
#pragma once

#include <set>
#include <string>

#include "adapters/operator/guard.h"
#include "journal/format/record.h"

namespace pgo {

// Asked of records in their order (journal/query/bundle_file.h: may_see): an outcome names only its
// action, so one whose action was not asked about before is not visible.
class Visible {
 public:
  explicit Visible(Access access) : access_(std::move(access)) {}
  bool operator()(const journal::RecordView& record);

 private:
  const Access access_;
  std::set<std::string, std::less<>> actions_;  // subjects of those that are visible
};

}  // namespace pgo
