#include "engine/rooms/certificates/certificates.h"

#include "engine/cluster/metadata.h"
#include "engine/cluster/roster.h"
#include "engine/kube/names.h"
#include "engine/pgbackrest/config.h"

namespace pgo::rooms::certificates {
namespace {

using cluster::ClusterView;
using cluster::NewObject;

constexpr std::string_view kDomain = "cluster.local";

Part Leaf(const std::string& key, const std::string& key_of, const std::string& cn,
          std::vector<std::string> sans, const std::string& issuer) {
  Part part;
  part.key = key;
  part.from = "leaf";
  part.key_of = key_of;
  part.cn = cn;
  part.sans = std::move(sans);
  part.issuer = issuer;
  return part;
}

Part Issuer(const std::string& key, const std::string& issuer) {
  Part part;
  part.key = key;
  part.from = "issuer";
  part.issuer = issuer;
  return part;
}

// All the ways in which a name of this namespace may be written, the fullest first.
void AddNames(const std::string& name, const std::string& ns, std::vector<std::string>& out) {
  out.push_back(name + "." + ns + ".svc." + std::string(kDomain));
  out.push_back(name + "." + ns + ".svc");
  out.push_back(name + "." + ns);
  out.push_back(name);
}

std::string RootOf(const ClusterView& cluster) {
  return cluster.key.ns + "/" + std::string(kube::kRootCertificateSecret);
}

// One root for all clusters of a namespace. It has no controlling owner and stays when a cluster
// goes; the empty cluster label lets the operator's watch see it.
void WantRoot(const ClusterView& cluster, Plan& plan) {
  Json root = cluster::NewUnownedObject(cluster, "Secret", kube::kRootCertificateSecret);
  Put(root, {"metadata", "labels", kube::kLabelCluster}, "");
  Part part;
  part.key = "root.crt";
  part.from = "ca";
  part.key_of = "root.key";
  part.cn = "postgres-operator-ca";
  plan.Fill(std::move(root), {part}, "certificate authority of this namespace's clusters");
}

void WantServer(const ClusterView& cluster, Plan& plan) {
  const std::string& c = cluster.key.name;
  std::vector<std::string> sans;
  for (const std::string& service : {kube::PrimaryServiceName(c), kube::ReplicaServiceName(c),
                                     kube::LeaderName(c), kube::PodServiceName(c)}) {
    AddNames(service, cluster.key.ns, sans);
  }
  AddNames("*." + kube::PodServiceName(c), cluster.key.ns, sans);
  const std::string cn = kube::PrimaryServiceName(c);  // a common name has at most 64 characters
  plan.Fill(NewObject(cluster, "Secret", kube::ClusterCertName(c),
                      {{kube::kLabelCertificate, "postgres-tls"}}),
            {Leaf("tls.crt", "tls.key", cn, std::move(sans), RootOf(cluster)),
             Issuer("ca.crt", RootOf(cluster))},
            "what PostgreSQL shows its clients");
}

void WantReplication(const ClusterView& cluster, Plan& plan) {
  const std::string user(kube::kReplicationUser);
  plan.Fill(NewObject(cluster, "Secret", kube::ReplicationCertName(cluster.key.name),
                      {{kube::kLabelCertificate, "replication-client-tls"}}),
            {Leaf("tls.crt", "tls.key", user, {user}, RootOf(cluster)),
             Issuer("ca.crt", RootOf(cluster))},
            "by which replicas prove themselves");
}

// Patroni's REST API: server and client at once, among members and for the operator.
void WantInstance(const ClusterView& cluster, const cluster::Member& member, Plan& plan) {
  std::vector<std::string> sans;
  AddNames(kube::InstancePodName(member.name) + "." + kube::PodServiceName(cluster.key.name),
           cluster.key.ns, sans);
  sans.push_back(kube::InstancePodName(member.name));
  sans.push_back("localhost");
  const std::string cn = kube::InstancePodName(member.name);
  Part both;
  both.key = "patroni.crt-combined";
  both.from = "concat";
  both.sans = {"dns.crt", "dns.key"};
  std::vector<Part> parts{Leaf("dns.crt", "dns.key", cn, sans, RootOf(cluster)),
                          Issuer("patroni.ca-roots", RootOf(cluster)), both};
  if (cluster.spec().backups.any) {
    parts.push_back(Leaf("pgbackrest-server.crt", "pgbackrest-server.key", cn, std::move(sans),
                         RootOf(cluster)));
  }
  plan.Fill(
      NewObject(cluster, "Secret", kube::InstanceCertName(member.name),
                {{kube::kLabelInstanceSet, member.set->name}, {kube::kLabelInstance, member.name}}),
      std::move(parts), "by which the instance's Patroni is known");
}

// pgBackRest's servers let in who shows the client's certificate: its common name holds the
// cluster's uid, so that no other cluster of the namespace reaches these backups.
void WantBackrest(const ClusterView& cluster, Plan& plan) {
  const std::string client = pgbackrest::ClientName(cluster.uid);
  const std::string host = kube::RepoHostPodName(cluster.key.name);
  std::vector<std::string> sans;
  AddNames(host + "." + kube::PodServiceName(cluster.key.name), cluster.key.ns, sans);
  sans.push_back(host);
  plan.Fill(
      NewObject(cluster, "Secret", kube::BackrestName(cluster.key.name),
                {{kube::kLabelBackrest, ""}, {kube::kLabelBackrestConfig, ""}}),
      {Issuer("pgbackrest.ca-roots", RootOf(cluster)),
       Leaf("pgbackrest-client.crt", "pgbackrest-client.key", client, {client}, RootOf(cluster)),
       Leaf("pgbackrest-repo-host.crt", "pgbackrest-repo-host.key", host, std::move(sans),
            RootOf(cluster))},
      "by which pgBackRest's processes know each other");
}

}  // namespace

Plan PlanCertificates(const ClusterView& cluster) {
  Plan plan;
  if (cluster.deleting) return plan;
  WantRoot(cluster, plan);
  // A leaf cannot be signed before there is who signs it.
  const auto* root = cluster.Find("Secret", kube::kRootCertificateSecret);
  if (root == nullptr || Find(root->object, {"redacted", "root.crt"}) == nullptr) return plan;
  WantServer(cluster, plan);
  WantReplication(cluster, plan);
  if (cluster.spec().backups.any) WantBackrest(cluster, plan);
  for (const auto& member : cluster::Roster(cluster)) WantInstance(cluster, member, plan);
  return plan;
}

}  // namespace pgo::rooms::certificates
