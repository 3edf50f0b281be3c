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
#include "adapters/operator/anchor.h"
#include "adapters/operator/api.h"
#include "adapters/operator/identity.h"
#include "adapters/operator/journal_port.h"
#include "adapters/operator/standing.h"
#include "adapters/operator/talker.h"
#include "adapters/operator/volume.h"
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
                             const Standing& standing, OperatorMetrics& metrics) {
  http::ServerOptions api;
  if (auto s = ReadListen(options.listen, api); !s) return Fail(s.error());
  api.certificate = identity.certificate;
  api.private_key = identity.private_key;
  api.token = identity.token;
  http::ServerOptions health;
  if (auto s = ReadListen(options.health_listen, health); !s) return Fail(s.error());
  Servers servers;
  auto started = http::Server::Start(
      api, [&standing](const http::Request& request) { return AnswerApi(request, standing); });
  if (!started) return Fail(started.error().In("API"));
  servers.api = *std::move(started);
  auto healthy = http::Server::Start(health, [&](const http::Request& request) {
    return AnswerHealth(request, metrics, standing);
  });
  if (!healthy) return Fail(healthy.error().In("health"));
  servers.health = *std::move(healthy);
  const auto url = "https://" + api.address + ":" + std::to_string(servers.api->Port());
  // With a full disk what an earlier start wrote there may still be right.
  if (auto s = Announce(options.data_directory, identity, url); !s) {
    log::Error(s.error().message + ": pgo on this machine may not find the API");
  }
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
  const auto use = MeasureVolume(options.data_directory);
  if (auto s = ShrinkTo(**journal, use, {WallMicros(), 0}); !s) return Fail(s.error());
  return journal;
}

// What all lives have in common.
struct Setting {
  const Options& options;
  const Identity& identity;
  const kube::Config& config;
  OperatorMetrics& metrics;
  Standing& standing;
  Volume& volume;
  std::string last_head;  // of the life before, as an anchor
};

// One life: from the opening of the journal to the stop, or to the first write that it refuses.
class Life {
 public:
  static Result<std::unique_ptr<Life>> Begin(Setting& setting) {
    auto opened = OpenJournal(setting.options);
    if (!opened) return Fail(opened.error());
    std::shared_ptr<journal::Journal> journal = *std::move(opened);
    auto engine = Rebuild(*journal);
    if (!engine) return Fail(engine.error());
    return std::unique_ptr<Life>(new Life(setting, std::move(journal), *std::move(engine)));
  }
  ~Life() {
    setting_.metrics.Look(nullptr);
    setting_.last_head = AnchorText(journal_->Head());
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // An error says what the journal refused: all that talks has stopped, the Lease is given up.
  Status Run() {
    Status status = driver_.Run();
    if (!status) Hush();
    return status;
  }
  void Stop() {
    Hush();
    driver_.Stop();
  }

 private:
  Life(Setting& setting, std::shared_ptr<journal::Journal> journal, Engine engine)
      : setting_(setting),
        journal_(std::move(journal)),
        rebuilt_(std::move(engine)),
        port_(
            *journal_,
            [this](const StorePort::Written& written) { setting_.metrics.Written(written); },
            &setting.volume),
        driver_(rebuilt_, port_, clock_, {}),
        talker_({setting.options, setting.identity, setting.config, *journal_, Prepare(), rebuilt_,
                 setting.metrics, setting.last_head}) {
    setting_.standing.Work(journal_);
    setting_.metrics.Look(&driver_);
  }
  // What was committed goes to the log and the metrics. Nothing comes before Started.
  Driver& Prepare() {
    driver_.SetOnCommit(
        [this](const std::vector<Event>& events, const StepResult& step, std::int64_t step_us) {
          setting_.metrics.Committed(events, step, step_us);
          log::Frame(events, step);
          for (const Event& event : events) Led(event);
        });
    driver_.SetOnDropped([this](const std::string& what) {
      setting_.metrics.Dropped();
      log::Error(what + ": an event of it is too large for the journal and was passed over");
    });
    driver_.Post({Started{kBuild, kRuleset, setting_.identity.name, setting_.options.settings}});
    return driver_;
  }
  // A refused write and a signal may end it at once.
  void Hush() {
    const std::lock_guard lock(stopping_);
    talker_.Stop();
  }
  void Led(const Event& event) {
    const auto* leading = std::get_if<Leading>(&event.payload);
    if (leading == nullptr || !leading->leading) return;
    setting_.standing.SetAmnesia(leading->amnesia);
    talker_.Judged(leading->epoch);
  }

  Setting& setting_;
  const std::shared_ptr<journal::Journal> journal_;
  const Engine rebuilt_;
  StorePort port_;
  system::SystemClock clock_;
  Driver driver_;
  std::mutex stopping_;
  Talker talker_;
};

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

// From the opening of the journal to its end; no error: the process is to end.
Status LiveOnce(Setting& setting, Ending& ending) {
  auto life = Life::Begin(setting);
  if (!life) return Fail(life.error());
  if (!ending.Begin(life->get())) (*life)->Stop();
  Status status = (*life)->Run();
  static_cast<void>(ending.Begin(nullptr));
  if (!status) setting.standing.Still(status.error().message);
  return status;
}

// The process stays up without a journal, so that it shows why, and goes on by itself when it can.
// What cannot be opened at the first start, with room on the disk, is for a person to mend.
Status Live(Setting& setting, Ending& ending) {
  const std::string& directory = setting.options.data_directory;
  std::chrono::seconds pause = kPauseFirst;
  std::string told;
  for (bool first = true;; first = false) {
    const Status status = LiveOnce(setting, ending);
    if (status) return {};
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
  const auto identity = LoadIdentity(options.data_directory, FillIdentity);
  if (!identity) return Fail(identity.error());
  const auto config = kube::LoadConfig({options.kubeconfig, options.context});
  if (!config) return Fail(config.error());
  log::Start(options.debug);
  OperatorMetrics metrics;
  Standing standing;
  standing.Still("starting");
  auto servers = StartServers(options, *identity, standing, metrics);
  if (!servers) return Fail(servers.error());
  Volume volume(options.data_directory);
  metrics.Watch(&volume);
  Setting setting{options, *identity, *config, metrics, standing, volume, ""};
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
  log::Stop();
  return status;
}

}  // namespace pgo
