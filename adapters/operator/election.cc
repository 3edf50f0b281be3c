#include "adapters/operator/election.h"

#include <utility>

namespace pgo {

std::string UserAgent() { return std::string("pgo-operator/") + kBuild; }

kube::ObjectRef LeaseOf(const Options& options, const kube::Config& config) {
  return {"Lease", options.lease_namespace.empty() ? config.ns : options.lease_namespace,
          options.lease_name};
}

void Relay::Attach(EventSink* next) {
  const std::scoped_lock lock(mutex_);
  next_ = next;
}

void Relay::Post(std::vector<Payload> events) {
  std::vector<Payload> rest;
  for (Payload& event : events) {
    if (const auto* leading = std::get_if<Leading>(&event)) {
      on_leading_(*leading);
    } else {
      rest.push_back(std::move(event));
    }
  }
  const std::scoped_lock lock(mutex_);
  if (next_ != nullptr && !rest.empty()) next_->Post(std::move(rest));
}

Election::Election(const Parts& parts)
    : observer_([&metrics = parts.metrics](const kube::Seen& seen) { metrics.Asked(seen); }),
      credentials_(std::make_shared<kube::Credentials>(parts.config)),
      client_(credentials_, UserAgent(), observer_),
      relay_(parts.on_leading),
      contact_(relay_),
      probe_(client_, contact_) {
  kube::ElectorOptions how;
  const kube::ObjectRef lease = LeaseOf(parts.options, parts.config);
  how.lease.ns = lease.ns;
  how.lease.name = lease.name;
  how.lease.identity = parts.identity;
  how.lease.address = parts.address;
  how.lease.api = parts.api;
  how.lease.candidacy = parts.candidacy;
  how.anchor = parts.anchor;
  how.on_read = parts.on_read;
  how.observer = observer_;
  elector_ =
      std::make_unique<kube::Elector>(credentials_, UserAgent(), relay_, contact_, std::move(how));
}

void Election::Attach(EventSink* sink) {
  relay_.Attach(sink);
  if (sink != nullptr) contact_.PostAgain();
}

}  // namespace pgo
