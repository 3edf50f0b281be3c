// What the engine's loop needs of the outside world: nothing else in the engine is virtual.
#pragma once

#include <functional>
#include <vector>

#include "engine/action/action.h"
#include "engine/base/ids.h"
#include "engine/event/event.h"

namespace pgo {

// Hands events to the loop. Called from any thread; blocks while the inbox is full.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void Post(std::vector<Payload> events) = 0;
};

// Carries actions out. Submit only queues and returns at once; each action ends in exactly one Done
// posted to the sink it was built with, preceded in the same Post by the Observed response object
// if there was one. After Halt, what is not yet sent ends in Done{Abandoned} and nothing new is
// sent (leadership is lost, or the process ends).
class Effects {
 public:
  virtual ~Effects() = default;
  virtual void Submit(Action action) = 0;
  virtual void Halt() = 0;
};

// Time, for the loop alone: the engine is told.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now Read() = 0;
};

}  // namespace pgo
