#include "adapters/operator/operator.h"

#include <pthread.h>
#include <csignal>

#include <atomic>
#include <ctime>
#include <functional>
#include <memory>
#include <thread>

#include "adapters/http/server.h"
#include "adapters/kube/contact.h"
#include "adapters/kube/credentials.h"
#include "adapters/kube/effects.h"
#include "adapters/kube/elector.h"
#include "adapters/kube/gate.h"
#include "adapters/kube/watcher.h"
#include "adapters/log/log.h"
#include "adapters/operator/api.h"
#include "adapters/operator/identity.h"
#include "adapters/operator/journal_port.h"
#include "adapters/secrets/provision.h"
#include "adapters/system/clock.h"
#include "engine/driver/driver.h"

namespace pgo {
namespace {

std::int64_t WallMicros() { return static_cast<std::int64_t>(std::time(nullptr)) * kSecond; }

Result<std::map<std::string, std::string>> FillIdentity(
    const std::vector<Part>& parts, const std::map<std::string, std::string>& existing) {
  return secrets::FillParts(parts, existing, {}, WallMicros());
}

// "127.0.0.1:8443", "[::1]:8443"
Status ReadListen(const std::string& text, http::ServerOptions& out) {
  const auto colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  int number = 0;
  for (const char c : port)
    number = c >= '0' && c <= '9' && number < 65536 ? number * 10 + c - '0' : 65536;
  if (host.empty() || port.empty() || number > 65535) {
    return Fail(Code::kInvalid,
                "listen address " + text + ": must be ADDRESS:PORT, as 127.0.0.1:8443");
  }
  out.address = host;
  out.port = static_cast<std::uint16_t>(number);
  return {};
}

std::string Anchor(const journal::Journal& journal) {
  const auto head = journal.Head();
  return journal::HexOf(head.journal_id) + "/" + std::to_string(head.epoch) + "/" +
         std::to_string(head.seq) + "/" + journal::HexOf(head.chain);
}

// Tells whether the API server answers; when it does again, watches that died without a word are
// opened anew, or the lock would look silent though it is renewed.
class ContactSink final : public EventSink {
 public:
  explicit ContactSink(EventSink& next) : next_(next) {}
  void SetWatcher(kube::Watcher* watcher) { watcher_ = watcher; }
  void Post(std::vector<Payload> events) override {
    for (const Payload& event : events) {
      const auto* contact = std::get_if<Contact>(&event);
      kube::Watcher* watcher = watcher_;
      if (contact != nullptr && contact->ok && watcher != nullptr) watcher->Reopen();
    }
    next_.Post(std::move(events));
  }

 private:
  EventSink& next_;
  std::atomic<kube::Watcher*> watcher_ = nullptr;
};

// The parts that talk to Kubernetes, in the order in which they begin; they end in reverse.
class Talker {
 public:
  Talker(const Options& options, const Identity& identity, kube::Config config,
         journal::Journal& journal, Driver& driver, const Engine& rebuilt, OperatorMetrics& metrics)
      : redactor_(identity.redaction_key),
        gate_(driver),
        credentials_(std::make_shared<kube::Credentials>(std::move(config))),
        observer_([&metrics](const kube::Seen& seen) { metrics.Asked(seen); }),
        client_(credentials_, Agent(), observer_),
        contact_sink_(driver),
        contact_(contact_sink_),
        probe_(client_, contact_),
        effects_(client_, redactor_, gate_, EffectsOptionsOf(identity)) {
    for (const auto& [ref, subject] : rebuilt.world().subjects()) {
      gate_.Know(ref, subject.uid, subject.rv, subject.object);
    }
    driver.SetEffects(&effects_);
    StartWatching(options, journal.Head().seq > 0);
    StartElecting(options, identity, journal, driver);
  }
  void Stop() {
    effects_.Halt();
    elector_.reset();
    contact_sink_.SetWatcher(nullptr);
    watcher_.reset();
  }

 private:
  static std::string Agent() { return std::string("pgo-operator/") + kBuild; }

  kube::EffectsOptions EffectsOptionsOf(const Identity& identity) {
    kube::EffectsOptions out;
    out.provision = [](const Provision& provision, const kube::EffectsOptions::ReadSecret& read) {
      return secrets::MakeSecret(provision, read, WallMicros());
    };
    out.remaining_us = [this] { return elector_ ? elector_->RemainingUs() : 0; };
    out.on_no_answer = [this] { probe_.Hasten(); };
    out.instance = identity.name;
    return out;
  }
  void StartWatching(const Options& options, bool earlier_history) {
    kube::WatcherOptions how;
    how.namespaces = options.namespaces;
    how.earlier_history = earlier_history;
    how.on_no_answer = [this] { probe_.Hasten(); };
    watcher_ = std::make_unique<kube::Watcher>(client_, redactor_, gate_, std::move(how));
    contact_sink_.SetWatcher(watcher_.get());
  }
  void StartElecting(const Options& options, const Identity& identity, journal::Journal& journal,
                     Driver& driver) {
    kube::ElectorOptions how;
    how.lease.ns =
        options.lease_namespace.empty() ? credentials_->config().ns : options.lease_namespace;
    how.lease.name = options.lease_name;
    how.lease.identity = identity.name;
    how.lease.last_epoch = static_cast<std::int64_t>(journal.Head().epoch);
    how.anchor = [&journal] { return Anchor(journal); };
    how.observer = observer_;
    how.on_change = [this](bool leading) {
      if (!leading) effects_.Halt();
      if (leading) effects_.Resume();
    };
    elector_ =
        std::make_unique<kube::Elector>(credentials_, Agent(), driver, contact_, std::move(how));
  }

