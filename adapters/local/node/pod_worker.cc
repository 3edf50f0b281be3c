#include "adapters/local/node/pod_worker.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "adapters/local/node/addresses.h"
#include "adapters/local/node/hosts.h"
#include "adapters/local/node/pod_volumes.h"
#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {
constexpr std::size_t kLastWordsMax = 4096;  // as the kubelet
}  // namespace
namespace {

using State = ContainerRecord::State;
constexpr std::int64_t kRetryMs = 1000;      // volumes or settings that are missing something
constexpr std::int64_t kStableMs = 600'000;  // a container that ran so long has no crashes
constexpr std::int64_t kDefaultGraceMs = 30'000;
// Of a pod whose object went by force: as little as the kubelet gives anybody. One that was ending
// already keeps the time it was given.
constexpr std::int64_t kForcedGraceMs = 1000;

std::int64_t GraceMs(const Json& pod) {
  const Json* asked = Find(pod, {"metadata", "deletionGracePeriodSeconds"});
  const std::int64_t own =
      GetInt(pod, {"spec", "terminationGracePeriodSeconds"}, kDefaultGraceMs / 1000);
  return (asked != nullptr ? AsInt(*asked) : own) * 1000;
}

bool Over(const ContainerRecord& record) { return record.state == State::kTerminated; }
bool Alive(const ContainerRecord& record) {
  return record.state == State::kRunning || record.state == State::kStarting;
}

std::string ReadyOf(const Json& status) {
  for (const Json& condition : GetArray(status, {"conditions"})) {
    if (GetString(condition, {"type"}) == "Ready") return GetString(condition, {"status"});
  }
  return {};
}

}  // namespace

PodWorker::PodWorker(NodeHost& host, Json pod, bool rebooted)
    : host_(host), pod_(std::move(pod)), uid_(GetString(pod_, {"metadata", "uid"})) {
  records_ = rebooted ? RecordsAfterReboot(pod_, WallMs()) : NewRecords(pod_);
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : GetArray(pod_, {"spec", list}))
      runners_.push_back({.spec = container});
  }
  start_ms_ = WallMs();
  last_status_ = GetObject(pod_, {"status"});
  const std::string phase = GetString(last_status_, {"phase"});
  if (phase != "Succeeded" && phase != "Failed") return;
  stage_ = Stage::kOver;
  finished_written_ = true;
}

void PodWorker::Update(const Json& pod) {
  const bool fields_changed =
      GetObject(pod, {"metadata", "labels"}) != GetObject(pod_, {"metadata", "labels"}) ||
      GetObject(pod, {"metadata", "annotations"}) != GetObject(pod_, {"metadata", "annotations"});
  pod_ = pod;
  if (fields_changed) Refresh();
  // Node lifecycle said otherwise while the node was silent.
  if (sandbox_ && ReadyOf(GetObject(pod, {"status"})) != ReadyOf(last_status_)) {
    last_status_ = nullptr;
    WriteStatus();
  }
}

void PodWorker::ObjectGone() { object_gone_ = true; }

void PodWorker::Refresh() {
  retry_ms_ = 0;
  if (!sandbox_ || stage_ != Stage::kRunning) return;
  // What fails keeps its old content, as with the kubelet.
  static_cast<void>(PrepareVolumes(host_, pod_, false));
}

void PodWorker::RefreshNames() {
  if (sandbox_ && stage_ < Stage::kRemoving) static_cast<void>(WriteHosts(host_, pod_, address_));
}

void PodWorker::Advance() {
  const bool deleting = object_gone_ || Find(pod_, {"metadata", "deletionTimestamp"}) != nullptr;
  if (deleting && stage_ < Stage::kStopping)
    BeginStopping(object_gone_ ? kForcedGraceMs : GraceMs(pod_));
  switch (stage_) {
    case Stage::kVolumes:
      if (MonotonicMs() >= retry_ms_) StartSandbox();
      break;
    case Stage::kRunning:
      AdvanceContainers();
      break;
    case Stage::kStopping:
      AdvanceStopping();
      break;
    case Stage::kOver:
      if (deleting) Finish();
      break;
    case Stage::kSandbox:
    case Stage::kRemoving:
    case Stage::kGone:
      break;
  }
}

void PodWorker::ShowWaiting(const std::string& reason, const std::string& message) {
  for (ContainerRecord& record : records_) {
    if (record.state != State::kWaiting || record.waiting_reason == "PodInitializing") continue;
    record.waiting_reason = reason;
    record.waiting_message = message;
  }
  WriteStatus();
}

