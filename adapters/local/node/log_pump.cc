#include "adapters/local/node/log_pump.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace pgo::local {
namespace {

constexpr std::size_t kRotateBytes = 10 << 20;
constexpr int kReadsMax = 16;
constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;

std::string Now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return LogTime(now.tv_sec * 1'000'000'000 + now.tv_nsec);
}

}  // namespace

void LogPump::Add(UniqueFd pipe, std::string file) {
  ::fcntl(pipe.get(), F_SETFL, O_NONBLOCK);
  static_cast<void>(MakeDirs(file.substr(0, file.rfind('/'))));
  UniqueFd out(::open(file.c_str(), kAppend, 0640));
  struct stat info{};
  const bool known = ::fstat(out.get(), &info) == 0;
  streams_.push_back({std::move(pipe),
                      std::move(out),
                      std::move(file),
                      known ? static_cast<std::size_t>(info.st_size) : 0,
                      {}});
}

void LogPump::AddTo(std::vector<pollfd>& polls) const {
  for (const Stream& stream : streams_) polls.push_back({stream.pipe.get(), POLLIN, 0});
}

void LogPump::Read(const std::vector<pollfd>& polls, std::size_t first) {
  std::vector<Stream> kept;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    const bool ready = first + i < polls.size() && polls[first + i].revents != 0;
    if (!ready || Copy(streams_[i])) kept.push_back(std::move(streams_[i]));
  }
  streams_ = std::move(kept);
}

void LogPump::Drain() {
  std::erase_if(streams_, [this](Stream& stream) { return !Copy(stream); });
}

bool LogPump::Copy(Stream& stream) {
  char buffer[65536];
  // Bounded: one container that talks without end must not silence the node.
  for (int reads = 0; reads < kReadsMax; ++reads) {
    const ssize_t n = ::read(stream.pipe.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    const std::string lines =
        n == 0 ? stream.framer.Rest(Now())
               : stream.framer.Frame({buffer, static_cast<std::size_t>(n)}, Now());
    WriteAll(stream.file.get(), lines);
    if (n == 0) return false;
    stream.size += lines.size();
    if (stream.size < kRotateBytes) continue;
    ::rename(stream.path.c_str(), (stream.path + ".1").c_str());
    stream.file.Reset(::open(stream.path.c_str(), kAppend, 0640));
    stream.size = 0;
  }
  return true;
}

}  // namespace pgo::local
