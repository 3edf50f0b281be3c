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
#include "adapters/local/node/inbox.h"
#include "adapters/local/node/node_commands.h"
#include "adapters/local/node/pod_worker.h"
#include "adapters/local/node/sys.h"
#include "adapters/local/node/wire.h"

namespace pgo::local {
namespace {

constexpr std::int64_t kStatusMs = 300'000;
constexpr int kLastAddress = 250;  // of a pod, within the node's range

class Impl : public Kubelet {
 public:
  explicit Impl(KubeletOptions options)
      : options_(std::move(options)),
        inbox_(std::make_shared<Inbox>()),
        commands_(host_, inbox_),
        reachable_(options_.reachable) {
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
  }

  void SetReachable(bool reachable) override {
    if (reachable_.exchange(reachable) == reachable) return;
    inbox_->Post([this] {
      commands_.SetConnected(reachable_);
      if (reachable_) Resync();
    });
  }
  void SetPaused(bool paused) override {
    paused_ = paused;
    inbox_->Post([] {});
  }
  void NamesChanged() override {
    inbox_->Post([this] {
      if (!reachable_) return;  // it goes on with what it knows
      for (auto& [uid, worker] : workers_) worker->RefreshNames();
      commands_.NamesChanged();
    });
  }
  Result<std::unique_ptr<ExecSession>> Exec(ExecRequest request) override;
  Result<ContainerLog> Log(const std::string& ns, const std::string& pod,
                           const std::string& container, bool previous) override {
    return Ask<Result<ContainerLog>>([=, this]() -> Result<ContainerLog> {
      const PodWorker* worker = Find(ns, pod);
      if (worker == nullptr) return Fail(Code::kNotFound, "the pod has not run on this node");
      auto path = worker->LogPath(container, previous);
      if (!path) return Fail(path.error());
      return ContainerLog{*path, !previous && worker->Running(container).has_value()};
    });
  }
  std::string Run(ClientProcess client) override { return commands_.Run(std::move(client)); }
  Status KillContainer(const std::string& ns, const std::string& pod, const std::string& container,
                       int signal) override;
  void Signal(const std::string& id, int number) override {
    inbox_->Post([=, this] { host_.send({{"op", "kill"}, {"id", id}, {"signal", number}}, {}); });
  }

 private:
  void Run() {
    if (options_.number > 0 && reachable_) Resync();
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
    lease_ms_ = MonotonicMs() + options_.lease_s * 250;
    if (!reachable_) return;
    Store& store = *options_.cluster->store;
    RenewNodeLease(store, host_.name, options_.lease_s);
    // It was given up while it stood still.
    if (!NodeIsReady(store, host_.name)) ReportNode(store, host_, false);
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
        commands_.Handle(id, event);
        return true;
      }
      uid = owner->second;
    }
    const auto worker = workers_.find(uid);
    if (worker != workers_.end()) worker->second->Handle(event);
    return true;
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
      if (change.type == ChangeType::kDeleted) RemoveVolume(host_, change.key.name);
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
    Store& store = *options_.cluster->store;
    if (options_.number > 0) {
      if (!booted_) RemoveOrphans(store, host_);
      // First: pods of a node that is not ready are not ready.
      ReportNode(store, host_, !booted_);
      booted_ = true;
      RenewLease();
    }
    const auto pods = store.List({"", "pods"}, "").first;
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
    commands_.NamesChanged();
  }

  std::string NewAddress() {
    int& last = *options_.last_address;
    last = last >= kLastAddress ? 2 : std::max(last, 1) + 1;
    return PodAddress(options_.number, last);
  }

  // One whose object was deleted by force may still end while its namesake runs.
  PodWorker* Find(const std::string& ns, const std::string& name) const {
    PodWorker* found = nullptr;
    for (const auto& [uid, worker] : workers_) {
      const bool same = GetString(worker->pod(), {"metadata", "name"}) == name &&
                        GetString(worker->pod(), {"metadata", "namespace"}) == ns;
      if (same && (found == nullptr || !worker->object_gone())) found = worker.get();
    }
    return found;
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
  NodeCommands commands_;
  std::vector<std::shared_ptr<void>> subscriptions_;
  bool booted_ = false;  // it saw the API server since it was powered on
  std::int64_t lease_ms_ = 0, status_ms_ = MonotonicMs() + kStatusMs;
  std::atomic<bool> reachable_, paused_ = false, stopping_ = false;
  std::thread thread_;
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
  return commands_.Exec(found->id, std::move(found->process), request);
}

Status Impl::KillContainer(const std::string& ns, const std::string& pod,
                           const std::string& container, int signal) {
  return Ask<Status>([=, this]() -> Status {
    const PodWorker* worker = Find(ns, pod);
    if (worker == nullptr) return Fail(Code::kNotFound, "the pod does not run on its node yet");
    auto target = worker->Running(container);
    if (!target) return Fail(target.error());
    host_.send({{"op", "kill"}, {"id", target->id}, {"signal", signal}}, {});
    return {};
  });
}

}  // namespace

std::unique_ptr<Kubelet> Kubelet::Start(KubeletOptions options) {
  return std::make_unique<Impl>(std::move(options));
}

}  // namespace pgo::local
