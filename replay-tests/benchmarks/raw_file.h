// What the disk itself gives: write and fdatasync, at the end of a file or over a written part.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <utility>

#include "engine/base/result.h"

namespace pgo::bench {

inline double MicrosSince(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began)
      .count();
}

class RawFile {
 public:
  // `written` bytes are written and synced first; with 0 the file grows with every Write.
  static Result<RawFile> Create(const std::string& path, std::size_t written) {
    RawFile file(::open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600), written);
    const std::string block(1U << 20U, 'x');
    bool ok = file.fd_ >= 0;
    for (std::size_t at = 0; ok && at < written; at += block.size()) {
      ok = ::write(file.fd_, block.data(), block.size()) == static_cast<ssize_t>(block.size());
    }
    if (!ok || ::fsync(file.fd_) != 0) return Fail(Code::kUnavailable, path + " cannot be written");
    return file;
  }
  RawFile(RawFile&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), size_(other.size_), at_(other.at_) {}
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;
  RawFile& operator=(RawFile&&) = delete;
  ~RawFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  // On disk when it returns.
  bool Write(const std::string& bytes) {
    if (size_ != 0 && at_ + bytes.size() > size_) at_ = 0;
    const auto done = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at_));
    at_ += bytes.size();
    return done == static_cast<ssize_t>(bytes.size()) && ::fdatasync(fd_) == 0;
  }

 private:
  RawFile(int fd, std::size_t size) : fd_(fd), size_(size) {}
  int fd_;
  std::size_t size_;
  std::size_t at_ = 0;
};

}  // namespace pgo::bench
