#include "adapters/operator/volume.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "adapters/log/log.h"

namespace pgo {
namespace {

constexpr std::uint64_t kTold = 80, kGoal = 85, kShrink = 90, kLast = 95;
constexpr std::uint64_t kBallastMax = 64U << 20U, kRoomMax = 48U << 20U;
constexpr std::uint64_t kPlenty = 2ULL << 30U;
constexpr std::int64_t kLookEvery = kSecond;

std::uint64_t BallastBytes(const VolumeUse& use) { return std::min(kBallastMax, use.all / 16); }

}  // namespace

VolumeUse MeasureVolume(const std::string& directory) {
  struct statvfs disk{};
  if (::statvfs(directory.c_str(), &disk) != 0) return {};
  const std::uint64_t used = std::uint64_t{disk.f_blocks - disk.f_bfree} * disk.f_frsize;
  return {used + std::uint64_t{disk.f_bavail} * disk.f_frsize, used};
}

bool HasRoom(const VolumeUse& use) {
  return use.all != 0 && use.all - use.used >= std::min(kRoomMax, use.all / 20);
}

Rung RungOf(const VolumeUse& use) {
  const std::uint64_t percent = use.Percent();
  const bool plenty = use.all - use.used >= kPlenty;
  if (percent >= kLast && !plenty) return Rung::kLast;
  if (percent >= kShrink && !plenty) return Rung::kShrink;
  return percent >= kTold ? Rung::kTold : Rung::kRoom;
}

journal::Retention ForcedRetention(const VolumeUse& use, std::uint64_t journal_bytes) {
  const std::uint64_t goal = use.all / 100 * kGoal;
  const std::uint64_t excess = use.used > goal ? use.used - goal : 0;
  journal::Retention retention;
  retention.bytes_max = journal_bytes > excess ? journal_bytes - excess : 1;  // 0 has no bound
  return retention;
}

Volume::Volume(std::string directory, Measure measure)
    : path_(directory + "/ballast"),
      measure_(measure ? std::move(measure) : [directory] { return MeasureVolume(directory); }),
      use_(measure_()) {
  std::error_code error;
  holds_ballast_ = std::filesystem::exists(path_, error);
  Take();
}

VolumeUse Volume::use() const {
  const std::scoped_lock lock(mutex_);
  return use_;
}

bool Volume::Look(Now now) {
  if (looked_us_ != 0 && now.elapsed_us - looked_us_ < kLookEvery) return false;
  looked_us_ = now.elapsed_us;
  {
    const VolumeUse measured = measure_();
    const std::scoped_lock lock(mutex_);
    use_ = measured;
  }
  const std::string filled =
      "the journal's volume is " + std::to_string(use().Percent()) + " % full";
  const Rung now_on = rung();
  if (now_on > told_) {
    log::Error(filled + (now_on < Rung::kShrink ? ": make it larger or let less be kept"
                                                : ": the oldest history is given up"));
  }
  told_ = now_on;
  if (now_on == Rung::kLast) Release(filled);
  if (now_on == Rung::kRoom) Take();
  return true;
}

void Volume::Refused() { Release("a write was refused"); }

void Volume::Take() {
  const std::uint64_t bytes = BallastBytes(use());
  const VolumeUse with{use().all, use().used + bytes};
  if (holds_ballast_ || bytes == 0 || RungOf(with) != Rung::kRoom) return;
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  holds_ballast_ = ::posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0;
  ::close(file);
  if (!holds_ballast_) ::unlink(path_.c_str());
}

void Volume::Release(const std::string& why) {
  if (!holds_ballast_) return;
  holds_ballast_ = false;
  if (::unlink(path_.c_str()) == 0) log::Error(why + ": the ballast is given back");
}

}  // namespace pgo
