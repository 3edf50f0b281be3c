// The machine's clocks: CLOCK_REALTIME for people, CLOCK_BOOTTIME for durations (it counts the time
// that a machine was suspended).
#pragma once

#include "engine/ports/effects.h"

namespace pgo::system {

class SystemClock final : public Clock {
 public:
  Now Read() override;
};

}  // namespace pgo::system
