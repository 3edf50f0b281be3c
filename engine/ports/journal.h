// The journal as the loop needs it.
#pragma once

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

class JournalPort {
 public:
  virtual ~JournalPort() = default;
  virtual std::uint64_t NextSeq() const = 0;
  // One frame. With `synced` it is on disk when this returns; else it becomes so with the next
  // synced one or within a second. Any error is final: the loop stops deciding and acting.
  virtual Status Append(const std::vector<JournalRecord>& records, Now now, bool synced) = 0;
  // Puts on disk what was appended without `synced`.
  virtual Status Sync() = 0;
  // Frames appended from now on carry this epoch.
  virtual Status NewEpoch(std::int64_t epoch) = 0;
};

}  // namespace pgo
