#include "adapters/local/node/pod_status.h"

#include <algorithm>

#include "adapters/local/node/pod_fields.h"
#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {

using State = ContainerRecord::State;

Json TerminationJson(const Termination& end) {
  Json out = {{"exitCode", end.exit_code},
              {"reason", end.reason},
              {"startedAt", Rfc3339(end.started_ms)},
              {"finishedAt", Rfc3339(end.finished_ms)},
              {"containerID", "pgo-local://" + end.container_id}};
  if (end.signal != 0) out["signal"] = end.signal;
  if (!end.message.empty()) out["message"] = end.message;
  return out;
}

Json StateJson(const ContainerRecord& record) {
  if (record.state == State::kRunning)
    return {{"running", {{"startedAt", Rfc3339(record.started_ms)}}}};
  if (record.state == State::kTerminated && record.current && !record.backing_off) {
    return {{"terminated", TerminationJson(*record.current)}};
  }
  Json waiting = {{"reason", record.backing_off ? "CrashLoopBackOff" : record.waiting_reason}};
  if (!record.waiting_message.empty()) waiting["message"] = record.waiting_message;
  return {{"waiting", std::move(waiting)}};
}

std::string ImageOf(const Json& pod, const ContainerRecord& record) {
  for (const Json& container :
       GetArray(pod, {"spec", record.init ? "initContainers" : "containers"})) {
    if (GetString(container, {"name"}) == record.name) return GetString(container, {"image"});
  }
  return {};
}

Json ContainerJson(const PodFacts& facts, const ContainerRecord& record) {
  const bool over_well =
      record.state == State::kTerminated && record.current && record.current->exit_code == 0;
  const auto& last = record.backing_off ? record.current : record.last;
  Json out = {{"name", record.name},
              {"image", ImageOf(facts.pod, record)},
              {"imageID", facts.image_id},
              {"ready", record.init && !record.sidecar ? over_well : record.ready},
              {"restartCount", record.restarts},
              {"started", record.started},
              {"state", StateJson(record)},
              {"lastState", last ? Json{{"terminated", TerminationJson(*last)}} : Json::object()}};
  if (!record.id.empty()) out["containerID"] = "pgo-local://" + record.id;
  return out;
}

bool InitDone(const PodFacts& facts) {
  return std::all_of(facts.containers.begin(), facts.containers.end(),
                     [](const ContainerRecord& record) {
                       if (!record.init) return true;
                       if (record.sidecar) return record.started;
                       return record.state == State::kTerminated && record.current &&
                              record.current->exit_code == 0;
                     });
}

std::string UnreadyNames(const PodFacts& facts) {
  std::string out;
  for (const ContainerRecord& record : facts.containers) {
    if ((record.init && !record.sidecar) || record.ready) continue;
    out += (out.empty() ? "" : " ") + record.name;
  }
  return out;
}

const Json* ConditionNamed(const Json& pod, const std::string& type) {
  for (const Json& condition : GetArray(pod, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == type) return &condition;
  }
  return nullptr;
}

Json Condition(const PodFacts& facts, const std::string& type, bool holds,
               const std::string& reason, const std::string& message) {
  const std::string status = holds ? "True" : "False";
  const Json* old = ConditionNamed(facts.pod, type);
  const bool same = old != nullptr && GetString(*old, {"status"}) == status;
  Json out = {{"type", type},
              {"status", status},
              {"lastProbeTime", nullptr},
              {"lastTransitionTime",
               same ? GetString(*old, {"lastTransitionTime"}) : Rfc3339(facts.now_ms)}};
  if (!holds && !reason.empty()) out["reason"] = reason;
  if (!holds && !message.empty()) out["message"] = message;
  return out;
}

Json Conditions(const PodFacts& facts, const std::string& phase) {
  const bool over = phase == "Succeeded" || phase == "Failed";
  const std::string over_reason = phase == "Succeeded" ? "PodCompleted" : "PodFailed";
  const bool init = InitDone(facts) && !facts.address.empty();
  const std::string unready = UnreadyNames(facts);
  const bool ready = init && !over && unready.empty();
  const std::string why = over ? over_reason : "ContainersNotReady";
  const std::string what = over ? "" : "containers with unready status: [" + unready + "]";
  const bool network = !facts.address.empty() && !over;
  Json out = Json::array();
  out.push_back(Condition(facts, "PodReadyToStartContainers", network, "", ""));
  out.push_back(Condition(facts, "Initialized", init || phase == "Succeeded",
                          "ContainersNotInitialized", "containers with incomplete status"));
  out.push_back(Condition(facts, "Ready", ready, why, what));
  out.push_back(Condition(facts, "ContainersReady", ready, why, what));
  out.push_back(Condition(facts, "PodScheduled", true, "", ""));
  for (const Json& old : GetArray(facts.pod, {"status", "conditions"})) {
    const std::string type = GetString(old, {"type"});
    const bool ours = std::any_of(out.begin(), out.end(), [&](const Json& item) {
      return GetString(item, {"type"}) == type;
    });
    if (!ours) out.push_back(old);
  }
  return out;
}

