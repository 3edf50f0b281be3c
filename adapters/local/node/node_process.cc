#include "adapters/local/node/node_process.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "adapters/local/node/addresses.h"
#include "adapters/local/node/wire.h"

namespace pgo::local {

Status SetUpClusterNetwork(int nodes) {
  std::string batch =
      "link set lo up\n"
      // An address of its own: else the bridge takes the lowest of its ports', and when a node
      // comes or goes all others lose their gateway until their neighbour tables notice.
      "link add nodes address 02:50:47:4f:00:01 type bridge\n"
      "addr add " +
      std::string(kControlAddress) +
      "/24 dev nodes\n"
      "link set nodes up\n"
      // The whole range is local, so a Service's proxy only has to listen.
      "route add local " +
      kServiceRange + " dev lo\n";
  for (int node = 1; node <= nodes; ++node) {
    batch += "route add " + PodRange(node) + " via " + NodeAddress(node) + "\n";
  }
  if (auto done = RunTool({"ip", "-batch", "-"}, batch); !done) return done;
  for (const char* name : {"all", "nodes"}) {
    static_cast<void>(
        WriteFile(std::string("/proc/sys/net/ipv4/conf/") + name + "/send_redirects", "0"));
  }
  return WriteFile("/proc/sys/net/ipv4/ip_forward", "1");
}

namespace {

// In the child of a process with threads: system calls only.
[[noreturn]] void BecomeNodeInit(int socket, char* const argv[], char* const env[]) {
  ::dup2(socket, 3);
  // Asio's sockets are inherited: a connection of the API server that is cut would live on here,
  // with nobody to read it, and its client would wait for ever.
  ::syscall(SYS_close_range, 4U, ~0U, 0U);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve("/proc/self/exe", argv, env);
  ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<NodeProcess>> NodeProcess::Start(const std::string& name, int number) {
  std::unique_ptr<NodeProcess> node(new NodeProcess);
  auto pair = PacketPair();
  if (!pair) return Fail(pair.error());
  node->socket_ = std::move(pair->first);
  node->link_ = "node" + std::to_string(number);
  std::string program = "pgo-local", mode = "internal-node", argument = name;
  char* const argv[] = {program.data(), mode.data(), argument.data(), nullptr};
  std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* const env[] = {path.data(), nullptr};
  auto pid = CloneProcess(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS);
  if (!pid) return Fail(pid.error());
  if (*pid == 0) BecomeNodeInit(pair->second.get(), argv, env);
  node->pid_ = *pid;
  pair->second.Reset();
  const std::string process = std::to_string(*pid);
  node->network_.Reset(::open(("/proc/" + process + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  // The same address at every boot, so that nobody has to learn a new one.
  const std::string hardware = "02:50:47:4f:01:" + std::to_string(10 + number % 90);
  auto linked =
      RunTool({"ip", "-batch", "-"},
              "link add " + node->link_ + " type veth peer name eth0 address " + hardware +
                  " netns " + process + "\nlink set " + node->link_ + " master nodes up\n");
  if (!linked) return Fail(linked.error());
  auto sent = SendPacket(node->socket(), {{"op", "network"},
                                          {"address", NodeAddress(number)},
                                          {"gateway", kControlAddress},
                                          {"pod_gateway", PodGateway(number)}});
  if (!sent) return Fail(sent.error());
  auto answer = ReceivePacket(node->socket());
  if (!answer) return Fail(answer.error());
  if (!*answer) return Fail(Code::kUnavailable, name + ": its first process ended at once");
  if (!GetBool((*answer)->body, {"ok"})) {
    return Fail(Code::kUnavailable, name + ": " + GetString((*answer)->body, {"message"}));
  }
  return node;
}

void NodeProcess::Kill() {
  if (pid_ <= 0) return;
  static_cast<void>(SetLink(false));
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
}

NodeProcess::~NodeProcess() {
  Kill();
  // The namespace goes with its last process, but later: the name is needed at the next start.
  network_.Reset();
  socket_.Reset();
  static_cast<void>(RunTool({"ip", "link", "del", link_}));
}

// By ioctl: a power cut must not wait for a program to start.
Status NodeProcess::SetLink(bool up) const {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, link_.c_str(), IFNAMSIZ - 1);
  if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return FailErrno("link " + link_);
  request.ifr_flags =
      static_cast<short>(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
  if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) return FailErrno("link " + link_);
  return {};
}

Status NodeProcess::SetFrozen(bool frozen) const {
  auto done = MakePipe();
  if (!done) return Fail(done.error());
  auto sent = SendPacket(socket(), {{"op", "freeze"}, {"on", frozen}}, {done->write.get()});
  if (!sent) return sent;
  done->write.Reset();
  char byte = 0;
  if (::read(done->read.get(), &byte, 1) == 1) return {};
  return Fail(Code::kUnknown, link_ + ": not every process " +
                                  (frozen ? "stands still" : "goes on") + "; try again");
}

// By rules of routing: what is forwarded disappears, connections stay open and silent.
Status NodeProcess::SetBlocked(const std::set<std::string>& selectors) {
  std::string batch;
  for (const std::string& old : blocked_) {
    if (!selectors.contains(old)) batch += "rule del pref 100 " + old + " blackhole\n";
  }
  for (const std::string& selector : selectors) {
    if (!blocked_.contains(selector)) batch += "rule add pref 100 " + selector + " blackhole\n";
  }
  if (batch.empty()) return {};
  Status done;
  // A thread of its own enters the node's network, and ends there.
  std::thread([&] {
    if (::setns(network(), CLONE_NEWNET) != 0) {
      done = FailErrno("enter the network of " + link_);
      return;
    }
    done = RunTool({"ip", "-batch", "-"}, batch);
  }).join();
  if (done) blocked_ = selectors;
  return done;
}

}  // namespace pgo::local
