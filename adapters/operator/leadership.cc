#include "adapters/operator/leadership.h"

#include <cstdlib>
#include <utility>

#include "adapters/log/log.h"

namespace pgo {

// A machine that slept or was stopped counts on (CLOCK_BOOTTIME); another one, or the same after a
// reboot, counts from elsewhere.
std::int64_t ClockShift(Now last, Now now) {
  constexpr std::int64_t kSame = 60 * kSecond;
  if (last.wall_us == 0) return 0;
  const std::int64_t passed = now.wall_us > last.wall_us ? now.wall_us - last.wall_us : 0;
  const std::int64_t shift = now.elapsed_us - passed - last.elapsed_us;
  return std::abs(shift) > kSame ? shift : 0;
}

std::string PositionText(const journal::JournalHead& head) {
  return std::to_string(head.epoch) + "/" + std::to_string(head.seq) + "/" +
         journal::HexOf(head.chain);
}

Leadership::Leadership(const Parts& parts, Engine engine)
    : metrics_(parts.metrics),
      epoch_(parts.leading.epoch),
      world_(engine.world()),
      port_(
          parts.journal,
          [&metrics = parts.metrics, &desk = parts.desk](const StorePort::Written& written) {
            metrics.Written(written);
            if (written.synced) desk.Notify();
          },
          &parts.volume),
      driver_(std::move(engine), port_, clock_, {}),
      talker_({parts.options, parts.instance, parts.redaction_key, parts.election, Prepare(parts),
               world_, parts.journal.Head().seq > 0, parts.standing}) {
  metrics_.Look(&driver_);
}

Leadership::~Leadership() { metrics_.Look(nullptr); }

// What was committed goes to the log and the metrics. Nothing comes before Started and Leading:
// both are the first frame of the epoch.
Driver& Leadership::Prepare(const Parts& parts) {
  driver_.SetOnCommit(
      [&metrics = parts.metrics, durable = parts.durable, told = false](
          const std::vector<Event>& events, const StepResult& step, std::int64_t step_us) mutable {
        metrics.Committed(events, step, step_us);
        log::Frame(events, step);
        if (!std::exchange(told, true)) durable();
      });
  driver_.SetOnDropped([&metrics = parts.metrics](const std::string& what) {
    metrics.Dropped();
    log::Error(what + ": an event of it is too large for the journal and was passed over");
  });
  driver_.Post({Started{kBuild, kRuleset, parts.instance, parts.options.settings, parts.clock_us},
                parts.leading});
  return driver_;
}

void Leadership::Lost(const Leading& lost) {
  talker_.Halt();
  driver_.Post({lost});
  driver_.Stop();
}

bool Leadership::End(const std::string& why, std::int64_t most_ms) {
  const bool idle = talker_.Stop(most_ms);
  driver_.Post({Leading{false, epoch_, why}});
  driver_.Stop();
  return idle;
}

}  // namespace pgo
