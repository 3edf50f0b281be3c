// The status of a pod, as Kubernetes words it, from what its kubelet knows. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/json.h"

namespace pgo::local {

struct Termination {
  int exit_code = 0;
  int signal = 0;
  std::string reason;  // "Completed", "Error", "OOMKilled", "StartError", "Unknown"
  std::string message;
  std::int64_t started_ms = 0, finished_ms = 0;  // wall clock
  std::string container_id;
};

// One container of a pod and all its incarnations.
struct ContainerRecord {
  enum class State : std::uint8_t { kWaiting, kStarting, kRunning, kTerminated };
  std::string name;
  bool init = false;
  bool sidecar = false;  // an init container that is restarted always: it runs beside the others
  State state = State::kWaiting;
  std::string waiting_reason = "PodInitializing", waiting_message;
  std::string id;                      // of this incarnation; "" before the first
  std::int64_t started_ms = 0;         // wall clock
  std::optional<Termination> current;  // kTerminated
  std::optional<Termination> last;     // of the incarnation before
  bool backing_off = false;  // terminated, and waiting before the next start: "CrashLoopBackOff"
  int restarts = 0;
  bool ready = false;    // readiness verdict; without probe: it runs
  bool started = false;  // startup verdict; without probe: it runs
};

struct PodFacts {
  const Json& pod;  // spec; its status gives conditions' transition times
  const std::vector<ContainerRecord>& containers;  // in the spec's order, init containers first
  std::string address, host_address;               // "" if none yet
  std::int64_t start_ms = 0;
  std::int64_t now_ms = 0;  // wall clock
  std::string image_id;
  std::string reason, message;  // of a pod that cannot run; phase Failed
};

// "Pending", "Running", "Succeeded", "Failed".
std::string PhaseOf(const PodFacts& facts);
// The whole status; conditions of types that kubelets do not set are kept from the pod.
Json BuildStatus(const PodFacts& facts);
// The records a pod's status tells about, as after a restart of its node: what ran is over.
std::vector<ContainerRecord> RecordsAfterReboot(const Json& pod, std::int64_t now_ms);
// The records of a new pod.
std::vector<ContainerRecord> NewRecords(const Json& pod);
// When a container that ended `crashes` times in a row may start again: at once, then 10 s, 20 s, …
// up to 300 s, counted from its end.
std::int64_t BackoffMs(int crashes);

}  // namespace pgo::local
