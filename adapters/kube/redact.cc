#include "adapters/kube/redact.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "adapters/kube/managers.h"
#include "adapters/kube/members.h"
#include "adapters/kube/words.h"
#include "engine/kube/kinds.h"
#include "engine/kube/names.h"

namespace pgo::kube {
namespace {

using Members = std::initializer_list<std::string_view>;

Json Pick(const Json& from, Members names) {
  Json out = Json::object();
  for (const std::string_view name : names) {
    if (const Json* member = Find(from, name)) out[std::string(name)] = *member;
  }
  return out;
}

Json PickEach(const Json& list, Members names) {
  Json out = Json::array();
  for (const Json& item : list) out.push_back(Pick(item, names));
  return out;
}

// What Patroni 4 writes onto Endpoints and Pods (patroni/dcs/kubernetes.py).
constexpr std::array kPatroniAnnotations{
    "leader",  "renewTime", "acquireTime",  "ttl",          "transitions",         "optime",
    "status",  "slots",     "retain_slots", "failsafe",     "initialize",          "config",
    "history", "member",    "scheduled_at", "sync_standby", "synchronous_standby", "quorum"};

// Ours (engine/kube/names.h). Others of the same prefix are the user's business.
constexpr std::array kOwnAnnotations{
    kBackupId,        kBackupSlot,      kRecipeAnnotation, kNotAfterAnnotation, kTriggerSwitchover,
    kScaleDownTarget, kScaleDownData,   kRestart,          kRestartInstances,   kAsked,
    kRestartRolling,  kReload,          kBackupAsked,      kRestoreAsked,       kRestoreSafety,
    kRestoreId,       kStartupInstance, kLeaving};

}  // namespace

bool KeepsAnnotation(std::string_view kind, std::string_view name) {
  if (std::ranges::find(kOwnAnnotations, name) != kOwnAnnotations.end()) return true;
  const bool patroni =
      kind == "Endpoints" || kind == "Pod" || kind == "ConfigMap" || kind == "Service";
  return patroni && std::ranges::find(kPatroniAnnotations, name) != kPatroniAnnotations.end();
}

namespace {

// An annotation that holds JSON is looked into; any other is text.
Json Annotation(const Json& value) {
  if (!value.is_string()) return nullptr;
  auto inner = ParseJson(AsString(value));
  if (inner && inner->is_structured()) {
    const Json before = *inner;
    MaskCredentials(*inner);
    return before == *inner ? value : Json(DumpJson(*inner));
  }
  Json text = value;
  MaskCredentials(text);
  return text;
}

Json Annotations(std::string_view kind, const Json& all) {
  Json out = Json::object();
  for (const auto& [name, value] : all.items()) {
    if (KeepsAnnotation(kind, name)) out[name] = Annotation(value);
  }
  return out;
}

bool KeepsNodeLabel(std::string_view name) {
  return name == "kubernetes.io/hostname" || name == "kubernetes.io/os" ||
         name == "kubernetes.io/arch" || name == "node.kubernetes.io/instance-type" ||
         name.starts_with("topology.");
}

Json Metadata(std::string_view kind, const Json& object) {
  const Json& from = GetObject(object, {"metadata"});
  Json out = Pick(from, {"name", "namespace", "uid", "resourceVersion", "generation",
                         "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
                         "finalizers", "ownerReferences", "labels"});
  if (kind == "Node") {
    Json labels = Json::object();
    for (const auto& [name, value] : GetObject(from, {"labels"}).items()) {
      if (KeepsNodeLabel(name)) labels[name] = value;
    }
    out["labels"] = std::move(labels);
    return out;  // its managers change with each heartbeat
  }
  Json annotations = Annotations(kind, GetObject(from, {"annotations"}));
  if (!annotations.empty()) out["annotations"] = std::move(annotations);
  Json managers = ManagersOf(kind, from);
  if (!managers.empty()) out["managers"] = std::move(managers);
  return out;
}

Json Node(const Json& object) {
  Json out = Json::object();
  const Json& spec = GetObject(object, {"spec"});
  out["spec"] = Pick(spec, {"unschedulable"});
  if (Find(spec, "taints") != nullptr)
    out["spec"]["taints"] = PickEach(GetArray(spec, {"taints"}), {"key", "effect", "timeAdded"});
  out["status"]["conditions"] =
      PickEach(GetArray(object, {"status", "conditions"}), {"type", "status", "reason"});
  out["status"]["addresses"] =
      PickEach(GetArray(object, {"status", "addresses"}), {"type", "address"});
  return out;
}

// Literal values of a manifest's containers: of their environment and headers, and their commands.
void MaskContainers(Json& value) {
  if (value.is_array()) {
    for (Json& item : value) MaskContainers(item);
  }
  if (!value.is_object()) return;
  for (auto it = value.begin(); it != value.end(); ++it) {
    const bool pairs = it.key() == "env" || it.key() == "httpHeaders" || it.key() == "sysctls";
    const bool words = it.key() == "args" || it.key() == "command";
    if (!it->is_array() || (!pairs && !words)) {
      MaskContainers(*it);
      continue;
    }
    for (Json& item : *it) {
      if (words) item = "***";
      if (pairs && item.is_object() && item.contains("value")) item["value"] = "***";
    }
  }
}

void Cluster(Json& kept) {
  MaskUnknownMembers(kept);
  MaskPassedOn(kept);
  MaskContainers(kept);
}

Json PodVolumes(const Json& spec) {
  Json out = Json::array();
  for (const Json& volume : GetArray(spec, {"volumes"})) {
    const Json* claim = Find(volume, "persistentVolumeClaim");
    if (claim == nullptr) continue;
    out.push_back(Pick(volume, {"name"}));
    out.back()["persistentVolumeClaim"] = Pick(*claim, {"claimName", "readOnly"});
  }
  return out;
}

// One word of an enumeration, as Kubernetes writes its reasons.
bool IsReason(const Json& value) {
  const std::string text = AsString(value);
  return value.is_string() && !text.empty() && text.size() <= 64 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0; });
}

