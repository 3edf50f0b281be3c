// How full the journal's volume is, and what is done about it before it is full.
//
//   80 %  it is told: in the log once, and by the metrics
//   90 %  history is given up: segments end sooner, and the oldest go until 85 % is used or two of
//         them are left
//   95 %  the ballast is given back: a file that holds a sixteenth of the volume (64 MiB at most)
//         for nothing else, so that there is room to give up history, and to write last records
//
// Of a large volume the last two rungs begin once less than 2 GiB are free: history is not given up
// where there is plenty of room.
//
// The ballast is taken again once the volume would stay below 80 % with it. One thread calls Look
// and the like, others may read the rest.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "engine/base/ids.h"
#include "journal/store/seal.h"

namespace pgo {

struct VolumeUse {
  std::uint64_t all = 0, used = 0;  // bytes; what is reserved for root counts in neither

  [[nodiscard]] std::uint64_t Percent() const { return all == 0 ? 0 : used * 100 / all; }
};

// Of the file system of a directory; zeros if it cannot be asked.
VolumeUse MeasureVolume(const std::string& directory);
// Whether there is room to open a journal that stands still: a twentieth, or 48 MiB if that is
// less. The ballast alone is enough.
bool HasRoom(const VolumeUse& use);

enum class Rung : std::uint8_t { kRoom, kTold, kShrink, kLast };
Rung RungOf(const VolumeUse& use);

// What a journal of so many bytes may keep, so that the volume comes below 85 %.
journal::Retention ForcedRetention(const VolumeUse& use, std::uint64_t journal_bytes);

class Volume {
 public:
  using Measure = std::function<VolumeUse()>;
  // `directory` is where the ballast lies. Takes it if there is room.
  explicit Volume(std::string directory, Measure measure = {});

  // Measures, once a second at most, and gives the ballast back or takes it again. True if it
  // measured.
  bool Look(Now now);
  // A write was refused: the ballast is given back at once.
  void Refused();

  [[nodiscard]] VolumeUse use() const;
  [[nodiscard]] Rung rung() const { return RungOf(use()); }
  [[nodiscard]] bool holds_ballast() const { return holds_ballast_; }
  // A segment of so many bytes ends sooner from 90 % on.
  [[nodiscard]] std::uint64_t SegmentBytesForced() const { return use().all / 8; }

 private:
  void Take();
  void Release(const std::string& why);

  const std::string path_;
  const Measure measure_;
  std::int64_t looked_us_ = 0;
  Rung told_ = Rung::kRoom;
  std::atomic<bool> holds_ballast_ = false;
  mutable std::mutex mutex_;
  VolumeUse use_;
};

}  // namespace pgo
