#include "adapters/cli/cluster_text.h"

#include "adapters/cli/backup_text.h"

namespace pgo::cli {
namespace {

std::string ReadyText(const Output& out, const ReadyCondition& ready) {
  const Style style = ready.ok() ? Style::kGood : Style::kWarn;
  std::string text = out.Styled(style, ready.ok() ? "ready" : "not ready");
  if (!ready.ok() && !ready.message.empty()) text += ": " + ready.message;
  return text;
}

std::string ContainersReady(const Json& pod) {
  std::size_t ready = 0;
  const Json& statuses = GetArray(pod, {"status", "containerStatuses"});
  for (const Json& status : statuses) ready += GetBool(status, {"ready"}) ? 1 : 0;
  return std::to_string(ready) + "/" + std::to_string(GetArray(pod, {"spec", "containers"}).size());
}

std::string PodText(const Output& out, const cluster::InstanceView& instance,
                    const InstanceLine& line) {
  const Json& pod = instance.pod->subject->object;
  std::string text = "\tpod : " + line.pod + " (" + GetString(pod, {"status", "phase"}) + ") on " +
                     (line.node.empty() ? "no node yet" : line.node) + " (" + ContainersReady(pod) +
                     ") (" + (line.role.empty() ? "no role yet" : line.role) + ")";
  return text + "  " + out.Styled(line.settled ? Style::kGood : Style::kWarn, line.state) + "\n";
}

std::string ClaimText(const cluster::InstanceView& instance) {
  const std::string indent = instance.pod ? "\t\t" : "\t";
  if (instance.claim == nullptr) return "";
  const Json& claim = instance.claim->object;
  const std::string capacity =
      GetString(claim, {"status", "capacity", "storage"},
                GetString(claim, {"spec", "resources", "requests", "storage"}) + " wanted");
  return indent + "pvc: " + instance.claim->ref.name + " (" + capacity + ")\n";
}

std::string ServiceText(const Json& service) {
  std::string ports;
  for (const Json& port : GetArray(service, {"spec", "ports"})) {
    ports += (ports.empty() ? "" : ", ") + std::to_string(GetInt(port, {"port"})) + "/" +
             GetString(port, {"protocol"}, "TCP");
  }
  std::string outside;
  for (const Json& ingress : GetArray(service, {"status", "loadBalancer", "ingress"})) {
    outside += (outside.empty() ? "" : ", ") +
               GetString(ingress, {"ip"}, GetString(ingress, {"hostname"}));
  }
  return "\tservice : " + GetString(service, {"metadata", "name"}) + " - " +
         GetString(service, {"spec", "type"}, "ClusterIP") + " (" +
         GetString(service, {"spec", "clusterIP"}, "none") + ")" +
         (outside.empty() ? "" : " ExternalIP (" + outside + ")") + " - Ports (" + ports + ")\n";
}

// "cpu=500m memory=2Gi", or "" if nothing is set.
std::string Quantities(const Json& quantities) {
  std::string text;
  for (const auto& [name, value] : quantities.items()) {
    text += (text.empty() ? "" : " ") + name + "=" + AsString(value, value.dump());
  }
  return text;
}

std::string SetsText(const cluster::ClusterView& view) {
  std::string text;
  for (const auto& set : view.spec().instances) {
    const std::string requests = Quantities(GetObject(set.resources, {"requests"}));
    const std::string limits = Quantities(GetObject(set.resources, {"limits"}));
    if (!requests.empty()) text += "\tresources : " + set.name + " " + requests + "\n";
    if (!limits.empty()) text += "\tlimits : " + set.name + " " + limits + "\n";
  }
  return text;
}

// What somebody ought to know beyond whether it is ready.
std::string WarningsText(const Output& out, const Json& cluster) {
  std::string text;
  for (const Json& condition : GetArray(cluster, {"status", "conditions"})) {
    const std::string type = GetString(condition, {"type"});
    const bool refused = GetString(condition, {"status"}) == "False" && type != "Ready";
    if (!refused && type != "FieldsNotImplemented") continue;
    text += "\t" + out.Styled(Style::kWarn, "warning : ") + type + ": " +
            GetString(condition, {"message"}) + "\n";
  }
  return text;
}

}  // namespace

std::string ClusterTree(const Output& out, const Snapshot& snapshot) {
  const cluster::ClusterView& view = snapshot.view;
  const Json& object = view.subject->object;
  const std::string image = view.spec().image.empty() ? "the operator's image" : view.spec().image;
  std::string text = out.Styled(Style::kBold, "cluster : " + view.key.name) + " (PostgreSQL " +
                     std::to_string(view.spec().postgres_version) + ", " + image + ")\n";
  text += "\tstatus : " +
          (view.deleting ? std::string("being deleted") : ReadyText(out, ReadyOf(object))) + "\n";
  text += WarningsText(out, object);
  if (GetBool(object, {"spec", "standby", "enabled"})) text += "\tstandby : true\n";
  for (const auto& [name, instance] : view.instances) {
    if (!instance.pod) continue;
    text += PodText(out, instance, LineOf(view, instance)) + ClaimText(instance);
  }
  text += SetsText(view);
  for (const auto& line : InstanceLines(view)) {
    text +=
        "\tinstance : " + line.instance + (line.pod.empty() ? " (" + line.state + ")" : "") + "\n";
  }
  for (const auto& [name, instance] : view.instances) {
    if (!instance.pod) text += ClaimText(instance);
  }
  for (const Json& service : snapshot.services) text += ServiceText(service);
  text += BackupsLine(object);
  std::string labels;
  for (const auto& [key, value] : GetObject(object, {"metadata", "labels"}).items()) {
    labels += (labels.empty() ? "" : " ") + key + "=" + AsString(value);
  }
  return labels.empty() ? text : text + "\tlabels : " + labels + "\n";
}

void AddClusterRows(Table& table, const Snapshot& snapshot, bool wide) {
  for (const InstanceLine& line : InstanceLines(snapshot.view)) {
    std::vector<std::string> row{snapshot.view.key.name, line.instance,
                                 line.role.empty() ? "-" : line.role,
                                 line.node.empty() ? "-" : line.node};
    if (wide) {
      row.push_back(line.pod.empty() ? "-" : line.pod);
      row.push_back(line.timeline.value() == 0 ? "-" : std::to_string(line.timeline.value()));
      row.push_back(line.pending_restart ? "yes" : "no");
    }
    row.push_back(line.state);
    table.Row(std::move(row));
  }
}

Json ClusterJson(const Snapshot& snapshot) {
  const ReadyCondition ready = ReadyOf(snapshot.view.subject->object);
  Json out = Json::object();
  out["cluster"] = snapshot.view.subject->object;
  out["ready"] = ready.ok();
  out["message"] = ready.message;
  out["instances"] = Json::array();
  for (const auto& line : InstanceLines(snapshot.view))
    out["instances"].push_back(InstanceJson(line));
  return out;
}

std::vector<std::string> ClusterHeader(bool wide) {
  std::vector<std::string> header{"CLUSTER", "INSTANCE", "ROLE", "NODE"};
  if (wide) header.insert(header.end(), {"POD", "TIMELINE", "PENDING RESTART"});
  header.emplace_back("STATE");
  return header;
}

}  // namespace pgo::cli
