// Ctrl-C. It ends the program at once with status 130, and with it the files that are only half
// made. Work that wants to end in its own way asks Interrupted() instead.
#pragma once

#include <string>

namespace pgo::cli {

// From now on SIGINT and SIGTERM end the process with 130 and 143; called once, by main.
void EndOnSignals();

// The file is removed if a signal ends the process; `directory` (may be "") then, too. At most 8 at
// the same time; beyond that, and for names of 4096 bytes and more, the file would stay.
class RemovedOnSignal {
 public:
  explicit RemovedOnSignal(const std::string& file, const std::string& directory = {});
  ~RemovedOnSignal();
  RemovedOnSignal(const RemovedOnSignal&) = delete;
  RemovedOnSignal& operator=(const RemovedOnSignal&) = delete;

 private:
  int slot_;
};

}  // namespace pgo::cli
