// Columns and wording are those of Kubernetes' pkg/printers/internalversion/printers.go.
#include "adapters/local/api/table_builtin.h"

#include <map>

#include "adapters/local/api/human.h"
#include "adapters/local/api/pod_row.h"
#include "adapters/local/api/table_cells.h"

namespace pgo::local {
namespace {

using Columns = std::vector<BuiltInColumn>;
const BuiltInColumn kAge{"Age", "string", 0, AgeCell};
const BuiltInColumn kContainers{"Containers", "string", 1, Containers};
const BuiltInColumn kImages{"Images", "string", 1, Images};
const BuiltInColumn kSelector{"Selector", "string", 1, Selected};

#define PGO_TEXT(...) [](const Json& o) -> Json { return GetString(o, {__VA_ARGS__}); }
#define PGO_NUMBER(...) [](const Json& o) -> Json { return GetInt(o, {__VA_ARGS__}); }
#define PGO_CELL(expression) [](const Json& o) -> Json { return expression; }

Columns PodColumns() {
  return {{"Ready", "string", 0, PGO_CELL(RowOfPod(o).ready)},
          {"Status", "string", 0, PGO_CELL(RowOfPod(o).status)},
          {"Restarts", "string", 0, PGO_CELL(RowOfPod(o).restarts)},
          kAge,
          {"IP", "string", 1, PGO_CELL(OrNone(GetString(o, {"status", "podIP"})))},
          {"Node", "string", 1, PGO_CELL(OrNone(GetString(o, {"spec", "nodeName"})))},
          {"Nominated Node", "string", 1,
           PGO_CELL(OrNone(GetString(o, {"status", "nominatedNodeName"})))},
          {"Readiness Gates", "string", 1, [](const Json&) -> Json { return "<none>"; }}};
}

Columns ServiceColumns() {
  return {{"Type", "string", 0, PGO_TEXT("spec", "type")},
          {"Cluster-IP", "string", 0, PGO_CELL(OrNone(GetString(o, {"spec", "clusterIP"})))},
          {"External-IP", "string", 0, PGO_CELL(ExternalIps(o))},
          {"Port(s)", "string", 0, PGO_CELL(Ports(o))},
          kAge,
          {"Selector", "string", 1, PGO_CELL(LabelText(GetObject(o, {"spec", "selector"})))}};
}

std::string ReadyReplicas(const Json& o) {
  return std::to_string(GetInt(o, {"status", "readyReplicas"})) + "/" +
         std::to_string(GetInt(o, {"spec", "replicas"}, 1));
}

Columns DeploymentColumns() {
  return {{"Ready", "string", 0, PGO_CELL(ReadyReplicas(o))},
          {"Up-to-date", "string", 0, PGO_NUMBER("status", "updatedReplicas")},
          {"Available", "string", 0, PGO_NUMBER("status", "availableReplicas")},
          kAge,
          kContainers,
          kImages,
          kSelector};
}

Columns ReplicaSetColumns() {
  return {{"Desired", "integer", 0, PGO_NUMBER("spec", "replicas")},
          {"Current", "integer", 0, PGO_NUMBER("status", "replicas")},
          {"Ready", "integer", 0, PGO_NUMBER("status", "readyReplicas")},
          kAge,
          kContainers,
          kImages,
          kSelector};
}

Columns JobColumns() {
  return {{"Status", "string", 0, JobState},
          {"Completions", "string", 0, Completions},
          {"Duration", "string", 0, JobDuration},
          kAge,
          kContainers,
          kImages,
          kSelector};
}

Columns NodeColumns() {
  return {{"Status", "string", 0, PGO_CELL(NodeState(o))},
          {"Roles", "string", 0, PGO_CELL(Roles(o))},
          kAge,
          {"Version", "string", 0, PGO_TEXT("status", "nodeInfo", "kubeletVersion")},
          {"Internal-IP", "string", 1, PGO_CELL(NodeAddressOf(o, "InternalIP"))},
          {"External-IP", "string", 1, PGO_CELL(NodeAddressOf(o, "ExternalIP"))},
          {"OS-Image", "string", 1, PGO_CELL(InfoOf(o, "osImage"))},
          {"Kernel-Version", "string", 1, PGO_CELL(InfoOf(o, "kernelVersion"))},
          {"Container-Runtime", "string", 1, PGO_CELL(InfoOf(o, "containerRuntimeVersion"))}};
}

Columns ClaimColumns() {
  return {
      {"Status", "string", 0, Phase},
      {"Volume", "string", 0, PGO_TEXT("spec", "volumeName")},
      {"Capacity", "string", 0, PGO_TEXT("status", "capacity", "storage")},
      {"Access Modes", "string", 0, PGO_CELL(AccessModes(GetArray(o, {"status", "accessModes"})))},
      {"StorageClass", "string", 0, PGO_TEXT("spec", "storageClassName")},
      {"VolumeAttributesClass", "string", 0, Attributes},
      kAge,
      {"VolumeMode", "string", 1, VolumeMode}};
}

Columns VolumeColumns() {
  return {
      {"Capacity", "string", 0, PGO_TEXT("spec", "capacity", "storage")},
      {"Access Modes", "string", 0, PGO_CELL(AccessModes(GetArray(o, {"spec", "accessModes"})))},
      {"Reclaim Policy", "string", 0, PGO_TEXT("spec", "persistentVolumeReclaimPolicy")},
      {"Status", "string", 0, Phase},
      {"Claim", "string", 0,
       [](const Json& o) -> Json {
         const std::string name = GetString(o, {"spec", "claimRef", "name"});
         return name.empty() ? "" : GetString(o, {"spec", "claimRef", "namespace"}) + "/" + name;
       }},
      {"StorageClass", "string", 0, PGO_TEXT("spec", "storageClassName")},
      {"VolumeAttributesClass", "string", 0, Attributes},
      {"Reason", "string", 0, PGO_TEXT("status", "reason")},
      kAge,
      {"VolumeMode", "string", 1, VolumeMode}};
}

Columns EventColumns() {
  return {{"Last Seen", "string", 0, PGO_CELL(LastSeen(o))},
          {"Type", "string", 0, PGO_TEXT("type")},
          {"Reason", "string", 0, PGO_TEXT("reason")},
          {"Object", "string", 0, EventObject},
          {"Subobject", "string", 1, PGO_TEXT("involvedObject", "fieldPath")},
          {"Source", "string", 1, EventSource},
          {"Message", "string", 0, PGO_TEXT("message")},
          {"First Seen", "string", 1, FirstSeen},
          {"Count", "string", 1, EventCount},
          {"Name", "string", 1, PGO_TEXT("metadata", "name")}};
}

Columns BindingColumns() {
  return {{"Role", "string", 0, RoleRef},
          kAge,
          {"Users", "string", 1, PGO_CELL(Subjects(o, "User"))},
          {"Groups", "string", 1, PGO_CELL(Subjects(o, "Group"))},
          {"ServiceAccounts", "string", 1, PGO_CELL(Subjects(o, "ServiceAccount"))}};
}

Columns CronJobColumns() {
  return {{"Schedule", "string", 0, PGO_TEXT("spec", "schedule")},
          {"Timezone", "string", 0, PGO_CELL(OrNone(GetString(o, {"spec", "timeZone"})))},
          {"Suspend", "boolean", 0, PGO_CELL(GetBool(o, {"spec", "suspend"}) ? "True" : "False")},
          {"Active", "integer", 0, PGO_CELL(GetArray(o, {"status", "active"}).size())},
          {"Last Schedule", "string", 0,
           [](const Json& o) -> Json {
             const std::string last = GetString(o, {"status", "lastScheduleTime"});
             return last.empty() ? "<none>" : Age(last);
           }},
          kAge};
}

Columns StorageClassColumns() {
  return {{"Provisioner", "string", 0, PGO_TEXT("provisioner")},
          {"ReclaimPolicy", "string", 0, PGO_CELL(GetString(o, {"reclaimPolicy"}, "Delete"))},
          {"VolumeBindingMode", "string", 0,
           PGO_CELL(GetString(o, {"volumeBindingMode"}, "Immediate"))},
          {"AllowVolumeExpansion", "string", 0, PGO_CELL(GetBool(o, {"allowVolumeExpansion"}))},
          kAge};
}

Columns BudgetColumns() {
  return {{"Min Available", "string", 0, PGO_CELL(Budget(o, {"spec", "minAvailable"}))},
          {"Max Unavailable", "string", 0, PGO_CELL(Budget(o, {"spec", "maxUnavailable"}))},
          {"Allowed Disruptions", "integer", 0, PGO_NUMBER("status", "disruptionsAllowed")},
          kAge};
}

std::size_t DataCount(const Json& o) {
  return GetObject(o, {"data"}).size() + GetObject(o, {"binaryData"}).size();
}

std::map<std::string, BuiltInColumns> Table() {
  std::map<std::string, BuiltInColumns> out;
  const auto add = [&out](const char* kind, Columns rest) { out[kind].rest = std::move(rest); };
  add("Pod", PodColumns());
  add("Service", ServiceColumns());
  add("Deployment", DeploymentColumns());
  add("StatefulSet",
      {{"Ready", "string", 0, PGO_CELL(ReadyReplicas(o))}, kAge, kContainers, kImages});
  add("ReplicaSet", ReplicaSetColumns());
  add("Job", JobColumns());
  add("CronJob", CronJobColumns());
  add("Endpoints", {{"Endpoints", "string", 0, PGO_CELL(Addresses(o))}, kAge});
  add("Node", NodeColumns());
  add("Namespace", {{"Status", "string", 0, Phase}, kAge});
  add("Secret", {{"Type", "string", 0, PGO_TEXT("type")},
                 {"Data", "string", 0, PGO_CELL(DataCount(o))},
                 kAge});
  add("ConfigMap", {{"Data", "string", 0, PGO_CELL(DataCount(o))}, kAge});
  add("ServiceAccount",
      {{"Secrets", "string", 0, PGO_CELL(GetArray(o, {"secrets"}).size())}, kAge});
  add("PersistentVolumeClaim", ClaimColumns());
  add("PersistentVolume", VolumeColumns());
  add("PodDisruptionBudget", BudgetColumns());
  add("Role", {{"Created At", "date", 0, CreatedAt}});
  add("ClusterRole", {{"Created At", "date", 0, CreatedAt}});
  add("RoleBinding", BindingColumns());
  add("ClusterRoleBinding", BindingColumns());
  add("Lease", {{"Holder", "string", 0, PGO_TEXT("spec", "holderIdentity")}, kAge});
  add("StorageClass", StorageClassColumns());
  out["StorageClass"].name = DefaultClass;
  add("ControllerRevision", {{"Controller", "string", 0, ControllerOf},
                             {"Revision", "string", 0, PGO_NUMBER("revision")},
                             kAge});
  add("CustomResourceDefinition", {{"Created At", "date", 0, CreatedAt}});
  add("Event", EventColumns());
  out["Event"].named = false;
  return out;
}

}  // namespace

const BuiltInColumns& ColumnsOfKind(const std::string& kind) {
  static const std::map<std::string, BuiltInColumns> kTable = Table();
  static const BuiltInColumns kPlain{nullptr, true, {kAge}};
  const auto it = kTable.find(kind);
  return it == kTable.end() ? kPlain : it->second;
}

}  // namespace pgo::local
