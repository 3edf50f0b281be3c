#include "engine/cluster/view.h"

#include "engine/kube/names.h"

namespace pgo::cluster {
namespace {

std::string Annotation(const Json& object, std::string_view name) {
  return GetString(object, {"metadata", "annotations", name});
}

std::int64_t NumberOf(const std::string& text, std::int64_t otherwise) {
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value > INT64_MAX / 10 - 10) return otherwise;
    value = value * 10 + (c - '0');
  }
  return text.empty() ? otherwise : value;
}

std::optional<MemberStatus> ReadMember(const Json& pod) {
  const auto json = ParseJson(Annotation(pod, "status"));
  if (!json || !json->is_object()) return std::nullopt;
  MemberStatus m;
  m.state = GetString(*json, {"state"});
  m.role = GetString(*json, {"role"});
  m.version = GetString(*json, {"version"});
  m.lsn = Lsn(static_cast<std::uint64_t>(GetInt(*json, {"xlog_location"})));
  m.timeline = Timeline(static_cast<std::uint32_t>(GetInt(*json, {"timeline"})));
  m.replication_state = GetString(*json, {"replication_state"});
  m.pending_restart = GetBool(*json, {"pending_restart"});
  return m;
}

void ReadDatabase(const Json& status, PodView& pod) {
  const Json* terminated = Find(status, {"state", "terminated"});
  if (terminated == nullptr) terminated = Find(status, {"lastState", "terminated"});
  pod.database_running = Find(status, {"state", "running"}) != nullptr;
  pod.restarts = GetInt(status, {"restartCount"});
  if (terminated == nullptr) return;
  pod.database_finished_us = ParseWall(GetString(*terminated, {"finishedAt"}));
  pod.database_exit = "exit " + std::to_string(GetInt(*terminated, {"exitCode"}));
  const std::string reason = GetString(*terminated, {"reason"});
  if (!reason.empty()) pod.database_exit += " (" + reason + ")";
}

PodView ReadPod(const Subject& subject) {
  const Json& o = subject.object;
  PodView pod;
  pod.subject = &subject;
  pod.name = subject.ref.name;
  pod.uid = subject.uid;
  pod.node = GetString(o, {"spec", "nodeName"});
  pod.ip = GetString(o, {"status", "podIP"});
  pod.deleting = Find(o, {"metadata", "deletionTimestamp"}) != nullptr;
  const std::string phase = GetString(o, {"status", "phase"});
  pod.terminal = phase == "Succeeded" || phase == "Failed";
  for (const Json& condition : GetArray(o, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == "Ready") {
      pod.ready = GetString(condition, {"status"}) == "True";
    }
  }
  pod.role = GetString(o, {"metadata", "labels", kube::kLabelRole});
  for (const Json& status : GetArray(o, {"status", "containerStatuses"})) {
    if (GetString(status, {"name"}) == kube::kDatabaseContainer) ReadDatabase(status, pod);
  }
  for (const Json& status : GetArray(o, {"status", "initContainerStatuses"})) {
    if (GetString(status, {"name"}) == "postgres-startup") {
      pod.startup_message = GetString(status, {"state", "terminated", "message"});
      pod.startup_finished_us = ParseWall(GetString(status, {"state", "terminated", "finishedAt"}));
    }
  }
  pod.member = ReadMember(o);
  return pod;
}

NodeView ReadNode(const Subject& subject) {
  NodeView node;
  node.name = subject.ref.name;
  node.known = true;
  node.seq = subject.seq;
  for (const Json& condition : GetArray(subject.object, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == "Ready") {
      node.ready = GetString(condition, {"status"}) == "True";
    }
  }
  for (const Json& taint : GetArray(subject.object, {"spec", "taints"})) {
    if (GetString(taint, {"key"}) == kube::kOutOfServiceTaint) node.out_of_service = true;
  }
  return node;
}

LockView ReadLock(const Subject* subject) {
  LockView lock;
  if (subject == nullptr) return lock;
  lock.subject = subject;
  lock.leader = Annotation(subject->object, "leader");
  lock.renew_time = Annotation(subject->object, "renewTime");
  lock.renew_us = ParseWall(lock.renew_time);
  lock.optime = Lsn(static_cast<std::uint64_t>(NumberOf(Annotation(subject->object, "optime"), 0)));
  lock.ttl_s = NumberOf(Annotation(subject->object, "ttl"), 30);
  lock.transitions = NumberOf(Annotation(subject->object, "transitions"), 0);
  lock.failsafe = Annotation(subject->object, "failsafe").size() > 2;
  return lock;
}

