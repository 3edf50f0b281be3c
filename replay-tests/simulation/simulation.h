// One simulated world: an API server, its controllers, nodes with kubelets, Patroni with PostgreSQL
// in their containers, clients, and the operator's real engine and loop. Everything happens on one
// thread in virtual time and is decided by the seed alone.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "replay-tests/simulation/api.h"
#include "replay-tests/simulation/member.h"
#include "replay-tests/simulation/profile.h"
#include "replay-tests/simulation/random.h"
#include "replay-tests/simulation/schedule.h"

namespace pgo::simulation {

class Operator;
class Oracles;
class Clients;

inline const std::string kNamespace = "postgres";
inline const std::string kCluster = "hippo";
inline const kube::ObjectRef kSubject{"PostgresCluster", kNamespace, kCluster};

struct Node {
  std::string name;
  bool on = true;
  bool frozen = false;
  bool cut = false;           // from everything
  bool api_cut = false;       // from the API server alone
  bool reported_off = false;  // the cloud said so
  std::uint64_t since = 0;    // counts changes: what was planned before the last one is void
  std::vector<Schedule::Task> on_thaw;
};

// What a kubelet runs of one pod.
struct PodRun {
  std::string name, uid, node, claim_uid, ip;
  bool database = false;
  bool container_runs = false, terminating = false;
  std::int64_t restarts = 0;
  std::string finished, exit;  // of the last termination
  std::string startup;         // what the init container said
  std::string startup_finished;
  std::shared_ptr<Member> member;
  bool told_ready = false;
};

class Simulation {
 public:
  Simulation(const Profile& profile, std::vector<Fault> faults);
  ~Simulation();

  // Runs to the end, or to the first alarm.
  void Run();

  // --- what the parts share
  Schedule schedule;
  ApiServer api;
  const Profile profile;
  Random chance;
  std::map<std::string, Node> nodes;
  std::map<std::string, PodRun> pods;  // by uid
  std::map<std::string, Disk> disks;   // by uid of the claim
  bool api_up = true;
  bool healing = false;  // liveness phase: no more mischief
  std::unique_ptr<Operator> op;
  std::unique_ptr<Oracles> oracles;
  std::unique_ptr<Clients> clients;

  [[nodiscard]] Micros now() const { return schedule.now(); }
  [[nodiscard]] std::int64_t wall() const { return 1'780'000'000 * kSecond + schedule.now(); }
  // A delay between two bounds in milliseconds.
  Micros Delay(std::int64_t low_ms, std::int64_t high_ms) {
    return chance.Between(low_ms, high_ms) * kMs;
  }
  [[nodiscard]] bool Reaches(const Node& node) const {  // the API server, from a node
    return api_up && node.on && !node.frozen && !node.cut && !node.api_cut;
  }
  [[nodiscard]] static bool Linked(const Node& a, const Node& b) {
    const bool up = a.on && b.on && !a.frozen && !b.frozen;
    return up && (&a == &b || (!a.cut && !b.cut));
  }
  [[nodiscard]] Member* MemberOf(const std::string& pod) const;  // alive, or null
  [[nodiscard]] std::vector<Member*> Members() const;            // alive, by pod name
  [[nodiscard]] Member* Primary() const;                         // the writable one, if one is
  [[nodiscard]] bool IsWell() const;                             // as asked for, in truth
  std::string last_sentence;                                     // of the operator's newest action
  Micros converged_in = -1;
  void Trace(const std::string& line);
  std::vector<std::string> trace;
  bool tracing = false;

  // --- controllers.cc
  void Reconcile();
  void NodeChanged(Node& node);
  // --- kubelet.cc
  void Kubelet(const kube::ObjectRef& ref, const Json& pod);
  void StartPod(const std::string& uid);
  void ContainerEnds(PodRun& pod, const std::string& exit);
  void ReportPod(const std::string& uid);
  void PodEnds(const std::string& uid);
  // --- faults.cc
  void Inflict(const Fault& fault);
  void HealAll();

 private:
  void OnChange(const Change& change);
  void ReconcileSets();
  void CreatePod(const kube::ObjectRef& ref, const Json& set, std::int64_t ordinal);
  void SchedulePods();
  void ReconcileClaims();
  void ReconcileJobs();
  void CollectOwned();
  void CollectPods();
  void KubeletReturns(Node& node);
  void TellNode(const Node& node, bool ready);
  void PodsOfSilentNode(const Node& node, bool evict);
  void Strike(const Fault& fault);
  [[nodiscard]] bool ClaimIsFree(const std::string& claim_uid, const std::string& uid) const;
  std::string PlaceFor(const Json& pod) const;
  void StartContainer(const std::string& uid);
  void ProbePod(const std::string& uid, std::int64_t incarnation);
  void CreateWorld();
  void SpreadDcs();
  void Liveness();
  bool IsWellCached();
  [[nodiscard]] std::string WhyUnwell() const;
  void Edit(const Fault& fault);
  void EditCluster(const std::function<void(Json&)>& edit);
  Member* Target(const Fault& fault);
  void NodeFault(const Fault& fault, Node& node);
  void PodFault(const Fault& fault, Member& member);
  void HealNode(Node& node);
  void ApiGoes(Micros lasts);
  void ApiReturns();
  void CollectEndpoints();

  void Decline(const kube::ObjectRef& ref, const std::string& uid);

  std::set<std::string> declined_;  // pods on their way out that never ran
  bool reconcile_planned_ = false;
  bool dcs_planned_ = false;
  std::uint64_t addresses_ = 0;
  std::uint64_t edits_ = 0;
  std::uint64_t well_version_ = 0;
  Micros well_at_ = 0;
  bool well_ = false;
};

}  // namespace pgo::simulation
