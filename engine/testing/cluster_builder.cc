#include "engine/testing/cluster_builder.h"

#include "engine/base/digest.h"
#include "engine/kube/names.h"

namespace pgo::testing {
namespace {

constexpr std::string_view kNamespace = "postgres";

Event At(std::uint64_t seq, Payload payload) {
  return {Seq(seq), {1'700'000'000 * kSecond, static_cast<std::int64_t>(seq)}, std::move(payload)};
}

}  // namespace

ClusterBuilder::ClusterBuilder(std::string name, int replicas) : name_(std::move(name)) {
  for (const auto& kind : kube::Kinds()) {
    static_cast<void>(world_.Fold(At(++seq_, Listed{std::string(kind.kind), "1", false, {}})));
  }
  manifest_ = JsonLiteral(R"({
    "apiVersion": "postgres-operator.crunchydata.com/v1beta1", "kind": "PostgresCluster",
    "metadata": {"namespace": "postgres", "generation": 1},
    "spec": {"postgresVersion": 17, "image": "registry.example/postgres:17", "instances": [
      {"name": "00", "dataVolumeClaimSpec": {"accessModes": ["ReadWriteOnce"],
       "resources": {"requests": {"storage": "1Gi"}}}}]}
  })");
  manifest_["metadata"]["name"] = name_;
  manifest_["spec"]["instances"][0]["replicas"] = replicas;
  Show();
}

void ClusterBuilder::Show() { Observe(manifest_); }

void ClusterBuilder::Observe(Json object) {
  const auto ref = rooms::RefOf(object);
  const std::string uid = "uid-" + Sha256Hex(ref.Text()).substr(0, 8);
  const std::string rv = std::to_string(++seq_);
  Put(object, {"metadata", "uid"}, uid);
  Put(object, {"metadata", "resourceVersion"}, rv);
  static_cast<void>(world_.Fold(At(seq_, Observed{ref, uid, rv, std::move(object)})));
}

void ClusterBuilder::Remove(const kube::ObjectRef& ref) {
  static_cast<void>(world_.Fold(At(++seq_, Gone{ref, ""})));
}

void ClusterBuilder::Settle(const rooms::Plan& plan) {
  for (const auto& desired : plan.objects) {
    Json object = desired.object;
    for (const Part& part : desired.parts) {
      Put(object, {"redacted", part.key, "hmac"}, Sha256Hex(part.key).substr(0, 16));
    }
    if (desired.ref.kind == "Service" && Find(object, {"spec", "clusterIP"}) == nullptr) {
      Put(object, {"spec", "clusterIP"}, "10.96.0.17");
    }
    Observe(std::move(object));
  }
}

std::string ClusterBuilder::Address(const std::string& instance) {
  return "10.1.0." + std::to_string(Sha256Hex(instance).front());
}

void ClusterBuilder::Pod(const std::string& instance, const std::string& role,
                         const std::string& status) {
  Json pod = JsonLiteral(R"({
    "apiVersion": "v1", "kind": "Pod",
    "spec": {"nodeName": "node-1"},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
      "containerStatuses": [{"name": "database", "state": {"running": {}}}]}
  })");
  Put(pod, {"metadata", "name"}, kube::InstancePodName(instance));
  Put(pod, {"metadata", "namespace"}, std::string(kNamespace));
  Put(pod, {"metadata", "labels", kube::kLabelCluster}, name_);
  Put(pod, {"metadata", "labels", kube::kLabelInstance}, instance);
  Put(pod, {"metadata", "labels", kube::kLabelInstanceSet}, "00");
  if (!role.empty()) Put(pod, {"metadata", "labels", kube::kLabelRole}, role);
  Put(pod, {"metadata", "annotations", "status"}, status);
  Put(pod, {"status", "podIP"}, Address(instance));
  Observe(std::move(pod));
}

void ClusterBuilder::Lock(const std::string& pod, const std::string& ip) {
  Json lock = JsonLiteral(R"({"apiVersion": "v1", "kind": "Endpoints",
    "subsets": [{"addresses": [{}]}]})");
  Put(lock, {"metadata", "name"}, kube::LeaderName(name_));
  Put(lock, {"metadata", "namespace"}, std::string(kNamespace));
  Put(lock, {"metadata", "labels", kube::kLabelCluster}, name_);
  Put(lock, {"metadata", "annotations", "leader"}, pod);
  lock["subsets"][0]["addresses"][0]["ip"] = ip;
  Observe(std::move(lock));
}

void ClusterBuilder::Bootstrapped(const std::string& config) {
  Json state = JsonLiteral(R"({"apiVersion": "v1", "kind": "Endpoints"})");
  Put(state, {"metadata", "name"}, kube::DcsConfigName(name_));
  Put(state, {"metadata", "namespace"}, std::string(kNamespace));
  Put(state, {"metadata", "labels", kube::kLabelCluster}, name_);
  Put(state, {"metadata", "annotations", "initialize"}, "7500000000000000001");
  Put(state, {"metadata", "annotations", "config"}, config);
  Observe(std::move(state));
}

cluster::ClusterView ClusterBuilder::View() const {
  return cluster::Project(world_, {std::string(kNamespace), name_});
}

}  // namespace pgo::testing
