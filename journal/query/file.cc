#include "journal/query/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace pgo::journal {
namespace {

tl::unexpected<Error> FailErrno(const std::string& path, const char* what) {
  const int error = errno;
  const Code code = error == ENOENT   ? Code::kNotFound
                    : error == EEXIST ? Code::kConflict
                    : error == EACCES ? Code::kDenied
                                      : Code::kUnavailable;
  return Fail(code, path + ": " + what + ": " + std::strerror(error));
}

Result<int> OpenFd(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0) return FailErrno(path, "open");
  return fd;
}

}  // namespace

File::File(File&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}
File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

tl::unexpected<Error> File::Problem(const char* what) const { return FailErrno(path_, what); }

Result<File> File::OpenForReading(const std::string& path) {
  // Not to wait for the writer of a pipe, which is refused anyway: bundles are read here and there.
  const Result<int> fd = OpenFd(path, O_RDONLY | O_NONBLOCK);
  if (!fd) return Fail(fd.error());
  File file(*fd, path);
  struct stat what{};
  if (::fstat(*fd, &what) != 0) return FailErrno(path, "open");
  if (!S_ISREG(what.st_mode)) {
    return Fail(Code::kInvalid, path + ": must be a file, and is a " +
                                    (S_ISDIR(what.st_mode)    ? "directory"
                                     : S_ISFIFO(what.st_mode) ? "pipe; write it to a file first"
                                                              : "device"));
  }
  return file;
}

Result<File> File::Create(const std::string& path) {
  const Result<int> fd = OpenFd(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) return Fail(fd.error());
  return File(*fd, path);
}

Result<std::size_t> File::Read(char* buffer, std::size_t size) const {
  while (true) {
    const ssize_t got = ::read(fd_, buffer, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return Problem("read");
  }
}

Status File::ReadAt(std::uint64_t offset, char* buffer, std::size_t size) const {
  while (size > 0) {
    const ssize_t got = ::pread(fd_, buffer, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Problem("read");
    if (got == 0) return Fail(Code::kCorrupt, path_ + ": the file became shorter");
    const auto done = static_cast<std::size_t>(got);
    buffer += done;
    offset += done;
    size -= done;
  }
  return {};
}

Status File::Write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Problem("write");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Status File::Sync() const {
  if (::fsync(fd_) != 0) return Problem("fsync");
  return {};
}

Status RenameDurably(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return FailErrno(to, "rename");
  const std::size_t slash = to.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : to.substr(0, slash + 1);
  const Result<int> fd = OpenFd(parent, O_RDONLY | O_DIRECTORY);
  if (!fd) return Fail(fd.error());
  const int synced = ::fsync(*fd);
  Status status;
  if (synced != 0) status = FailErrno(parent, "fsync");
  ::close(*fd);
  return status;
}

}  // namespace pgo::journal
