// A bundle is one self-describing file: a range of a journal that anybody can verify. It streams in
// both directions: the writer needs no seek, the reader needs one frame of memory.
//
//   bundle = "PGOBNDL1" | entry* | tail
//   entry  = u8 kind | u32 len | body[len]                                  (little endian)
//     'M' manifest, JSON; the first entry, once
//     'F' a frame verbatim
//     'P' a frame with elided records: header[40] | (00 | u32 len | record  or  01 | leaf[32])*n
//         | chain[32]
//     'S' a frame without its records: header[40] | root[32] | chain[32]
//     'E' footer, the last entry: see docs/journal-format.md
//   tail   = u64 offset of the footer entry | "PGOBEND1"
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "journal/format/frame.h"

namespace pgo::journal {

// What a bundle says about itself. Its bytes are covered by the footer's digests; the chain covers
// the frames.
struct Manifest {
  JournalId journal_id{};
  std::string build;                    // of the program that wrote it
  std::uint64_t first_seq = 1;          // of the first frame
  Hash start_chain{};                   // chain before the first frame; genesis if first_seq is 1
  std::int64_t created_wall_us = 0;     // since the Unix epoch
  std::vector<std::string> subjects;    // the filter that elided records; empty: none
  std::vector<std::string> redactions;  // names of rules applied before hashing
  std::vector<std::string> public_keys;
};

// Canonical JSON and back. kCorrupt if it is not a manifest of this version.
std::string ManifestJson(const Manifest& manifest);
Result<Manifest> ParseManifest(std::string_view json);

// A place where a reader may start: a frame and the offset of its entry.
struct BundlePoint {
  std::uint64_t first_seq = 0;
  std::uint64_t offset = 0;
};

struct BundleFooter {
  std::uint64_t frames = 0;
  std::uint64_t records = 0;  // carried, not elided
  std::uint64_t last_seq = 0;
  Hash chain{};                     // after the last frame; start_chain if there is none
  std::vector<BundlePoint> points;  // about one per 64 KiB, ascending
};

using Sink = std::function<Status(std::string_view bytes)>;

// Writes a bundle to a sink: Begin, frames in order, End. The first error of the sink ends it.
class BundleWriter {
 public:
  explicit BundleWriter(Sink sink);
  ~BundleWriter();
  BundleWriter(const BundleWriter&) = delete;
  BundleWriter& operator=(const BundleWriter&) = delete;

  Status Begin(const Manifest& manifest);
  // Carries the frame as the view has it: whole, with elided records, or as its root.
  // kInvalid if it does not follow the one before.
  Status Add(const FrameView& frame);
  Result<BundleFooter> End();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Fills up to `size` bytes; 0 is the end.
using Source = std::function<Result<std::size_t>(char* buffer, std::size_t size)>;

struct BundleVisitor {
  std::function<Status(const Manifest& manifest)> manifest;  // may be empty
  // Called after the frame's chain was checked. An error ends the reading and is returned.
  std::function<Status(const FrameView& frame, std::uint64_t offset)> frame;  // may be empty
};

struct BundleSummary {
  Manifest manifest;
  BundleFooter footer;
  std::uint64_t bytes = 0;
};

// Reads and verifies a whole bundle: structure, every chain link, the digests of the footer.
// kCorrupt names the frame (seqs) or the byte range that is damaged, missing or out of order. What
// the visitor saw of a bundle that ends in an error is true up to there (chain), but not complete.
Result<BundleSummary> ReadBundle(const Source& source, const BundleVisitor& visitor);

// One frame entry at the start of `bytes` (kind, len, body), not chain-checked: for seeks into a
// bundle that ReadBundle accepted.
Result<FrameView> ViewFrameEntry(std::string_view bytes);

inline constexpr std::size_t kEntryHeadBytes = 5;
// Length of the whole entry that starts with these kEntryHeadBytes; 0 if it holds no frame.
std::size_t FrameEntryBytes(std::string_view head);

}  // namespace pgo::journal
