#include "engine/rooms/services/services.h"

#include "engine/cluster/metadata.h"
#include "engine/kube/names.h"

namespace pgo::rooms::services {
namespace {

using cluster::ClusterView;
using cluster::NewObject;

constexpr std::string_view kPort = "postgres";  // also the name of the pod's port and in Endpoints

Json Ports(const ClusterView& cluster) {
  Json port = PGO_JSON(R"({"protocol": "TCP"})");
  port["name"] = kPort;
  port["port"] = cluster.spec().port;
  port["targetPort"] = kPort;
  Json out = Json::array();
  out.push_back(std::move(port));
  return out;
}

// What spec.service or spec.replicaService ask for.
void Shape(Json& service, const Json& asked) {
  Json& spec = service["spec"];
  spec["type"] = GetString(asked, {"type"}, "ClusterIP");
  for (const std::string_view field :
       {"ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "externalTrafficPolicy"}) {
    const Json* value = Find(asked, field);
    if (value != nullptr) Put(spec, {field}, *value);
  }
  const Json* node_port = Find(asked, "nodePort");
  if (node_port != nullptr && spec["type"] != "ClusterIP") {
    spec["ports"][0]["nodePort"] = *node_port;
  }
  cluster::AddMetadata(service["metadata"], GetObject(asked, {"metadata"}));
}

// Patroni writes the Endpoints of these names; a Service of the same name keeps Kubernetes from
// collecting them as leftovers (kubernetes/kubernetes#78933).
Json Keeper(const ClusterView& cluster, const std::string& name) {
  Json out = NewObject(cluster, "Service", name,
                       {{kube::kLabelPatroni, kube::PatroniScope(cluster.key.name)}});
  out["spec"] = PGO_JSON(R"({"clusterIP": "None"})");
  return out;
}

Json Leader(const ClusterView& cluster) {
  Json out = NewObject(cluster, "Service", kube::LeaderName(cluster.key.name),
                       {{kube::kLabelPatroni, kube::PatroniScope(cluster.key.name)}});
  Put(out, {"spec", "ports"}, Ports(cluster));
  Shape(out, cluster.spec().service);
  return out;
}

Json Primary(const ClusterView& cluster) {
  Json out = NewObject(cluster, "Service", kube::PrimaryServiceName(cluster.key.name),
                       {{kube::kLabelRole, "primary"}});
  out["spec"] = PGO_JSON(R"({"clusterIP": "None"})");
  out["spec"]["ports"] = Ports(cluster);
  return out;
}

// The primary's name resolves to the leader Service's address, which outlives any pod: clients that
// keep an address for long follow a failover.
Json PrimaryEndpoints(const ClusterView& cluster, const std::string& ip) {
  Json out = NewObject(cluster, "Endpoints", kube::PrimaryServiceName(cluster.key.name),
                       {{kube::kLabelRole, "primary"}});
  Json port = PGO_JSON(R"({"protocol": "TCP"})");
  port["name"] = kPort;
  port["port"] = cluster.spec().port;
  Json subset = PGO_JSON(R"({"addresses": [{}], "ports": []})");
  subset["addresses"][0]["ip"] = ip;
  subset["ports"].push_back(std::move(port));
  out["subsets"] = Json::array();
  out["subsets"].push_back(std::move(subset));
  return out;
}

Json Replicas(const ClusterView& cluster) {
  Json out = NewObject(cluster, "Service", kube::ReplicaServiceName(cluster.key.name),
                       {{kube::kLabelRole, std::string(kube::kRoleReplica)}});
  Put(out, {"spec", "ports"}, Ports(cluster));
  Put(out, {"spec", "selector", kube::kLabelCluster}, cluster.key.name);
  Put(out, {"spec", "selector", kube::kLabelRole}, std::string(kube::kRoleReplica));
  Shape(out, cluster.spec().replica_service);
  return out;
}

// Names of the single pods. Members talk to each other before they are ready.
Json Pods(const ClusterView& cluster) {
  Json out = NewObject(cluster, "Service", kube::PodServiceName(cluster.key.name));
  out["spec"] = PGO_JSON(R"({"clusterIP": "None", "publishNotReadyAddresses": true})");
  Put(out, {"spec", "selector", kube::kLabelCluster}, cluster.key.name);
  return out;
}

void WantRights(const ClusterView& cluster, Plan& plan) {
  const std::string name = kube::InstanceRbacName(cluster.key.name);
  plan.Want(NewObject(cluster, "ServiceAccount", name), "identity of the instance pods");
  Json role = NewObject(cluster, "Role", name);
  // Patroni keeps its state in Endpoints, publishes its member's in the pod, and makes one Service.
  role["rules"] = PGO_JSON(R"([
    {"apiGroups": [""], "resources": ["endpoints"],
     "verbs": ["create", "get", "list", "patch", "watch"]},
    {"apiGroups": [""], "resources": ["endpoints/restricted"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "patch", "watch"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["create"]}
  ])");
  plan.Want(std::move(role), "what Patroni may do");
  Json binding = NewObject(cluster, "RoleBinding", name);
  binding["roleRef"] = PGO_JSON(R"({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role"})");
  binding["roleRef"]["name"] = name;
  Json subject = PGO_JSON(R"({"kind": "ServiceAccount"})");
  subject["name"] = name;
  subject["namespace"] = cluster.key.ns;
  binding["subjects"] = Json::array();
  binding["subjects"].push_back(std::move(subject));
  plan.Want(std::move(binding), "gives the instance pods those rights");
}

Json Budget(const ClusterView& cluster, const std::string& set, const Json& min_available) {
  Json out =
      NewObject(cluster, "PodDisruptionBudget", kube::DisruptionBudgetName(cluster.key.name, set),
                {{kube::kLabelInstanceSet, set}});
  Put(out, {"spec", "minAvailable"}, min_available);
  Put(out, {"spec", "selector", "matchLabels", kube::kLabelCluster}, cluster.key.name);
  Put(out, {"spec", "selector", "matchLabels", kube::kLabelInstanceSet}, set);
  return out;
}

void RemoveBudget(const cluster::Subject& live, Plan& plan) {
  Proposal p;
  p.reason = Reason::kScaling;
  p.sentence = live.ref.Text() + ": the set has a single instance, which may be drained: remove it";
  p.causes = {live.seq.value()};
  p.goal = "delete/" + live.ref.Text() + "/" + live.uid;
  p.command = Delete{live.ref, live.uid, "", {}};
  plan.Do(std::move(p));
}

void WantBudgets(const ClusterView& cluster, Plan& plan) {
  for (const auto& set : cluster.spec().instances) {
    const Json& asked = set.min_available;
    const bool none = asked == Json(0) || asked == Json("0") || asked == Json("0%");
    if (!none && (!asked.is_null() || set.replicas > 1)) {
      plan.Want(Budget(cluster, set.name, asked.is_null() ? Json(1) : asked),
                "how many instances of the set a drain must leave");
      continue;
    }
    const auto* live =
        cluster.Find("PodDisruptionBudget", kube::DisruptionBudgetName(cluster.key.name, set.name));
    if (live != nullptr) RemoveBudget(*live, plan);
  }
}

}  // namespace

Plan PlanServices(const ClusterView& cluster) {
  Plan plan;
  if (cluster.deleting) return plan;
  const std::string& c = cluster.key.name;
  WantRights(cluster, plan);
  plan.Want(Pods(cluster), "names of the single pods");
  plan.Want(Leader(cluster), "leads to the lock's holder");
  plan.Want(Keeper(cluster, kube::DcsConfigName(c)), "keeps Patroni's configuration");
  plan.Want(Keeper(cluster, kube::SyncName(c)), "keeps the names of the synchronous standbys");
  plan.Want(Keeper(cluster, kube::FailoverName(c)), "keeps Patroni's failover requests");
  plan.Want(Primary(cluster), "leads applications to the primary");
  plan.Want(Replicas(cluster), "leads to the replicas");
  WantBudgets(cluster, plan);
  const auto* leader = cluster.Find("Service", kube::LeaderName(c));
  const std::string ip = leader == nullptr ? "" : GetString(leader->object, {"spec", "clusterIP"});
  if (!ip.empty() && ip != "None") {
    plan.Want(PrimaryEndpoints(cluster, ip), "where the primary's name leads");
  }
  return plan;
}

}  // namespace pgo::rooms::services
