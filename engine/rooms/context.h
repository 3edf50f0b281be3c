// What is the same for every cluster: who we are, and whether silence means anything.
#pragma once

#include <cstdint>

#include "engine/base/fields.h"
#include "engine/base/ids.h"

namespace pgo::rooms {

struct Context {
  bool leading = false;
  std::int64_t epoch = 0;
  // The API server answers. While it does not, nothing that was not seen proves anything.
  bool contact = true;
  // Elapsed time since which the control plane was seen alive without a break: the later of the
  // start, the last return of contact, and the last time the process itself stood still.
  std::int64_t live_since_us = 0;
  std::uint64_t live_seq = 0;  // the event that says so
  // The event that says that the journal lost its end, or is another's; 0: neither, or everything
  // was observed afresh since (engine/amnesia.h). Stays over a Started: a restart tells nothing.
  std::uint64_t amnesia_seq = 0;
  Json settings;  // of Started: images and switches from the environment
  PGO_FIELDS(Context, leading, epoch, contact, live_since_us, live_seq, amnesia_seq, settings)
};

}  // namespace pgo::rooms
