// Long answers on a terminal go through a pager: $PAGER, else `less -FRX` where it is installed,
// which shows a short text and ends. Never in a pipe, never with --no-pager, PAGER=cat or PAGER="".
#pragma once

#include <sys/types.h>

#include <cstdio>

#include "adapters/cli/output.h"

namespace pgo::cli {

class Pager {
 public:
  // Starts the pager if there is one to start; then `out` writes into it.
  explicit Pager(Output& out);
  // Waits until the person has read.
  ~Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;

 private:
  Output& out_;
  std::FILE* pipe_ = nullptr;
  pid_t child_ = -1;
};

}  // namespace pgo::cli
