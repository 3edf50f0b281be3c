#include "adapters/local/node/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

namespace pgo::local {
namespace {

Json Answer(const Status& status) {
  return {{"ok", status.has_value()}, {"message", status ? "" : status.error().message}};
}

Result<UniqueFd> SocketAt(const std::string& directory, bool listen) {
  const UniqueFd folder(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return FailErrno(directory);
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder.get()) + "/control.sock";
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (listen) ::unlink(path.c_str());
  const int failed =
      listen ? ::bind(fd.get(), where, sizeof address) : ::connect(fd.get(), where, sizeof address);
  if (failed != 0) return FailErrno(directory + "/control.sock");
  if (listen && (::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), 16) != 0))
    return FailErrno("listen");
  return fd;
}

class Impl : public ControlServer {
 public:
  explicit Impl(ControlOptions options)
      : options_(std::move(options)), stop_(::eventfd(0, EFD_CLOEXEC)) {
    thread_ = std::thread([this] { Accept(); });
  }
  ~Impl() override {
    const std::uint64_t one = 1;
    static_cast<void>(::write(stop_.get(), &one, sizeof one));
    thread_.join();
    // Connections see the event as well; each ends within its current request.
    while (connections_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

 private:
  void Accept() {
    while (true) {
      pollfd polls[] = {{options_.listener.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      ::poll(polls, 2, -1);
      if (polls[1].revents != 0) return;
      UniqueFd fd(::accept4(options_.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd.valid()) continue;
      ++connections_;
      std::thread([this, connection = std::make_shared<UniqueFd>(std::move(fd))] {
        Serve(*connection);
        --connections_;
      }).detach();
    }
  }

  void Serve(const UniqueFd& connection) {
    auto packet = ReceivePacket(connection.get());
    if (!packet || !*packet) return;
    const Json& request = (*packet)->body;
    if (GetString(request, {"op"}) == "run") return Run(connection, **packet);
    static_cast<void>(SendPacket(connection.get(), Handle(request)));
    if (GetString(request, {"op"}) == "down") options_.down();
  }

  Json Handle(const Json& request) {
    const std::string op = GetString(request, {"op"}), verb = GetString(request, {"verb"});
    if (op == "status") return Describe();
    if (op == "down") return {{"ok", true}};
    if (op == "api" && (verb == "stop" || verb == "start")) {
      options_.set_api(verb == "start");
      options_.nodes->SetApiReachable(verb == "start");
      return {{"ok", true}};
    }
    if (op == "node") return Answer(Fault(verb, GetString(request, {"node"})));
    if (auto fault = NetworkFault(op, verb, request)) return Answer(*fault);
    if (op == "disk" && verb == "fill") {
      return Answer(options_.nodes->FillDisk(GetString(request, {"namespace"}),
                                             GetString(request, {"claim"}),
                                             GetInt(request, {"leave"})));
    }
    if (op == "disk" && verb == "free") {
      return Answer(options_.nodes->FreeDisk(GetString(request, {"namespace"}),
                                             GetString(request, {"claim"})));
    }
    if (op == "pod" && verb == "kill-container") {
      return Answer(options_.nodes->KillContainer(
          GetString(request, {"namespace"}), GetString(request, {"pod"}),
          GetString(request, {"container"}), static_cast<int>(GetInt(request, {"signal"}))));
    }
    return {{"ok", false}, {"message", "unknown request: " + op + " " + verb}};
  }

  std::optional<Status> NetworkFault(const std::string& op, const std::string& verb,
                                     const Json& request) {
    if (verb != "cut" && verb != "heal") return std::nullopt;
    const std::string node = GetString(request, {"node"});
    if (op == "api") return options_.nodes->SetApiLink(node, verb == "heal");
    if (op != "link") return std::nullopt;
    return options_.nodes->SetLinkBetween(node, GetString(request, {"other"}), verb == "heal");
  }

  Status Fault(const std::string& verb, const std::string& node) {
    if (verb == "power-off") return options_.nodes->PowerOff(node);
    if (verb == "power-on") return options_.nodes->PowerOn(node);
    if (verb == "cut" || verb == "heal") return options_.nodes->SetLink(node, verb == "heal");
    if (verb == "freeze" || verb == "thaw")
      return options_.nodes->SetFrozen(node, verb == "freeze");
    if (verb == "report-off" || verb == "report-on")
      return options_.nodes->Report(node, verb == "report-off");
    return Fail(Code::kInvalid, "unknown verb: " + verb);
  }

  Json Describe() const {
    Json nodes = Json::array();
    for (const NodeState& node : options_.nodes->States()) {
      nodes.push_back({{"name", node.name},
                       {"powered", node.powered},
                       {"linked", node.linked},
                       {"api", node.api},
                       {"cut_from", node.cut_from},
                       {"frozen", node.frozen}});
    }
    return {{"ok", true},
            {"nodes", std::move(nodes)},
            {"kubeconfig", options_.kubeconfig},
            {"image", options_.image}};
  }

  // How a command ended; `event` says that it did.
  struct Outcome {
    UniqueFd event{::eventfd(0, EFD_CLOEXEC)};
    int code = -1;
    std::string message;
  };

  void Run(const UniqueFd& connection, Packet& packet) {
    if (packet.fds.size() != 3) return;
    const auto outcome = std::make_shared<Outcome>();
    ClientCommand command{.node = GetString(packet.body, {"node"}),
                          .in = packet.fds[0].get(),
                          .out = packet.fds[1].get(),
                          .err = packet.fds[2].get()};
    for (const Json& word : GetArray(packet.body, {"argv"})) command.argv.push_back(AsString(word));
    for (const Json& entry : GetArray(packet.body, {"env"})) command.env.push_back(AsString(entry));
    command.done = [outcome](int code, const std::string& message) {
      outcome->code = code;
      outcome->message = message;
      const std::uint64_t one = 1;
      static_cast<void>(::write(outcome->event.get(), &one, sizeof one));
    };
    auto signal = options_.nodes->Run(std::move(command));
    packet.fds.clear();  // the command has its own
    if (!signal) {
      static_cast<void>(SendPacket(connection.get(), Answer(Fail(signal.error()))));
      return;
    }
    while (true) {
      pollfd polls[] = {{outcome->event.get(), POLLIN, 0},
                        {connection.get(), POLLIN, 0},
                        {stop_.get(), POLLIN, 0}};
      ::poll(polls, 3, -1);
      if (polls[0].revents != 0) break;
      auto more = polls[1].revents != 0 ? ReceivePacket(connection.get())
                                        : Result<std::optional<Packet>>(std::nullopt);
      if (!more || !*more) return (*signal)(SIGKILL);
      (*signal)(static_cast<int>(GetInt((*more)->body, {"signal"})));
    }
    Json answer = {
        {"ok", outcome->code >= 0}, {"code", outcome->code}, {"message", outcome->message}};
    static_cast<void>(SendPacket(connection.get(), answer));
  }

  ControlOptions options_;
  UniqueFd stop_;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ControlServer> ControlServer::Start(ControlOptions options) {
  return std::make_unique<Impl>(std::move(options));
}

Result<UniqueFd> ListenForControl(const std::string& directory) {
  return SocketAt(directory, true);
}
Result<UniqueFd> ConnectToControl(const std::string& directory) {
  return SocketAt(directory, false);
}

Result<Json> AskDaemon(const std::string& directory, const Json& request) {
  auto fd = ConnectToControl(directory);
  if (!fd) return Fail(fd.error());
  if (auto sent = SendPacket(fd->get(), request); !sent) return Fail(sent.error());
  auto answer = ReceivePacket(fd->get());
  if (!answer) return Fail(answer.error());
  if (!*answer) return Fail(Code::kUnknown, "pgo-local ended meanwhile");
  if (!GetBool((*answer)->body, {"ok"}))
    return Fail(Code::kInvalid, GetString((*answer)->body, {"message"}));
  return (*answer)->body;
}

Result<int> RunThroughDaemon(const std::string& directory, const Json& request) {
  auto fd = ConnectToControl(directory);
  if (!fd) return Fail(fd.error());
  sigset_t passed;
  sigemptyset(&passed);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&passed, number);
  ::sigprocmask(SIG_BLOCK, &passed, nullptr);
  const UniqueFd signals(::signalfd(-1, &passed, SFD_CLOEXEC));
  if (auto sent = SendPacket(fd->get(), request, {0, 1, 2}); !sent) return Fail(sent.error());
  while (true) {
    pollfd polls[] = {{fd->get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
    if (::poll(polls, 2, -1) < 0 && errno != EINTR) return FailErrno("poll");
    if (polls[1].revents != 0) {
      signalfd_siginfo info{};
      static_cast<void>(::read(signals.get(), &info, sizeof info));
      static_cast<void>(SendPacket(fd->get(), {{"signal", info.ssi_signo}}));
    }
    if (polls[0].revents == 0) continue;
    auto answer = ReceivePacket(fd->get());
    if (!answer || !*answer) return Fail(Code::kUnknown, "pgo-local ended meanwhile");
    if (!GetBool((*answer)->body, {"ok"}))
      return Fail(Code::kInvalid, GetString((*answer)->body, {"message"}));
    return static_cast<int>(GetInt((*answer)->body, {"code"}));
  }
}

}  // namespace pgo::local
