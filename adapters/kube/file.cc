#include "adapters/kube/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pgo::kube {
namespace {
constexpr std::size_t kLargest = 16UL << 20;
constexpr int kPatienceMs = 10'000;  // for what the other end of a pipe has to say

// As ::read of a file that was opened not to block: waits for a pipe's writer, but not for ever.
ssize_t ReadSome(int fd, char* buffer, std::size_t size) {
  while (true) {
    const ssize_t n = ::read(fd, buffer, size);
    if (n >= 0 || (errno != EAGAIN && errno != EINTR)) return n;
    pollfd ready{fd, POLLIN, 0};
    if (errno == EAGAIN && ::poll(&ready, 1, kPatienceMs) == 0) {
      errno = ETIMEDOUT;
      return -1;
    }
  }
}
}  // namespace

Result<std::string> ReadWholeFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const Code code = errno == ENOENT   ? Code::kNotFound
                      : errno == EACCES ? Code::kDenied
                                        : Code::kUnavailable;
    return Fail(code, "cannot read " + path + ": " + std::strerror(errno));
  }
  std::string out;
  char buffer[8192];
  ssize_t n = 0;
  while ((n = ReadSome(fd, buffer, sizeof buffer)) > 0 && out.size() < kLargest) {
    out.append(buffer, static_cast<std::size_t>(n));
  }
  const int failed = n < 0 ? errno : 0;
  ::close(fd);
  if (failed != 0)
    return Fail(Code::kUnavailable, "cannot read " + path + ": " + std::strerror(failed));
  if (out.size() >= kLargest) return Fail(Code::kInvalid, path + " is larger than 16 MiB");
  return out;
}

Result<std::string> DecodeBase64(std::string_view text) {
  std::string packed;
  for (const char c : text) {
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') packed.push_back(c);
  }
  if (packed.size() % 4 != 0) return Fail(Code::kInvalid, "not base64");
  std::string out(packed.size() / 4 * 3, '\0');
  if (packed.empty()) return out;
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(packed.data()),
                                static_cast<int>(packed.size()));
  if (n < 0) return Fail(Code::kInvalid, "not base64");
  out.resize(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < 2 && packed[packed.size() - 1 - i] == '='; ++i) out.pop_back();
  return out;
}

std::string EncodeBase64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

}  // namespace pgo::kube
