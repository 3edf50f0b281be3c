// Restores in place: the cluster's own volumes are overwritten with a backup of it. README.md has
// the promises.
//
// One operation with steps (cluster::RestoreStep). Its place is ConfigMap c-intent, changed only
// under the version that was read; what a step does follows from what is observed.
#pragma once

#include <string>
#include <vector>

#include "engine/arbiter/ledger.h"
#include "engine/pgbackrest/target.h"
#include "engine/rooms/context.h"
#include "engine/rooms/restores/memory.h"
#include "engine/rooms/room.h"

namespace pgo::rooms::restores {

inline constexpr std::string_view kRoom = "restores";

struct Input {
  const cluster::ClusterView& view;
  const Memory& memory;
  const arbiter::Ledger& ledger;
  const Json& settings;  // of Started
  Now now;
};

Plan PlanRestores(const Input& in);

// Folds (fold.cc).
void FoldDone(Memory& memory, const std::string& goal_key, const Done& done, const Event& event);

// What the PostgresCluster asks for.
struct Request {
  std::string id;  // "": nothing
  bool enabled = false;
  std::string repository;
  std::vector<std::string> words;  // options, split
  bool safe = true;                // the newest WAL must be in the repository first
  pgbackrest::Target target;
  std::string refusal;  // why it cannot be followed: field, value, rule, mend
};
Request ReadRequest(const Input& in);
// Another one whenever anything of the request is another.
std::string RequestKey(const Request& request);

// --- parts

// Before anything is stopped: checks, then begins (prepare.cc).
void Prepare(const Input& in, const Request& request, Plan& plan);
// The step that is under way (steps.cc).
void Progress(const Input& in, const Request& request, Plan& plan);

// Writes the place: members of the ConfigMap's data, null removes one. `goal` is unique for the
// step.
Proposal Move(const Input& in, Json data, const std::string& sentence, const std::string& goal);
// It cannot be done, and why: field, value, rule, mend. Nothing was stopped.
void Refuse(const Input& in, const Request& request, const std::string& why, Plan& plan);
void Say(Plan& plan, bool ok, const std::string& reason, const std::string& message);

// A Job of a restore as observed.
struct JobView {
  const cluster::Subject* subject = nullptr;
  std::string id;  // of the restore
  bool complete = false, failed = false;
  std::string message;  // the last word of its newest container that ended
};
// Subject null: there is none of that name.
JobView FindJob(const cluster::ClusterView& cluster, const std::string& name);
// Pods of restore Jobs that are not of restore `id`, or of any if it is empty.
bool HasForeignPods(const cluster::ClusterView& cluster, const std::string& id);
// The Job that overwrites the volume of the place's instance, and one that empties another's.
Json RestoreJob(const Input& in);
Json ClearJob(const Input& in, const std::string& instance);
std::string ClearJobName(const cluster::ClusterView& cluster, const std::string& instance);

}  // namespace pgo::rooms::restores
