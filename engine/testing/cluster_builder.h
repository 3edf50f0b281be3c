// A world made by hand, for tests of rooms: what an API server, Kubernetes's controllers and
// Patroni would show, one Observed event each.
#pragma once

#include <string>
#include <vector>

#include "engine/cluster/view.h"
#include "engine/cluster/world.h"
#include "engine/rooms/room.h"

namespace pgo::testing {

class ClusterBuilder {
 public:
  // An empty manifest of that name with one set "00" of `replicas`.
  explicit ClusterBuilder(std::string name = "hippo", int replicas = 3);

  Json& manifest() { return manifest_; }  // of the PostgresCluster; Show() makes it known
  void Show();

  // As the API server would show an object that was applied: uid and version are given by it.
  void Observe(Json object);
  void Remove(const kube::ObjectRef& ref);
  // Everything a plan wants, Secrets with a fingerprint for each part.
  void Settle(const rooms::Plan& plan);

  // A running pod of an instance. role: label ("master", "replica", ""); status: Patroni's, JSON.
  void Pod(const std::string& instance, const std::string& role, const std::string& status);
  // Endpoints c-ha: who holds the lock, and which address it leads to.
  void Lock(const std::string& pod, const std::string& ip);
  // Endpoints c-ha-config: a cluster that was initialized.
  void Bootstrapped(const std::string& config = "{}");

  cluster::ClusterView View() const;
  // Address that Pod() gives.
  static std::string Address(const std::string& instance);

 private:
  std::string name_;
  Json manifest_;
  cluster::World world_;
  std::uint64_t seq_ = 0;
};

inline constexpr std::string_view kPrimaryStatus =
    R"({"state":"running","role":"primary","version":"4.0.7","xlog_location":83886080,)"
    R"("timeline":1})";
inline constexpr std::string_view kReplicaStatus =
    R"({"state":"running","role":"replica","version":"4.0.7","xlog_location":83886080,)"
    R"("timeline":1,"replication_state":"streaming"})";

}  // namespace pgo::testing
