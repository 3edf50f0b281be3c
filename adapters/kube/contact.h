// Whether the API server answers, told to the engine as Contact events. Two things count: a cheap
// GET /readyz every two seconds and the renewals of the Lease. Contact is lost at the first failure
// of either and back when the newest of both succeeded. Any other request that gets no answer only
// makes the next probe come at once: one broken connection is no outage.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "adapters/kube/client.h"
#include "engine/ports/effects.h"

namespace pgo::kube {

// Any thread. Posts only changes, in order.
class ContactTracker {
 public:
  explicit ContactTracker(EventSink& sink) : sink_(sink) {}
  // `source`: "readyz" or "lease"; `what`: the request that told, with its error if it failed.
  void Report(const std::string& source, bool ok, const std::string& what);
  // Whoever listens knows nothing yet: the next report is posted whatever it says.
  void PostAgain();
  // This source says no more (the Lease is not renewed by a follower).
  void Forget(const std::string& source);

 private:
  EventSink& sink_;
  std::mutex mu_;
  std::map<std::string, bool> sources_;
  std::optional<bool> posted_;
};

// Asks GET /readyz on a thread of its own from construction to destruction.
class ContactProbe {
 public:
  // `client` and `tracker` outlive it.
  ContactProbe(Client& client, ContactTracker& tracker);
  ~ContactProbe();
  void Hasten();  // a request got no answer: probe now

 private:
  void Loop();

  Client& client_;
  ContactTracker& tracker_;
  std::mutex mu_;
  std::condition_variable wake_;
  bool stopping_ = false, hastened_ = false;
  std::thread thread_;
};

}  // namespace pgo::kube
