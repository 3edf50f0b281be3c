// Which moments of the schedules are due, and what becomes of them.
#include <algorithm>
#include <array>

#include "engine/rooms/backups/backups.h"

namespace pgo::rooms::backups {
namespace {

using cluster::Repository;

// The fullest first: it counts for the others of its moment.
constexpr std::array<std::string_view, 3> kTypes{"full", "diff", "incr"};

std::string Field(const Repository& repo, std::string_view type) {
  const std::string name = type == "diff"   ? "differential"
                           : type == "incr" ? "incremental"
                                            : "full";
  return "spec.backups.pgbackrest.repos[" + repo.name + "].schedules." + name;
}

struct Due {
  std::int64_t slot_us = 0;  // the newest moment that has come and was not dealt with; 0 none
  std::int64_t missed = 0;   // how many before it were passed over, at most a thousand are counted
  std::int64_t before_us = 0;           // the newest of these
  std::optional<std::int64_t> next_us;  // the first that has not come yet
};

Due FindDue(const Cron& cron, const Schedule& memory, std::int64_t now_us) {
  Due due;
  const std::int64_t from = std::max(memory.since_us, memory.slot_us);
  // A thousand moments back are enough to tell; a clock that jumped by years must not be a loop.
  std::int64_t at = from;
  for (int i = 0; i < 1000; ++i) {
    const auto next = cron.After(at);
    due.next_us = next;
    if (!next || *next > now_us) return due;
    if (due.slot_us != 0) ++due.missed;
    due.before_us = due.slot_us;
    due.slot_us = at = *next;
  }
  // More than that were missed: go on from the newest, found from behind by halving the distance.
  std::int64_t low = at;
  for (std::int64_t step = (now_us - at) / 2; step > kSecond; step /= 2) {
    const auto next = cron.After(low + step);
    if (next && *next <= now_us) low += step;
  }
  for (auto next = cron.After(low); next && *next <= now_us; next = cron.After(low)) {
    due.slot_us = low = *next;
  }
  due.next_us = cron.After(now_us);
  return due;
}

struct Round {
  const Input& in;
  const std::vector<JobView>& jobs;
  Plan& plan;
  std::string problems;
};

Json Facts(const std::string& key, std::int64_t slot_us, std::string_view result,
           const std::string& why) {
  Json out = Json::object();
  Put(out, {"slot", "schedule"}, key);
  Put(out, {"slot", "at"}, WallSeconds(slot_us));
  Put(out, {"slot", "result"}, std::string(result));
  if (!why.empty()) Put(out, {"slot", "why"}, why);
  return out;
}

void Skip(Round& round, const std::string& key, std::int64_t slot_us, const std::string& why) {
  Proposal p;
  p.reason = Reason::kBackupSkipped;
  p.sentence = "backup " + key + " of " + WallSeconds(slot_us) + " is skipped: " + why;
  p.causes = {round.in.view.subject->seq.value()};
  p.goal = "skip/" + key + "/" + WallSeconds(slot_us);
  p.command = Notice{round.in.view.subject->ref, round.in.view.uid, true};
  p.facts = Facts(key, slot_us, "Skipped", why);
  p.once = true;
  round.plan.Do(std::move(p));
}

void Run(Round& round, const std::string& key, const Repository& repo, std::string_view type,
         const Due& due) {
  const std::string slot = WallSeconds(due.slot_us);
  Order order{"scheduled", std::string(type) + "/" + slot, repo.name, std::string(type), {}, slot,
              ""};
  std::string sentence = "schedule " + key + " names " + slot + ": back up";
  if (due.missed > 0) {
    sentence += "; " + std::to_string(due.missed) + " earlier moments were missed and are skipped";
  }
  OrderBackup(round.in, order, std::move(sentence), {round.in.view.subject->seq.value()},
              Facts(key, due.slot_us, "Run", ""), round.plan);
}

// Decided, but its Job may not have been made: asked for again until the ledger has it.
void Insist(Round& round, const std::string& key, const Repository& repo, std::string_view type,
            const Schedule& memory) {
  const std::string slot = WallSeconds(memory.slot_us);
  const std::string goal = "backup/" + repo.name + "/" + std::string(type) + "/" + slot;
  const auto* entry = arbiter::Look(round.in.ledger, kRoom, goal);
  if (entry == nullptr || entry->in_flight || entry->outcome == Outcome::kOk) return;
  Due due;
  due.slot_us = memory.slot_us;
  Run(round, key, repo, type, due);
}

// A fuller backup of the same moment is decided on.
bool IsCovered(const Memory& memory, const Repository& repo, std::string_view type,
               std::int64_t slot_us) {
  for (const std::string_view other : kTypes) {
    if (other == type) return false;
    const auto it = memory.schedules.find(repo.name + "/" + std::string(other));
    if (it != memory.schedules.end() && it->second.slot_us == slot_us &&
        it->second.result == "Run") {
      return true;
    }
  }
  return false;
}

std::string WhyWait(Round& round, const Repository& repo) {
  if (round.in.view.Primary() == nullptr) return "there is no primary";
  if (repo.store == Repository::Store::kVolume && !HostIsReady(round.in.view)) {
    return "the repository host is not ready";
  }
  if (!StanzaIsMade(round.in, repo)) return "the stanza is not made yet";
  const JobView* running = Running(round.jobs, repo.name);
  return running == nullptr ? "" : "backup " + running->subject->ref.name + " is under way";
}

// True if this schedule has asked for a backup now.
bool PlanOne(Round& round, const Repository& repo, std::string_view type, const Cron& cron) {
  const std::string key = repo.name + "/" + std::string(type);
  const auto it = round.in.memory.schedules.find(key);
  if (it == round.in.memory.schedules.end()) return false;  // the next observation makes it known
  const Schedule& memory = it->second;
  if (memory.result == "Run" && !round.in.view.spec().paused)
    Insist(round, key, repo, type, memory);
  const Due due = FindDue(cron, memory, round.in.now.wall_us);
  if (due.next_us) {
    round.plan.WakeAt(round.in.now.elapsed_us +
                      std::max<std::int64_t>(*due.next_us - round.in.now.wall_us, kSecond));
  }
  if (due.slot_us == 0) return false;
  if (IsCovered(round.in.memory, repo, type, due.slot_us)) {
    Skip(round, key, due.slot_us, "a fuller backup is taken at the same moment");
    return false;
  }
  if (round.in.view.spec().shutdown || round.in.view.spec().paused) {
    Skip(round, key, due.slot_us,
         round.in.view.spec().shutdown ? "the cluster is shut down" : "the cluster is paused");
    return false;
  }
  const std::string wait = WhyWait(round, repo);
  if (wait.empty()) {
    Run(round, key, repo, type, due);
    return true;
  }
  // It waits, but not beyond the next moment of its own schedule.
  if (due.before_us != 0) {
    Skip(round, key, due.before_us,
         wait + (due.missed > 1 ? ", as were " + std::to_string(due.missed - 1) + " before" : ""));
  }
  return false;
}

}  // namespace

void PlanSchedules(const Input& in, const std::vector<JobView>& jobs, Plan& plan) {
  Round round{in, jobs, plan, ""};
  for (const Repository& repo : in.view.spec().backups.repositories) {
    bool asked = false;
    for (const std::string_view type : kTypes) {
      const auto it = repo.schedules.find(std::string(type));
      if (it == repo.schedules.end()) continue;
      const auto cron = Cron::Parse(it->second);
      if (!cron) {
        round.problems +=
            (round.problems.empty() ? "" : "; ") + Field(repo, type) + ": " + cron.error().message;
      } else if (!asked) {
        // One a decision: the next sees that one under way.
        asked = PlanOne(round, repo, type, *cron);
      }
    }
  }
  if (!round.problems.empty()) {
    plan.conditions.push_back({"BackupSchedulesValid", false, "InvalidSchedule", round.problems});
  }
}

}  // namespace pgo::rooms::backups
