// The parts of the operator that talk to Kubernetes, for one life of the process's journal: probes,
// watches, effects and the Lease.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapters/kube/client.h"
#include "adapters/kube/contact.h"
#include "adapters/kube/credentials.h"
#include "adapters/kube/effects.h"
#include "adapters/kube/elector.h"
#include "adapters/kube/gate.h"
#include "adapters/kube/watcher.h"
#include "adapters/operator/identity.h"
#include "adapters/operator/metrics.h"
#include "adapters/operator/options.h"
#include "engine/driver/driver.h"
#include "journal/store/journal.h"

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
    const Identity& identity;
    const kube::Config& config;
    journal::Journal& journal;
    Driver& driver;
    const Engine& rebuilt;  // from that journal
    OperatorMetrics& metrics;
    // Where an earlier journal of this process ended, as an anchor; "" : there was none. It may
    // have come further than its last renewal of the Lease said.
    std::string last_head;
  };
  explicit Talker(const Parts& parts);
  ~Talker() { Stop(); }
  Talker(const Talker&) = delete;
  Talker& operator=(const Talker&) = delete;

  // Leading, and what it began with, is durable: from now on the Lease gets this journal's anchor.
  // What the last leader left stays there until then.
  void Judged(std::int64_t epoch) { judged_epoch_ = epoch; }

  // Sends nothing more that was not sent, gives the Lease up (at most 2 s after the request that
  // is under way), and ends the watches. A second time does nothing.
  void Stop();

 private:
  kube::EffectsOptions EffectsOptionsOf(const Identity& identity);
  void StartWatching(const Options& options, bool earlier_history);
  void StartElecting(const Parts& parts);

  std::atomic<std::int64_t> judged_epoch_ = 0;
  std::string found_anchors_;  // the elector's thread alone
  kube::Redactor redactor_;
  kube::Gate gate_;
  std::shared_ptr<kube::Credentials> credentials_;
  const kube::Observer observer_;
  kube::Client client_;
  ContactSink contact_sink_;
  kube::ContactTracker contact_;
  kube::ContactProbe probe_;
  std::unique_ptr<kube::Elector> elector_;  // outlives the effects, which ask it for the time left
  kube::KubeEffects effects_;
  std::unique_ptr<kube::Watcher> watcher_;
};

}  // namespace pgo
