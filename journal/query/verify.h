// Proof that a journal is whole: every frame present, every link of the hash chain recomputed,
// every record decoded.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "journal/query/reader.h"

namespace pgo::journal {

struct VerifyReport {
  JournalHead head;
  std::uint64_t first_seq = 0;
  std::uint64_t frames = 0;
  std::uint64_t records = 0;  // decoded
  std::uint64_t elided = 0;   // proven by their leaf or root alone
  std::uint64_t bytes = 0;    // of stored records
};

struct VerifyProgress {
  std::uint64_t seq = 0;  // verified so far
  std::uint64_t last_seq = 0;
};
// Called now and then; false interrupts with kUnavailable.
using ProgressCallback = std::function<bool(const VerifyProgress& progress)>;

// kCorrupt names the first damaged frame or record. With several threads the journal is proven in
// as many parts, each from the hash stated before it, which the part before it proves; `progress`
// is called on all of them, one at a time, and the seq it is told is the number of records so far.
Result<VerifyReport> Verify(const Reader& reader, const ProgressCallback& progress = {},
                            unsigned threads = 1);

// A head that was written down elsewhere (the leader's Lease), to notice a volume rolled back.
enum class AnchorVerdict : std::uint8_t {
  kHolds,    // the journal has the anchored record with the same chain
  kBehind,   // the journal ends before the anchor: it was rolled back or lost its tail
  kForeign,  // another journal, or another history
  kExpired,  // the anchored record is no longer kept: nothing can be said
};
Result<AnchorVerdict> CompareAnchor(const Reader& reader, const JournalHead& anchor);

}  // namespace pgo::journal