void DropOddReason(Json& object) {
  if (const Json* reason = Find(object, "reason"); reason != nullptr && !IsReason(*reason)) {
    object.erase("reason");
  }
}

// What `postgres-startup` leaves of the data directory it found, and pgBackRest's complaint as
// plain words; no other container's last words.
Json LastWords(const std::string& container, const Json& message) {
  if (container == kBackrestContainer) return PlainWords(AsString(message).substr(0, 2000));
  if (container != "postgres-startup") return nullptr;
  const auto found = ParseJson(AsString(message));
  if (!found || !found->is_object()) return nullptr;
  return DumpJson(PlainResult(Pick(*found, {"timeline", "end", "wal", "problem"})));
}

// running, waiting or terminated, without what the container or its runtime said.
Json ContainerState(const Json& state, const std::string& container) {
  Json out = Json::object();
  for (const char* phase : {"running", "waiting", "terminated"}) {
    const Json* found = Find(state, phase);
    if (found == nullptr) continue;
    out[phase] = Pick(*found, {"startedAt", "finishedAt", "exitCode", "signal", "reason"});
    DropOddReason(out[phase]);
    const Json* message = Find(*found, "message");
    Json words = message != nullptr ? LastWords(container, *message) : Json();
    if (!words.is_null()) out[phase]["message"] = std::move(words);
  }
  return out;
}

Json ContainerStatus(const Json& status) {
  Json out = Pick(status, {"name", "ready", "started", "restartCount", "image", "imageID"});
  const std::string container = GetString(status, {"name"});
  for (const char* name : {"state", "lastState"}) {
    if (const Json* state = Find(status, name)) out[name] = ContainerState(*state, container);
  }
  return out;
}

Json Pod(const Json& object) {
  const Json& spec = GetObject(object, {"spec"});
  const Json& status = GetObject(object, {"status"});
  Json out = Json::object();
  out["spec"] = Pick(spec, {"nodeName", "terminationGracePeriodSeconds"});
  for (const char* list : {"containers", "initContainers"}) {
    if (Find(spec, list) != nullptr)
      out["spec"][list] = PickEach(GetArray(spec, {list}), {"name", "image"});
  }
  Json volumes = PodVolumes(spec);
  if (!volumes.empty()) out["spec"]["volumes"] = std::move(volumes);
  out["status"] = Pick(status, {"phase", "podIP", "hostIP", "startTime", "reason"});
  DropOddReason(out["status"]);
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    if (Find(status, list) == nullptr) continue;
    out["status"][list] = Json::array();
    for (const Json& one : GetArray(status, {list})) {
      out["status"][list].push_back(ContainerStatus(one));
    }
  }
  if (Find(status, "conditions") != nullptr) {
    out["status"]["conditions"] = PickEach(GetArray(status, {"conditions"}),
                                           {"type", "status", "reason", "lastTransitionTime"});
    for (Json& condition : out["status"]["conditions"]) DropOddReason(condition);
  }
  MaskCredentials(out);
  return out;
}

}  // namespace

std::string Redactor::Digest(std::string_view value) const {
  constexpr char kHex[] = "0123456789abcdef";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(value.data()), value.size(), digest, &size);
  std::string out;
  for (unsigned int i = 0; i < size; ++i) out += {kHex[digest[i] >> 4], kHex[digest[i] & 15]};
  return out;
}

