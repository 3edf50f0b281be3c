#include "adapters/local/node/local_nodes.h"

#include <algorithm>
#include <csignal>
#include <map>
#include <mutex>

#include "adapters/local/node/addresses.h"
#include "adapters/local/node/kubelet.h"
#include "adapters/local/node/limited_disk.h"
#include "adapters/local/node/log_reader.h"
#include "adapters/local/node/name_book.h"
#include "adapters/local/node/node_process.h"
#include "adapters/local/node/partition.h"
#include "adapters/local/node/service_proxy.h"
#include "adapters/local/node/sys.h"
#include "adapters/local/node/wire.h"

namespace pgo::local {
namespace {

constexpr const char* kOutOfService = "node.kubernetes.io/out-of-service";

struct Node {
  std::string name;
  int number = 0;
  int last_address = 0;  // of its pods
  bool linked = true, frozen = false;
  std::unique_ptr<NodeProcess> process;  // null: powered off
  std::shared_ptr<Kubelet> kubelet;
};

class Impl : public LocalNodes {
 public:
  explicit Impl(NodesOptions options) : options_(std::move(options)) {}
  ~Impl() override {
    proxy_.reset();
    for (auto& [name, node] : nodes_) Cut(node);
    names_.reset();  // kubelets ask it until their end
    UnshareMounts(options_.directory + "/nodes");
  }

  Status Begin() {
    if (auto made = SetUpClusterNetwork(options_.nodes); !made) return made;
    if (auto shared = ShareMounts(options_.directory + "/nodes"); !shared) return shared;
    services_ = {.store = options_.store,
                 .token = options_.token,
                 .ca_pem = options_.ca_pem,
                 .hosts = [this](const std::string& ns) { return names_->HostsFor(ns); },
                 .image = options_.image,
                 .image_id = options_.image_id};
    names_ = std::make_unique<NameBook>(*options_.store, [this] { TellNames(); });
    proxy_ = ServiceProxy::Start(*options_.store, kApiServiceAddress);
    for (int number = 0; number <= options_.nodes; ++number) {
      const std::string name = number == 0 ? "client" : "node" + std::to_string(number);
      const std::lock_guard lock(mu_);
      Node& node = nodes_[name];
      node.name = name;
      node.number = number;
      if (auto on = Boot(node); !on) return on;
    }
    return {};
  }

  Result<std::unique_ptr<ExecSession>> Exec(ExecRequest request) override {
    auto kubelet = KubeletOf(request.ns, request.pod);
    if (!kubelet) return Fail(kubelet.error());
    return (*kubelet)->Exec(std::move(request));
  }

  Result<std::unique_ptr<LogReader>> OpenLog(LogOptions options) override {
    auto kubelet = KubeletOf(options.ns, options.pod);
    if (!kubelet) return Fail(kubelet.error());
    auto log = (*kubelet)->Log(options.ns, options.pod, options.container, options.previous);
    if (!log) return Fail(log.error());
    return std::make_unique<NodeLog>(*this, LogFileReader(log->path, options), options);
  }

  Status PowerOff(const std::string& name) override {
    const std::lock_guard lock(mu_);
    Node* node = Find(name);
    if (node == nullptr) return NoNode(name);
    Cut(*node);
    return {};
  }

  Status PowerOn(const std::string& name) override {
    const std::lock_guard lock(mu_);
    Node* node = Find(name);
    if (node == nullptr) return NoNode(name);
    return node->process != nullptr ? Status() : Boot(*node);
  }

  Status SetLink(const std::string& name, bool up) override {
    const std::lock_guard lock(mu_);
    Node* node = Find(name);
    if (node == nullptr) return NoNode(name);
    if (node->process == nullptr) return Fail(Code::kConflict, name + " is powered off");
    if (auto set = node->process->SetLink(up); !set) return set;
    node->linked = up;
    node->kubelet->SetReachable(Reachable(*node));
    return {};
  }

  Status SetLinkBetween(const std::string& a, const std::string& b, bool up) override {
    const std::lock_guard lock(mu_);
    for (const std::string& name : {a, b}) {
      if (!nodes_.contains(name)) return NoNode(name);
    }
    if (a == b)
      return Fail(Code::kInvalid, "a link needs two different nodes, not " + a + " twice");
    partition_.SetLink(nodes_[a].number, nodes_[b].number, up);
    proxy_->SetSevered(partition_.links());
    auto done = Block(nodes_[a]);
    return done ? Block(nodes_[b]) : done;
  }

  Status SetApiLink(const std::string& name, bool up) override {
    const std::lock_guard lock(mu_);
    Node* node = Find(name);
    if (node == nullptr) return NoNode(name);
    partition_.SetApi(node->number, up);
    if (node->kubelet) node->kubelet->SetReachable(Reachable(*node));
    return Block(*node);
  }

