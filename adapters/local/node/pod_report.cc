// What a pod's kubelet tells the API server: the pod's status and warnings.
#include <sys/random.h>

#include <algorithm>

#include "adapters/local/node/addresses.h"
#include "adapters/local/node/pod_worker.h"
#include "adapters/local/node/sys.h"

namespace pgo::local {

std::string RandomId() {
  unsigned char bytes[32] = {};
  static_cast<void>(::getrandom(bytes, sizeof bytes, 0));
  std::string out;
  for (const unsigned char byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

PodFacts PodWorker::Facts() const {
  return {.pod = pod_,
          .containers = records_,
          .address = address_,
          .host_address = NodeAddress(host_.number),
          .start_ms = start_ms_,
          .now_ms = WallMs(),
          .image_id = host_.cluster->image_id};
}

void PodWorker::WriteStatus() {
  if (object_gone_ || !host_.reachable()) return;
  const Json status = BuildStatus(Facts());
  if (status == last_status_) return;
  const Key key{{"", "pods"},
                GetString(pod_, {"metadata", "namespace"}),
                GetString(pod_, {"metadata", "name"})};
  auto written = host_.cluster->store->Mutate(key, "status", [&](Json& object) {
    if (GetString(object, {"metadata", "uid"}) != uid_) return false;
    Json wanted = status;
    const Json& conditions = GetArray(object, {"status", "conditions"});
    for (const Json& old : conditions) {
      const bool ours = std::any_of(
          wanted["conditions"].begin(), wanted["conditions"].end(),
          [&](const Json& item) { return GetString(item, {"type"}) == GetString(old, {"type"}); });
      if (!ours) wanted["conditions"].push_back(old);
    }
    if (GetObject(object, {"status"}) == wanted) return false;
    object["status"] = std::move(wanted);
    return true;
  });
  last_status_ = status;
  if (written) pod_["status"] = GetObject(*written, {"status"});
}

void PodWorker::Warn(const std::string& reason, const std::string& message) {
  if (message == last_warning_ || !host_.reachable()) return;
  last_warning_ = message;
  const std::string ns = GetString(pod_, {"metadata", "namespace"}),
                    name = GetString(pod_, {"metadata", "name"});
  const std::string now = Rfc3339(WallMs());
  static_cast<void>(host_.cluster->store->Create(
      {"", "events"}, ns,
      {{"metadata", {{"name", name + "." + RandomId().substr(0, 16)}, {"namespace", ns}}},
       {"involvedObject",
        {{"kind", "Pod"}, {"apiVersion", "v1"}, {"namespace", ns}, {"name", name}, {"uid", uid_}}},
       {"reason", reason},
       {"message", message},
       {"type", "Warning"},
       {"count", 1},
       {"firstTimestamp", now},
       {"lastTimestamp", now},
       {"source", {{"component", "kubelet"}, {"host", host_.name}}}},
      {.field_manager = "kubelet"}));
}

}  // namespace pgo::local
