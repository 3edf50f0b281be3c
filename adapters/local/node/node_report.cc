// The Node object and its Lease; what a node finds on its disk when it boots.
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "adapters/local/node/addresses.h"
#include "adapters/local/node/kubelet.h"
#include "adapters/local/node/limited_disk.h"
#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {

Json NewNode(const NodeHost& host) {
  return {
      {"apiVersion", "v1"},
      {"kind", "Node"},
      {"metadata",
       {{"name", host.name},
        {"labels",
         {{"kubernetes.io/hostname", host.name},
          {"kubernetes.io/os", "linux"},
          {"kubernetes.io/arch", "amd64"},
          {"topology.kubernetes.io/zone", "zone" + std::to_string(host.number)},
          {"topology.kubernetes.io/region", "local"}}}}},
      {"spec",
       {{"podCIDR", PodRange(host.number)}, {"podCIDRs", Json::array({PodRange(host.number)})}}}};
}

Json OldCondition(const Json& node, const std::string& type) {
  for (const Json& condition : GetArray(node, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == type) return condition;
  }
  return Json::object();
}

Json Conditions(const Json& node, const std::string& now) {
  struct Row {
    const char *type, *status, *reason, *message;
  };
  static constexpr Row kRows[] = {
      {"MemoryPressure", "False", "KubeletHasSufficientMemory",
       "kubelet has sufficient memory available"},
      {"DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
      {"PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
      {"Ready", "True", "KubeletReady", "kubelet is posting ready status"}};
  Json out = Json::array();
  for (const Row& row : kRows) {
    const Json old = OldCondition(node, row.type);
    const bool same = GetString(old, {"status"}) == row.status;
    out.push_back({{"type", row.type},
                   {"status", row.status},
                   {"reason", row.reason},
                   {"message", row.message},
                   {"lastHeartbeatTime", now},
                   {"lastTransitionTime", same ? GetString(old, {"lastTransitionTime"}) : now}});
  }
  return out;
}

Json Resources(const NodeCapacity& capacity) {
  return {{"cpu", std::to_string(capacity.cpu_milli / 1000)},
          {"memory", std::to_string(capacity.memory_bytes / 1024) + "Ki"},
          {"pods", "110"},
          {"ephemeral-storage", "100Gi"}};
}

}  // namespace

NodeCapacity MeasureCapacity() {
  return {.cpu_milli = ::sysconf(_SC_NPROCESSORS_ONLN) * 1000,
          .memory_bytes = ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE)};
}

void ReportNode(Store& store, const NodeHost& host, bool first) {
  const Key key{{"", "nodes"}, "", host.name};
  if (first && !store.Get(key))
    static_cast<void>(store.Create(key.resource, "", NewNode(host), {.field_manager = "kubelet"}));
  utsname kernel{};
  ::uname(&kernel);
  const std::string now = Rfc3339(WallMs());
  static_cast<void>(store.Mutate(key, "status", [&](Json& node) {
    Json& status = node["status"];
    status["conditions"] = Conditions(node, now);
    status["capacity"] = Resources(host.capacity);
    status["allocatable"] = Resources(host.capacity);
    status["addresses"] = {{{"type", "InternalIP"}, {"address", NodeAddress(host.number)}},
                           {{"type", "Hostname"}, {"address", host.name}}};
    status["nodeInfo"]["kubeletVersion"] = "v1.34.0+pgo-local";
    status["nodeInfo"]["containerRuntimeVersion"] = "pgo-local://1";
    status["nodeInfo"]["kernelVersion"] = kernel.release;
    status["nodeInfo"]["operatingSystem"] = "linux";
    status["nodeInfo"]["architecture"] = "amd64";
    status["nodeInfo"]["osImage"] = "Debian GNU/Linux";
    return true;
  }));
}

bool NodeIsReady(const Store& store, const std::string& node) {
  const auto object = store.Get({{"", "nodes"}, "", node});
  return object && GetString(OldCondition(*object, "Ready"), {"status"}) == "True";
}

void RenewNodeLease(Store& store, const std::string& node, int seconds) {
  const Key key{{"coordination.k8s.io", "leases"}, "kube-node-lease", node};
  const std::string now = Rfc3339Micro(WallMs());
  const auto renewed = store.Mutate(key, "", [&](Json& lease) {
    lease["spec"]["renewTime"] = now;
    lease["spec"]["leaseDurationSeconds"] = seconds;
    return true;
  });
  if (renewed) return;
  static_cast<void>(store.Create(
      key.resource, key.ns,
      {{"apiVersion", "coordination.k8s.io/v1"},
       {"kind", "Lease"},
       {"metadata", {{"name", node}, {"namespace", key.ns}}},
       {"spec", {{"holderIdentity", node}, {"leaseDurationSeconds", seconds}, {"renewTime", now}}}},
      {.field_manager = "kubelet"}));
}

void RemoveVolume(const NodeHost& host, const std::string& volume) {
  UnmountDisk(host.VolumeDirectory(volume));
  RemoveTree(host.VolumeDirectory(volume));
}

void RemoveOrphans(Store& store, const NodeHost& host) {
  namespace fs = std::filesystem;
  std::set<std::string> there;
  for (const Json& pod : store.List({"", "pods"}, "").first) {
    there.insert(GetString(pod, {"metadata", "uid"}));
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(host.directory + "/pods", error)) {
    const bool known = there.contains(entry.path().filename());
    RemoveTree(known ? entry.path() / "containers" : entry.path());
  }
  RemoveTree(host.directory + "/clients");
  for (const auto& entry : fs::directory_iterator(host.directory + "/volumes", error)) {
    const std::string name = entry.path().filename();
    if (!store.Get({{"", "persistentvolumes"}, "", name})) RemoveVolume(host, name);
  }
}

}  // namespace pgo::local
