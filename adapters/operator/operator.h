// The operator put together: journal, engine, Kubernetes, API. The composition root; no decisions.
#pragma once

#include "adapters/operator/options.h"
#include "engine/base/result.h"

namespace pgo {

// Runs until SIGTERM or SIGINT, then releases the Lease and returns. An error says what could not
// be started, or that the journal refuses writes: then nothing more was done than it says.
Status RunOperator(const Options& options);

// Writes the whole journal of a stopped operator as one bundle.
Status ExportJournal(const Options& options);

// Prints what the journal of a stopped operator consists of: a table, or one JSON object.
Status ShowJournal(const Options& options);

// Tells which of its segments the options' bounds do not cover, and gives them up if they say
// --apply. kInvalid without a bound.
Status RetainJournal(const Options& options);

// Packs its closed segments; says how many bytes are left of how many.
Status CompactJournal(const Options& options);

// Puts an intact copy in the place of a journal that cannot be opened because its log is damaged;
// the damaged directory is kept beside it. Refuses, and changes nothing, if the journal opens as it
// is, if the damage is elsewhere, or if records are missing up to the anchor (or there is none) and
// the loss was not accepted. Says what it did on standard output.
Status SalvageJournal(const Options& options);

}  // namespace pgo
