// Schedules: what is accepted has a next moment after the one asked from, or none.
#include "engine/base/cron.h"
#include "engine/base/check.h"
#include "replay-tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgo;
  const auto cron = Cron::Parse(fuzz::TextOf(data, size));
  PGO_CHECK(cron.has_value() || !cron.error().message.empty(), "a refusal says why");
  if (!cron) return 0;
  for (const std::int64_t from : {std::int64_t{0}, std::int64_t{1'780'000'000'123'456}}) {
    const auto next = cron->After(from);
    PGO_CHECK(!next || *next > from, "the next moment is later");
    PGO_CHECK(!next || cron->After(*next - 1) == next, "and the first one that fits");
  }
  return 0;
}
