#include "adapters/local/node/kubelet.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "adapters/local/node/addresses.h"
#include "adapters/local/node/exec_session.h"
#include "adapters/local/node/inbox.h"
#include "adapters/local/node/pod_worker.h"
#include "adapters/local/node/sys.h"
#include "adapters/local/node/wire.h"

namespace pgo::local {
namespace {

constexpr std::int64_t kLeaseMs = 10'000;
constexpr std::int64_t kStatusMs = 300'000;
constexpr int kLastAddress = 250;  // of a pod, within the node's range

class Impl : public Kubelet {
 public:
  explicit Impl(KubeletOptions options)
      : options_(std::move(options)), inbox_(std::make_shared<Inbox>()) {
    host_.name = options_.name;
    host_.number = options_.number;
    host_.directory = options_.directory;
    host_.cluster = options_.cluster;
    host_.capacity = MeasureCapacity();
    host_.network = options_.network;
    host_.send = [this](const Json& request, const std::vector<int>& fds) {
      static_cast<void>(SendPacket(options_.socket, request, fds));
    };
    host_.post = [inbox = inbox_](std::function<void()> work) { inbox->Post(std::move(work)); };
    host_.reachable = [this] { return reachable_.load(); };
    host_.name_taken = [this](const Json& pod) { return NameTaken(pod); };
    host_.own = [this](const std::string& id, const std::string& uid) { owners_[id] = uid; };
    host_.new_address = [this] { return NewAddress(); };
    Subscribe();
    thread_ = std::thread([this] { Run(); });
  }

  ~Impl() override {
    subscriptions_.clear();
    stopping_ = true;
    inbox_->Post([] {});
    thread_.join();
    inbox_->Close();
    for (auto& [id, command] : commands_) {
      if (command.streams) command.streams->Exited(-1);
      if (command.done) command.done(-1, "the node is gone");
    }
  }

  void SetReachable(bool reachable) override {
    if (reachable_.exchange(reachable) == reachable || !reachable) return;
    inbox_->Post([this] { Resync(); });
  }
  void SetPaused(bool paused) override {
    paused_ = paused;
    inbox_->Post([] {});
  }
  void NamesChanged() override {
    inbox_->Post([this] {
      for (auto& [uid, worker] : workers_) worker->RefreshNames();
      for (const auto& [id, command] : commands_) {
        if (command.done) WriteClientHosts(id);
      }
    });
  }
  Result<std::unique_ptr<ExecSession>> Exec(ExecRequest request) override;
  Result<std::string> LogPath(const std::string& ns, const std::string& pod,
                              const std::string& container, bool previous) override {
    return Ask<Result<std::string>>([=, this]() -> Result<std::string> {
      const PodWorker* worker = Find(ns, pod);
      if (worker == nullptr) return Fail(Code::kNotFound, "the pod has not run on this node");
      return worker->LogPath(container, previous);
    });
  }
  std::string Run(std::vector<std::string> argv, std::vector<std::string> env, int in, int out,
                  int err, std::function<void(int, const std::string&)> done) override;
  void Signal(const std::string& id, int number) override {
    inbox_->Post([=, this] { host_.send({{"op", "kill"}, {"id", id}, {"signal", number}}, {}); });
  }

 private:
  struct Command {  // of an exec or a client
    std::shared_ptr<CommandStreams> streams;
    std::function<void(int, const std::string&)> done;
  };

  void Run() {
    if (options_.number > 0) {
      RemoveOrphans(*options_.cluster->store, host_);
      Resync();
      ReportNode(*options_.cluster->store, host_, true);
      RenewLease();
    }
    while (!stopping_) Turn();
  }

  void Turn() {
    pollfd polls[] = {{inbox_->fd(), POLLIN, 0}, {paused_ ? -1 : options_.socket, POLLIN, 0}};
    ::poll(polls, 2, paused_ ? -1 : WaitMs());
    if (paused_ && !stopping_) {
      // The change of mind itself arrives by the inbox; the rest of it stays there.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return;
    }
    for (auto& work : inbox_->Take()) work();
    while (polls[1].revents != 0 && ReadEvent()) {
    }
    for (auto& [uid, worker] : workers_) worker->Advance();
    std::erase_if(workers_, [](const auto& item) { return item.second->Gone(); });
    std::erase_if(owners_, [this](const auto& item) { return !workers_.contains(item.second); });
    if (options_.number > 0) Heartbeat();
  }

