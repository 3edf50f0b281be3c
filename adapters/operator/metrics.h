// The operator's numbers for Prometheus; what each means is in docs/operating/metrics.md. Counted
// from committed frames and ended requests alone; clusters are looked at when somebody asks.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/kube/client.h"
#include "adapters/metrics/process.h"
#include "adapters/metrics/registry.h"
#include "adapters/operator/desk.h"
#include "adapters/operator/journal_port.h"
#include "adapters/operator/standing.h"
#include "adapters/operator/volume.h"
#include "engine/driver/driver.h"
#include "journal/store/journal.h"

namespace pgo {

class OperatorMetrics {
 public:
  OperatorMetrics();

  void Committed(const std::vector<Event>& events, const StepResult& step, std::int64_t step_us);
  void Dropped();
  void Written(const StorePort::Written& written);
  void Asked(const kube::Seen& seen);

  // Whose clusters Text shows; null: none. Must be set back before the driver ends.
  void Look(Driver* driver);
  // Whose fill level Text shows; null: none. Must be set back before the volume ends.
  void Watch(const Volume* volume);
  // Who follows this replica; null: nobody is asked. Must be set back before the desk ends.
  void Follow(const ReplicaDesk* desk);
  // Everything, as of now. Waits for the engine's loop to be between two batches.
  std::string Text(const Standing& standing);

 private:
  void ShowClusters(const Engine& engine);
  void ShowCluster(const Engine& engine, const ClusterKey& key);
  void ShowReplicas(const Standing& standing, std::uint64_t head);
  void CountEvent(const Event& event);
  void CountAction(const Action& action);

  metrics::Registry registry_;
  metrics::Process process_;
  metrics::Family &build_, &leader_, &epoch_, &leaderships_, &amnesias_;
  metrics::Family &frames_, &bytes_, &sync_seconds_, &head_, &segments_, &failed_, &volume_bytes_,
      &volume_used_, &ballast_;
  metrics::Family &role_, &behind_, &follower_lag_;
  metrics::Family &events_, &dropped_, &step_seconds_, &decisions_, &actions_, &outcomes_;
  metrics::Family &failovers_, &gaps_, &contact_;
  metrics::Family &requests_, &request_seconds_, &watch_ends_;
  metrics::Family &ready_, &writable_, &primary_, &instances_, &instances_ready_, &streaming_;
  metrics::Family &timeline_, &lag_, &failover_at_;

  std::map<ClusterKey, std::string> failover_class_;  // since the start; the engine's thread alone
  std::mutex mu_;
  Driver* driver_ = nullptr;
  const Volume* volume_ = nullptr;
  const ReplicaDesk* desk_ = nullptr;
};

// "LIST", "WATCH", "APPLY", …: the words of the API server's own metrics.
std::string VerbOf(const kube::Seen& seen);
// Plural of the kind that a request's path is about, if the operator knows the kind; else "other".
std::string ResourceOf(std::string_view path);

}  // namespace pgo
