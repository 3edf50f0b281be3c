#include "adapters/local/api/events.h"

namespace pgo::local {
namespace {

struct Names {
  const char* core;
  const char* renewed;
};
constexpr Names kNames[] = {
    {"message", "note"},
    {"involvedObject", "regarding"},
    {"reportingComponent", "reportingController"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
};

}  // namespace

void RenameEventFields(Json& event, EventForm wanted) {
  if (!event.is_object()) return;
  for (const Names& names : kNames) {
    const char* from = wanted == EventForm::kNew ? names.core : names.renewed;
    const char* to = wanted == EventForm::kNew ? names.renewed : names.core;
    const auto at = event.find(from);
    if (at == event.end()) continue;
    Json value = std::move(*at);
    event.erase(from);
    event[to] = std::move(value);
  }
}

}  // namespace pgo::local
