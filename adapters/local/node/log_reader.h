// Reads a container's log file while it grows and is rotated.
#pragma once

#include <string>

#include "adapters/local/node/sys.h"
#include "adapters/local/runtime.h"

namespace pgo::local {

class LogFileReader {
 public:
  // `path` need not exist yet. What `options` names as pod and container is not looked at.
  LogFileReader(std::string path, LogOptions options);
  // What is new since the last call, as the options want it; "" if nothing is.
  std::string Read();
  // The limit of bytes is reached: nothing more will come.
  [[nodiscard]] bool Full() const { return left_ == 0; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void ReadFile();
  std::string Render();

  std::string path_;
  LogOptions options_;
  UniqueFd file_;
  std::string pending_;  // bytes of the file that are not shown yet
  std::int64_t left_;    // bytes that may still be shown; negative: any number
  bool first_ = true;
};

}  // namespace pgo::local
