#include "adapters/operator/talker.h"

#include <ctime>
#include <utility>

#include "adapters/log/log.h"
#include "adapters/secrets/provision.h"

namespace pgo {
namespace {

std::int64_t WallMicros() {
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  return static_cast<std::int64_t>(at.tv_sec) * kSecond + at.tv_nsec / 1000;
}

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
    : election_(parts.election),
      redactor_(parts.redaction_key),
      gate_(parts.driver),
      contact_sink_(parts.driver),
      effects_(election_.client(), redactor_, gate_, EffectsOptionsOf(parts)) {
  for (const auto& [ref, subject] : parts.world.subjects()) {
    gate_.Know(ref, subject.uid, subject.rv, subject.object);
  }
  parts.driver.SetEffects(&effects_);
  kube::WatcherOptions how;
  how.namespaces = parts.options.namespaces;
  how.earlier_history = parts.earlier_history;
  how.on_absent = [&standing = parts.standing](const std::string& kind, bool absent) {
    if (!standing.SetAbsent(kind, absent)) return;
    if (absent) log::Error(standing.WhyBlind() + "; nothing is decided until then");
    if (!absent) log::Info("the API server knows " + kind + " now");
  };
  how.on_no_answer = [this] { election_.probe().Hasten(); };
  watcher_ = std::make_unique<kube::Watcher>(election_.client(), redactor_, gate_, std::move(how));
  contact_sink_.SetWatcher(watcher_.get());
  election_.Attach(&contact_sink_);
}

bool Talker::Stop(std::int64_t most_ms) {
  effects_.Halt();
  const bool idle = effects_.WaitIdle(most_ms);
  election_.Attach(nullptr);
  contact_sink_.SetWatcher(nullptr);
  watcher_.reset();
  return idle;
}

kube::EffectsOptions Talker::EffectsOptionsOf(const Parts& parts) {
  kube::EffectsOptions out;
  out.provision = [](const Provision& provision, const kube::EffectsOptions::ReadSecret& read) {
    return secrets::MakeSecret(provision, read, WallMicros());
  };
  out.remaining_us = [this] { return election_.elector().RemainingUs(); };
  out.write_anchor = [this](std::int64_t timeout_ms) {
    return election_.elector().WriteAnchor(timeout_ms);
  };
  out.on_no_answer = [this] { election_.probe().Hasten(); };
  out.instance = parts.instance;
  return out;
}

}  // namespace pgo
