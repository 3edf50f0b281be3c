#include "adapters/local/node/node_init.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <map>
#include <memory>

#include "adapters/local/node/container_init.h"
#include "adapters/local/node/freeze.h"
#include "adapters/local/node/log_pump.h"
#include "adapters/local/node/wire.h"

namespace pgo::local {
namespace {

struct Sandbox {
  pid_t pause = 0;
  UniqueFd pidfd;
  bool share_pid = false;
  std::string shm;
  bool removing = false;
};

struct Child {
  std::string id;
  std::string pod;
  bool container = false;  // else a command in one
  pid_t pid = 0;
  UniqueFd pidfd;
  UniqueFd error;    // readable: the program runs (end of file) or could not be started
  ino_t mounts = 0;  // its mount namespace: what tells its descendants
  bool shares_pid = false;
  bool exited = false;
  int status = 0;
};

class NodeInit {
 public:
  NodeInit(std::string name, int socket) : name_(std::move(name)), socket_(socket) {}

  int Run() {
    ::prctl(PR_SET_NAME, ("node " + name_).c_str());
    ::sethostname(name_.c_str(), name_.size());
    // What the daemon mounts later (limited disks) arrives; nothing goes back.
    ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr);
    if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) return 1;
    self_pid_ns_.Reset(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    children_signal_.Reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    while (Turn()) {
    }
    return 0;
  }

 private:
  // One round of waiting; false when the daemon is gone.
  bool Turn() {
    std::vector<pollfd> polls{{socket_, POLLIN, 0}, {children_signal_.get(), POLLIN, 0}};
    std::vector<pid_t> waiting;
    for (const auto& [pid, child] : children_) {
      if (!child.error.valid()) continue;
      polls.push_back({child.error.get(), POLLIN, 0});
      waiting.push_back(pid);
    }
    const std::size_t first_log = polls.size();
    pump_.AddTo(polls);
    if (::poll(polls.data(), polls.size(), -1) < 0) return errno == EINTR;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (polls[i + 2].revents != 0) ReportStart(waiting[i]);
    }
    pump_.Read(polls, first_log);
    if (polls[1].revents != 0) Bury();
    if (polls[0].revents == 0) return true;
    auto packet = ReceivePacket(socket_);
    if (!packet || !*packet) return false;
    Handle(**packet);
    return true;
  }

  void Tell(const Json& event) { static_cast<void>(SendPacket(socket_, event)); }

  void Handle(Packet& packet) {
    const std::string op = GetString(packet.body, {"op"});
    if (op == "network") return SetUpNetwork(packet.body);
    if (op == "sandbox") return MakeSandbox(packet.body);
    if (op == "start") return Start(packet);
    if (op == "exec") return Exec(packet);
    if (op == "kill") return Kill(packet.body);
    if (op == "remove") return Remove(GetString(packet.body, {"pod"}));
    // The caller waits on its end of the file.
    if (op == "freeze" && SetAllFrozen(GetBool(packet.body, {"on"})) && !packet.fds.empty())
      WriteAll(packet.fds[0].get(), "k");
  }

  void SetUpNetwork(const Json& request) {
    auto up = SetUpInterface("lo", "127.0.0.1", 8, "");
    if (up)
      up = SetUpInterface("eth0", GetString(request, {"address"}), 24,
                          GetString(request, {"gateway"}));
    if (up)
      up = RunTool({"ip", "link", "add", "pods", "address", "02:50:47:4f:00:02", "type", "bridge"});
    if (up) up = SetUpInterface("pods", GetString(request, {"pod_gateway"}), 24, "");
    if (up) up = WriteFile("/proc/sys/net/ipv4/ip_forward", "1");
    for (const char* name : {"all", "eth0", "pods"}) {
      static_cast<void>(
          WriteFile(std::string("/proc/sys/net/ipv4/conf/") + name + "/send_redirects", "0"));
    }
    Tell({{"event", "ready"}, {"ok", up.has_value()}, {"message", up ? "" : up.error().message}});
  }

