#include "adapters/local/controllers/controllers.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "adapters/local/controllers/world.h"
#include "adapters/local/store/meta.h"
#include "engine/base/ids.h"

namespace pgo::local {
namespace {

using std::chrono::steady_clock;

const Resource kEvents{"", "events"};
constexpr std::int64_t kEventLifeMicros = 3600LL * 1'000'000;

void MakeStorageClasses(Store& store) {
  Json limited = {{"metadata", {{"name", "limited"}}},
                  {"provisioner", "pgo-local"},
                  {"volumeBindingMode", "WaitForFirstConsumer"},
                  {"reclaimPolicy", "Delete"},
                  {"allowVolumeExpansion", true}};
  Json standard = limited;
  standard["metadata"] = {
      {"name", "standard"},
      {"annotations", {{"storageclass.kubernetes.io/is-default-class", "true"}}}};
  CreateOnce(store, kStorageClasses, "", std::move(standard));
  // As large as the claim says, and no larger; the node reads the name.
  Json rigid = limited;
  rigid["metadata"]["name"] = "rigid";
  rigid["allowVolumeExpansion"] = false;
  CreateOnce(store, kStorageClasses, "", std::move(limited));
  CreateOnce(store, kStorageClasses, "", std::move(rigid));
}

class Impl final : public Controllers {
 public:
  Impl(MemoryStore& store, ControllerOptions options)
      : store_(store), options_(std::move(options)) {}
  ~Impl() override;
  void Begin();
  void SetRunning(bool running) override;

 private:
  void OnItem(const WatchItem& item);
  void Run();
  void Pass(bool tick);
  void StartUp();
  void ExpireEvents();
  void EndpointsOfGoneServices(const std::vector<Key>& gone);

  MemoryStore& store_;
  ControllerOptions options_;
  World world_;  // of the thread alone
  NodeWatch node_watch_;

  std::mutex mu_;
  std::condition_variable wake_;
  std::deque<Change> incoming_;
  bool complete_ = false;  // the objects of the beginning have all come
  bool stopping_ = false;
  bool away_ = false, was_away_ = false;  // the API server
  std::shared_ptr<void> subscription_;
  std::thread thread_;
};

Impl::~Impl() {
  subscription_.reset();
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Impl::Begin() {
  auto watch =
      store_.Watch({"", ""}, "", std::nullopt, [this](const WatchItem& item) { OnItem(item); });
  if (watch) subscription_ = *std::move(watch);
  thread_ = std::thread([this] { Run(); });
}

void Impl::OnItem(const WatchItem& item) {
  {
    std::lock_guard lock(mu_);
    if (item.change.object == nullptr) {
      complete_ = true;
    } else {
      incoming_.push_back(item.change);
    }
  }
  wake_.notify_one();
}

void Impl::SetRunning(bool running) {
  {
    std::lock_guard lock(mu_);
    away_ = !running;
    was_away_ = was_away_ || away_;
  }
  wake_.notify_one();
}

void Impl::Run() {
  const auto tick = std::chrono::milliseconds(options_.tick_ms);
  auto next_tick = steady_clock::now();
  bool started = false;
  while (true) {
    std::deque<Change> changes;
    {
      std::unique_lock lock(mu_);
      wake_.wait_until(lock, next_tick,
                       [this] { return stopping_ || (complete_ && !away_ && !incoming_.empty()); });
      if (stopping_) return;
      if (!complete_ || away_) {
        next_tick = steady_clock::now() + tick;
        continue;
      }
      if (std::exchange(was_away_, false)) node_watch_ = {};
      changes.swap(incoming_);
    }
    std::vector<Key> gone;
    for (const Change& change : changes) {
      world_.Fold(change);
      if (change.type == ChangeType::kDeleted && change.key.resource == kServices)
        gone.push_back(change.key);
    }
    if (!started) StartUp();
    started = true;
    EndpointsOfGoneServices(gone);
    const bool due = steady_clock::now() >= next_tick;
    if (due) next_tick = steady_clock::now() + tick;
    Pass(due);
  }
}

void Impl::Pass(bool tick) {
  const auto now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch())
          .count();
  ReconcileNamespaces(world_, store_, options_.ca_pem);
  ReconcileNodes(world_, store_, node_watch_, options_.node_grace_ms, now_ms);
  ReconcileStatefulSets(world_, store_);
  ReconcileDeployments(world_, store_);
  ReconcileJobs(world_, store_);
  SchedulePods(world_, store_);
  ReconcileEndpoints(world_, store_);
  ReconcileVolumes(world_, store_);
  CollectGarbage(world_, store_);
  ReconcileDefinitions(world_, store_);
  if (tick) ExpireEvents();
}

// As kube-controller-manager does when it starts: Endpoints without a Service are left over. Those
// that old leader elections keep are spared.
void Impl::StartUp() {
  for (const auto& [name, endpoints] : world_.All(kEndpoints)) {
    const bool election = Find(*endpoints, {"metadata", "annotations",
                                            "control-plane.alpha.kubernetes.io/leader"}) != nullptr;
    if (!election && !world_.Get(kServices, name.first, name.second))
      DeleteThis(store_, kEndpoints, *endpoints);
  }
  MakeStorageClasses(store_);
  CreateOnce(store_, kServices, "default",
             {{"metadata",
               {{"name", "kubernetes"},
                {"labels", {{"component", "apiserver"}, {"provider", "kubernetes"}}}}},
              {"spec",
               {{"type", "ClusterIP"},
                {"clusterIP", "10.202.0.1"},
                {"ports",
                 {{{"name", "https"},
                   {"port", 443},
                   {"protocol", "TCP"},
                   {"targetPort", options_.api_port}}}}}}});
  const Json subsets = {
      {{"addresses", {{{"ip", options_.api_address}}}},
       {"ports", {{{"name", "https"}, {"port", options_.api_port}, {"protocol", "TCP"}}}}}};
  CreateOnce(store_, kEndpoints, "default",
             {{"metadata", {{"name", "kubernetes"}}}, {"subsets", subsets}});
  static_cast<void>(store_.Mutate({kEndpoints, "default", "kubernetes"}, "", [&](Json& object) {
    const bool changed = GetArray(object, {"subsets"}) != subsets;
    object["subsets"] = subsets;
    return changed;
  }));
}

// Only the Service's end does this, not its absence: Patroni keeps Endpoints of its own.
void Impl::EndpointsOfGoneServices(const std::vector<Key>& gone) {
  for (const Key& key : gone) {
    const ObjectPtr endpoints = world_.Get(kEndpoints, key.ns, key.name);
    if (endpoints != nullptr && !world_.Get(kServices, key.ns, key.name)) {
      DeleteThis(store_, kEndpoints, *endpoints);
    }
  }
}

void Impl::ExpireEvents() {
  for (const auto& [name, event] : world_.All(kEvents)) {
    const auto made = ParseWall(GetString(*event, {"metadata", "creationTimestamp"}));
    if (made && NowMicros() - *made > kEventLifeMicros) DeleteThis(store_, kEvents, *event);
  }
}

}  // namespace

std::unique_ptr<Controllers> Controllers::Start(MemoryStore& store, ControllerOptions options) {
  auto controllers = std::make_unique<Impl>(store, std::move(options));
  controllers->Begin();
  return controllers;
}

}  // namespace pgo::local