  Status FillDisk(const std::string& ns, const std::string& claim,
                  std::int64_t leave_bytes) override {
    auto directory = VolumeOf(ns, claim);
    return directory ? pgo::local::FillDisk(*directory, leave_bytes) : Fail(directory.error());
  }

  Status FreeDisk(const std::string& ns, const std::string& claim) override {
    auto directory = VolumeOf(ns, claim);
    return directory ? pgo::local::FreeDisk(*directory) : Fail(directory.error());
  }

  Status KillContainer(const std::string& ns, const std::string& pod, const std::string& container,
                       int signal) override {
    std::shared_ptr<Kubelet> kubelet;
    {
      const auto name = NodeOf(ns, pod);
      if (!name) return Fail(name.error());
      const std::lock_guard lock(mu_);
      const Node* node = Find(*name);
      if (node == nullptr || node->kubelet == nullptr)
        return Fail(Code::kConflict, *name + " is powered off");
      if (node->frozen) return Fail(Code::kConflict, *name + " is frozen: thaw it first");
      kubelet = node->kubelet;
    }
    return kubelet->KillContainer(ns, pod, container, signal);
  }

  Status SetFrozen(const std::string& name, bool frozen) override {
    const std::lock_guard lock(mu_);
    Node* node = Find(name);
    if (node == nullptr) return NoNode(name);
    if (node->process == nullptr) return Fail(Code::kConflict, name + " is powered off");
    node->frozen = frozen;
    if (frozen) node->kubelet->SetPaused(true);
    auto done = node->process->SetFrozen(frozen);
    if (!frozen) node->kubelet->SetPaused(false);
    return done;
  }

  void SetApiReachable(bool reachable) override {
    const std::lock_guard lock(mu_);
    api_ = reachable;
    for (auto& [name, node] : nodes_) {
      if (node.kubelet) node.kubelet->SetReachable(Reachable(node));
    }
  }

  std::vector<NodeState> States() const override {
    const std::lock_guard lock(mu_);
    std::vector<NodeState> out;
    for (const auto& [name, node] : nodes_) {
      if (node.number == 0) continue;
      NodeState state{name, node.process != nullptr, node.linked, node.frozen};
      state.api = !partition_.ApiCut(node.number);
      const std::set<int> others = partition_.CutFrom(node.number);
      for (const auto& [other, its] : nodes_) {
        if (others.contains(its.number)) state.cut_from.push_back(other);
      }
      out.push_back(std::move(state));
    }
    return out;
  }

  Result<std::function<void(int)>> Run(ClientCommand command) override {
    std::shared_ptr<Kubelet> kubelet;
    {
      const std::lock_guard lock(mu_);
      const auto it = nodes_.find(command.node.empty() ? "client" : command.node);
      if (it == nodes_.end())
        return Fail(Code::kNotFound, "there is no node \"" + command.node + "\"");
      kubelet = it->second.kubelet;
    }
    if (kubelet == nullptr) return Fail(Code::kConflict, command.node + " is powered off");
    const std::string id = kubelet->Run({.argv = std::move(command.argv),
                                         .env = std::move(command.env),
                                         .in = command.in,
                                         .out = command.out,
                                         .err = command.err,
                                         .done = std::move(command.done)});
    return [weak = std::weak_ptr<Kubelet>(kubelet), id](int signal) {
      if (const auto there = weak.lock()) there->Signal(id, signal);
    };
  }

  Status Report(const std::string& name, bool off) override {
    auto written = options_.store->Mutate({{"", "nodes"}, "", name}, "", [&](Json& node) {
      Json taints = Json::array();
      for (const Json& taint : GetArray(node, {"spec", "taints"})) {
        if (GetString(taint, {"key"}) != kOutOfService) taints.push_back(taint);
      }
      if (off) {
        taints.push_back({{"key", kOutOfService},
                          {"value", "nodeshutdown"},
                          {"effect", "NoExecute"},
                          {"timeAdded", Rfc3339(WallMs())}});
      }
      if (GetArray(node, {"spec", "taints"}) == taints) return false;
      node["spec"]["taints"] = std::move(taints);
      return true;
    });
    if (!written) return Fail(Code::kNotFound, written.error().message);
    return {};
  }

 private:
  static Status NoNode(const std::string& name) {
    return Fail(Code::kNotFound, "there is no node \"" + name + "\"");
  }
  Node* Find(const std::string& name) {
    const auto it = nodes_.find(name);
    return it == nodes_.end() || it->second.number == 0 ? nullptr : &it->second;
  }