  Status TryMakeSandbox(const Json& request, Sandbox& sandbox) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      return FailErrno("socketpair");
    UniqueFd ours(ends[0]), theirs(ends[1]);
    sandbox.share_pid = GetBool(request, {"share_pid"});
    sandbox.shm = GetString(request, {"shm"});
    std::uint64_t flags = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    if (sandbox.share_pid) flags |= CLONE_NEWPID;
    auto pid = CloneProcess(flags);
    if (!pid) return Fail(pid.error());
    if (*pid == 0) {
      PauseMain(theirs.get(), GetString(request, {"hostname"}), GetString(request, {"address"}),
                GetString(request, {"gateway"}));
    }
    sandbox.pause = *pid;
    theirs.Reset();
    auto pidfd = OpenProcess(*pid);
    if (!pidfd) return Fail(pidfd.error());
    sandbox.pidfd = *std::move(pidfd);
    const std::string link = "veth" + std::to_string(++links_);
    const std::string process = std::to_string(*pid);
    auto linked =
        RunTool({"ip", "-batch", "-"}, "link add " + link + " type veth peer name eth0 netns " +
                                           process + "\nlink set " + link + " master pods up\n");
    if (!linked) return linked;
    WriteAll(ours.get(), "g");
    char answer[256];
    const ssize_t n = ::read(ours.get(), answer, sizeof answer);
    const std::string text(answer, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (text != "ok") return Fail(Code::kUnavailable, "pod network: " + text);
    if (auto made = MakeDirs(sandbox.shm); !made) return made;
    if (::mount("tmpfs", sandbox.shm.c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
                "mode=1777,size=256m") != 0) {
      return FailErrno("shared memory of the pod");
    }
    return {};
  }

  void MakeSandbox(const Json& request) {
    const std::string pod = GetString(request, {"pod"});
    Sandbox sandbox;
    const Status made = TryMakeSandbox(request, sandbox);
    sandboxes_[pod] = std::move(sandbox);
    Tell({{"event", "sandbox"},
          {"pod", pod},
          {"ok", made.has_value()},
          {"message", made ? "" : made.error().message}});
  }

  // Children are made in the namespace last entered; the caller itself stays where it is.
  void EnterPidNamespace(int fd) { ::setns(fd, CLONE_NEWPID); }

