// Patroni makes replication slots and looks at its replicas once each loop_wait. A change of its
// configuration that changes nothing wakes the leader at once, and its renewal of the lock wakes
// the others: so a replica that runs but does not stream yet need not wait for the next round.

#include "engine/base/json.h"
#include "engine/cluster/health.h"
#include "engine/kube/names.h"
#include "engine/patroni/config.h"
#include "engine/rooms/replication/replication.h"

namespace pgo::rooms::replication {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;

// A replica's receiver tries again each second (wal_retrieve_retry_interval), so a few looks follow
// each other; then Patroni's own rounds are enough.
constexpr std::int64_t kBetween = 2 * kSecond;
constexpr std::int64_t kLooksMax = 4;

Proposal Wake(const ClusterView& cluster, const InstanceView& primary, const InstanceView& replica,
              std::int64_t look) {
  Exec exec;
  exec.ref = {"Pod", cluster.key.ns, primary.pod->name};
  exec.uid = primary.pod->uid;
  exec.container = kube::kDatabaseContainer;
  exec.argv = {"curl",
               "-sSk",
               "--fail",
               "--max-time",
               "3",
               "-o",
               "/dev/null",
               "--cert",
               "/etc/patroni/" + std::string(patroni::kCertificateFile),
               "-X",
               "PATCH",
               "-d",
               R"({"wake":null})",
               "https://127.0.0.1:" + std::to_string(cluster.spec().patroni.port) + "/config"};
  Proposal p;
  p.reason = Reason::kReplicaWaits;
  p.sentence = "replica " + replica.pod->name + " runs but does not stream yet: make Patroni on " +
               primary.pod->name + " look at it now";
  p.causes = {replica.pod->subject->seq.value(), primary.pod->subject->seq.value()};
  p.goal = "wake/" + replica.pod->uid + "/" + std::to_string(replica.pod->subject->seq.value()) +
           "/" + std::to_string(look);
  p.command = std::move(exec);
  p.once = true;
  p.timeout_ms = 4000;
  return p;
}

}  // namespace

void Hasten(const ClusterView& cluster, Now now, Plan& plan) {
  const InstanceView* primary = cluster.Primary();
  if (primary == nullptr) return;
  for (const auto& [name, replica] : cluster.instances) {
    if (&replica == primary || !replica.pod || !replica.pod->member) continue;
    const bool runs = replica.pod->database_running && replica.pod->member->state == "running";
    if (!runs || replica.pod->deleting || cluster::IsStreaming(cluster, &replica)) continue;
    const std::int64_t since = replica.pod->subject->changed.elapsed_us;
    const std::int64_t look = (now.elapsed_us - since) / kBetween;
    if (look >= kLooksMax) continue;
    plan.Do(Wake(cluster, *primary, replica, look));
    plan.WakeAt(since + (look + 1) * kBetween);
    return;  // one look serves all replicas
  }
}

}  // namespace pgo::rooms::replication