  int WaitMs() {
    const std::int64_t now = MonotonicMs();
    std::int64_t until = now + 60'000;
    if (options_.number > 0) until = std::min(lease_ms_, status_ms_);
    for (const auto& [uid, worker] : workers_) {
      if (const auto wake = worker->NextWake()) until = std::min(until, *wake);
    }
    return static_cast<int>(std::clamp<std::int64_t>(until - now, 0, 60'000));
  }

  void Heartbeat() {
    const std::int64_t now = MonotonicMs();
    if (now >= lease_ms_) RenewLease();
    if (now < status_ms_) return;
    status_ms_ = now + kStatusMs;
    if (reachable_) ReportNode(*options_.cluster->store, host_, false);
  }

  void RenewLease() {
    lease_ms_ = MonotonicMs() + kLeaseMs;
    if (reachable_) RenewNodeLease(*options_.cluster->store, host_.name);
  }

  // One message of the node's first process; false if there is none now.
  bool ReadEvent() {
    pollfd item{options_.socket, POLLIN, 0};
    if (::poll(&item, 1, 0) <= 0) return false;
    auto packet = ReceivePacket(options_.socket);
    if (!packet || !*packet) {
      options_.socket = -1;  // the node lost its power; whoever cut it destroys this kubelet
      return false;
    }
    const Json& event = (*packet)->body;
    const std::string id = GetString(event, {"id"});
    std::string uid = GetString(event, {"pod"});
    if (uid.empty()) {
      const auto owner = owners_.find(id);
      if (owner == owners_.end()) {
        OnCommand(id, event);
        return true;
      }
      uid = owner->second;
    }
    const auto worker = workers_.find(uid);
    if (worker != workers_.end()) worker->second->Handle(event);
    return true;
  }

  void OnCommand(const std::string& id, const Json& event) {
    const auto it = commands_.find(id);
    const std::string kind = GetString(event, {"event"});
    if (it == commands_.end() || kind == "started") return;
    const Command command = std::move(it->second);
    commands_.erase(it);
    const bool failed = kind == "start_failed";
    const std::string message = failed ? GetString(event, {"message"}) : "";
    const int code = failed ? 126 : static_cast<int>(GetInt(event, {"code"}));
    if (command.streams) command.streams->Exited(code);
    if (command.done) command.done(failed ? -1 : code, message);
    if (command.done) RemoveTree(ClientDirectory(id));
  }

  [[nodiscard]] std::string ClientDirectory(const std::string& id) const {
    return host_.directory + "/clients/" + id;
  }
  // In place, like a pod's: the client has it mounted.
  void WriteClientHosts(const std::string& id) const {
    const std::string path = ClientDirectory(id) + "/hosts";
    std::string text = "127.0.0.1\tlocalhost\n" + options_.cluster->hosts("default");
    const std::size_t old = ReadFile(path).value_or("").size();
    if (old > text.size()) text.append(old - text.size(), '\n');
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    WriteAll(fd.get(), text);
  }

  void Subscribe() {
    if (options_.number == 0) return;
    const auto listen = [this](const char* plural, std::function<void(const Change&)> handle) {
      subscriptions_.push_back(options_.cluster->store->Subscribe(
          {"", plural}, [inbox = inbox_, handle = std::move(handle)](const Change& change) {
            inbox->Post([handle, change] { handle(change); });
          }));
    };
    listen("pods", [this](const Change& change) {
      if (reachable_) OnPod(*change.object, change.type == ChangeType::kDeleted);
    });
    const auto refresh = [this](const Change& change) { OnObject(change); };
    for (const char* plural : {"secrets", "configmaps", "persistentvolumeclaims"})
      listen(plural, refresh);
    listen("persistentvolumes", [this](const Change& change) {
      if (change.type == ChangeType::kDeleted) RemoveTree(host_.VolumeDirectory(change.key.name));
    });
  }

  // An object that a pod of its namespace names somewhere.
  void OnObject(const Change& change) {
    if (!reachable_) return;
    for (auto& [uid, worker] : workers_) {
      if (GetString(worker->pod(), {"metadata", "namespace"}) != change.key.ns) continue;
      if (DumpJson(GetObject(worker->pod(), {"spec"})).find("\"" + change.key.name + "\"") ==
          std::string::npos)
        continue;
      worker->Refresh();
    }
  }

  void OnPod(const Json& pod, bool gone) {
    if (GetString(pod, {"spec", "nodeName"}) != options_.name) return;
    const std::string uid = GetString(pod, {"metadata", "uid"});
    auto it = workers_.find(uid);
    if (gone) {
      if (it != workers_.end()) it->second->ObjectGone();
      return;
    }
    if (it == workers_.end()) {
      workers_.emplace(uid,
                       std::make_unique<PodWorker>(host_, pod, Exists(host_.PodDirectory(uid))));
    } else {
      it->second->Update(pod);
    }
  }

  // As after a new list: everything may have changed.
  void Resync() {
    const auto pods = options_.cluster->store->List({"", "pods"}, "").first;
    std::map<std::string, bool> there;
    for (const Json& pod : pods) {
      if (GetString(pod, {"spec", "nodeName"}) != options_.name) continue;
      there[GetString(pod, {"metadata", "uid"})] = true;
      OnPod(pod, false);
    }
    for (auto& [uid, worker] : workers_) {
      if (!there.contains(uid)) worker->ObjectGone();
      worker->Refresh();
      worker->RefreshNames();
      worker->ShowStatus();
    }
    lease_ms_ = 0;
  }

  bool NameTaken(const Json& pod) const {
    for (const auto& [uid, worker] : workers_) {
      const bool same_name =
          GetString(worker->pod(), {"metadata", "name"}) == GetString(pod, {"metadata", "name"}) &&
          GetString(worker->pod(), {"metadata", "namespace"}) ==
              GetString(pod, {"metadata", "namespace"});
      if (same_name && uid != GetString(pod, {"metadata", "uid"}) && worker->HasProcesses())
        return true;
    }
    return false;
  }

  std::string NewAddress() {
    int& last = *options_.last_address;
    last = last >= kLastAddress ? 2 : std::max(last, 1) + 1;
    return PodAddress(options_.number, last);
  }

  PodWorker* Find(const std::string& ns, const std::string& name) const {
    for (const auto& [uid, worker] : workers_) {
      const bool same = GetString(worker->pod(), {"metadata", "name"}) == name &&
                        GetString(worker->pod(), {"metadata", "namespace"}) == ns;
      if (same) return worker.get();
    }
    return nullptr;
  }

  // Runs on the kubelet's thread and waits for the answer.
  template <typename T>
  T Ask(std::function<T()> question) {
    auto promise = std::make_shared<std::promise<T>>();
    auto answer = promise->get_future();
    inbox_->Post([promise, question = std::move(question)] { promise->set_value(question()); });
    promise.reset();
    if (answer.wait_for(std::chrono::seconds(5)) != std::future_status::ready) {
      return Fail(Code::kUnknown, "the node does not answer");
    }
    try {
      return answer.get();
    } catch (const std::future_error&) {
      return Fail(Code::kUnknown, "the node is gone");
    }
  }

  KubeletOptions options_;
  std::shared_ptr<Inbox> inbox_;
  NodeHost host_;
  std::map<std::string, std::unique_ptr<PodWorker>> workers_;  // by pod uid
  std::map<std::string, std::string> owners_;                  // container or command to pod uid
  std::map<std::string, Command> commands_;
  std::vector<std::shared_ptr<void>> subscriptions_;
  std::int64_t lease_ms_ = 0, status_ms_ = MonotonicMs() + kStatusMs;
  std::atomic<int> command_count_ = 0;
  std::atomic<bool> reachable_ = true, paused_ = false, stopping_ = false;
  std::thread thread_;
};

class Session : public ExecSession {
 public:
  Session(std::shared_ptr<CommandStreams> streams, std::function<void()> kill)
      : streams_(std::move(streams)), kill_(std::move(kill)) {}
  ~Session() override { kill_(); }
  void WriteStdin(std::string_view bytes) override { streams_->WriteStdin(bytes); }
  void CloseStdin() override { streams_->CloseStdin(); }

 private:
  std::shared_ptr<CommandStreams> streams_;
  std::function<void()> kill_;
};

Result<std::unique_ptr<ExecSession>> Impl::Exec(ExecRequest request) {
  if (paused_ || !reachable_)
    return Fail(Code::kUnavailable, "error dialing backend: no route to the node's kubelet");
  auto found = Ask<Result<PodWorker::Target>>([&, this]() -> Result<PodWorker::Target> {
    const PodWorker* worker = Find(request.ns, request.pod);
    if (worker == nullptr) return Fail(Code::kNotFound, "the pod does not run on this node");
    return worker->Running(request.container);
  });
  if (!found) return Fail(found.error());
  auto streams = CommandStreams::Open(request);
  if (!streams) return Fail(streams.error());
  const std::string id = "exec-" + std::to_string(++command_count_);
  ProcessSpec process = found->process;
  process.argv = request.argv;
  inbox_->Post([this, id, container = found->id, process, streams = *streams] {
    commands_[id] = {streams, nullptr};
    host_.send({{"op", "exec"}, {"id", id}, {"container", container}, {"process", ToJson(process)}},
               streams->TheirFds());
    streams->CloseTheirs();
  });
  return std::make_unique<Session>(*streams, [inbox = inbox_, id, this] {
    inbox->Post([this, id] { host_.send({{"op", "kill"}, {"id", id}, {"signal", SIGKILL}}, {}); });
  });
}

std::string Impl::Run(std::vector<std::string> argv, std::vector<std::string> env, int in, int out,
                      int err, std::function<void(int, const std::string&)> done) {
  const std::string id =
      "run-" + std::to_string(++command_count_) + "-" + std::to_string(::getpid());
  ContainerSpec spec{.image = options_.cluster->image, .directory = ClientDirectory(id)};
  spec.process = {
      .argv = std::move(argv), .env = std::move(env), .cwd = "/tmp", .uid = 26, .gid = 26};
  static_cast<void>(MakeDirs(spec.directory));
  WriteClientHosts(id);
  spec.mounts.push_back({spec.directory + "/hosts", "/etc/hosts", true});
  std::vector<int> fds;
  for (const int fd : {in, out, err}) fds.push_back(::dup(fd));
  inbox_->Post([this, id, spec, fds, done = std::move(done)] {
    commands_[id] = {nullptr, done};
    host_.send({{"op", "start"}, {"id", id}, {"pod", ""}, {"spec", ToJson(spec)}}, fds);
    for (const int fd : fds) ::close(fd);
  });
  return id;
}

}  // namespace

std::unique_ptr<Kubelet> Kubelet::Start(KubeletOptions options) {
  return std::make_unique<Impl>(std::move(options));
}

}  // namespace pgo::local