Termination TerminationOf(const Json& state) {
  return {.exit_code = static_cast<int>(GetInt(state, {"exitCode"})),
          .signal = static_cast<int>(GetInt(state, {"signal"})),
          .reason = GetString(state, {"reason"}),
          .message = GetString(state, {"message"})};
}

}  // namespace

std::string PhaseOf(const PodFacts& facts) {
  if (!facts.reason.empty()) return "Failed";
  const std::string policy = GetString(facts.pod, {"spec", "restartPolicy"}, "Always");
  int waiting = 0, running = 0, failed = 0, succeeded = 0;
  for (const ContainerRecord& record : facts.containers) {
    if (record.init) {
      if (policy == "Never" && !record.sidecar && record.state == State::kTerminated &&
          record.current && record.current->exit_code != 0) {
        return "Failed";
      }
      continue;
    }
    if (record.state == State::kRunning) {
      ++running;
    } else if (record.state == State::kTerminated || record.last) {
      const auto& end = record.state == State::kTerminated ? record.current : record.last;
      ++(end && end->exit_code == 0 ? succeeded : failed);
    } else {
      ++waiting;
    }
  }
  if (waiting > 0 || !InitDone(facts)) return "Pending";
  if (running > 0 || policy == "Always") return "Running";
  if (failed == 0) return "Succeeded";
  return policy == "Never" ? "Failed" : "Running";
}

Json BuildStatus(const PodFacts& facts) {
  const std::string phase = PhaseOf(facts);
  Json out = {
      {"phase", phase},
      {"conditions", Conditions(facts, phase)},
      {"qosClass", QosClass(facts.pod)},
      {"hostIP", facts.host_address},
      {"hostIPs", Json::array({{{"ip", facts.host_address}}})},
      {"startTime", GetString(facts.pod, {"status", "startTime"}, Rfc3339(facts.start_ms))}};
  if (!facts.address.empty()) {
    out["podIP"] = facts.address;
    out["podIPs"] = Json::array({{{"ip", facts.address}}});
  }
  if (!facts.reason.empty()) out["reason"] = facts.reason;
  if (!facts.message.empty()) out["message"] = facts.message;
  for (const ContainerRecord& record : facts.containers) {
    out[record.init ? "initContainerStatuses" : "containerStatuses"].push_back(
        ContainerJson(facts, record));
  }
  return out;
}

std::vector<ContainerRecord> NewRecords(const Json& pod) {
  std::vector<ContainerRecord> out;
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : GetArray(pod, {"spec", list})) {
      ContainerRecord record{.name = GetString(container, {"name"}), .init = list[0] == 'i'};
      record.sidecar = record.init && GetString(container, {"restartPolicy"}) == "Always";
      const bool first = GetArray(pod, {"spec", "initContainers"}).empty();
      record.waiting_reason = first ? "ContainerCreating" : "PodInitializing";
      out.push_back(std::move(record));
    }
  }
  return out;
}

std::vector<ContainerRecord> RecordsAfterReboot(const Json& pod, std::int64_t now_ms) {
  std::vector<ContainerRecord> out = NewRecords(pod);
  for (ContainerRecord& record : out) {
    for (const Json& status :
         GetArray(pod, {"status", record.init ? "initContainerStatuses" : "containerStatuses"})) {
      if (GetString(status, {"name"}) != record.name) continue;
      record.restarts = static_cast<int>(GetInt(status, {"restartCount"}));
      const std::string id = GetString(status, {"containerID"});
      const std::string bare =
          id.substr(id.rfind('/') == std::string::npos ? 0 : id.rfind('/') + 1);
      if (const Json* ended = Find(status, {"state", "terminated"})) {
        record.last = TerminationOf(*ended);
      } else if (Find(status, {"state", "running"}) != nullptr) {
        record.last = Termination{.exit_code = 255, .reason = "Unknown", .started_ms = now_ms};
      } else {
        continue;
      }
      record.last->container_id = bare;
      record.last->finished_ms = now_ms;
      if (!record.init || record.sidecar) ++record.restarts;
    }
  }
  return out;
}

std::int64_t BackoffMs(int crashes) {
  if (crashes <= 1) return 0;
  const int doublings = std::min(crashes - 2, 5);
  return std::min<std::int64_t>(10'000LL << doublings, 300'000);
}

}  // namespace pgo::local
