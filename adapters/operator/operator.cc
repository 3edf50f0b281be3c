#include "adapters/operator/operator.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <memory>
#include <mutex>
#include <thread>

#include "adapters/http/server.h"
#include "adapters/kube/config.h"
#include "adapters/log/log.h"
#include "adapters/operator/api.h"
#include "adapters/operator/election.h"
#include "adapters/operator/identity.h"
#include "adapters/operator/life.h"
#include "adapters/operator/standing.h"
#include "adapters/operator/volume.h"
#include "adapters/secrets/provision.h"

namespace pgo {
namespace {

std::int64_t WallMicros() { return static_cast<std::int64_t>(std::time(nullptr)) * kSecond; }

Result<std::map<std::string, std::string>> FillParts(
    const std::vector<Part>& parts, const std::map<std::string, std::string>& existing) {
  return secrets::FillParts(parts, existing, {}, WallMicros());
}

sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// What can be known to be wrong before anything is done.
Status CheckReplicas(const Options& options) {
  if (options.replica_listen.empty()) {
    if (options.replica_address.empty()) return {};
    return Fail(Code::kInvalid, "replica-address " + options.replica_address +
                                    ": it needs --replica-listen beside it");
  }
  http::ServerOptions how;
  if (auto read = ReadListen(options.replica_listen, how); !read) return read;
  const auto address = ReplicaAddress(options, how.port);
  return address ? Status() : Fail(address.error());
}

struct Servers {
  std::unique_ptr<http::Server> api, health, metrics;
};

// What the servers answer from; outlives them.
struct Sources {
  const Standing& standing;
  const ReplicaDesk& desk;
  OperatorMetrics& metrics;
  Guard& guard;
};

Result<std::unique_ptr<http::Server>> StartGuarded(const std::string& listen,
                                                   const Identity& identity,
                                                   http::Handler handler) {
  http::ServerOptions how;
  if (auto s = ReadListen(listen, how); !s) return Fail(s.error());
  how.certificate = identity.certificate;
  how.private_key = identity.private_key;
  how.ask_certificate = true;
  return http::Server::Start(how, std::move(handler));
}

http::Handler HealthHandler(const Sources& from, bool with_metrics) {
  return [from, with_metrics](const http::Request& request) {
    if (!with_metrics && request.path == "/metrics") {
      return http::Response{403, "text/plain; charset=utf-8",
                            "metrics are at --metrics-listen, over TLS, for who may get them\n"};
    }
    return AnswerHealth(request, from.metrics, from.standing);
  };
}

Result<Servers> StartServers(const Options& options, const Identity& identity,
                             const Sources& from) {
  Servers servers;
  auto api = StartGuarded(options.listen, identity, [from](const http::Request& request) {
    return AnswerApi(request, from.standing, from.desk, from.guard);
  });
  if (!api) return Fail(api.error().In("API"));
  servers.api = *std::move(api);
  if (!options.metrics_listen.empty()) {
    auto scraped = StartGuarded(options.metrics_listen, identity, [from](const auto& request) {
      return AnswerMetrics(request, from.metrics, from.standing, from.guard);
    });
    if (!scraped) return Fail(scraped.error().In("metrics"));
    servers.metrics = *std::move(scraped);
  }
  http::ServerOptions health;
  if (auto s = ReadListen(options.health_listen, health); !s) return Fail(s.error());
  auto healthy = http::Server::Start(health, HealthHandler(from, servers.metrics == nullptr));
  if (!healthy) return Fail(healthy.error().In("health"));
  servers.health = *std::move(healthy);
  return servers;
}

// Where the API is: for `pgo` on this machine, and on the log.
Status SayWhere(const Options& options, const Identity& identity, const http::Server& api) {
  http::ServerOptions how;
  if (auto read = ReadListen(options.listen, how); !read) return read;
  const auto url = "https://" + how.address + ":" + std::to_string(api.Port());
  // With a full disk what an earlier start wrote there may still be right.
  if (auto s = Announce(options.data_directory, identity, url); !s) {
    log::Error(s.error().message + ": pgo on this machine may not find the API");
  }
  log::Info("API on " + url);
  return {};
}

// The same for `pgo` elsewhere, which comes through the pod: goes onto the Lease.
std::string ApiNotice(const Options& options, const Identity& identity, const http::Server& api) {
  if (options.pod_name.empty()) return "";
  return DumpJson({{"pod", options.pod_name}, {"port", api.Port()}, {"ca", identity.ca}});
}

// Asks Kubernetes over a connection of its own.
Guard::Parts GuardParts(const Options& options, const Identity& identity, kube::Client& client) {
  return {[&client](kube::Request request) { return client.Do(std::move(request)); },
          identity.token, options.viewer_role, BootMicros, WallMicros};
}

// Ends the life under way, and all that would follow, when the process is told to.
class Ending {
 public:
  void Now() {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (life_ != nullptr) life_->Stop();
    changed_.notify_all();
  }
  // False: it is over already.
  bool Begin(Life* life) {
    const std::lock_guard lock(mutex_);
    life_ = life;
    return !ending_;
  }
  // True if it is over.
  bool Wait(std::chrono::seconds most) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, most, [&] { return ending_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  Life* life_ = nullptr;
};

constexpr std::chrono::seconds kPauseFirst{1}, kPauseMost{30}, kLook{1};
constexpr std::chrono::milliseconds kPoll{50};

// Another journal takes the place of the one whose life has ended. Whoever still reads that one
// gets his answer first.
Status Replace(Setting& setting, const follow::BeginAnew& order) {
  const std::weak_ptr<const journal::Journal> old = setting.standing.journal();
  setting.standing.Still("the leader's journal is fetched anew: " + order.why);
  setting.standing.Close();
  for (int i = 0; i < 200 && !old.expired(); ++i) std::this_thread::sleep_for(kPoll);
  const auto kept = SetAside(setting.options.data_directory, order);
  setting.last_head.clear();
  if (!kept) return Fail(kept.error().In("begin anew with the leader's journal"));
  log::Warn("the leader's journal is fetched anew: " + order.why +
            (kept->empty() ? "" : "; the one that was here is kept as " + *kept));
  return {};
}

// From the opening of the journal to its end; no error: the process is to end, or the next life to
// begin.
Status LiveOnce(Setting& setting, Ending& ending) {
  std::optional<follow::BeginAnew> anew;
  {
    auto life = Life::Begin(setting);
    if (!life) return Fail(life.error());
    if (!ending.Begin(life->get())) (*life)->Stop();
    Status status = (*life)->Run();
    static_cast<void>(ending.Begin(nullptr));
    if (!status) {
      setting.standing.Still(status.error().message);
      return status;
    }
    anew = (*life)->anew();
  }
  return anew ? Replace(setting, *anew) : Status();
}

// The process stays up without a journal, so that it shows why, and goes on by itself when it can.
// What cannot be opened at the first start, with room on the disk, is for a person to mend.
Status Live(Setting& setting, Ending& ending) {
  const std::string& directory = setting.options.data_directory;
  std::chrono::seconds pause = kPauseFirst;
  std::string told;
  for (bool first = true;; first = false) {
    const Status status = LiveOnce(setting, ending);
    if (status && ending.Wait(std::chrono::seconds(0))) return {};
    if (status) {
      setting.standing.Close();
      pause = kPauseFirst;
      continue;
    }
    const std::string why = status.error().message;
    const bool room = HasRoom(MeasureVolume(directory));
    if (first && room && setting.standing.journal() == nullptr) return status;
    setting.standing.Still(why);
    if (why != told) {
      log::Error(why +
                 ": standing still; nothing is decided or done until the journal opens again");
    }
    told = why;
    if (!room) setting.volume.Refused();
    if (ending.Wait(pause)) return {};
    pause = room ? std::min(pause * 2, kPauseMost) : kPauseFirst;
    while (!HasRoom(MeasureVolume(directory))) {
      if (ending.Wait(kLook)) return {};
    }
    setting.standing.Close();
    ForgetCached(directory + "/journal");
  }
}

}  // namespace

Status RunOperator(const Options& options) {
  const sigset_t signals = BlockSignals();  // before the first thread
  const FillSecret fill = FillParts;
  const auto identity = LoadIdentity(options.data_directory, fill);
  if (!identity) return Fail(identity.error());
  const auto config = kube::LoadConfig({options.kubeconfig, options.context});
  if (!config) return Fail(config.error());
  if (auto may = CheckReplicas(options); !may) return may;
  log::Start(options.debug);
  OperatorMetrics metrics;
  Standing standing;
  standing.Still("starting");
  ReplicaDesk desk;  // outlives the servers
  metrics.Follow(&desk);
  kube::Client reviews(std::make_shared<kube::Credentials>(*config), UserAgent(),
                       [&metrics](const kube::Seen& seen) { metrics.Asked(seen); });
  Guard guard(GuardParts(options, *identity, reviews));
  auto servers = StartServers(options, *identity, {standing, desk, metrics, guard});
  if (!servers) return Fail(servers.error());
  if (auto said = SayWhere(options, *identity, *servers->api); !said) return said;
  Volume volume(options.data_directory);
  metrics.Watch(&volume);
  Setting setting{options, *identity, *config,
                  fill,    metrics,   standing,
                  volume,  desk,      ApiNotice(options, *identity, *servers->api)};
  Ending ending;
  std::thread waiter([&] {
    int signal = 0;
    sigwait(&signals, &signal);
    log::Info("stopping");
    ending.Now();
  });
  const Status status = Live(setting, ending);
  if (!status) ::kill(::getpid(), SIGTERM);  // blocked: it wakes the waiter alone
  waiter.join();
  metrics.Watch(nullptr);
  metrics.Follow(nullptr);
  log::Stop();
  return status;
}

}  // namespace pgo