  kube::Redactor redactor_;
  kube::Gate gate_;
  std::shared_ptr<kube::Credentials> credentials_;
  const kube::Observer observer_;
  kube::Client client_;
  ContactSink contact_sink_;
  kube::ContactTracker contact_;
  kube::ContactProbe probe_;
  kube::KubeEffects effects_;
  std::unique_ptr<kube::Watcher> watcher_;
  std::unique_ptr<kube::Elector> elector_;
};

sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

struct Servers {
  std::unique_ptr<http::Server> api, health;
};

Result<Servers> StartServers(const Options& options, const Identity& identity,
                             const journal::Journal& journal, OperatorMetrics& metrics) {
  http::ServerOptions api;
  if (auto s = ReadListen(options.listen, api); !s) return Fail(s.error());
  api.certificate = identity.certificate;
  api.private_key = identity.private_key;
  api.token = identity.token;
  http::ServerOptions health;
  if (auto s = ReadListen(options.health_listen, health); !s) return Fail(s.error());
  Servers servers;
  auto started = http::Server::Start(
      api, [&journal](const http::Request& request) { return AnswerApi(request, journal); });
  if (!started) return Fail(started.error().In("API"));
  servers.api = *std::move(started);
  auto healthy = http::Server::Start(health, [&](const http::Request& request) {
    return AnswerHealth(request, metrics, journal);
  });
  if (!healthy) return Fail(healthy.error().In("health"));
  servers.health = *std::move(healthy);
  const auto url = "https://" + api.address + ":" + std::to_string(servers.api->Port());
  if (auto s = Announce(options.data_directory, identity, url); !s) return Fail(s.error());
  log::Info("API on " + url);
  return servers;
}

// What its retention no longer covers is given up before anything is rebuilt from it.
Result<std::unique_ptr<journal::Journal>> OpenJournal(const Options& options) {
  journal::JournalOptions how;
  how.retention.bytes_max = options.journal_bytes_max;
  how.retention.age_max_us = options.journal_age_max_us;
  auto journal = journal::Journal::Open(options.data_directory + "/journal", how);
  if (!journal) return Fail(journal.error().In("journal of " + options.data_directory));
  const auto dropped = (*journal)->Retain({WallMicros(), 0});
  if (!dropped) return Fail(dropped.error());
  return journal;
}

// What was committed goes to the log and the metrics.
void Report(Driver& driver, OperatorMetrics& metrics) {
  driver.SetOnCommit(
      [&metrics](const std::vector<Event>& events, const StepResult& step, std::int64_t step_us) {
        metrics.Committed(events, step, step_us);
        log::Frame(events, step);
      });
  driver.SetOnDropped([&metrics](const std::string& what) {
    metrics.Dropped();
    log::Error(what + ": an event of it is too large for the journal and was passed over");
  });
}

}  // namespace

Status RunOperator(const Options& options) {
  const sigset_t signals = BlockSignals();  // before the first thread
  const auto identity = LoadIdentity(options.data_directory, FillIdentity);
  if (!identity) return Fail(identity.error());
  auto config = kube::LoadConfig({options.kubeconfig, options.context});
  if (!config) return Fail(config.error());
  auto journal = OpenJournal(options);
  if (!journal) return Fail(journal.error());
  auto engine = Rebuild(**journal);
  if (!engine) return Fail(engine.error());
  const Engine rebuilt = *engine;
  log::Start(options.debug);
  OperatorMetrics metrics;
  auto servers = StartServers(options, *identity, **journal, metrics);
  if (!servers) return Fail(servers.error());

  StorePort port(**journal, [&](const StorePort::Written& written) { metrics.Written(written); });
  system::SystemClock clock;
  Driver driver(*std::move(engine), port, clock, {});
  Report(driver, metrics);
  driver.Post({Started{kBuild, kRuleset, identity->name, options.settings}});
  Talker talker(options, *identity, *std::move(config), **journal, driver, rebuilt, metrics);
  metrics.Look(&driver);

  std::thread waiter([&] {
    int signal = 0;
    sigwait(&signals, &signal);
    log::Info("stopping");
    talker.Stop();
    driver.Stop();
  });
  const Status status = driver.Run();
  if (!status) {
    log::Error(status.error().message + ": nothing more is decided or done until a restart");
    talker.Stop();
  }
  waiter.join();
  metrics.Look(nullptr);
  log::Stop();
  return status;
}

}  // namespace pgo
