// CHECK is for the programmer's errors alone, and always on. It is never reachable from input: a
// crash on a journaled event would repeat at each restart.
#pragma once

namespace pgo {
[[noreturn]] void CheckFailed(const char* condition, const char* why, const char* file, int line);
}  // namespace pgo

#define PGO_CHECK(condition, why) \
  ((condition) ? static_cast<void>(0) : ::pgo::CheckFailed(#condition, why, __FILE__, __LINE__))