void PodWorker::StartSandbox() {
  retry_ms_ = MonotonicMs() + kRetryMs;
  if (!host_.reachable()) return;
  static_cast<void>(MakeDirs(host_.PodDirectory(uid_)));
  auto volumes = PrepareVolumes(host_, pod_, true);
  if (!volumes) {
    Warn("FailedMount", volumes.error().message);
    return ShowWaiting("ContainerCreating", "");
  }
  volumes_ = *std::move(volumes);
  address_ = host_.new_address();
  if (auto written = WriteHosts(host_, pod_, address_); !written)
    return Warn("FailedMount", written.error().message);
  stage_ = Stage::kSandbox;
  sandbox_ = true;
  host_.send({{"op", "sandbox"},
              {"pod", uid_},
              {"hostname", HostnameOf(pod_)},
              {"address", address_},
              {"gateway", PodGateway(host_.number)},
              {"share_pid", GetBool(pod_, {"spec", "shareProcessNamespace"})},
              {"shm", host_.PodDirectory(uid_) + "/shm"}},
             {});
}

void PodWorker::Handle(const Json& event) {
  const std::string kind = GetString(event, {"event"}), id = GetString(event, {"id"});
  if (kind == "sandbox") {
    if (stage_ != Stage::kSandbox) return;
    stage_ = Stage::kRunning;
    if (!GetBool(event, {"ok"})) {
      Warn("FailedCreatePodSandBox", GetString(event, {"message"}));
      TakeDown();
    }
    return;
  }
  if (kind == "removed") {
    sandbox_ = false;
    if (stage_ == Stage::kRemoving) Finish();
    return;
  }
  if (const auto index = IndexOf(id)) {
    if (kind == "started") OnStarted(*index);
    if (kind == "exited") {
      OnExited(*index, static_cast<int>(GetInt(event, {"code"})),
               static_cast<int>(GetInt(event, {"signal"})), "");
    }
    if (kind == "start_failed") OnExited(*index, 128, 0, GetString(event, {"message"}));
    return;
  }
  HandleCommand(id, event);
}

std::optional<std::size_t> PodWorker::IndexOf(const std::string& container_id) const {
  for (std::size_t i = 0; i < records_.size(); ++i) {
    if (!container_id.empty() && records_[i].id == container_id) return i;
  }
  return std::nullopt;
}

bool PodWorker::AdvanceInit() {
  for (std::size_t i = 0; i < records_.size(); ++i) {
    ContainerRecord& record = records_[i];
    if (!record.init) return true;
    if (record.sidecar) {
      if (!Alive(record)) TryStart(i);
      if (!record.started) return false;
      continue;
    }
    if (Over(record) && record.current && record.current->exit_code == 0) continue;
    if (Over(record) && GetString(pod_, {"spec", "restartPolicy"}, "Always") == "Never")
      return false;
    if (!Alive(record)) TryStart(i);
    return false;
  }
  return true;
}

void PodWorker::AdvanceContainers() {
  const std::string policy = GetString(pod_, {"spec", "restartPolicy"}, "Always");
  const std::string phase = PhaseOf(Facts());
  if (phase == "Succeeded" || phase == "Failed") return TakeDown();
  const bool initialised = AdvanceInit();
  for (std::size_t i = 0; i < records_.size(); ++i) {
    ContainerRecord& record = records_[i];
    SignalOverdue(i);
    if (record.state == State::kRunning) AdvanceProbes(i);
    if (record.init || !initialised || Alive(record)) continue;
    const bool failed = !record.current || record.current->exit_code != 0;
    if (Over(record) && (policy == "Never" || (policy == "OnFailure" && !failed))) continue;
    TryStart(i);
  }
}

void PodWorker::TryStart(std::size_t index) {
  ContainerRecord& record = records_[index];
  Runner& runner = runners_[index];
  const std::int64_t now = MonotonicMs();
  if (now < runner.may_start_ms) {
    if (!Over(record) || record.backing_off || runner.crashes < 2) return;
    record.backing_off = true;
    record.waiting_message = "back-off " + std::to_string(BackoffMs(runner.crashes) / 1000) +
                             "s restarting failed container=" + record.name;
    return WriteStatus();
  }
  const bool again = Over(record);
  const Incarnation incarnation{address_, record.restarts + (again ? 1 : 0), volumes_};
  auto spec = BuildContainer(host_, pod_, runner.spec, incarnation);
  if (!spec) {
    runner.may_start_ms = now + kRetryMs;
    record.waiting_reason = "CreateContainerConfigError";
    record.waiting_message = spec.error().message;
    Warn("Failed", "Error: " + spec.error().message);
    return WriteStatus();
  }
  if (again) {
    record.last = std::exchange(record.current, std::nullopt);
    ++record.restarts;
  }
  runner.process = spec->process;
  record.id = RandomId();
  record.state = State::kStarting;
  record.backing_off = false;
  record.waiting_reason = "ContainerCreating";
  record.waiting_message.clear();
  host_.own(record.id, uid_);
  host_.send({{"op", "start"}, {"id", record.id}, {"pod", uid_}, {"spec", ToJson(*spec)}}, {});
}