SyncView ReadSync(const Subject* subject) {
  SyncView sync;
  if (subject == nullptr) return sync;
  sync.subject = subject;
  sync.leader = Annotation(subject->object, "leader");
  const std::string names = Annotation(subject->object, "sync_standby");
  for (std::size_t at = 0; at < names.size();) {
    std::size_t end = names.find(',', at);
    if (end == std::string::npos) end = names.size();
    if (end > at) sync.standbys.push_back(names.substr(at, end - at));
    at = end + 1;
  }
  return sync;
}

// Members of the metadata that say nothing of what is asked for.
bool IsBookkeeping(std::string_view member) {
  return member == "resourceVersion" || member == "managedFields";
}

bool SameMetadata(const Json& kept, const Json& now) {
  std::size_t count = 0;
  for (const auto& [member, value] : now.items()) {
    if (IsBookkeeping(member)) continue;
    const Json* was = Find(kept, member);
    if (was == nullptr || *was != value) return false;
    ++count;
  }
  return count == kept.size();
}

bool SameManifest(const Json& kept, const Json& now) {
  std::size_t count = 0;
  for (const auto& [member, value] : now.items()) {
    if (member == "status") continue;
    const Json* was = Find(kept, member);
    if (was == nullptr) return false;
    if (member == "metadata" ? !SameMetadata(*was, value) : *was != value) return false;
    ++count;
  }
  return count == kept.size();
}

Json ManifestObject(const Json& object) {
  Json out = Json::object();
  for (const auto& [member, value] : object.items()) {
    if (member != "status" && member != "metadata") out[member] = value;
  }
  Json& metadata = out["metadata"] = Json::object();
  for (const auto& [member, value] : GetObject(object, {"metadata"}).items()) {
    if (!IsBookkeeping(member)) metadata[member] = value;
  }
  return out;
}

void AddInstancePart(ClusterView& view, const Subject& subject, Readings& readings) {
  const std::string name = GetString(subject.object, {"metadata", "labels", kube::kLabelInstance});
  if (name.empty()) return;
  const std::string& kind = subject.ref.kind;
  if (kind != "Pod" && kind != "StatefulSet" && kind != "PersistentVolumeClaim") return;
  InstanceView& instance = view.instances[name];
  instance.name = name;
  if (instance.set.empty()) {
    instance.set = GetString(subject.object, {"metadata", "labels", kube::kLabelInstanceSet});
  }
  if (kind == "StatefulSet") {
    instance.stateful_set = &subject;
    const std::string leaving = Annotation(subject.object, kube::kLeaving);
    instance.leaving = !leaving.empty();
    instance.keeps_data = leaving == kDataKept;
  }
  if (kind == "Pod") instance.pod = readings.PodOf(subject);
  if (kind == "PersistentVolumeClaim" && subject.ref.name == kube::InstanceDataName(name)) {
    instance.claim = &subject;
  }
  if (kind == "PersistentVolumeClaim" && subject.ref.name == kube::InstanceWalName(name)) {
    instance.wal_claim = &subject;
  }
}

void ReadOwn(ClusterView& view, Readings& readings) {
  view.subject = view.Find("PostgresCluster", view.key.name);
  if (view.subject == nullptr) return;
  const Json& object = view.subject->object;
  view.uid = view.subject->uid;
  view.generation = GetInt(object, {"metadata", "generation"});
  view.deleting = pgo::Find(object, {"metadata", "deletionTimestamp"}) != nullptr;
  view.startup_instance = GetString(object, {"status", "startupInstance"});
  view.manifest = readings.ManifestOf(*view.subject);
}

void ReadSource(const World& world, ClusterView& view, Readings& readings) {
  const DataSource& source = view.spec().source;
  const bool here = source.ns.empty() || source.ns == view.key.ns;
  if (source.cluster.empty() || !here || source.cluster == view.key.name) return;
  const Subject* subject = world.Find({"PostgresCluster", view.key.ns, source.cluster});
  if (subject != nullptr) view.source = readings.SourceOf(*subject);
}

}  // namespace

