// The probes of a pod's containers.
#include <sched.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "adapters/local/node/pod_worker.h"
#include "adapters/local/node/prober.h"
#include "adapters/local/node/sys.h"

namespace pgo::local {

void PodWorker::AdvanceProbes(std::size_t index) {
  const std::int64_t now = MonotonicMs();
  for (auto& [kind, probe] : runners_[index].probes) {
    const bool startup = kind == ProbeKind::kStartup;
    if (startup == records_[index].started || !probe.Due(now)) continue;
    if (runners_[index].kill_at_ms != 0) continue;
    probe.Begin(now);
    Launch(index, kind);
  }
  for (auto& [id, command] : commands_) {
    if (command.index != index || now < command.deadline_ms || command.deadline_ms == 0) continue;
    command.deadline_ms = 0;
    host_.send({{"op", "kill"}, {"id", id}, {"signal", SIGKILL}}, {});
  }
}

void PodWorker::Launch(std::size_t index, ProbeKind kind) {
  Runner& runner = runners_[index];
  const ProbeSpec& spec = runner.probes.at(kind).spec();
  const std::string container = records_[index].id;
  if (spec.action == ProbeSpec::Action::kExec) {
    const std::string id = container + "/probe-" + std::to_string(++runner.probe_count);
    ProcessSpec process = runner.process;
    process.argv = spec.command;
    commands_[id] = {index, container, kind, MonotonicMs() + spec.timeout_ms};
    host_.own(id, uid_);
    host_.send({{"op", "exec"}, {"id", id}, {"container", container}, {"process", ToJson(process)}},
               {});
    return;
  }
  // The worker may be gone when the answer comes: `post` then drops it, or the pod's uid finds
  // none.
  std::thread([this, index, kind, container, spec, address = address_, network = host_.network,
               post = host_.post, alive = std::weak_ptr<int>(alive_)] {
    ::setns(network, CLONE_NEWNET);
    std::string why;
    const bool success = AskOverNetwork(spec, address, why);
    post([=, this] {
      if (!alive.expired()) OnProbe(index, container, kind, success, why);
    });
  }).detach();
}

void PodWorker::HandleCommand(const std::string& id, const Json& event) {
  const auto it = commands_.find(id);
  const std::string kind = GetString(event, {"event"});
  if (it == commands_.end() || kind == "started") return;
  const Command command = it->second;
  commands_.erase(it);
  if (!command.kind) {
    if (records_[command.index].id == command.container_id) Terminate(command.index);
    return;
  }
  const bool success = kind == "exited" && GetInt(event, {"code"}, 1) == 0;
  OnProbe(command.index, command.container_id, *command.kind, success,
          "exit status " + std::to_string(GetInt(event, {"code"}, -1)));
}

void PodWorker::OnProbe(std::size_t index, const std::string& container_id, ProbeKind kind,
                        bool success, const std::string& why) {
  ContainerRecord& record = records_[index];
  Runner& runner = runners_[index];
  const auto probe = runner.probes.find(kind);
  if (record.id != container_id || record.state != ContainerRecord::State::kRunning ||
      probe == runner.probes.end()) {
    return;
  }
  if (!probe->second.Record(success, MonotonicMs())) return;
  if (kind == ProbeKind::kReadiness) {
    record.ready = success;
  } else if (kind == ProbeKind::kStartup && success) {
    record.started = true;
    record.ready = !runner.probes.contains(ProbeKind::kReadiness);
  } else if (!success && stage_ == Stage::kRunning) {
    Warn("Unhealthy", std::string(kind == ProbeKind::kLiveness ? "Liveness" : "Startup") +
                          " probe failed: " + why);
    const std::int64_t grace = GetInt(pod_, {"spec", "terminationGracePeriodSeconds"}, 30) * 1000;
    Stop(index, grace);
  }
  WriteStatus();
}

}  // namespace pgo::local
