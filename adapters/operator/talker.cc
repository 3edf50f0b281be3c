#include "adapters/operator/talker.h"

#include <ctime>
#include <utility>

#include "adapters/operator/anchor.h"
#include "adapters/secrets/provision.h"

namespace pgo {
namespace {

std::int64_t WallMicros() {
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  return static_cast<std::int64_t>(at.tv_sec) * kSecond + at.tv_nsec / 1000;
}

std::string Agent() { return std::string("pgo-operator/") + kBuild; }

}  // namespace

void ContactSink::Post(std::vector<Payload> events) {
  for (const Payload& event : events) {
    const auto* contact = std::get_if<Contact>(&event);
    kube::Watcher* watcher = watcher_;
    if (contact != nullptr && contact->ok && watcher != nullptr) watcher->Reopen();
  }
  next_.Post(std::move(events));
}

Talker::Talker(const Parts& parts)
    : redactor_(parts.identity.redaction_key),
      gate_(parts.driver),
      credentials_(std::make_shared<kube::Credentials>(parts.config)),
      observer_([&metrics = parts.metrics](const kube::Seen& seen) { metrics.Asked(seen); }),
      client_(credentials_, Agent(), observer_),
      contact_sink_(parts.driver),
      contact_(contact_sink_),
      probe_(client_, contact_),
      effects_(client_, redactor_, gate_, EffectsOptionsOf(parts.identity)) {
  for (const auto& [ref, subject] : parts.rebuilt.world().subjects()) {
    gate_.Know(ref, subject.uid, subject.rv, subject.object);
  }
  parts.driver.SetEffects(&effects_);
  StartWatching(parts.options, parts.journal.Head().seq > 0);
  StartElecting(parts);
}

void Talker::Stop() {
  effects_.Halt();
  elector_->Stop();
  contact_sink_.SetWatcher(nullptr);
  watcher_.reset();
}

kube::EffectsOptions Talker::EffectsOptionsOf(const Identity& identity) {
  kube::EffectsOptions out;
  out.provision = [](const Provision& provision, const kube::EffectsOptions::ReadSecret& read) {
    return secrets::MakeSecret(provision, read, WallMicros());
  };
  out.remaining_us = [this] { return elector_ ? elector_->RemainingUs() : 0; };
  out.write_anchor = [this](std::int64_t timeout_ms) {
    return elector_ != nullptr && elector_->WriteAnchor(timeout_ms);
  };
  out.on_no_answer = [this] { probe_.Hasten(); };
  out.instance = identity.name;
  return out;
}

void Talker::StartWatching(const Options& options, bool earlier_history) {
  kube::WatcherOptions how;
  how.namespaces = options.namespaces;
  how.earlier_history = earlier_history;
  how.on_no_answer = [this] { probe_.Hasten(); };
  watcher_ = std::make_unique<kube::Watcher>(client_, redactor_, gate_, std::move(how));
  contact_sink_.SetWatcher(watcher_.get());
}

void Talker::StartElecting(const Parts& parts) {
  kube::ElectorOptions how;
  how.lease.ns = parts.options.lease_namespace.empty() ? credentials_->config().ns
                                                       : parts.options.lease_namespace;
  how.lease.name = parts.options.lease_name;
  how.lease.identity = parts.identity.name;
  how.lease.last_epoch = static_cast<std::int64_t>(parts.journal.Head().epoch);
  how.anchor = [this, &journal = parts.journal](std::int64_t epoch) {
    return judged_epoch_ == epoch ? WithAnchor(found_anchors_, journal.Head()) : std::string();
  };
  how.judge = [this, &journal = parts.journal, last = parts.last_head](const std::string& found) {
    found_anchors_ = found;
    const std::string why = WhyAmnesia(journal, found);
    return why.empty() ? WhyAmnesia(journal, last) : why;
  };
  how.on_amnesia = [this] { watcher_->ListAgain(); };
  how.observer = observer_;
  how.on_change = [this](bool leading) {
    if (!leading) effects_.Halt();
    if (leading) effects_.Resume();
  };
  elector_ = std::make_unique<kube::Elector>(credentials_, Agent(), parts.driver, contact_,
                                             std::move(how));
}

}  // namespace pgo
