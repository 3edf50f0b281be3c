#include "adapters/operator/metrics.h"

#include <algorithm>

#include "adapters/operator/options.h"
#include "engine/base/overloaded.h"
#include "engine/cluster/health.h"

namespace pgo {
namespace {

const std::vector<std::string> kCluster = {"namespace", "cluster"};
const std::vector<std::string> kInstance = {"namespace", "cluster", "instance"};

std::string KindOf(const Payload& payload) {
  return std::visit(
      Overloaded{[](const Observed& e) { return e.ref.kind; },
                 [](const Gone& e) { return e.ref.kind; }, [](const Listed& e) { return e.kind; },
                 [](const auto&) { return std::string(); }},
      payload);
}

double Bool(bool value) { return value ? 1 : 0; }
double Seconds(std::int64_t us) { return static_cast<double>(us) / kSecond; }

bool IsReady(const cluster::ClusterView& view) {
  for (const Json& condition : GetArray(view.subject->object, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == "Ready") {
      return GetString(condition, {"status"}) == "True";
    }
  }
  return false;
}

}  // namespace

OperatorMetrics::OperatorMetrics()
    : process_(registry_),
      build_(registry_.Gauge("pgo_build_info", "1; the labels say which build this is.",
                             {"version", "ruleset"})),
      leader_(registry_.Gauge("pgo_leader", "1 while this replica leads.")),
      epoch_(registry_.Gauge("pgo_leader_epoch", "Number of the newest leadership seen.")),
      leaderships_(registry_.Counter("pgo_leaderships_total", "Leaderships won by this replica.")),
      amnesias_(registry_.Counter("pgo_amnesias_total",
                                  "Leaderships begun with a journal that had lost its end, or was "
                                  "not among those that led.")),
      frames_(registry_.Counter("pgo_journal_frames_total", "Frames written.")),
      bytes_(registry_.Counter("pgo_journal_written_bytes_total", "Bytes of those frames.")),
      sync_seconds_(registry_.Histogram("pgo_journal_sync_seconds",
                                        "Time of a journal write that waited for the disk.",
                                        metrics::Exponential(0.0001, 2, 15))),
      head_(registry_.Gauge("pgo_journal_head_seq", "Number of the newest durable record.")),
      segments_(registry_.Gauge("pgo_journal_segments", "Segments of the journal.")),
      failed_(registry_.Gauge("pgo_journal_failed",
                              "1 from the first write that the journal refuses until it is open "
                              "again: nothing is decided or done meanwhile.")),
      volume_bytes_(registry_.Gauge("pgo_journal_volume_bytes",
                                    "Size of the journal's volume, without what is reserved.")),
      volume_used_(registry_.Gauge("pgo_journal_volume_used_bytes", "What of it is used.")),
      ballast_(registry_.Gauge("pgo_journal_ballast",
                               "1 while a part of the volume is held back for its last records.")),
      role_(registry_.Gauge("pgo_replica_role", "1 for what this replica does.", {"role"})),
      behind_(registry_.Gauge("pgo_replica_behind_seconds",
                              "Time since this replica had all of the leader's records; 0 on the "
                              "leader, -1 if it never had.")),
      follower_lag_(registry_.Gauge("pgo_replica_lag_records",
                                    "Records that a follower has not said to have on disk; told "
                                    "by the leader.",
                                    {"replica"})),
      events_(registry_.Counter("pgo_engine_events_total", "Events folded.", {"type", "kind"})),
      dropped_(registry_.Counter("pgo_engine_events_dropped_total",
                                 "Events that were too large for the journal.")),
      step_seconds_(registry_.Histogram("pgo_engine_step_seconds",
                                        "Time to fold a batch of events and decide.",
                                        metrics::Exponential(0.00005, 2, 15))),
      decisions_(registry_.Counter("pgo_engine_decisions_total", "Clusters decided on.")),
      actions_(registry_.Counter("pgo_engine_actions_total", "Actions decided.",
                                 {"room", "kind", "reason"})),
      outcomes_(
          registry_.Counter("pgo_engine_action_outcomes_total", "Actions ended.", {"outcome"})),
      failovers_(
          registry_.Counter("pgo_failovers_total", "Changes of primary completed.", {"class"})),
      gaps_(registry_.Counter("pgo_kube_gaps_total",
                              "Complete lists read because changes may have been missed.",
                              {"kind"})),
      contact_(registry_.Gauge("pgo_kube_contact", "1 while the API server answers.")),
      requests_(registry_.Counter("pgo_kube_requests_total",
                                  "Requests to the API server that ended; code 0: no answer.",
                                  {"verb", "resource", "code"})),
      request_seconds_(registry_.Histogram("pgo_kube_request_seconds",
                                           "Time from request to answer, watches left out.",
                                           metrics::Exponential(0.001, 2, 14), {"verb"})),
      watch_ends_(registry_.Counter("pgo_kube_watch_restarts_total",
                                    "Watches that ended and were opened anew.", {"resource"})),
      ready_(registry_.Gauge("pgo_cluster_ready", "1 if condition Ready is True.", kCluster)),
      writable_(registry_.Gauge("pgo_cluster_writable",
                                "1 if applications can write through the Services.", kCluster)),
      primary_(registry_.Gauge("pgo_cluster_primary_known",
                               "1 if a member holds the lock and accepts writes.", kCluster)),
      instances_(registry_.Gauge("pgo_cluster_instances", "Instances that exist.", kCluster)),
      instances_ready_(registry_.Gauge("pgo_cluster_instances_ready",
                                       "Instances whose pod is ready.", kCluster)),
      streaming_(registry_.Gauge("pgo_cluster_replicas_streaming",
                                 "Replicas that stream from the primary.", kCluster)),
      timeline_(registry_.Gauge("pgo_cluster_timeline", "Timeline of the primary.", kCluster)),
      lag_(registry_.Gauge("pgo_cluster_replication_lag_bytes",
                           "How far a replica's own word is behind the primary's position.",
                           kInstance)),
      failover_at_(registry_.Gauge("pgo_cluster_last_failover_timestamp_seconds",
                                   "When the primary last changed, in seconds since the Unix "
                                   "epoch.",
                                   {"namespace", "cluster", "class"})) {
  build_.Set({kBuild, std::to_string(kRuleset)}, 1);
  contact_.Set({}, 1);
}

void OperatorMetrics::CountEvent(const Event& event) {
  const std::string_view type = std::visit([](const auto& e) { return e.kName; }, event.payload);
  events_.Add({std::string(type), KindOf(event.payload)});
  std::visit(Overloaded{[&](const Leading& e) {
                          leader_.Set({}, Bool(e.leading));
                          epoch_.Set({}, static_cast<double>(e.epoch));
                          if (e.leading) leaderships_.Add({});
                          if (!e.amnesia.empty()) amnesias_.Add({});
                        },
                        [&](const Listed& e) {
                          if (e.gap) gaps_.Add({e.kind});
                        },
                        [&](const Contact& e) { contact_.Set({}, Bool(e.ok)); },
                        [&](const Done& e) { outcomes_.Add({std::string(NameOf(e.outcome))}); },
                        [](const auto&) {}},
             event.payload);
}

void OperatorMetrics::CountAction(const Action& action) {
  actions_.Add(
      {action.room, std::string(CommandName(action.command)), std::string(NameOf(action.reason))});
  if (action.reason != Reason::kFailoverComplete) return;
  const std::string evidence = GetString(action.facts, {"class"});
  failovers_.Add({evidence});
  failover_class_[{action.ns, action.cluster}] = evidence;
}

void OperatorMetrics::Committed(const std::vector<Event>& events, const StepResult& step,
                                std::int64_t step_us) {
  step_seconds_.Observe({}, Seconds(step_us));
  for (const Event& event : events) CountEvent(event);
  decisions_.Add({}, static_cast<double>(step.decided.clusters.size()));
  for (const Action& action : step.actions) CountAction(action);
}

void OperatorMetrics::Dropped() { dropped_.Add({}); }

void OperatorMetrics::Written(const StorePort::Written& written) {
  frames_.Add({}, static_cast<double>(written.frames));
  bytes_.Add({}, static_cast<double>(written.bytes));
  if (written.synced) sync_seconds_.Observe({}, written.seconds);
}

void OperatorMetrics::Asked(const kube::Seen& seen) {
  const std::string verb = VerbOf(seen);
  const std::string resource = ResourceOf(seen.path);
  requests_.Add({verb, resource, std::to_string(seen.http)});
  if (seen.stream) return watch_ends_.Add({resource});
  request_seconds_.Observe({verb}, seen.seconds);
}

void OperatorMetrics::Look(Driver* driver) {
  const std::lock_guard lock(mu_);
  driver_ = driver;
}

void OperatorMetrics::Watch(const Volume* volume) {
  const std::lock_guard lock(mu_);
  volume_ = volume;
}

void OperatorMetrics::Follow(const ReplicaDesk* desk) {
  const std::lock_guard lock(mu_);
  desk_ = desk;
}

void OperatorMetrics::ShowReplicas(const Standing& standing, std::uint64_t head) {
  const Role role = standing.role();
  const std::int64_t now_us = BootMicros();
  role_.Clear();
  role_.Set({std::string(RoleName(role))}, 1);
  behind_.Set({}, static_cast<double>(BehindSeconds(role, now_us)));
  follower_lag_.Clear();
  if (desk_ == nullptr || role.what != Role::What::kLeading) return;
  for (const FollowerPosition& one : desk_->Followers(now_us)) {
    follower_lag_.Set({one.name}, static_cast<double>(head > one.seq ? head - one.seq : 0));
  }
}

void OperatorMetrics::ShowCluster(const Engine& engine, const ClusterKey& key) {
  const auto view = cluster::Project(engine.world(), key);
  if (view.subject == nullptr) return;
  const metrics::Family::Labels labels = {key.ns, key.name};
  const auto* primary = view.Primary();
  double ready = 0;
  double streaming = 0;
  Lsn newest = view.lock.optime;
  for (const auto& [name, instance] : view.instances) {
    ready += Bool(instance.pod && instance.pod->ready);
    streaming += Bool(cluster::IsStreaming(view, &instance));
    if (&instance == primary) newest = std::max(newest, instance.pod->member->lsn);
  }
  ready_.Set(labels, Bool(IsReady(view)));
  writable_.Set(labels, Bool(cluster::WhyNotWritable(view).reason.empty()));
  primary_.Set(labels, Bool(primary != nullptr));
  instances_.Set(labels, static_cast<double>(view.instances.size()));
  instances_ready_.Set(labels, ready);
  streaming_.Set(labels, streaming);
  if (primary != nullptr) timeline_.Set(labels, primary->pod->member->timeline.value());
  for (const auto& [name, instance] : view.instances) {
    if (&instance == primary || !instance.pod || !instance.pod->member) continue;
    const auto own = instance.pod->member->lsn;
    const auto behind = newest > own ? newest.value() - own.value() : 0;
    lag_.Set({key.ns, key.name, name}, static_cast<double>(behind));
  }
  const auto* memory = engine.MemoryOf(key);
  if (memory == nullptr || memory->failover.failover_wall_us == 0) return;
  failover_at_.Set({key.ns, key.name, failover_class_[key]},
                   Seconds(memory->failover.failover_wall_us));
}

void OperatorMetrics::ShowClusters(const Engine& engine) {
  for (auto* family : {&ready_, &writable_, &primary_, &instances_, &instances_ready_, &streaming_,
                       &timeline_, &lag_, &failover_at_}) {
    family->Clear();
  }
  for (const ClusterKey& key : engine.world().Clusters()) ShowCluster(engine, key);
}

std::string OperatorMetrics::Text(const Standing& standing) {
  process_.Refresh();
  const std::lock_guard lock(mu_);
  if (driver_ != nullptr) {
    driver_->Inspect([&](const Engine& engine) { ShowClusters(engine); });
  } else {
    ShowClusters(Engine());  // only the leader tells
  }
  const auto journal = standing.journal();
  if (journal != nullptr) {
    head_.Set({}, static_cast<double>(journal->Head().seq));
    segments_.Set({}, static_cast<double>(journal->SegmentCount()));
  }
  ShowReplicas(standing, journal == nullptr ? 0 : journal->Head().seq);
  if (volume_ != nullptr) {
    const VolumeUse use = volume_->use();
    volume_bytes_.Set({}, static_cast<double>(use.all));
    volume_used_.Set({}, static_cast<double>(use.used));
    ballast_.Set({}, Bool(volume_->holds_ballast()));
  }
  const bool poisoned = journal == nullptr || journal->Poisoned().has_value();
  failed_.Set({}, Bool(poisoned || !standing.WhyStill().empty()));
  return registry_.Text();
}

std::string VerbOf(const kube::Seen& seen) {
  if (seen.stream) return "WATCH";
  if (seen.method == "PATCH" && seen.content_type.find("apply-patch") != std::string::npos) {
    return "APPLY";
  }
  if (seen.method == "GET" && seen.path.find("limit=") != std::string::npos) return "LIST";
  return seen.method;
}

// "/api/v1/namespaces/a/pods/b/exec" is about pods, "/api/v1/namespaces/a" about namespaces.
std::string ResourceOf(std::string_view path) {
  std::vector<std::string_view> parts;
  for (path = path.substr(0, path.find('?')); !path.empty();) {
    path.remove_prefix(1);
    parts.push_back(path.substr(0, path.find('/')));
    path.remove_prefix(parts.back().size());
  }
  std::size_t at = parts.empty() ? 0 : parts[0] == "api" ? 2 : 3;
  if (at + 2 < parts.size() && parts[at] == "namespaces") at += 2;
  if (at >= parts.size()) return "other";
  const auto known = std::ranges::any_of(
      kube::Kinds(), [&](const kube::KindInfo& kind) { return kind.plural == parts[at]; });
  return known ? std::string(parts[at]) : "other";
}

}  // namespace pgo
