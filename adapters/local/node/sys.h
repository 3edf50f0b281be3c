// The few system calls that pgo-local's nodes are made of, with errors as values. Linux only.
// Everything here may be called in a forked child of a single-threaded process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"

namespace pgo::local {

// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { Reset(); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

// The error of the last system call: "mount /proc: Operation not permitted". kUnavailable.
tl::unexpected<Error> FailErrno(const std::string& what);

Status MakeDirs(const std::string& path, mode_t mode = 0755);  // with parents; existing ones stay
Result<std::string> ReadFile(const std::string& path);
Status WriteFile(const std::string& path, std::string_view bytes, mode_t mode = 0644);
// Written beside the path and renamed over it: readers see the old or the new content.
Status ReplaceFile(const std::string& path, std::string_view bytes, mode_t mode = 0644);
bool WriteAll(int fd, std::string_view bytes);  // false at an error
// Everything below and including the path; a path that is not there is fine.
void RemoveTree(const std::string& path);
bool Exists(const std::string& path);

struct Pipe {
  UniqueFd read, write;
};
Result<Pipe> MakePipe();  // both ends close-on-exec

// A child in new namespaces (CLONE_NEW*); 0 in the child. Unlike fork() it runs no handlers of the
// C library: in a process with threads the child may only make system calls and execve.
Result<pid_t> CloneProcess(std::uint64_t namespaces);
Result<UniqueFd> OpenProcess(pid_t pid);  // a pidfd
// An address and a default route (unless "") for an interface of the calling thread's namespace,
// and the interface up. "127.0.0.1" is not set again: lo only goes up.
Status SetUpInterface(const std::string& name, const std::string& address, int prefix,
                      const std::string& gateway);

// Runs a program (found in PATH and the usual system directories) with this standard input to its
// end. Its standard error is the message if it fails.
Status RunTool(const std::vector<std::string>& argv, std::string_view input = {});
// The path of a program, "" if there is none.
std::string FindTool(const std::string& name);

std::int64_t MonotonicMs();
std::int64_t WallMs();
// "2026-01-31T12:00:00Z", and with microseconds as Leases have it.
std::string Rfc3339(std::int64_t wall_ms);
std::string Rfc3339Micro(std::int64_t wall_ms);

}  // namespace pgo::local
