// Carries the engine's actions out on Kubernetes. Mutations of one object go one at a time, in the
// order they were submitted; objects go side by side. Commands in containers have threads of their
// own, so that no unreachable pod holds up a write.
//
// Secret values exist here only between their GET and the end of the one request they are for: they
// are in no argument vector, event or message, and are wiped afterwards.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "adapters/kube/client.h"
#include "adapters/kube/exec.h"
#include "adapters/kube/lanes.h"
#include "adapters/kube/redact.h"
#include "engine/ports/effects.h"

namespace pgo::kube {

struct EffectsOptions {
  // Reads an object of kind Secret, unredacted.
  using ReadSecret = std::function<Result<Json>(const ObjectRef&)>;
  // The Secret to apply for a recipe: adapters/secrets, which this adapter does not know.
  std::function<Result<Json>(const Provision&, const ReadSecret&)> provision;
  // Microseconds of certain leadership left (Elector::RemainingUs). Null: no limit.
  std::function<std::int64_t()> remaining_us;
  // Leaves the journal's head where it outlives the journal, before what cannot be undone is sent
  // (Elector::WriteAnchor). False: it could not, and nothing is sent. Null: there is no such place.
  std::function<bool(std::int64_t timeout_ms)> write_anchor;
  std::function<void()> on_no_answer;  // a request got no answer; any thread
  std::string instance;                // reportingInstance of Kubernetes Events: the replica's name
  int write_threads = 8, exec_threads = 8;
};

class KubeEffects final : public Effects {
 public:
  // `sink` is the Gate; all references outlive it.
  KubeEffects(Client& client, const Redactor& redactor, EventSink& sink, EffectsOptions options);
  ~KubeEffects() override;  // Halts, then waits for what is under way

  void Submit(Action action) override;
  void Halt() override;
  void Resume();  // leadership was won again
  // After Halt: waits until what was under way has ended. False if something is after that time.
  bool WaitIdle(std::int64_t most_ms);

 private:
  struct Ending {
    Done done;
    std::optional<Observed> seen;
  };
  void Run(Action& action);
  Ending Carry(Action& action);
  Ending Write(const Action& action, const ObjectRef& ref, Request request,
               bool answers_object = true);
  Ending Fill(const Action& action, const Provision& provision);
  Ending Announce(const Action& action, const Notice& notice);
  Ending RunCommand(const Action& action, const Exec& exec);
  Result<std::string> Resolve(const Exec& exec, std::int64_t timeout_ms,
                              std::vector<std::string>& values);
  Result<Json> ReadObject(const ObjectRef& ref, std::int64_t timeout_ms);
  std::int64_t TimeoutMs(const Action& action) const;  // 0 or less: too late to send
  void Abandon(const Action& action, const std::string& why);

  Client& client_;
  const Redactor& redactor_;
  EventSink& sink_;
  const EffectsOptions options_;
  std::atomic<bool> halted_{false};
  std::unique_ptr<Lanes> writes_, commands_;
};

// ---- parts without I/O ----

// Deletes, changes at once, or runs a command that does: what a journal that loses its end must not
// forget without notice.
bool NeedsAnchor(const Command& command);

Outcome OutcomeOf(Code code);
// The outcome of a command that ran: its last line as JSON, or the end of what it complained. Both
// only as far as they cannot hold a value (words.h); `names` are words that may stand.
Done DoneOfCommand(const ActionId& id, const ExecResult& result, std::string_view names);
// events.k8s.io/v1. The name follows from the action, so that a repetition is no second Event.
Json NoticeObject(const Action& action, const Notice& notice, const std::string& instance,
                  std::int64_t wall_us);

}  // namespace pgo::kube
