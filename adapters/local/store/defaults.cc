#include "adapters/local/store/defaults.h"

#include <cctype>

#include "adapters/local/store/claims.h"
#include "adapters/local/store/meta.h"
#include "engine/base/digest.h"

namespace pgo::local {
namespace {

void Default(Json& object, const char* name, Json value) {
  const auto at = object.find(name);
  if (at == object.end() || at->is_null()) object[name] = std::move(value);
}

// The member at a path if it is an object (or a list, for Each), else null.
Json* Object(Json& value, const char* name) {
  if (!value.is_object()) return nullptr;
  const auto at = value.find(name);
  return at != value.end() && at->is_object() ? &*at : nullptr;
}

template <typename F>
void Each(Json& value, const char* name, F visit) {
  if (!value.is_object()) return;
  const auto at = value.find(name);
  if (at == value.end() || !at->is_array()) return;
  for (Json& item : *at) {
    if (item.is_object()) visit(item);
  }
}

void ProbeDefaults(Json& container) {
  for (const char* name : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    Json* probe = Object(container, name);
    if (probe == nullptr) continue;
    Default(*probe, "timeoutSeconds", 1);
    Default(*probe, "periodSeconds", 10);
    Default(*probe, "successThreshold", 1);
    Default(*probe, "failureThreshold", 3);
    if (Json* get = Object(*probe, "httpGet")) {
      Default(*get, "scheme", "HTTP");
      Default(*get, "path", "/");
    }
  }
}

void ContainerDefaults(Json& container) {
  const std::string image = GetString(container, {"image"});
  const auto colon = image.rfind(':'), slash = image.rfind('/');
  const bool tagged = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  const bool latest = !tagged || image.ends_with(":latest");
  Default(container, "imagePullPolicy", latest ? "Always" : "IfNotPresent");
  Default(container, "terminationMessagePath", "/dev/termination-log");
  Default(container, "terminationMessagePolicy", "File");
  Default(container, "resources", Json::object());
  Each(container, "ports", [](Json& port) { Default(port, "protocol", "TCP"); });
  Each(container, "env", [](Json& env) {
    Json* from = Object(env, "valueFrom");
    Json* ref = from == nullptr ? nullptr : Object(*from, "fieldRef");
    if (ref != nullptr) Default(*ref, "apiVersion", "v1");
  });
  ProbeDefaults(container);
}

void VolumeDefaults(Json& volume) {
  for (const char* kind : {"secret", "configMap", "projected", "downwardAPI"}) {
    if (Json* source = Object(volume, kind)) Default(*source, "defaultMode", 420);
  }
  Json* projected = Object(volume, "projected");
  if (projected == nullptr) return;
  Each(*projected, "sources", [](Json& source) {
    if (Json* token = Object(source, "serviceAccountToken"))
      Default(*token, "expirationSeconds", 3600);
  });
}

void PodSpecDefaults(Json& spec) {
  Default(spec, "restartPolicy", "Always");
  Default(spec, "dnsPolicy", "ClusterFirst");
  Default(spec, "schedulerName", "default-scheduler");
  Default(spec, "terminationGracePeriodSeconds", 30);
  Default(spec, "securityContext", Json::object());
  Each(spec, "containers", ContainerDefaults);
  Each(spec, "initContainers", ContainerDefaults);
  Each(spec, "volumes", VolumeDefaults);
  const std::string account = GetString(spec, {"serviceAccountName"});
  if (!account.empty()) Default(spec, "serviceAccount", account);
}

Json Toleration(const char* key, int seconds) {
  return {{"key", key},
          {"operator", "Exists"},
          {"effect", "NoExecute"},
          {"tolerationSeconds", seconds}};
}

// What admission adds to a new pod.
void PodDefaults(Json& spec, int eviction_s) {
  Default(spec, "enableServiceLinks", true);
  Default(spec, "serviceAccountName", "default");
  Default(spec, "serviceAccount", GetString(spec, {"serviceAccountName"}));
  Default(spec, "tolerations", Json::array());
  for (const char* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    bool there = false;
    Each(spec, "tolerations", [&](Json& toleration) {
      const std::string named = GetString(toleration, {"key"});
      there = there || named == key ||
              (named.empty() && GetString(toleration, {"operator"}) == "Exists");
    });
    if (!there && spec["tolerations"].is_array())
      spec["tolerations"].push_back(Toleration(key, eviction_s));
  }
}

void ClaimSpecDefaults(Json& spec) { Default(spec, "volumeMode", "Filesystem"); }

void StatefulSetDefaults(Json& spec) {
  Default(spec, "replicas", 1);
  Default(spec, "podManagementPolicy", "OrderedReady");
  Default(spec, "revisionHistoryLimit", 10);
  Default(spec, "updateStrategy", {{"type", "RollingUpdate"}});
  if (Json* strategy = Object(spec, "updateStrategy")) {
    Default(*strategy, "type", "RollingUpdate");
    if (GetString(*strategy, {"type"}) == "RollingUpdate") {
      Default(*strategy, "rollingUpdate", {{"partition", 0}});
    }
  }
  Default(spec, "persistentVolumeClaimRetentionPolicy",
          {{"whenDeleted", "Retain"}, {"whenScaled", "Retain"}});
  Each(spec, "volumeClaimTemplates", [](Json& claim) {
    Default(claim, "apiVersion", "v1");
    Default(claim, "kind", "PersistentVolumeClaim");
    if (Json* claim_spec = Object(claim, "spec")) ClaimSpecDefaults(*claim_spec);
  });
}

void DeploymentDefaults(Json& spec) {
  Default(spec, "replicas", 1);
  Default(spec, "revisionHistoryLimit", 10);
  Default(spec, "progressDeadlineSeconds", 600);
  Default(spec, "strategy",
          {{"type", "RollingUpdate"},
           {"rollingUpdate", {{"maxSurge", "25%"}, {"maxUnavailable", "25%"}}}});
}

void JobDefaults(Json& spec) {
  Default(spec, "backoffLimit", 6);
  Default(spec, "completions", 1);
  Default(spec, "parallelism", 1);
  Default(spec, "completionMode", "NonIndexed");
  Default(spec, "suspend", false);
}

void ServiceDefaults(Json& spec, const Json* old) {
  Default(spec, "type", "ClusterIP");
  Default(spec, "sessionAffinity", "None");
  Default(spec, "internalTrafficPolicy", "Cluster");
  if (old != nullptr) {  // the address stays for the Service's life
    for (const char* name : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
      const Json* was = Find(*old, {"spec", name});
      if (was != nullptr) Default(spec, name, *was);
    }
  }
  if (GetString(spec, {"type"}) == "ExternalName") return;
  Default(spec, "ipFamilies", Json::array({"IPv4"}));
  Default(spec, "ipFamilyPolicy", "SingleStack");
  Each(spec, "ports", [](Json& port) {
    Default(port, "protocol", "TCP");
    if (const Json* number = Find(port, "port")) Default(port, "targetPort", *number);
  });
}

void SecretDefaults(Json& object) {
  Default(object, "type", "Opaque");
  const auto plain = object.find("stringData");
  if (plain == object.end()) return;
  if (plain->is_object()) {
    for (const auto& [key, value] : plain->items()) object["data"][key] = Base64(AsString(value));
  }
  object.erase("stringData");
}

void JobIdentity(Json& object) {
  const std::string uid = UidOf(object), name = NameOf(object);
  Json& spec = object["spec"];
  Default(spec, "selector", {{"matchLabels", {{"batch.kubernetes.io/controller-uid", uid}}}});
  Json& labels = spec["template"]["metadata"]["labels"];
  labels["controller-uid"] = labels["batch.kubernetes.io/controller-uid"] = uid;
  labels["job-name"] = labels["batch.kubernetes.io/job-name"] = name;
}

const char* Qos(const Json& pod) {
  for (const Json& container : GetArray(pod, {"spec", "containers"})) {
    if (!GetObject(container, {"resources", "requests"}).empty() ||
        !GetObject(container, {"resources", "limits"}).empty()) {
      return "Burstable";
    }
  }
  return "BestEffort";
}

bool Changed(const Json& object, const Json& old, Path path) {
  const Json* is = Find(object, path);
  const Json* was = Find(old, path);
  return (is == nullptr) != (was == nullptr) || (is != nullptr && *is != *was);
}

void CheckStatefulSet(const Json& object, const Json& old, std::vector<FieldError>& errors) {
  for (const char* field :
       {"selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"}) {
    if (!Changed(object, old, {"spec", field})) continue;
    errors.push_back(
        {"spec", "FieldValueForbidden",
         "Forbidden: updates to statefulset spec for fields other than 'replicas', "
         "'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
         "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"});
    return;
  }
}

}  // namespace

void SetBuiltInDefaults(const TypeInfo& type, Json& object, const Json* old, int eviction_s) {
  if (type.custom) return;
  if (type.kind == "Secret") SecretDefaults(object);
  if (type.kind == "Endpoints") {
    Each(object, "subsets", [](Json& subset) {
      Each(subset, "ports", [](Json& port) { Default(port, "protocol", "TCP"); });
    });
  }
  Json* spec = Object(object, "spec");
  if (spec == nullptr) return;
  if (type.kind == "Pod") {
    PodSpecDefaults(*spec);
    if (old == nullptr) PodDefaults(*spec, eviction_s);
  }
  Json* pod_template = Object(*spec, "template");
  Json* pod_spec = pod_template == nullptr ? nullptr : Object(*pod_template, "spec");
  if (pod_spec != nullptr) PodSpecDefaults(*pod_spec);
  if (type.kind == "StatefulSet") StatefulSetDefaults(*spec);
  if (type.kind == "Deployment") DeploymentDefaults(*spec);
  if (type.kind == "Job") JobDefaults(*spec);
  if (type.kind == "Service") ServiceDefaults(*spec, old);
  if (type.kind == "PersistentVolumeClaim") {
    ClaimSpecDefaults(*spec);
    if (old == nullptr) Default(*spec, "storageClassName", "standard");
    const Json* volume = old == nullptr ? nullptr : Find(*old, {"spec", "volumeName"});
    if (volume != nullptr) Default(*spec, "volumeName", *volume);
  }
  if (type.kind == "CronJob") {
    Default(*spec, "concurrencyPolicy", "Allow");
    Default(*spec, "suspend", false);
    Default(*spec, "successfulJobsHistoryLimit", 3);
    Default(*spec, "failedJobsHistoryLimit", 1);
  }
}

void SetInitialState(const TypeInfo& type, Json& object) {
  if (type.has_status) object.erase("status");
  if (type.custom) return;
  if (type.kind == "Pod") object["status"] = {{"phase", "Pending"}, {"qosClass", Qos(object)}};
  if (type.kind == "PersistentVolumeClaim") object["status"] = {{"phase", "Pending"}};
  if (type.kind == "PersistentVolume") object["status"] = {{"phase", "Available"}};
  if (type.kind == "Service") object["status"] = {{"loadBalancer", Json::object()}};
  if (type.kind == "StatefulSet") object["status"] = {{"replicas", 0}, {"availableReplicas", 0}};
  if (type.kind == "Namespace") {
    object["spec"]["finalizers"] = {"kubernetes"};
    object["status"] = {{"phase", "Active"}};
    Meta(object)["labels"]["kubernetes.io/metadata.name"] = NameOf(object);
  }
  if (type.kind == "Job" && object.contains("spec")) JobIdentity(object);
  if (type.kind == "CustomResourceDefinition") {
    Meta(object)["finalizers"] = {"customresourcecleanup.apiextensions.k8s.io"};
  }
  if (type.kind == "PersistentVolumeClaim") {
    Json& finalizers = Meta(object)["finalizers"];
    if (!finalizers.is_array()) finalizers = Json::array();
    finalizers.push_back("kubernetes.io/pvc-protection");
  }
}

std::vector<FieldError> CheckBuiltIn(const TypeInfo& type, const Json& object, const Json* old) {
  std::vector<FieldError> errors;
  if (type.custom) return errors;
  if (type.kind == "StatefulSet" && old != nullptr) CheckStatefulSet(object, *old, errors);
  if (type.kind == "PersistentVolumeClaim" && old != nullptr) CheckClaim(object, *old, errors);
  if (type.kind == "Service" && old != nullptr && Changed(object, *old, {"spec", "clusterIP"}) &&
      GetString(object, {"spec", "type"}) == "ClusterIP" &&
      GetString(*old, {"spec", "type"}) == "ClusterIP") {
    errors.push_back({"spec.clusterIPs[0]", "FieldValueInvalid",
                      "Invalid value: " + DumpJson(GetArray(object, {"spec", "clusterIPs"})) +
                          ": may not change once set"});
  }
  if ((type.kind == "Pod" || type.kind == "StatefulSet") && Find(object, "spec") == nullptr) {
    errors.push_back({"spec", "FieldValueRequired", "Required value"});
  }
  if (type.kind == "Pod" && GetArray(object, {"spec", "containers"}).empty()) {
    errors.push_back({"spec.containers", "FieldValueRequired", "Required value"});
  }
  return errors;
}

void AllocateClusterIp(Json& service, const std::string& prefix,
                       const std::function<bool(const std::string&)>& taken) {
  Json& spec = service["spec"];
  if (!spec.is_object()) spec = Json::object();
  const std::string kind = GetString(spec, {"type"}, "ClusterIP");
  if (kind == "ExternalName") return;
  std::string address = GetString(spec, {"clusterIP"});
  for (int i = 0; address.empty() && i < 65'000; ++i) {
    // From the name, so that the same Service gets the same address in each run.
    const std::string digest = Sha256Hex(GetString(service, {"metadata", "namespace"}) + "/" +
                                         NameOf(service) + "/" + std::to_string(i));
    const int high = std::stoi(digest.substr(0, 2), nullptr, 16);
    const int low = std::stoi(digest.substr(2, 2), nullptr, 16);
    const std::string candidate = prefix + std::to_string(high) + "." + std::to_string(low);
    if (low == 0 || low == 255 || (high == 0 && low < 16) || taken(candidate)) continue;
    address = candidate;
  }
  spec["clusterIP"] = address;
  spec["clusterIPs"] = {address};
}

bool ValidName(const std::string& name) {
  if (name.empty() || name.size() > 253) return false;
  bool begin = true;  // of a label
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool letter = std::isdigit(c) || (c >= 'a' && c <= 'z');
    if (begin && !letter) return false;
    if (c == '.' && !std::isalnum(static_cast<unsigned char>(name[i - 1]))) return false;
    if (!letter && c != '-' && c != '.') return false;
    begin = c == '.';
  }
  return !begin && name.back() != '-';
}

}  // namespace pgo::local