std::shared_ptr<const Manifest> Readings::Of(const Subject& subject, Read& last) {
  const bool known = last.manifest != nullptr && last.ref == subject.ref;
  const bool seen = known && last.seq == subject.seq;
  last.ref = subject.ref;
  last.seq = subject.seq;
  if (seen || (known && SameManifest(last.manifest->object, subject.object))) return last.manifest;
  auto read = std::make_shared<Manifest>();
  read->object = ManifestObject(subject.object);
  read->parsed = ParseSpec(read->object);
  return last.manifest = std::move(read);
}

std::shared_ptr<const Manifest> Readings::ManifestOf(const Subject& subject) {
  return Of(subject, own_);
}

std::shared_ptr<const Manifest> Readings::SourceOf(const Subject& subject) {
  return Of(subject, source_);
}

const PodView& Readings::PodOf(const Subject& subject) {
  constexpr std::size_t kPodsMax = 200;  // of earlier pods too: they are dropped all at once
  const auto known = pods_.find(subject.ref.name);
  if (known == pods_.end() || known->second.seq != subject.seq) {
    if (known == pods_.end() && pods_.size() >= kPodsMax) pods_.clear();
    Pod& pod = pods_[subject.ref.name];
    pod = {subject.seq, ReadPod(subject)};
    return pod.view;
  }
  known->second.view.subject = &subject;  // it may lie elsewhere by now
  return known->second.view;
}

const ParsedSpec& ClusterView::parsed() const {
  static const ParsedSpec kNothing;
  return manifest == nullptr ? kNothing : manifest->parsed;
}

const Subject* ClusterView::Find(std::string_view kind, std::string_view name) const {
  const auto it = objects.find(kube::ObjectRef{std::string(kind), key.ns, std::string(name)});
  return it == objects.end() ? nullptr : it->second;
}

const NodeView* ClusterView::FindNode(std::string_view name) const {
  const auto it = nodes.find(std::string(name));
  return it == nodes.end() ? nullptr : &it->second;
}

const InstanceView* ClusterView::ByPod(std::string_view pod) const {
  for (const auto& [name, instance] : instances) {
    if (instance.pod && instance.pod->name == pod) return &instance;
  }
  return nullptr;
}

const InstanceView* ClusterView::Primary() const {
  if (lock.leader.empty()) return nullptr;
  const InstanceView* holder = ByPod(lock.leader);
  if (holder == nullptr || !holder->pod->member || holder->pod->deleting) return nullptr;
  const MemberStatus& member = *holder->pod->member;
  const bool writable = member.state == "running" && member.role == "primary";
  return writable && holder->pod->database_running ? holder : nullptr;
}

ClusterView Project(const World& world, const ClusterKey& key) {
  Readings readings;
  return Project(world, key, readings);
}

ClusterView Project(const World& world, const ClusterKey& key, Readings& readings) {
  ClusterView view;
  view.key = key;
  view.complete = world.AllListed();
  view.jobs_complete = world.Listed("Job");
  for (const Subject* subject : world.Of(key)) view.objects[subject->ref] = subject;
  ReadOwn(view, readings);
  ReadSource(world, view, readings);
  for (const auto& [ref, subject] : view.objects) AddInstancePart(view, *subject, readings);
  for (const Subject* node : world.Nodes()) view.nodes[node->ref.name] = ReadNode(*node);
  for (auto& [name, instance] : view.instances) {
    if (!instance.pod || instance.pod->node.empty()) continue;
    const NodeView* node = view.FindNode(instance.pod->node);
    if (node != nullptr) instance.node = *node;
  }
  ReadRestore(view);
  view.lock = ReadLock(view.Find("Endpoints", kube::LeaderName(key.name)));
  view.sync = ReadSync(view.Find("Endpoints", kube::SyncName(key.name)));
  view.failover_key = view.Find("Endpoints", kube::FailoverName(key.name));
  view.dcs_config = view.Find("Endpoints", kube::DcsConfigName(key.name));
  if (view.dcs_config != nullptr) {
    view.system_identifier = Annotation(view.dcs_config->object, "initialize");
    view.bootstrapped = !view.system_identifier.empty();
  }
  return view;
}

}  // namespace pgo::cluster
