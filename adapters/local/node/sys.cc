#include "adapters/local/node/sys.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>

extern char** environ;

namespace pgo::local {

void UniqueFd::Reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

tl::unexpected<Error> FailErrno(const std::string& what) {
  return Fail(Code::kUnavailable, what + ": " + std::strerror(errno));
}

Status MakeDirs(const std::string& path, mode_t mode) {
  for (std::size_t at = 1; at <= path.size(); ++at) {
    if (at != path.size() && path[at] != '/') continue;
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST && errno != EROFS) {
      return FailErrno("make directory " + part);
    }
  }
  return {};
}

Result<std::string> ReadFile(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return FailErrno("read " + path);
  std::string out;
  char buffer[16384];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("read " + path);
    if (n == 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

Status WriteFile(const std::string& path, std::string_view bytes, mode_t mode) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd.valid() || !WriteAll(fd.get(), bytes)) return FailErrno("write " + path);
  return {};
}

Status ReplaceFile(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string beside = path + ".new";
  if (auto written = WriteFile(beside, bytes, mode); !written) return written;
  if (::rename(beside.c_str(), path.c_str()) != 0) return FailErrno("rename " + beside);
  return {};
}

void RemoveTree(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return FailErrno("pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<pid_t> CloneProcess(std::uint64_t namespaces) {
  clone_args args{};
  args.flags = namespaces;
  args.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return FailErrno("clone3");
  return static_cast<pid_t>(pid);
}

Result<UniqueFd> OpenProcess(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) return FailErrno("pidfd_open");
  return fd;
}

namespace {

sockaddr AddressOf(const std::string& text) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  ::inet_pton(AF_INET, text.c_str(), &in.sin_addr);
  sockaddr out{};
  std::memcpy(&out, &in, sizeof out);
  return out;
}

std::string MaskOf(int prefix) {
  const in_addr mask{htonl(prefix == 0 ? 0 : ~0U << (32 - prefix))};
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &mask, text, sizeof text);
}

}  // namespace

Status SetUpInterface(const std::string& name, const std::string& address, int prefix,
                      const std::string& gateway) {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  if (address != "127.0.0.1") {
    request.ifr_addr = AddressOf(address);
    if (::ioctl(fd.get(), SIOCSIFADDR, &request) != 0) return FailErrno("address of " + name);
    request.ifr_netmask = AddressOf(MaskOf(prefix));
    if (::ioctl(fd.get(), SIOCSIFNETMASK, &request) != 0) return FailErrno("mask of " + name);
  }
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) return FailErrno("bring up " + name);
  if (gateway.empty()) return {};
  rtentry route{};
  route.rt_dst = AddressOf("0.0.0.0");
  route.rt_genmask = AddressOf("0.0.0.0");
  route.rt_gateway = AddressOf(gateway);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  if (::ioctl(fd.get(), SIOCADDRT, &route) != 0) return FailErrno("default route");
  return {};
}

std::string FindTool(const std::string& name) {
  const char* path = ::getenv("PATH");
  std::string directories =
      std::string(path == nullptr ? "" : path) + ":/usr/sbin:/usr/bin:/sbin:/bin";
  std::size_t from = 0;
  while (from <= directories.size()) {
    const std::size_t end = std::min(directories.find(':', from), directories.size());
    const std::string candidate = directories.substr(from, end - from) + "/" + name;
    if (end > from && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    from = end + 1;
  }
  return {};
}

Status RunTool(const std::vector<std::string>& argv, std::string_view input) {
  const std::string program = FindTool(argv[0]);
  if (program.empty())
    return Fail(Code::kUnavailable, "the program '" + argv[0] + "' is not installed");
  // A memory file never blocks the writer, whatever the program reads.
  const UniqueFd in(::memfd_create("input", MFD_CLOEXEC));
  const UniqueFd err(::memfd_create("errors", MFD_CLOEXEC));
  if (!in.valid() || !err.valid() || !WriteAll(in.get(), input)) return FailErrno("memfd");
  ::lseek(in.get(), 0, SEEK_SET);
  std::vector<char*> args;
  for (const std::string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
  args.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, err.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, err.get(), 2);
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, args.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return Fail(Code::kUnavailable, argv[0] + ": " + std::strerror(failed));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  char text[512];
  const ssize_t n = ::pread(err.get(), text, sizeof text, 0);
  std::string message(text, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  while (!message.empty() && message.back() == '\n') message.pop_back();
  return Fail(Code::kUnavailable, argv[0] + " failed: " + message);
}

std::int64_t MonotonicMs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

std::int64_t WallMs() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

namespace {

std::string Format(std::int64_t wall_ms, const char* format) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, format, &parts));
}

}  // namespace

std::string Rfc3339(std::int64_t wall_ms) { return Format(wall_ms, "%Y-%m-%dT%H:%M:%SZ"); }

std::string Rfc3339Micro(std::int64_t wall_ms) {
  const std::string millis = std::to_string(1000 + wall_ms % 1000).substr(1);
  return Format(wall_ms, "%Y-%m-%dT%H:%M:%S.") + millis + "000Z";
}

}  // namespace pgo::local
