// A Kubernetes of a few dozen lines for engine tests: it does what it is told to one object at a
// time, and lets a test play kubelet and Patroni. It never races: that is for the simulator.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/record.h"

namespace pgo::testing {

class FakeKube {
 public:
  // Carries out an action; gives the Observed of the response, if any, and then the Done.
  std::vector<Payload> Carry(const Action& action);

  // What a test does as somebody else: creates or replaces, and gives the Observed of it.
  Payload Put(const kube::ObjectRef& ref, Json object);
  Payload Remove(const kube::ObjectRef& ref);
  const Json* Find(const kube::ObjectRef& ref) const;
  std::vector<kube::ObjectRef> All(const std::string& kind) const;
  // A complete list of every watched kind.
  std::vector<Payload> ListAll() const;

  std::uint64_t writes = 0;
  // What a command prints, as JSON; nothing set: nothing.
  std::function<Json(const Exec&)> on_exec;

 private:
  Payload Seen(const kube::ObjectRef& ref);
  [[nodiscard]] Json Printed(const Action& action) const;
  Outcome Precondition(const kube::ObjectRef& ref, const std::string& uid, const std::string& rv);

  std::map<kube::ObjectRef, Json> objects_;
  std::uint64_t version_ = 0;
};

// Engine, journal and FakeKube in one loop on one thread. Records are kept as a journal would.
class Loop {
 public:
  void Post(std::vector<Payload> events);
  void Wait(std::int64_t us) { Advance(us); }
  // Carries out everything until nothing more is asked for; false if it has not settled after
  // `rounds_max` rounds.
  bool Settle(int rounds_max = 200);
  // The process is killed: what was under way is lost; a new engine is rebuilt from the records.
  void Restart();
  // The process is to die around the `action`th action from the start of the records, at one of
  // four cuts: before what decided it is appended, after that, after it was sent, after its
  // outcome.
  struct Death {
    std::size_t action = 0;
    int cut = 0;
  };
  void DieAt(Death death) { death_ = death; }
  // It has died: nothing more is done until Restart.
  bool died() const { return died_; }
  // A new segment: its baseline is written, and the engine goes on from it.
  void Rotate(std::size_t part_bytes);

  FakeKube kube;
  Engine engine;
  std::vector<StoredRecord> records;
  std::vector<Action> actions;  // all, in order

 private:
  void Step(std::vector<Payload> events);
  void Advance(std::int64_t us) {
    now_.wall_us += us;
    now_.elapsed_us += us;
  }

  bool Dies(int cut, std::size_t actions);

  std::optional<Death> death_;
  bool died_ = false;
  std::vector<Action> outbox_;
  Now now_{1'780'000'000 * kSecond, 1000 * kSecond};
};

}  // namespace pgo::testing
