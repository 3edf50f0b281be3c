// Text lines for people, made from committed frames alone: what a line says is in the journal, with
// the same reason and the same sentence. Asynchronous; when the queue is full, lines are dropped
// and counted.
//
// Library: spdlog, behind the .cc.
#pragma once

#include <string_view>
#include <vector>

#include "engine/action/step.h"
#include "engine/event/event.h"

namespace pgo::log {

// Once, before anything is logged; to standard error. `debug` adds a line per event.
void Start(bool debug);
// Flushes what is queued.
void Stop();

void Frame(const std::vector<Event>& events, const StepResult& step);
void Info(std::string_view message);
void Warn(std::string_view message);
void Error(std::string_view message);

}  // namespace pgo::log
