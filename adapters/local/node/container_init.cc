#include "adapters/local/node/container_init.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>

#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {

// What container runtimes leave to a container's root by default.
constexpr const char* kCapabilityNames[] = {"CHOWN",
                                            "DAC_OVERRIDE",
                                            "DAC_READ_SEARCH",
                                            "FOWNER",
                                            "FSETID",
                                            "KILL",
                                            "SETGID",
                                            "SETUID",
                                            "SETPCAP",
                                            "LINUX_IMMUTABLE",
                                            "NET_BIND_SERVICE",
                                            "NET_BROADCAST",
                                            "NET_ADMIN",
                                            "NET_RAW",
                                            "IPC_LOCK",
                                            "IPC_OWNER",
                                            "SYS_MODULE",
                                            "SYS_RAWIO",
                                            "SYS_CHROOT",
                                            "SYS_PTRACE",
                                            "SYS_PACCT",
                                            "SYS_ADMIN",
                                            "SYS_BOOT",
                                            "SYS_NICE",
                                            "SYS_RESOURCE",
                                            "SYS_TIME",
                                            "SYS_TTY_CONFIG",
                                            "MKNOD",
                                            "LEASE",
                                            "AUDIT_WRITE",
                                            "AUDIT_CONTROL",
                                            "SETFCAP"};

[[noreturn]] void Die(const ChildFiles& files, const std::string& what) {
  WriteAll(files.error, what);
  ::_exit(128);
}

[[noreturn]] void DieErrno(const ChildFiles& files, const std::string& what) {
  Die(files, what + ": " + std::strerror(errno));
}

struct OpenMount {
  int fd = -1;
  bool file = false;
  MountSpec spec;
};

// Sources are taken as detached mounts before the root changes, so that the container's own
// symbolic links decide where its targets are.
std::vector<OpenMount> OpenSources(const ContainerSpec& spec, const ChildFiles& files) {
  std::vector<OpenMount> out;
  for (const MountSpec& mount : spec.mounts) {
    OpenMount open{.spec = mount};
    struct stat info{};
    if (::stat(mount.source.c_str(), &info) != 0)
      DieErrno(files, "volume source of " + mount.target);
    open.file = !S_ISDIR(info.st_mode);
    open.fd = ::open_tree(AT_FDCWD, mount.source.c_str(),
                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (open.fd < 0) DieErrno(files, "volume source of " + mount.target);
    out.push_back(open);
  }
  std::stable_sort(out.begin(), out.end(), [](const OpenMount& a, const OpenMount& b) {
    return std::count(a.spec.target.begin(), a.spec.target.end(), '/') <
           std::count(b.spec.target.begin(), b.spec.target.end(), '/');
  });
  return out;
}

// The image below, what the container writes above. On a directory that cannot carry an overlay
// (itself an overlay) the upper layer is kept in memory.
void MountRoot(const ContainerSpec& spec, const ChildFiles& files, const std::string& root) {
  const std::string upper = spec.directory + "/upper", work = spec.directory + "/work";
  for (const std::string& path : {root, upper, work}) {
    if (auto made = MakeDirs(path); !made) Die(files, made.error().message);
  }
  const auto mount_on = [&](const std::string& up, const std::string& wk) {
    const std::string options =
        "lowerdir=" + spec.image + ",upperdir=" + up + ",workdir=" + wk + ",userxattr";
    return ::mount("overlay", root.c_str(), "overlay", 0, options.c_str()) == 0;
  };
  if (mount_on(upper, work)) return;
  if (::mount("tmpfs", spec.directory.c_str(), "tmpfs", 0, "mode=755") != 0)
    DieErrno(files, "root tmpfs");
  for (const std::string& path : {root, upper, work}) ::mkdir(path.c_str(), 0755);
  if (!mount_on(upper, work)) DieErrno(files, "overlay of " + spec.image);
}

void BindDevice(const std::string& root, const char* name, const ChildFiles& files) {
  const std::string from = std::string("/dev/") + name, to = root + "/dev/" + name;
  const int fd = ::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd >= 0) ::close(fd);
  if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) != 0)
    DieErrno(files, "device " + from);
}

void MountKernel(const ContainerSpec& spec, const ChildFiles& files, const std::string& root) {
  if (::mount("proc", (root + "/proc").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              nullptr) != 0) {
    DieErrno(files, "mount /proc");
  }
  // Not every sandbox allows a new sysfs; no program of ours needs one.
  ::mount("sysfs", (root + "/sys").c_str(), "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
          nullptr);
  const std::string dev = root + "/dev";
  if (::mount("tmpfs", dev.c_str(), "tmpfs", MS_NOSUID, "mode=755,size=64k") != 0)
    DieErrno(files, "mount /dev");
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"})
    BindDevice(root, name, files);
  for (const char* name : {"/shm", "/pts"}) ::mkdir((dev + name).c_str(), 0755);
  ::mount("devpts", (dev + "/pts").c_str(), "devpts", MS_NOSUID | MS_NOEXEC,
          "newinstance,ptmxmode=0666,mode=0620");
  ::symlink("pts/ptmx", (dev + "/ptmx").c_str());
  ::symlink("/proc/self/fd", (dev + "/fd").c_str());
  ::symlink("/proc/self/fd/0", (dev + "/stdin").c_str());
  ::symlink("/proc/self/fd/1", (dev + "/stdout").c_str());
  ::symlink("/proc/self/fd/2", (dev + "/stderr").c_str());
  const std::string shm = dev + "/shm";
  const int failed =
      spec.shm.empty()
          ? ::mount("tmpfs", shm.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=64m")
          : ::mount(spec.shm.c_str(), shm.c_str(), nullptr, MS_BIND, nullptr);
  if (failed != 0) DieErrno(files, "mount /dev/shm");
}

void EnterRoot(const std::string& root, const ChildFiles& files) {
  if (::chdir(root.c_str()) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0)
    DieErrno(files, "pivot_root");
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) DieErrno(files, "leave the old root");
}

