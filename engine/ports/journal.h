// The journal as the loop needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"

namespace pgo {

// One record of a frame; sequence numbers are given in order from NextSeq().
struct JournalRecord {
  std::uint64_t type = 0;  // RecordType
  std::vector<std::uint64_t> causes;
  std::vector<std::string> subjects;
  std::string rv;
  std::string payload;
};

// Longest payload that a record may have.
inline constexpr std::size_t kJournalPayloadMax = std::size_t{16} << 20U;

class JournalPort {
 public:
  virtual ~JournalPort() = default;
  virtual std::uint64_t NextSeq() const = 0;
  // One commit. With `synced` it is on disk when this returns; else it becomes so with the next
  // synced one or within a second. Any error is final: the loop stops deciding and acting.
  virtual Status Append(const std::vector<JournalRecord>& records, Now now, bool synced) = 0;
  // Puts on disk what was appended without `synced`.
  virtual Status Sync() = 0;
  // Frames appended from now on carry this epoch.
  virtual Status NewEpoch(std::int64_t epoch) = 0;
  // A new segment ought to begin; Rotate begins it with these records (BaselineOf), on disk when it
  // returns. An error is as final as Append's.
  virtual bool RotationDue(Now now) const = 0;
  virtual Status Rotate(const std::vector<JournalRecord>& baseline, Now now) = 0;
};

}  // namespace pgo
