// One pod on its node, from the moment the kubelet hears of it until nothing of it is left.
//
//   stage        what is under way                          next when
//   kVolumes     volumes are missing something              they are complete, and no older pod of
//                                                           that name has processes
//   kSandbox     network and namespaces are being made      the node's first process says so
//   kRunning     init containers in order, then the rest;   deletion is asked, or the pod is over
//                each restarted as the policy says
//   kStopping    SIGTERM sent; SIGKILL at the deadline      the last container ended
//   kRemoving    the sandbox is being taken down            the node's first process says so
//   kOver        a pod that succeeded or failed stays until its object goes; then kGone
//   kGone        nothing is left; the object was deleted with grace 0
//
// Advance() is level-based: it may be called at any time and does whatever the facts allow.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/local/node/container_spec.h"
#include "adapters/local/node/node_host.h"
#include "adapters/local/node/pod_status.h"
#include "adapters/local/node/probe.h"

namespace pgo::local {

// 64 hexadecimal digits.
std::string RandomId();

class PodWorker {
 public:
  // `rebooted`: the pod was on this node before the node's power came back.
  PodWorker(NodeHost& host, Json pod, bool rebooted);

  void Update(const Json& pod);  // a newer version of the object
  void ObjectGone();             // it was deleted: kill what still runs
  void ShowStatus() {            // what could not be written before, or was overwritten
    last_status_ = nullptr;
    WriteStatus();
  }
  void Refresh();                  // Secrets, ConfigMaps or claims changed
  void RefreshNames();             // names of the cluster changed
  void Handle(const Json& event);  // from the node's first process
  void Advance();
  // Monotonic milliseconds of the next moment at which time alone changes something.
  [[nodiscard]] std::optional<std::int64_t> NextWake() const;

  [[nodiscard]] bool Gone() const { return stage_ == Stage::kGone; }
  [[nodiscard]] bool object_gone() const { return object_gone_; }
  [[nodiscard]] const Json& pod() const { return pod_; }
  [[nodiscard]] const std::string& uid() const { return uid_; }

  // A running container ("" is the first of the pod): its id and how its processes run.
  struct Target {
    std::string id;
    ProcessSpec process;
  };
  [[nodiscard]] Result<Target> Running(const std::string& container) const;
  // The log of a container's newest incarnation, or of the one before.
  [[nodiscard]] Result<std::string> LogPath(const std::string& container, bool previous) const;

 private:
  enum class Stage : std::uint8_t {
    kVolumes,
    kSandbox,
    kRunning,
    kStopping,
    kRemoving,
    kOver,
    kGone
  };
  // What a container has besides its record.
  struct Runner {
    Json spec;
    ProcessSpec process;
    std::map<ProbeKind, ProbeState> probes;
    int crashes = 0;
    std::int64_t may_start_ms = 0;  // monotonic
    std::int64_t kill_at_ms = 0;    // SIGKILL then; 0: not being stopped
    std::int64_t stop_at_ms = 0;    // preStop is given up then; 0: none under way
    int probe_count = 0;
  };

  void StartSandbox();
  void AdvanceContainers();
  bool AdvanceInit();  // true when all are done
  void TryStart(std::size_t index);
  void OnStarted(std::size_t index);
  void OnExited(std::size_t index, int code, int signal, const std::string& why);
  void Stop(std::size_t index, std::int64_t grace_ms);
  void Terminate(std::size_t index);
  void SignalOverdue(std::size_t index);
  void BeginStopping(std::int64_t grace_ms);
  void AdvanceStopping();
  void TakeDown();
  void Finish();

  void AdvanceProbes(std::size_t index);
  void Launch(std::size_t index, ProbeKind kind);
  void OnProbe(std::size_t index, const std::string& container_id, ProbeKind kind, bool success,
               const std::string& why);
  void HandleCommand(const std::string& id, const Json& event);

  void WriteStatus();
  void Warn(const std::string& reason, const std::string& message);
  void ShowWaiting(const std::string& reason, const std::string& message);
  [[nodiscard]] std::optional<std::size_t> IndexOf(const std::string& container_id) const;
  [[nodiscard]] PodFacts Facts() const;

  NodeHost& host_;
  Json pod_;
  const std::string uid_;
  Stage stage_ = Stage::kVolumes;
  std::vector<ContainerRecord> records_;
  std::vector<Runner> runners_;
  std::map<std::string, std::string> volumes_;
  std::string address_;
  std::int64_t start_ms_ = 0;
  bool sandbox_ = false;  // asked for and not removed yet
  bool object_gone_ = false;
  bool finished_written_ = false;
  std::int64_t retry_ms_ = 0;
  std::int64_t stop_deadline_ms_ = 0;
  struct Command {  // a probe or hook running in a container
    std::size_t index = 0;
    std::string container_id;
    std::optional<ProbeKind> kind;  // none: preStop
    std::int64_t deadline_ms = 0;
  };
  std::map<std::string, Command> commands_;
  Json last_status_;
  std::string last_warning_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // answers that come later look at it
};

}  // namespace pgo::local
