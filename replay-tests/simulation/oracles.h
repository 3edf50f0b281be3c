// What must never be, looked at after every event, and which situations were reached. The numbers
// are those of docs/simulation.md. The first alarm ends the run.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "replay-tests/simulation/simulation.h"

namespace pgo::simulation {

struct Alarm {
  std::string oracle;  // "I7"
  std::string text;
  Micros at = 0;
};

// All situations that the models and oracles can name but for the operator's notices: what a
// campaign did not reach is listed.
std::vector<std::string> KnownSituations();

class Oracles {
 public:
  explicit Oracles(Simulation& sim) : sim_(sim) {}

  void Alarm(const std::string& oracle, const std::string& text);
  void Reached(const std::string& situation) { ++situations[situation]; }

  // --- truth
  void Promoted(const Member& member);
  void Rewound(const Member& member, const Member& leader);
  void Acknowledged(const std::string& pod, const Commit& commit);
  void OnChange(const Change& change);
  void AfterEvent();
  // --- the operator's side: what it committed; what arrives at the API server
  void Committed(const std::vector<Event>& events, const StepResult& step, const Engine& engine);
  void Arrives(const Action& action);
  void Arrived(const Action& action, const Reply& reply);
  // --- ends
  void Converged(Micros took);
  void AtEnd();

  std::vector<simulation::Alarm> alarms;
  std::map<std::string, std::uint64_t> situations;
  std::uint64_t digest = 0x9e3779b97f4a7c15U;  // of all that happened
  std::uint64_t scripts = 0;                   // of users' roles, that ran to their end
  std::uint64_t promotions = 0, lost_async = 0;

 private:
  void CheckAction(const Action& action, const Engine& engine);
  void CheckDisruption(const Action& action, const cluster::ClusterView& view);
  void CheckRelease(const Action& action);
  void CheckDelete(const Action& action, const Delete& remove);
  void CheckCandidate(const Action& action, const cluster::ClusterView& view);
  void CheckSync();
  void CheckService();
  void CheckReadyIsTrue();
  void CheckFailoverTime();
  void CheckRate();
  void Mix(std::string_view bytes);

  Simulation& sim_;
  std::map<std::uint32_t, std::uint64_t> acknowledged_;  // furthest of each timeline
  std::uint32_t newest_acknowledged_ = 0;
  std::map<std::uint32_t, std::string> promoted_;  // by timeline
  std::set<std::string> ids_;                      // of actions
  std::set<std::string> done_;                     // actions whose outcome was folded
  std::set<std::string> pending_;
  std::uint64_t last_seq_ = 0;
  bool all_listed_ = false;
  Micros false_ready_since_ = 0, no_primary_since_ = 0, unsettled_since_ = 0;
  std::set<std::string> listed_;  // kinds, since the operator's last start
  std::uint64_t checked_version_ = 0;
  Micros checked_at_ = 0;
  std::map<Micros, std::uint64_t> actions_in_;  // by minute
};

}  // namespace pgo::simulation
