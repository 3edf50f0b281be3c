// Patroni with its PostgreSQL in one container, modelled after Patroni 4.0: the rounds of its loop,
// the leader lock and its lease as seen from here, the race, failover and sync keys, synchronous
// replication, failsafe mode, restart in place, rewind and copy. What it reads is its own watch's
// cache, a moment old; what it writes is compared and swapped.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "replay-tests/simulation/api.h"
#include "replay-tests/simulation/postgres.h"
#include "replay-tests/simulation/schedule.h"

namespace pgo::simulation {

class Simulation;
struct Node;

// Endpoints that Patroni keeps its state in.
struct Dcs {
  Object leader, config, sync, failover;
};

struct PatroniConfig {
  std::int64_t ttl_s = 30, loop_wait_s = 10, retry_timeout_s = 10, lag_max = 1048576;
  bool synchronous = false, strict = false, failsafe = true;
  std::string parameters;  // those that need a restart
};

class Member : public std::enable_shared_from_this<Member> {
 public:
  enum class Server : std::uint8_t { kStopped, kStarting, kRunning };

  Member(Simulation& sim, Node& node, Disk& disk, std::string pod, std::string pod_uid,
         std::string ip);

  void Begin();
  void Die();                                  // at once, all of it
  void Terminate(std::function<void()> done);  // SIGTERM: in order
  void KillServer();                           // postmaster alone
  void OnDcs(const Dcs& dcs);                  // its cache changes
  void Reconnect();                            // its node's network is back
  void Wake(Micros delay);                     // its next round

  // What can be asked over REST or by psql in its container.
  bool Switchover(const std::string& leader, const std::string& candidate, std::string& why);
  bool Restart(bool only_pending);
  // One write by a client here; told when it is acknowledged.
  void Write(std::function<void(Commit)> acknowledged);

  [[nodiscard]] bool alive() const { return alive_; }
  [[nodiscard]] bool Running() const { return alive_ && server_ == Server::kRunning; }
  [[nodiscard]] bool Writable() const { return Running() && primary_ && !busy_; }
  [[nodiscard]] bool primary() const { return primary_; }
  [[nodiscard]] bool busy() const { return busy_; }
  [[nodiscard]] bool Streams() const;  // from whom it follows
  [[nodiscard]] bool Ready() const { return Running() && (primary_ || disk_.initialized); }
  [[nodiscard]] const std::string& pod() const { return pod_; }
  [[nodiscard]] const std::string& pod_uid() const { return pod_uid_; }
  [[nodiscard]] Node& node() const { return node_; }
  [[nodiscard]] const Disk& disk() const { return disk_; }
  [[nodiscard]] const std::set<std::string>& sync_names() const { return sync_names_; }
  [[nodiscard]] const PatroniConfig& config() const { return config_; }
  [[nodiscard]] std::int64_t started() const { return started_; }
  [[nodiscard]] std::size_t waiting_commits() const { return waiting_.size(); }
  void Deliver();  // WAL to all that stream from here

 private:
  void Later(Micros delay, std::function<void(Member&)> task);
  // The same for what keeps it busy; a dying server ends it.
  void Work(Micros delay, std::function<void(Member&)> task);
  void Loop();
  void Decide();
  void WithoutDcs();
  bool FailsafeHolds();
  void ReadConfig();
  void AsLeader();
  void AsCandidate();
  void AsFollower(const std::string& holder);
  bool Healthiest();
  bool NamedAllows(bool& decided);
  bool BetterPeer();
  Json Subsets() const;
  bool Expired() const;
  bool UpdateLock();
  bool Acquire();
  void Release();
  void Promote();
  void Promoted();
  void Demote();
  void Start();
  void Initialize();
  void Bootstrap();
  void Bootstrapped();
  void Copy(Member& leader);
  void Rewind(Member& leader);
  void Follow(Member& leader);
  bool ObeySwitchover();
  void GracefulDemote();
  void Synchronize();
  void SetSyncNames(const std::string& pick);
  void ConfirmSync(const std::string& pick);
  std::string PickSync() const;
  bool WriteSync(const std::string& standby);
  void WriteConfig(const Json& annotations);
  void PublishHistory();
  void ClearFailoverKey();
  void Acknowledge();
  void Touch();
  std::string StatusText() const;
  std::string PublishedStandby() const;
  bool DcsWorks();
  std::string Renewal() const;

  Simulation& sim_;
  Node& node_;
  Disk& disk_;
  const std::string pod_, pod_uid_, ip_;
  bool alive_ = true, stopping_ = false;
  Server server_ = Server::kStopped;
  bool primary_ = false;
  bool busy_ = false;  // something takes its time: promotion, copy, restart
  bool pending_restart_ = false;
  std::uint64_t turn_ = 0, work_ = 0;
  Dcs dcs_;
  std::string config_text_;
  PatroniConfig config_;
  std::string lock_seen_;      // leader and renewal as last seen
  Micros lock_seen_at_ = 0;    // own time
  Micros dcs_lost_at_ = 0;     // 0: it answers
  Micros failsafe_until_ = 0;  // the leader told that it lives
  std::string upstream_;
  Micros connects_at_ = 0;
  std::int64_t started_ = 0;          // of the postmaster, wall time
  std::set<std::string> sync_names_;  // whom commits wait for; "*": for anybody
  struct Waiting {
    std::uint64_t lsn;
    std::function<void(Commit)> acknowledged;
  };
  std::vector<Waiting> waiting_;
  std::string last_touch_;
};

}  // namespace pgo::simulation
