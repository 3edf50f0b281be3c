// The operator's way in: watch lines through ListWatch, Gate and Driver into a journal, with the
// loop on its own thread as in the operator.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/base/json.h"
#include "engine/base/result.h"
#include "engine/ports/effects.h"
#include "engine/record.h"

namespace pgo::bench {

// {"type":"MODIFIED","object":…} with managedFields that fill it up to so many bytes.
std::string WatchLine(Json object, std::size_t bytes);

class Feed {
 public:
  // Makes the effects of a sink, which is the Gate.
  using MakeEffects = std::function<std::unique_ptr<Effects>(EventSink& sink)>;

  // A new journal in `directory`, with these records first. Watches one kind. Without `make`,
  // nothing is carried out.
  static Result<Feed> Open(const std::string& directory, const std::string& kind,
                           const std::vector<StoredRecord>& history, const MakeEffects& make);
  Feed(Feed&&) noexcept;
  ~Feed();

  // Hands the lines over in one Post and gives the number of events committed by then.
  std::uint64_t Give(const std::vector<std::string>& lines);
  // Until more events were committed than `before`; false after ten seconds.
  bool WaitCommitted(std::uint64_t before);
  // Until an action is done that was not at the last call; false after ten seconds. `at` gets the
  // moment when its outcome was posted.
  bool WaitDone(std::chrono::steady_clock::time_point* at);
  // What folding and deciding took in the newest batch that led to an action.
  double StepMicros();

 private:
  struct Parts;
  explicit Feed(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace pgo::bench
