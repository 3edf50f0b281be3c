// The engine's journal port on the journal store, and the rebuild of the engine from it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "adapters/operator/volume.h"
#include "engine/engine.h"
#include "engine/ports/journal.h"
#include "journal/store/journal.h"

namespace pgo {

class StorePort final : public JournalPort {
 public:
  // A write that succeeded: what it wrote (nothing if it only synced), and how long that took.
  struct Written {
    std::uint64_t frames = 0, bytes = 0;
    bool synced = false;
    double seconds = 0;
  };
  using Observer = std::function<void(const Written&)>;

  // With a volume, history is given up before it is full (adapters/operator/volume.h).
  explicit StorePort(journal::Journal& journal, Observer observer = {}, Volume* volume = nullptr)
      : journal_(journal), observer_(std::move(observer)), volume_(volume) {}
  std::uint64_t NextSeq() const override { return journal_.NextSeq(); }
  Status Append(const std::vector<JournalRecord>& records, Now now, bool synced) override;
  Status Sync() override;
  Status NewEpoch(std::int64_t epoch) override;
  bool RotationDue(Now now) const override;
  Status Rotate(const std::vector<JournalRecord>& baseline, Now now) override;

 private:
  Status Shrink(Now now);

  journal::Journal& journal_;
  const Observer observer_;
  Volume* const volume_;
};

// Gives up what the volume needs, whatever the journal's own retention. Nothing below 90 %.
Status ShrinkTo(journal::Journal& journal, const VolumeUse& use, journal::FrameTime now);

// The state after everything that the reader has, folded from its newest baseline. kCorrupt names
// the damaged record.
Result<Engine> Rebuild(const journal::Reader& reader);

}  // namespace pgo