  void Start(Packet& packet) {
    Child child{.id = GetString(packet.body, {"id"}),
                .pod = GetString(packet.body, {"pod"}),
                .container = true};
    const ContainerSpec spec = ContainerFromJson(GetObject(packet.body, {"spec"}));
    const Sandbox* sandbox = child.pod.empty() ? nullptr : &sandboxes_[child.pod];
    // Outside of pods a command is nobody's first process: signals end it as usual.
    child.shares_pid = sandbox == nullptr || sandbox->share_pid;
    auto complaint = MakePipe();
    auto output = MakePipe();
    if (!complaint || !output) return Refuse(child.id, "too many open files");
    ChildFiles files{.error = complaint->write.get()};
    if (packet.fds.size() == 3) {
      files = {packet.fds[0].get(), packet.fds[1].get(), packet.fds[2].get(), files.error};
    } else {
      files.out = files.err = output->write.get();
    }
    const bool enter = sandbox != nullptr && sandbox->share_pid;
    if (enter) EnterPidNamespace(sandbox->pidfd.get());
    const std::uint64_t flags =
        static_cast<std::uint64_t>(CLONE_NEWNS) | (child.shares_pid ? 0 : CLONE_NEWPID);
    auto pid = CloneProcess(flags);
    if (pid && *pid == 0) {
      if (sandbox != nullptr)
        ::setns(sandbox->pidfd.get(), CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
      RunContainer(spec, files);
    }
    if (enter) EnterPidNamespace(self_pid_ns_.get());
    if (!pid) return Refuse(child.id, pid.error().message);
    if (packet.fds.empty() && !spec.log.empty()) pump_.Add(std::move(output->read), spec.log);
    Adopt(std::move(child), *pid, std::move(complaint->read));
  }

  void Exec(Packet& packet) {
    Child child{.id = GetString(packet.body, {"id"})};
    const Child* target = Find(GetString(packet.body, {"container"}));
    if (target == nullptr || target->exited)
      return Refuse(child.id, "the container is not running");
    child.pod = target->pod;
    auto complaint = MakePipe();
    if (!complaint) return Refuse(child.id, "too many open files");
    ChildFiles files{.error = complaint->write.get()};
    if (packet.fds.size() == 3) {
      files = {packet.fds[0].get(), packet.fds[1].get(), packet.fds[2].get(), files.error};
    }
    const ProcessSpec spec = ProcessFromJson(GetObject(packet.body, {"process"}));
    EnterPidNamespace(target->pidfd.get());
    auto pid = CloneProcess(0);
    if (pid && *pid == 0) RunInContainer(target->pidfd.get(), spec, files);
    EnterPidNamespace(self_pid_ns_.get());
    if (!pid) return Refuse(child.id, pid.error().message);
    Adopt(std::move(child), *pid, std::move(complaint->read));
  }

  void Refuse(const std::string& id, const std::string& message) {
    Tell({{"event", "start_failed"}, {"id", id}, {"message", message}});
  }

  void Adopt(Child child, pid_t pid, UniqueFd complaint) {
    child.pid = pid;
    child.error = std::move(complaint);
    if (auto pidfd = OpenProcess(pid)) child.pidfd = *std::move(pidfd);
    struct stat info{};
    const std::string link = "/proc/" + std::to_string(pid) + "/ns/mnt";
    if (child.container && ::stat(link.c_str(), &info) == 0) child.mounts = info.st_ino;
    children_[pid] = std::move(child);
  }

  void ReportStart(pid_t pid) {
    Child& child = children_[pid];
    char text[1024];
    const ssize_t n = ::read(child.error.get(), text, sizeof text);
    child.error.Reset();
    if (n > 0) {
      Refuse(child.id, std::string(text, static_cast<std::size_t>(n)));
      child.id.clear();  // its exit says nothing more
    } else {
      Tell({{"event", "started"}, {"id", child.id}});
    }
  }

  Child* Find(const std::string& id) {
    for (auto& [pid, child] : children_) {
      if (!id.empty() && child.id == id) return &child;
    }
    return nullptr;
  }

  void Kill(const Json& request) {
    const Child* child = Find(GetString(request, {"id"}));
    if (child != nullptr && !child->exited)
      ::kill(child->pid, static_cast<int>(GetInt(request, {"signal"})));
  }

  // Other processes in that mount namespace are killed; false if there were none.
  bool KillInMounts(ino_t mounts) {
    DIR* proc = ::opendir("/proc");
    if (proc == nullptr || mounts == 0) return false;
    bool any = false;
    while (const dirent* entry = ::readdir(proc)) {
      const pid_t pid = std::atoi(entry->d_name);
      struct stat info{};
      const std::string link = std::string("/proc/") + entry->d_name + "/ns/mnt";
      if (pid <= 1 || ::stat(link.c_str(), &info) != 0 || info.st_ino != mounts) continue;
      ::kill(pid, SIGKILL);
      any = true;
    }
    ::closedir(proc);
    return any;
  }

  // As with a control group, a container is over when its first process is, and takes along what it
  // left behind in a shared process namespace.
  void KillLeftovers(const Child& child) {
    if (!child.container || !child.shares_pid) return;
    while (KillInMounts(child.mounts)) ::usleep(1000);
  }

  void Bury() {
    char buffer[sizeof(signalfd_siginfo) * 16];
    while (::read(children_signal_.get(), buffer, sizeof buffer) > 0) {
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      for (auto& [uid, sandbox] : sandboxes_) {
        if (sandbox.pause == pid) sandbox.pause = 0;
      }
      const auto it = children_.find(pid);
      if (it == children_.end()) continue;
      if (it->second.error.valid()) ReportStart(pid);
      KillLeftovers(it->second);
      const Child child = std::move(it->second);
      children_.erase(it);
      if (child.id.empty()) continue;
      pump_.Drain();
      Tell({{"event", "exited"},
            {"id", child.id},
            {"code", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)},
            {"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0}});
    }
    FinishRemovals();
  }

  void Remove(const std::string& pod) {
    auto it = sandboxes_.find(pod);
    if (it == sandboxes_.end()) return Tell({{"event", "removed"}, {"pod", pod}});
    it->second.removing = true;
    if (it->second.pause > 0) ::kill(it->second.pause, SIGKILL);
    for (const auto& [pid, child] : children_) {
      if (child.pod == pod) ::kill(pid, SIGKILL);
    }
    FinishRemovals();
  }

  void FinishRemovals() {
    for (auto it = sandboxes_.begin(); it != sandboxes_.end();) {
      bool busy = !it->second.removing || it->second.pause > 0;
      for (const auto& [pid, child] : children_) busy = busy || child.pod == it->first;
      if (busy) {
        ++it;
        continue;
      }
      ::umount2(it->second.shm.c_str(), MNT_DETACH);
      Tell({{"event", "removed"}, {"pod", it->first}});
      it = sandboxes_.erase(it);
    }
  }

  const std::string name_;
  const int socket_;
  UniqueFd children_signal_, self_pid_ns_;
  std::map<std::string, Sandbox> sandboxes_;
  std::map<pid_t, Child> children_;
  LogPump pump_;
  int links_ = 0;
};

}  // namespace

int NodeInitMain(const std::string& name, int socket) { return NodeInit(name, socket).Run(); }

}  // namespace pgo::local
