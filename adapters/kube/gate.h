// The one door from the adapter to the engine's inbox. Watches and the answers to our own requests
// arrive by different ways and in any order; the gate lets through what is news:
//   - an Observed only if it is not older than what went through before, and differs from it,
//   - none for an object that is known to be deleted (by uid),
//   - a Gone only once.
// So the watch's echo of our own writes, a relist of unchanged objects and a Node's heartbeat
// journal nothing.
//
// Any thread; events keep the order of the calls. Post blocks while the inbox is full.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/ports/effects.h"

namespace pgo::kube {

class Gate final : public EventSink {
 public:
  explicit Gate(EventSink& inbox) : inbox_(inbox) {}

  void Post(std::vector<Payload> events) override;
  // An object that the engine knows already (rebuilt from the journal), redacted.
  void Know(const ObjectRef& ref, const std::string& uid, const std::string& rv,
            const Json& object);

 private:
  struct Known {
    std::string uid, rv;
    std::size_t content = 0;  // hash of the redacted object without its version
  };
  bool IsNews(const Observed& observed);
  bool IsNews(const Gone& gone);
  void Bury(const std::string& uid);
  // Puts in what was created after the list was read, and forgets what is in neither.
  void Settle(Listed& listed);

  EventSink& inbox_;
  std::mutex mu_;
  std::map<ObjectRef, Known> known_;
  std::set<std::string> buried_;     // uids of deleted objects, the newest kTombstones
  std::deque<std::string> burials_;  // in order
};

}  // namespace pgo::kube
