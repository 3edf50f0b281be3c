// Events of events.k8s.io/v1 and of core v1 are the same objects under other field names. They are
// kept as core's.
#pragma once

#include "engine/base/json.h"

namespace pgo::local {

enum class EventForm { kCore, kNew };

// Renames the fields of an event, or of a merge patch of one, to the wanted form.
void RenameEventFields(Json& event, EventForm wanted);

}  // namespace pgo::local
