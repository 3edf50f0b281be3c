// This replica's part in the election, and its contact with the API server, for one life of its
// journal: it begins before the replica leads and ends after. Whoever leads attaches itself.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "adapters/kube/client.h"
#include "adapters/kube/contact.h"
#include "adapters/kube/credentials.h"
#include "adapters/kube/elector.h"
#include "adapters/operator/metrics.h"
#include "adapters/operator/options.h"

namespace pgo {

std::string UserAgent();
// Where the Lease is.
kube::ObjectRef LeaseOf(const Options& options, const kube::Config& config);

// Passes what is posted on to whoever leads; drops it while nobody does, for a replica that does
// not lead journals nothing of its own. Any thread.
class Relay final : public EventSink {
 public:
  // Told of each change of leadership, on the elector's thread; never passed on.
  using OnLeading = std::function<void(const Leading&)>;
  explicit Relay(OnLeading on_leading) : on_leading_(std::move(on_leading)) {}
  void Attach(EventSink* next);  // null: nobody. What is being posted has arrived when it returns.
  void Post(std::vector<Payload> events) override;

 private:
  const OnLeading on_leading_;
  std::mutex mutex_;
  EventSink* next_ = nullptr;
};

class Election {
 public:
  struct Parts {
    const Options& options;
    const std::string& identity;
    const kube::Config& config;
    OperatorMetrics& metrics;
    std::string address;  // of this replica's journal; "" : it is given to nobody
    std::string api;      // of its API (kApiAnnotation); "" : nobody is told
    std::function<kube::Candidacy(const std::string& anchors)> candidacy;
    std::function<std::string(std::int64_t epoch)> anchor;  // before each write of the Lease
    Relay::OnLeading on_leading;
    std::function<void()> on_read;  // the Lease was read or written
  };
  // Begins at once. The functions are called on the elector's thread until Stop has returned.
  explicit Election(const Parts& parts);
  ~Election() { Stop(true); }
  Election(const Election&) = delete;
  Election& operator=(const Election&) = delete;

  // Begins to pass on what is found out about contact and leadership, the state of contact first.
  void Attach(EventSink* sink);
  // Gives the Lease up, or leaves it to expire. A second time does nothing.
  void Stop(bool release) { elector_->Stop(release); }

  [[nodiscard]] kube::Client& client() { return client_; }
  [[nodiscard]] kube::Elector& elector() { return *elector_; }
  [[nodiscard]] kube::ContactProbe& probe() { return probe_; }

 private:
  const kube::Observer observer_;
  std::shared_ptr<kube::Credentials> credentials_;
  kube::Client client_;
  Relay relay_;
  kube::ContactTracker contact_;
  kube::ContactProbe probe_;
  std::unique_ptr<kube::Elector> elector_;
};

}  // namespace pgo
