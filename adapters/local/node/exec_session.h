// The streams of a command in a container: its output goes to the request's callbacks from a thread
// of the session's own.
#pragma once

#include <functional>
#include <memory>

#include "adapters/local/node/sys.h"
#include "adapters/local/runtime.h"

namespace pgo::local {

class CommandStreams {
 public:
  // `on_end` (the request's on_exit) is called once, after all output, never under a lock.
  static Result<std::shared_ptr<CommandStreams>> Open(const ExecRequest& request);
  virtual ~CommandStreams() = default;

  // The command's ends: to be handed over, then closed.
  virtual std::vector<int> TheirFds() const = 0;
  virtual void CloseTheirs() = 0;
  virtual void WriteStdin(std::string_view bytes) = 0;
  virtual void CloseStdin() = 0;
  virtual void Resize(int columns, int rows) = 0;
  // While held nothing passes either way, and the end is not told: the network between the two is
  // cut.
  virtual void Hold(bool held) = 0;
  // The command ended so, or (negative) nobody knows: its node is gone.
  virtual void Exited(int code) = 0;
};

}  // namespace pgo::local