  Status Boot(Node& node) {
    auto process = NodeProcess::Start(node.name, node.number);
    if (!process) return Fail(process.error());
    const std::string directory = options_.directory + "/nodes/" + node.name;
    if (auto made = MakeDirs(directory); !made) return made;
    node.process = *std::move(process);
    node.frozen = false;
    // A cable that was pulled stays so.
    if (!node.linked) {
      if (auto set = node.process->SetLink(false); !set) return set;
    }
    if (auto blocked = Block(node); !blocked) return blocked;
    node.kubelet = Kubelet::Start({.name = node.name,
                                   .number = node.number,
                                   .directory = directory,
                                   .socket = node.process->socket(),
                                   .network = node.process->network(),
                                   .cluster = &services_,
                                   .lease_s = options_.node_grace_s,
                                   .reachable = Reachable(node),
                                   .last_address = &node.last_address});
    return {};
  }

  // The kubelet and the API server hear each other.
  [[nodiscard]] bool Reachable(const Node& node) const {
    return api_ && node.linked && !partition_.ApiCut(node.number);
  }
  Status Block(const Node& node) {
    return node.process == nullptr ? Status()
                                   : node.process->SetBlocked(partition_.BlockedAt(node.number));
  }

  // A log of a node that is cut off stands still.
  class NodeLog : public LogReader {
   public:
    NodeLog(Impl& nodes, LogFileReader file, LogOptions options)
        : nodes_(nodes), file_(std::move(file)), options_(std::move(options)) {}
    std::string Read() override {
      return nodes_.KubeletOf(options_.ns, options_.pod) ? file_.Read() : std::string();
    }
    bool Over() override {
      if (options_.previous || file_.Full() || !nodes_.options_.store->Get(Pod())) return true;
      auto kubelet = nodes_.KubeletOf(options_.ns, options_.pod);
      if (!kubelet) return false;
      const auto log = (*kubelet)->Log(options_.ns, options_.pod, options_.container, false);
      if (!log) return log.error().code == Code::kNotFound;
      return !log->running || log->path != file_.path();
    }

   private:
    [[nodiscard]] Key Pod() const { return {{"", "pods"}, options_.ns, options_.pod}; }
    Impl& nodes_;
    LogFileReader file_;
    LogOptions options_;
  };

  // The kubelet falls silent before anything else, as with the machine itself.
  void Cut(Node& node) {
    if (node.process == nullptr) return;
    node.kubelet->SetReachable(false);
    node.kubelet->SetPaused(true);
    node.process->Kill();
    node.kubelet.reset();
    node.process.reset();
  }

  void TellNames() {
    const std::lock_guard lock(mu_);
    for (auto& [name, node] : nodes_) {
      if (node.kubelet) node.kubelet->NamesChanged();
    }
  }

  // Where a claim's volume is, on whichever node.
  [[nodiscard]] Result<std::string> VolumeOf(const std::string& ns,
                                             const std::string& claim) const {
    const auto object = options_.store->Get({{"", "persistentvolumeclaims"}, ns, claim});
    if (!object) return Fail(Code::kNotFound, object.error().message);
    const std::string volume = GetString(*object, {"spec", "volumeName"});
    for (const auto& [name, node] : nodes_) {
      std::string path = options_.directory + "/nodes/" + name + "/volumes/" + volume;
      if (!volume.empty() && Exists(path)) return path;
    }
    return Fail(Code::kConflict, "claim " + claim + " has no volume yet: no pod has used it");
  }

  [[nodiscard]] Result<std::string> NodeOf(const std::string& ns, const std::string& pod) const {
    const auto object = options_.store->Get({{"", "pods"}, ns, pod});
    if (!object) return Fail(Code::kNotFound, object.error().message);
    std::string name = GetString(*object, {"spec", "nodeName"});
    if (name.empty()) return Fail(Code::kConflict, "pod " + pod + " does not have a host assigned");
    return name;
  }

  Result<std::shared_ptr<Kubelet>> KubeletOf(const std::string& ns, const std::string& pod) {
    const auto name = NodeOf(ns, pod);
    if (!name) return Fail(name.error());
    const std::lock_guard lock(mu_);
    const Node* node = Find(*name);
    if (node == nullptr || node->kubelet == nullptr || !Reachable(*node)) {
      return Fail(Code::kUnavailable, "error dialing backend: no route to " + *name);
    }
    return node->kubelet;
  }

  const NodesOptions options_;
  ClusterServices services_;
  mutable std::mutex mu_;
  std::map<std::string, Node> nodes_;
  bool api_ = true;
  Partition partition_;
  std::unique_ptr<NameBook> names_;
  std::unique_ptr<ServiceProxy> proxy_;
};

}  // namespace

Result<std::unique_ptr<LocalNodes>> LocalNodes::Start(NodesOptions options) {
  auto nodes = std::make_unique<Impl>(std::move(options));
  if (auto begun = nodes->Begin(); !begun) return Fail(begun.error());
  return nodes;
}

}  // namespace pgo::local
