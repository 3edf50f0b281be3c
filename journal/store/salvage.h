// The way on for a journal that Open refused as kCorrupt, because its write-ahead log is torn or
// changed, or the end of its manifest is torn. The directory itself is never opened in a mode that
// drops records; a copy is.
//
//   SalvageCopy → CompareAnchor(copy, anchor of the Lease)
//     kHolds: nothing acknowledged was lost → AdoptSalvaged, open, append the cut as a record
//     else:   acknowledged records are missing → stay stopped, alert; a person decides
#pragma once

#include <memory>
#include <string>

#include "engine/base/result.h"
#include "journal/store/journal.h"

namespace pgo::journal {

// Copies `directory` to `copy` (which must not exist), cuts the copy's log at the first damage and
// a torn end off its manifest, verifies every frame that is left, syncs it all and gives the copy
// opened for reading. The original is not changed. kCorrupt if the damage is not (only) there; the
// copy is then removed.
Result<std::unique_ptr<Journal>> SalvageCopy(const std::string& directory, const std::string& copy);

// Puts a salvaged copy (closed) in the place of the journal, which is kept beside it. Answers the
// name that the damaged directory has now: `directory`.damaged, .damaged-2, …
Result<std::string> AdoptSalvaged(const std::string& directory, const std::string& copy);

}  // namespace pgo::journal
