// The parts of a leader that talk to Kubernetes, for one leadership: watches and effects. The Lease
// and the contact belong to the Election.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapters/kube/effects.h"
#include "adapters/kube/gate.h"
#include "adapters/kube/watcher.h"
#include "adapters/operator/election.h"
#include "adapters/operator/options.h"
#include "adapters/operator/standing.h"
#include "engine/driver/driver.h"

namespace pgo {

// Tells whether the API server answers; when it does again, watches that died without a word are
// opened anew, or the lock would look silent though it is renewed.
class ContactSink final : public EventSink {
 public:
  explicit ContactSink(EventSink& next) : next_(next) {}
  void SetWatcher(kube::Watcher* watcher) { watcher_ = watcher; }
  void Post(std::vector<Payload> events) override;

 private:
  EventSink& next_;
  std::atomic<kube::Watcher*> watcher_ = nullptr;
};

// Begins at once, and posts to `driver`; all references outlive it.
class Talker {
 public:
  struct Parts {
    const Options& options;
    const std::string& instance;       // this replica's name
    const std::string& redaction_key;  // of the HMACs that stand for secret values
    Election& election;
    Driver& driver;
    const cluster::World& world;  // as known from the journal
    bool earlier_history = false;
    Standing& standing;  // told of kinds that the API server does not know
  };
  explicit Talker(const Parts& parts);
  ~Talker() { Stop(0); }
  Talker(const Talker&) = delete;
  Talker& operator=(const Talker&) = delete;

  // Sends nothing more that was not sent. Any thread.
  void Halt() { effects_.Halt(); }
  // That, then waits until what is under way has ended, and ends the watches. False if something is
  // under way still after that time: nobody else should lead before the Lease has expired. One
  // thread at a time.
  bool Stop(std::int64_t most_ms);

 private:
  kube::EffectsOptions EffectsOptionsOf(const Parts& parts);

  Election& election_;
  kube::Redactor redactor_;
  kube::Gate gate_;
  ContactSink contact_sink_;
  kube::KubeEffects effects_;
  std::unique_ptr<kube::Watcher> watcher_;
};

}  // namespace pgo
