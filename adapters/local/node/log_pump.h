// Copies containers' output from their pipes to their log files (log_format.h). A file that has
// grown over 10 MiB becomes FILE.1, whose predecessor is dropped. One thread.
#pragma once

#include <poll.h>

#include <string>
#include <vector>

#include "adapters/local/node/log_format.h"
#include "adapters/local/node/sys.h"

namespace pgo::local {

class LogPump {
 public:
  // Owns the pipe until its last writer is gone.
  void Add(UniqueFd pipe, std::string file);
  void AddTo(std::vector<pollfd>& polls) const;
  // `polls` from `first` on are what AddTo added.
  void Read(const std::vector<pollfd>& polls, std::size_t first);
  // Whatever is there now.
  void Drain();

 private:
  struct Stream {
    UniqueFd pipe, file;
    std::string path;
    std::size_t size = 0;
    LogFramer framer;
  };
  bool Copy(Stream& stream);  // false at the end

  std::vector<Stream> streams_;
};

}  // namespace pgo::local