void PodWorker::OnStarted(std::size_t index) {
  ContainerRecord& record = records_[index];
  Runner& runner = runners_[index];
  if (record.state != State::kStarting) return;
  record.state = State::kRunning;
  record.started_ms = WallMs();
  runner.kill_at_ms = runner.stop_at_ms = 0;
  runner.probes.clear();
  for (const ProbeKind kind : {ProbeKind::kStartup, ProbeKind::kLiveness, ProbeKind::kReadiness}) {
    if (auto probe = ProbeOf(runner.spec, kind))
      runner.probes.emplace(kind, ProbeState(*probe, MonotonicMs()));
  }
  record.started = !runner.probes.contains(ProbeKind::kStartup);
  record.ready = record.started && !runner.probes.contains(ProbeKind::kReadiness);
  if (stage_ == Stage::kStopping) {
    Stop(index, std::max<std::int64_t>(stop_deadline_ms_ - MonotonicMs(), 0));
  }
  WriteStatus();
}

void PodWorker::OnExited(std::size_t index, int code, int signal, const std::string& why) {
  ContainerRecord& record = records_[index];
  Runner& runner = runners_[index];
  const std::int64_t now = WallMs();
  if (record.state == State::kStarting) record.started_ms = now;
  std::string reason = code == 0 ? "Completed" : "Error";
  if (!why.empty()) reason = "StartError";
  const std::string words =
      ReadFile(LastWordsFile(host_, uid_, record.name)).value_or("").substr(0, kLastWordsMax);
  record.current = Termination{code, signal,   reason, why.empty() ? words : why, record.started_ms,
                               now,  record.id};
  record.state = State::kTerminated;
  record.ready = record.started = false;
  runner.kill_at_ms = runner.stop_at_ms = 0;
  runner.probes.clear();
  runner.crashes = now - record.started_ms > kStableMs ? 1 : runner.crashes + 1;
  runner.may_start_ms = MonotonicMs() + BackoffMs(runner.crashes);
  const std::string base = host_.PodDirectory(uid_) + "/containers/" + record.name + "/";
  RemoveTree(base + std::to_string(record.restarts));
  if (record.restarts > 1) {
    static_cast<void>(::unlink(LogFile(host_, uid_, record.name, record.restarts - 2).c_str()));
  }
  // Observers see the end before the next incarnation.
  WriteStatus();
}

std::optional<std::int64_t> PodWorker::NextWake() const {
  std::optional<std::int64_t> out;
  const auto consider = [&out](std::int64_t at) {
    if (at > 0 && (!out || at < *out)) out = at;
  };
  if (stage_ == Stage::kVolumes) consider(std::max<std::int64_t>(retry_ms_, 1));
  if (stage_ == Stage::kStopping) consider(std::max<std::int64_t>(stop_deadline_ms_, 1));
  if (stage_ != Stage::kRunning && stage_ != Stage::kStopping) return out;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    consider(runners_[i].kill_at_ms);
    consider(runners_[i].stop_at_ms);
    if (stage_ != Stage::kRunning) continue;
    if (!Alive(records_[i])) {
      if (runners_[i].may_start_ms > MonotonicMs()) consider(runners_[i].may_start_ms);
      continue;
    }
    for (const auto& [kind, probe] : runners_[i].probes) {
      if (const auto due = probe.NextDue()) consider(*due);
    }
  }
  for (const auto& [id, command] : commands_) consider(command.deadline_ms);
  return out;
}

Result<PodWorker::Target> PodWorker::Running(const std::string& container) const {
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const bool named = container.empty() ? !records_[i].init : records_[i].name == container;
    if (!named) continue;
    if (records_[i].state != State::kRunning) {
      return Fail(Code::kUnavailable, "container \"" + records_[i].name + "\" is not running");
    }
    return Target{records_[i].id, runners_[i].process};
  }
  return Fail(Code::kNotFound, "container \"" + container + "\" is not one of the pod's");
}

Result<std::string> PodWorker::LogPath(const std::string& container, bool previous) const {
  for (const ContainerRecord& record : records_) {
    if (container.empty() ? record.init : record.name != container) continue;
    if (record.id.empty()) {
      return Fail(Code::kConflict, "container \"" + record.name + "\" in pod \"" +
                                       GetString(pod_, {"metadata", "name"}) +
                                       "\" is waiting to start: " + record.waiting_reason);
    }
    if (previous && record.restarts == 0) {
      return Fail(Code::kNotFound,
                  "previous terminated container \"" + record.name + "\" not found");
    }
    return LogFile(host_, uid_, record.name, record.restarts - (previous ? 1 : 0));
  }
  return Fail(Code::kNotFound, "container \"" + container + "\" is not one of the pod's");
}

}  // namespace pgo::local