Json Redactor::Secret(const Json& object) const {
  Json out = Pick(object, {"type", "immutable"});
  Json redacted = Json::object();
  for (const auto& [name, value] : GetObject(object, {"data"}).items()) {
    const std::string encoded = AsString(value);
    const std::size_t padding = encoded.ends_with("==") ? 2 : encoded.ends_with("=") ? 1 : 0;
    redacted[name]["hmac"] = Digest(encoded);
    redacted[name]["size"] = encoded.size() / 4 * 3 - std::min(padding, encoded.size() / 4 * 3);
  }
  out["redacted"] = std::move(redacted);
  return out;
}

Json Redactor::ConfigMap(const Json& object) const {
  Json out = Pick(object, {"immutable"});
  const std::string name = GetString(object, {"metadata", "name"});
  // Written by us alone, and what it says is what a successor must know.
  const bool intent = name.ends_with("-intent") &&
                      name == IntentName(GetString(object, {"metadata", "labels", kLabelCluster}));
  for (const char* member : {"data", "binaryData"}) {
    if (Find(object, member) == nullptr) continue;
    Json data = GetObject(object, {member});
    for (Json& value : data) {
      if (!intent) value = "hmac:" + Digest(AsString(value));
    }
    if (intent) MaskCredentials(data);
    out[member] = std::move(data);
  }
  return out;
}

bool Redactor::DigestMember(const std::string& name, Json& value) const {
  const auto digest = [this](Json& text) { text = "hmac:" + Digest(AsString(text)); };
  const bool words = name == "args" || name == "command";
  const bool options = name == "volumeAttributes" || name == "options" || name == "attributes";
  if ((words && value.is_array()) || (options && value.is_object())) {
    for (Json& word : value) digest(word);
  } else if ((name == "env" || name == "httpHeaders") && value.is_array()) {
    for (Json& pair : value) {
      if (pair.is_object() && pair.contains("value")) digest(pair["value"]);
    }
  } else if (name == "annotations" && value.is_object()) {
    for (auto it = value.begin(); it != value.end(); ++it) {
      if (!KeepsAnnotation("", it.key())) digest(*it);
    }
  } else {
    return false;
  }
  return true;
}

void Redactor::DigestContainers(Json& value) const {
  if (value.is_array()) {
    for (Json& item : value) DigestContainers(item);
  }
  if (!value.is_object()) return;
  // {name, value}: a sysctl, an option of a resolver.
  if (value.contains("name") && value.contains("value")) {
    value["value"] = "hmac:" + Digest(AsString(value["value"]));
  }
  for (auto it = value.begin(); it != value.end(); ++it) {
    if (!DigestMember(it.key(), *it)) DigestContainers(*it);
  }
}

void Redactor::Builtin(Json& kept) const {
  DropUnknownMembers(kept);
  if (kept.contains("status")) DropMessages(kept["status"]);
  DigestContainers(kept);
}

Json Redactor::Redact(std::string_view kind, const Json& object) const {
  Json out = Json::object();
  if (kind == "Secret") {
    out = Secret(object);
  } else if (kind == "ConfigMap") {
    out = ConfigMap(object);
  } else if (kind == "Pod") {
    out = Pod(object);
  } else if (kind == "Node") {
    out = Node(object);
  } else if (kind == "PersistentVolume") {
    out["spec"] =
        Pick(GetObject(object, {"spec"}), {"claimRef", "capacity", "storageClassName",
                                           "persistentVolumeReclaimPolicy", "nodeAffinity"});
    out["status"] = Pick(GetObject(object, {"status"}), {"phase", "reason"});
  } else if (kind != "CustomResourceDefinition" && kind != "Event" && FindKind(kind) != nullptr) {
    out = Pick(object, {"spec", "status", "subsets", "rules", "roleRef", "subjects",
                        "automountServiceAccountToken", "imagePullSecrets"});
    kind == "PostgresCluster" ? Cluster(out) : Builtin(out);
    MaskCredentials(out);
  }
  const KindInfo* known = FindKind(kind);
  out["kind"] = std::string(kind);
  out["apiVersion"] = known != nullptr ? ApiVersion(*known) : GetString(object, {"apiVersion"});
  out["metadata"] = Metadata(kind, object);
  return out;
}

bool Unchanged(const Json& previous, const Json& current) {
  if (!previous.is_object() || !current.is_object()) return previous == current;
  const auto without = [](const Json& object) {
    Json copy = object;
    if (Json* metadata = copy.contains("metadata") ? &copy["metadata"] : nullptr;
        metadata != nullptr && metadata->is_object()) {
      metadata->erase("resourceVersion");
    }
    return copy;
  };
  return without(previous) == without(current);
}

}  // namespace pgo::kube
