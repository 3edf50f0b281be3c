#include "adapters/local/node/daemon_space.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>

#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {

// Root keeps every id it has; lines of /proc/PID/{u,g}id_map.
std::string IdentityMap(const std::string& own_map) {
  std::istringstream in(ReadFile(own_map).value_or(""));
  std::string out;
  std::uint64_t inside = 0, outside = 0, count = 0;
  while (in >> inside >> outside >> count) {
    out +=
        std::to_string(inside) + " " + std::to_string(inside) + " " + std::to_string(count) + "\n";
  }
  return out;
}

// Who runs this, as tools for users want it: a name, or the number if it has none.
std::string UserName() {
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : std::to_string(::getuid());
}

// The first range that /etc/subuid or subgid gives to the user: {start, count}.
std::pair<std::string, std::string> SubordinateRange(const std::string& file) {
  const passwd* user = ::getpwuid(::getuid());
  std::istringstream in(ReadFile(file).value_or(""));
  for (std::string line; std::getline(in, line);) {
    std::istringstream parts(line);
    std::string name, start, count;
    std::getline(parts, name, ':');
    std::getline(parts, start, ':');
    std::getline(parts, count, ':');
    if (name == std::to_string(::getuid()) || (user != nullptr && name == user->pw_name))
      return {start, count};
  }
  return {};
}

Status MapWithTools(const std::string& pid) {
  const std::string uid = std::to_string(::getuid()), gid = std::to_string(::getgid());
  const auto uids = SubordinateRange("/etc/subuid"), gids = SubordinateRange("/etc/subgid");
  auto done = RunTool({"newuidmap", pid, "0", uid, "1", "1", uids.first, uids.second});
  if (done) done = RunTool({"newgidmap", pid, "0", gid, "1", "1", gids.first, gids.second});
  return done;
}

Status MapIds(const std::string& pid) {
  if (::geteuid() != 0) return MapWithTools(pid);
  auto done = WriteFile("/proc/" + pid + "/uid_map", IdentityMap("/proc/self/uid_map"));
  if (done) done = WriteFile("/proc/" + pid + "/gid_map", IdentityMap("/proc/self/gid_map"));
  return done;
}

// The maps are written from outside the new namespace: by a child forked before it is entered.
Status EnterUserNamespace() {
  auto go = MakePipe();
  if (!go) return Fail(go.error());
  const std::string self = std::to_string(::getpid());
  const pid_t mapper = ::fork();
  if (mapper < 0) return FailErrno("fork");
  if (mapper == 0) {
    char byte = 0;
    if (::read(go->read.get(), &byte, 1) != 1) ::_exit(1);
    const auto mapped = MapIds(self);
    if (!mapped) WriteAll(2, "pgo-local: " + mapped.error().message + "\n");
    ::_exit(mapped ? 0 : 1);
  }
  const int entered = ::unshare(CLONE_NEWUSER);
  if (entered != 0) return FailErrno("new user namespace");
  WriteAll(go->write.get(), "g");
  int status = 0;
  while (::waitpid(mapper, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) return Fail(Code::kUnavailable, "the user namespace got no ids");
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    return FailErrno("become root of the namespace");
  return {};
}

pid_t first_process = 0;
void Forward(int) {
  if (first_process > 0) ::kill(first_process, SIGTERM);
}

int BecomeFirst(const std::function<int()>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    WriteAll(2, std::string("pgo-local: mount /proc: ") + std::strerror(errno) + "\n");
    return 1;
  }
  return body();
}

std::string TryNamespaces() {
  const pid_t pid = ::fork();
  if (pid == 0)
    ::_exit(::unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) == 0 ? 0 : 1);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return {};
  return "- the kernel refuses new user namespaces: as root, sysctl -w "
         "kernel.unprivileged_userns_clone=1 "
         "user.max_user_namespaces=15000 (in a container: run it with --privileged)\n";
}

}  // namespace

std::string MissingRequirements(const std::string& image) {
  std::string out = TryNamespaces();
  if (FindTool("ip").empty()) out += "- the program 'ip' is missing: apt-get install iproute2\n";
  if (::geteuid() != 0) {
    if (FindTool("newuidmap").empty())
      out += "- the program 'newuidmap' is missing: apt-get install uidmap\n";
    if (SubordinateRange("/etc/subuid").first.empty() ||
        SubordinateRange("/etc/subgid").first.empty()) {
      out +=
          "- your user has no subordinate ids: as root, usermod --add-subuids 100000-165535 "
          "--add-subgids 100000-165535 " +
          UserName() + "\n";
    }
  }
  if (image.find_first_of(":,") != std::string::npos) {
    out += "- the image's path may not hold ':' or ',': " + image + "\n";
  } else if (!Exists(image + "/usr")) {
    out +=
        "- there is no image at " + image + ": charts/images/build-rootfs makes it (make image)\n";
  } else if (!Exists(image + ".stamp")) {
    out += "- the image at " + image + " is not complete (no " + image +
           ".stamp): run charts/images/build-rootfs again\n";
  }
  return out;
}

Result<int> RunInNewSpace(const std::function<int()>& body) {
  if (auto entered = EnterUserNamespace(); !entered) return Fail(entered.error());
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) != 0) {
    return FailErrno("new namespaces");
  }
  first_process = ::fork();
  if (first_process < 0) return FailErrno("fork");
  if (first_process == 0) ::_exit(BecomeFirst(body));
  struct sigaction action{};
  action.sa_handler = Forward;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGHUP, &action, nullptr);
  int status = 0;
  while (::waitpid(first_process, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace pgo::local
