#include "adapters/system/clock.h"

#include <ctime>

namespace pgo::system {
namespace {

std::int64_t ReadMicros(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return static_cast<std::int64_t>(time.tv_sec) * kSecond + time.tv_nsec / 1000;
}

}  // namespace

Now SystemClock::Read() { return {ReadMicros(CLOCK_REALTIME), ReadMicros(CLOCK_BOOTTIME)}; }

}  // namespace pgo::system