void MakeReadOnly(int fd, const char* path, const std::string& what, const ChildFiles& files) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  const unsigned flags = path[0] == '\0' ? AT_EMPTY_PATH | AT_RECURSIVE : 0U;
  if (::mount_setattr(fd, path, flags, &attributes, sizeof attributes) != 0)
    DieErrno(files, "read-only " + what);
}

void AttachVolumes(const std::vector<OpenMount>& mounts, const ChildFiles& files) {
  for (const OpenMount& mount : mounts) {
    const std::string& target = mount.spec.target;
    const std::string parent = target.substr(0, std::max<std::size_t>(target.rfind('/'), 1));
    static_cast<void>(MakeDirs(mount.file ? parent : target));
    if (mount.file) {
      const int fd = ::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
      if (fd >= 0) ::close(fd);
    }
    if (mount.spec.read_only) MakeReadOnly(mount.fd, "", target, files);
    if (::move_mount(mount.fd, "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
      DieErrno(files, "mount " + target);
    }
    ::close(mount.fd);
  }
}

void LimitCapabilities(const ProcessSpec& spec) {
  for (int number = 0; ::prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number) {
    const bool named = number < static_cast<int>(std::size(kCapabilityNames));
    const bool keep = named && std::find(spec.capabilities.begin(), spec.capabilities.end(),
                                         kCapabilityNames[number]) != spec.capabilities.end();
    if (!keep) ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
  }
}

void Redirect(int from, int to, const ChildFiles& files) {
  const int null = from >= 0 ? -1 : ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (::dup2(from >= 0 ? from : null, to) < 0) DieErrno(files, "standard stream");
}

std::string ProgramPath(const ProcessSpec& spec) {
  const std::string& name = spec.argv[0];
  if (name.find('/') != std::string::npos) return name;
  std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const std::string& entry : spec.env) {
    if (entry.starts_with("PATH=")) path = entry.substr(5);
  }
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find(':', from), path.size());
    const std::string candidate = path.substr(from, end - from) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    from = end + 1;
  }
  return {};
}

void ResetSignals() {
  for (int number = 1; number < SIGRTMAX; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// A container's user may open /dev/stdout again, so the streams are its own.
void TakeUser(const ProcessSpec& spec, const ChildFiles& files) {
  // Not a device: /dev/null is the whole machine's.
  struct stat stream{};
  for (const int fd : {1, 2}) {
    if (::fstat(fd, &stream) == 0 && !S_ISCHR(stream.st_mode)) ::fchown(fd, spec.uid, spec.gid);
  }
  LimitCapabilities(spec);
  std::vector<gid_t> groups(spec.groups.begin(), spec.groups.end());
  if (::setgroups(groups.size(), groups.data()) != 0) DieErrno(files, "supplementary groups");
  if (::setresgid(spec.gid, spec.gid, spec.gid) != 0) DieErrno(files, "group");
  if (::setresuid(spec.uid, spec.uid, spec.uid) != 0) DieErrno(files, "user");
  if (spec.no_new_privileges) ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

[[noreturn]] void Execute(const ProcessSpec& spec, const ChildFiles& files) {
  if (spec.argv.empty()) Die(files, "no command specified");
  // Streams may have the numbers 0 to 2 of each other: move them out of the way first.
  ChildFiles high = files;
  for (int* fd : {&high.in, &high.out, &high.err}) {
    if (*fd >= 0) *fd = ::fcntl(*fd, F_DUPFD_CLOEXEC, 10);
  }
  Redirect(high.in, 0, files);
  Redirect(high.out, 1, files);
  Redirect(high.err, 2, files);
  ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  ::setsid();
  if (spec.terminal) ::ioctl(0, TIOCSCTTY, 0);
  ::umask(022);
  ResetSignals();
  TakeUser(spec, files);
  if (::chdir(spec.cwd.c_str()) != 0) DieErrno(files, "working directory " + spec.cwd);
  const std::string program = ProgramPath(spec);
  if (program.empty())
    Die(files, "exec: \"" + spec.argv[0] + "\": executable file not found in $PATH");
  std::vector<char*> argv, env;
  for (const std::string& arg : spec.argv) argv.push_back(const_cast<char*>(arg.c_str()));
  for (const std::string& entry : spec.env) env.push_back(const_cast<char*>(entry.c_str()));
  argv.push_back(nullptr);
  env.push_back(nullptr);
  ::execve(program.c_str(), argv.data(), env.data());
  DieErrno(files, "exec: \"" + spec.argv[0] + "\"");
}

}  // namespace

void RunContainer(const ContainerSpec& spec, const ChildFiles& files) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    DieErrno(files, "private mounts");
  const std::string root = spec.directory + "/root";
  MountRoot(spec, files, root);
  const auto mounts = OpenSources(spec, files);
  MountKernel(spec, files, root);
  EnterRoot(root, files);
  AttachVolumes(mounts, files);
  if (!Exists(spec.process.cwd)) static_cast<void>(MakeDirs(spec.process.cwd));
  if (spec.read_only_root) MakeReadOnly(AT_FDCWD, "/", "root", files);
  if (!spec.hostname.empty()) ::sethostname(spec.hostname.c_str(), spec.hostname.size());
  Execute(spec.process, files);
}

void RunInContainer(int container_pidfd, const ProcessSpec& spec, const ChildFiles& files) {
  if (::setns(container_pidfd, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC) != 0) {
    DieErrno(files, "enter the container");
  }
  Execute(spec, files);
}

}  // namespace pgo::local
