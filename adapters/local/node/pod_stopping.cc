// The end of a pod: stopping its containers, taking down its sandbox, letting its object go.
#include <algorithm>
#include <csignal>

#include "adapters/local/node/pod_worker.h"
#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {

using State = ContainerRecord::State;
constexpr std::int64_t kRetryMs = 1000;
constexpr std::int64_t kLeastMs = 2000;  // from SIGTERM to SIGKILL, as with the kubelet

bool Alive(const ContainerRecord& record) {
  return record.state == State::kRunning || record.state == State::kStarting;
}

}  // namespace

void PodWorker::Stop(std::size_t index, std::int64_t grace_ms) {
  ContainerRecord& record = records_[index];
  Runner& runner = runners_[index];
  if (record.state != State::kRunning || runner.kill_at_ms != 0) return;
  runner.kill_at_ms = MonotonicMs() + grace_ms;
  const Json* hook = Find(runner.spec, {"lifecycle", "preStop", "exec", "command"});
  if (hook == nullptr || grace_ms == 0) return Terminate(index);
  const std::string id = record.id + "/pre-stop";
  ProcessSpec process = runner.process;
  process.argv.clear();
  for (const Json& word : *hook) process.argv.push_back(AsString(word));
  runner.stop_at_ms = runner.kill_at_ms;
  commands_[id] = {index, record.id, std::nullopt, runner.kill_at_ms};
  host_.own(id, uid_);
  host_.send({{"op", "exec"}, {"id", id}, {"container", record.id}, {"process", ToJson(process)}},
             {});
}

void PodWorker::Terminate(std::size_t index) {
  Runner& runner = runners_[index];
  runner.stop_at_ms = 0;
  runner.kill_at_ms = std::max(runner.kill_at_ms, MonotonicMs() + kLeastMs);
  if (stage_ == Stage::kStopping)
    stop_deadline_ms_ = std::max(stop_deadline_ms_, runner.kill_at_ms);
  host_.send({{"op", "kill"}, {"id", records_[index].id}, {"signal", SIGTERM}}, {});
}

void PodWorker::SignalOverdue(std::size_t index) {
  Runner& runner = runners_[index];
  const std::int64_t now = MonotonicMs();
  if (runner.stop_at_ms != 0 && now >= runner.stop_at_ms) Terminate(index);
  if (runner.kill_at_ms == 0 || now < runner.kill_at_ms) return;
  runner.kill_at_ms = 0;
  host_.send({{"op", "kill"}, {"id", records_[index].id}, {"signal", SIGKILL}}, {});
}

void PodWorker::BeginStopping(std::int64_t grace_ms) {
  if (stage_ == Stage::kVolumes) return Finish();
  stage_ = Stage::kStopping;
  stop_deadline_ms_ = MonotonicMs() + grace_ms;
  for (std::size_t i = 0; i < records_.size(); ++i) Stop(i, grace_ms);
}

void PodWorker::AdvanceStopping() {
  const std::int64_t now = MonotonicMs();
  const bool alive = std::any_of(records_.begin(), records_.end(), Alive);
  for (std::size_t i = 0; i < records_.size(); ++i) SignalOverdue(i);
  // Removing the sandbox kills what is left; its ends are still reported.
  if (!alive || now >= stop_deadline_ms_) TakeDown();
}

void PodWorker::TakeDown() {
  stage_ = Stage::kRemoving;
  host_.send({{"op", "remove"}, {"pod", uid_}}, {});
}

void PodWorker::Finish() {
  for (ContainerRecord& record : records_) {
    if (Alive(record)) record.state = State::kWaiting;
  }
  const bool deleting = object_gone_ || Find(pod_, {"metadata", "deletionTimestamp"}) != nullptr;
  if (!deleting) {
    // The sandbox failed, or the pod is over.
    const std::string phase = PhaseOf(Facts());
    stage_ = phase == "Succeeded" || phase == "Failed" ? Stage::kOver : Stage::kVolumes;
    retry_ms_ = MonotonicMs() + kRetryMs;
    return WriteStatus();
  }
  if (!finished_written_) WriteStatus();
  finished_written_ = finished_written_ || host_.reachable();
  if (!object_gone_) {
    if (!host_.reachable()) {
      stage_ = Stage::kOver;
      return;
    }
    DeletePreconditions now{.uid = uid_, .grace_period_seconds = 0};
    static_cast<void>(host_.cluster->store->Delete({{"", "pods"},
                                                    GetString(pod_, {"metadata", "namespace"}),
                                                    GetString(pod_, {"metadata", "name"})},
                                                   now));
  }
  RemoveTree(host_.PodDirectory(uid_));
  stage_ = Stage::kGone;
}

}  // namespace pgo::local
