// One watch: from the store's changes to the lines of the stream.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/local/api/handlers.h"

namespace pgo::local {

class WatchStream {
 public:
  // Begins to call `on_line` (on the store's thread) with each line, newline included. 410 or 400
  // as an error. The stream ends when it is destroyed.
  static Answer<std::shared_ptr<WatchStream>> Begin(MemoryStore& store, const Request& request,
                                                    const Target& target,
                                                    std::function<void(std::string)> on_line);

  // A bookmark of now; "" if the client did not ask for any.
  std::string Bookmark() const;

 private:
  WatchStream(MemoryStore& store, const Request& request, Target target, Selector selector);
  std::string LineOf(const WatchItem& item) const;
  std::string Line(const char* type, const Json& object) const;
  std::string BookmarkAt(std::uint64_t version, bool initial_end) const;

  MemoryStore& store_;
  Target target_;
  Selector selector_;
  bool bookmarks_, initial_events_, table_;
  std::string include_;  // of the objects in a table
  std::shared_ptr<void> subscription_;
};

}  // namespace pgo::local
