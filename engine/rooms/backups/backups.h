// WAL archive and backups by pgBackRest: repository host, stanzas, backups asked for and by
// schedule. README.md has the promises.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/arbiter/ledger.h"
#include "engine/base/cron.h"
#include "engine/pgbackrest/config.h"
#include "engine/rooms/backups/memory.h"
#include "engine/rooms/context.h"
#include "engine/rooms/room.h"

namespace pgo {
struct Event;
}

namespace pgo::rooms::backups {

inline constexpr std::string_view kRoom = "backups";

struct Input {
  const cluster::ClusterView& view;
  const Memory& memory;
  const arbiter::Ledger& ledger;
  const Json& settings;  // of Started
  Now now;
};

// The repository host and what pgBackRest needs everywhere: follows from the manifest, the
// instances, the repositories' claims and the operator's settings. `stopped`: IsShutDown.
Plan PlanHost(const cluster::ClusterView& cluster, const Json& settings, bool stopped);
// The host serves until the last instance has archived its last WAL.
bool IsShutDown(const cluster::ClusterView& cluster);
// Stanzas, backups and schedules; for clusters with backups.
Plan PlanWork(const Input& in);
// Both, for any cluster.
Plan PlanBackups(const Input& in);
void FoldEvent(Memory& memory, const Event& event, const ClusterKey& key);
void FoldAction(Memory& memory, const Action& action);

// --- parts, for tests

pgbackrest::Settings SettingsOf(const cluster::ClusterView& cluster);
// The image of pgBackRest's pods; "" if there is none.
std::string ImageOf(const Input& in);

void SayHost(const Input& in, Plan& plan);
bool HostIsReady(const cluster::ClusterView& cluster);

// One backup, as a Job.
struct Order {
  std::string kind;        // "manual", "replica-create", "scheduled"
  std::string id;          // unique for what it is for
  std::string repository;  // "repo1"
  std::string type;        // "full", "diff", "incr"; "" leaves it to the options
  std::vector<std::string> options;
  std::string slot;   // RFC 3339, of a schedule
  std::string asked;  // value of the annotation
};
std::string JobName(const cluster::ClusterView& cluster, const Order& order);
Json JobOf(const Input& in, const Order& order);

// A backup Job as observed.
struct JobView {
  const cluster::Subject* subject = nullptr;
  std::string kind, id, repository, type, slot;
  bool complete = false, failed = false;
  [[nodiscard]] bool Finished() const { return complete || failed; }
};
std::vector<JobView> Jobs(const cluster::ClusterView& cluster);
// The one that keeps others from the repository; null if none runs.
const JobView* Running(const std::vector<JobView>& jobs, const std::string& repository);

// The stanza of this repository is made.
bool StanzaIsMade(const Input& in, const cluster::Repository& repository);
void MakeStanzas(const Input& in, Plan& plan);

void PlanFirst(const Input& in, const std::vector<JobView>& jobs, Plan& plan);
void PlanManual(const Input& in, const std::vector<JobView>& jobs, Plan& plan);
void PlanSchedules(const Input& in, const std::vector<JobView>& jobs, Plan& plan);
void RemoveOld(const Input& in, const std::vector<JobView>& jobs, Plan& plan);
// Member pgbackrest of the status.
Json StatusOf(const Input& in, const std::vector<JobView>& jobs);
// What of a repository the status says now; null if it is not in it.
const Json* InStatus(const cluster::ClusterView& cluster, const std::string& repository);
// Asks for the Job until it was made.
void OrderBackup(const Input& in, const Order& order, std::string sentence,
                 std::vector<std::uint64_t> causes, Json facts, Plan& plan);

}  // namespace pgo::rooms::backups
