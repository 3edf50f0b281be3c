#include "engine/rooms/scaling/scaling.h"

#include <algorithm>

#include "engine/cluster/health.h"
#include "engine/kube/names.h"

namespace pgo::rooms::scaling {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;
using cluster::Member;
using cluster::Subject;

std::string Annotation(const ClusterView& cluster, std::string_view name) {
  return GetString(cluster.subject->object, {"metadata", "annotations", name});
}

std::string Full(std::string_view annotation) {
  return "metadata.annotations[" + std::string(annotation) + "]";
}

bool Means(const InstanceView& instance, const std::string& word) {
  return instance.name == word || kube::InstancePodName(instance.name) == word;
}

bool IsGoing(const Subject& subject) {
  return Find(subject.object, {"metadata", "deletionTimestamp"}) != nullptr;
}

// A set with more instances than it ought to have.
struct Excess {
  std::string set;
  std::vector<Member> members;
  std::size_t count = 0;
};

// Instances of sets that are in the manifest no more.
Excess Removed(const ClusterView& cluster) {
  Excess out;
  for (const auto& [name, instance] : cluster.instances) {
    const bool known = std::ranges::any_of(
        cluster.spec().instances, [&](const auto& set) { return set.name == instance.set; });
    if (known || instance.stateful_set == nullptr || instance.leaving) continue;
    out.set = instance.set;
    out.members.push_back({name, nullptr, &instance, 0});
  }
  out.count = out.members.size();
  return out;
}

std::vector<Excess> FindExcess(const ClusterView& cluster) {
  std::vector<Excess> out;
  const auto roster = cluster::Roster(cluster);
  for (const auto& set : cluster.spec().instances) {
    Excess excess{set.name, {}, 0};
    for (const Member& member : roster) {
      if (member.set == &set && member.instance != nullptr && member.instance->stateful_set) {
        excess.members.push_back(member);
      }
    }
    const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(set.replicas, 0));
    if (excess.members.size() <= wanted) continue;
    excess.count = excess.members.size() - wanted;
    out.push_back(std::move(excess));
  }
  auto removed = Removed(cluster);
  if (removed.count > 0) out.push_back(std::move(removed));
  return out;
}

bool HasSet(const std::vector<Excess>& excess, const InstanceView& instance) {
  return std::ranges::any_of(excess, [&](const Excess& e) { return e.set == instance.set; });
}

// The instance the target means, if it is there.
const InstanceView* TargetOf(const ClusterView& cluster, const Request& request) {
  if (request.target.empty()) return nullptr;
  for (const auto& [name, instance] : cluster.instances) {
    if (instance.stateful_set != nullptr && Means(instance, request.target)) return &instance;
  }
  return nullptr;
}

// Why the target cannot be taken, given what is too much; "" if it can.
std::string WhyNotTarget(const ClusterView& cluster, const Request& request,
                         const std::vector<Excess>& excess) {
  const InstanceView* target = TargetOf(cluster, request);
  const std::string field = Full(kube::kScaleDownTarget) + ": " + request.target + ": ";
  std::string names;
  for (const Excess& e : excess) {
    for (const auto& victim : Candidates(cluster, e.members)) {
      names += (names.empty() ? "" : ", ") + victim.instance->name;
    }
  }
  if (target == nullptr || (!target->leaving && !HasSet(excess, *target))) {
    return field + "must be an instance of a set with more instances than replicas; name one of: " +
           (names.empty() ? "(there is none)" : names) + ", or remove the annotation";
  }
  if (cluster::HoldsLock(cluster, *target)) {
    return field + "must be a replica, and it is the primary; switch over first (pgo failover " +
           cluster.key.name + "), then it goes by itself";
  }
  return "";
}

struct Choice {
  const InstanceView* victim = nullptr;
  std::string sentence;
  std::vector<std::uint64_t> causes;
};

std::string Others(const std::vector<Victim>& candidates, const InstanceView& chosen) {
  std::string out;
  for (const Victim& other : candidates) {
    if (other.instance == &chosen) continue;
    out += (out.empty() ? "; stays: " : ", ") + other.instance->name + " (" + other.why + ")";
  }
  return out;
}

Choice Choose(const ClusterView& cluster, const Request& request, const Excess& excess) {
  const auto candidates = Candidates(cluster, excess.members);
  const InstanceView* target = TargetOf(cluster, request);
  Choice choice;
  std::string why;
  for (const Victim& candidate : candidates) {
    const bool meant = target != nullptr && !target->leaving && candidate.instance == target;
    if (choice.victim != nullptr && !meant) continue;
    choice.victim = candidate.instance;
    why = candidate.why;
  }
  if (choice.victim == nullptr) return choice;
  const bool asked = choice.victim == target;
  choice.sentence = "set " + excess.set + " has " + std::to_string(excess.members.size()) +
                    " instances, " + std::to_string(excess.members.size() - excess.count) +
                    " are asked for; " + choice.victim->name +
                    (asked ? ", asked for by name," : "") + " goes: it " + why +
                    Others(candidates, *choice.victim);
  choice.causes = {cluster.subject->seq.value(), choice.victim->stateful_set->seq.value()};
  if (choice.victim->pod) choice.causes.push_back(choice.victim->pod->subject->seq.value());
  return choice;
}

// In synchronous mode: who else could acknowledge commits once the victim is gone. "" if fine.
std::string WhyNotYet(const ClusterView& cluster, const InstanceView& victim) {
  if (!cluster.spec().synchronous_mode || !victim.pod) return "";
  const auto& published = cluster.sync.standbys;
  if (std::ranges::find(published, victim.pod->name) == published.end()) return "";
  if (published.size() > 1) return "";
  bool others = false;
  for (const Member& member : cluster::Roster(cluster)) {
    const InstanceView* other = member.instance;
    if (other == nullptr || other == &victim || cluster::HoldsLock(cluster, *other)) continue;
    if (cluster::IsStreaming(cluster, other)) return "";
    others = true;
  }
  if (!others) return "";  // it is the only replica, and asked to go
  return victim.name + " is the only synchronous standby and no other replica streams yet";
}

void Mark(const Request& request, const Choice& choice, Plan& plan) {
  const InstanceView& victim = *choice.victim;
  const auto data = request.keep_data ? cluster::kDataKept : cluster::kDataDeleted;
  Json patch = Json::object();
  Put(patch, {"metadata", "annotations", kube::kLeaving}, std::string(data));
  Put(patch, {"spec", "replicas"}, 0);
  Proposal p;
  p.reason = Reason::kScaling;
  p.sentence = choice.sentence +
               (request.keep_data ? "; its volumes are kept" : "; its volumes are deleted with it");
  p.causes = choice.causes;
  std::ranges::sort(p.causes);
  p.goal = "leave/" + victim.name + "/" + victim.stateful_set->uid;
  p.command = Patch{victim.stateful_set->ref, victim.stateful_set->uid, victim.stateful_set->rv, "",
                    std::move(patch)};
  p.disrupts = true;
  p.facts = Json::object();
  Put(p.facts, {"operation", "kind"}, "ScaleDown");
  Put(p.facts, {"operation", "instance"}, victim.name);
  Put(p.facts, {"operation", "data"}, std::string(data));
  plan.Do(std::move(p));
}

Proposal Removal(const ClusterView& cluster, const InstanceView& instance, const Subject& subject,
                 const std::string& why) {
  Proposal p;
  p.reason = Reason::kScaling;
  p.sentence = subject.ref.Text() + ": " + instance.name + " leaves: " + why;
  p.causes = {cluster.subject->seq.value(), subject.seq.value()};
  std::ranges::sort(p.causes);
  p.goal = "delete/" + subject.ref.Text() + "/" + subject.uid;
  p.command = Delete{subject.ref, subject.uid, "", {}};
  p.facts = Json::object();
  Put(p.facts, {"operation", "kind"}, "ScaleDown");
  Put(p.facts, {"operation", "instance"}, instance.name);
  return p;
}

// Objects of the instance that go with it, its StatefulSet last of all. True while any is left.
bool RemoveParts(const ClusterView& cluster, const InstanceView& instance, Plan& plan) {
  bool left = false;
  for (const auto& [ref, subject] : cluster.objects) {
    const bool own =
        GetString(subject->object, {"metadata", "labels", kube::kLabelInstance}) == instance.name;
    const bool volume = ref.kind == "PersistentVolumeClaim";
    if (!own || (!volume && ref.kind != "ConfigMap" && ref.kind != "Secret")) continue;
    if (volume && instance.keeps_data) continue;
    left = true;
    if (IsGoing(*subject)) continue;
    plan.Do(Removal(
        cluster, instance, *subject,
        volume ? "its pod has ended and its data is not to be kept" : "nothing uses it any more"));
  }
  return left;
}

// The intent is written; the rest follows step by step from what is there. `served`: no annotation
// of the cluster speaks of this instance any more.
void Retire(const ClusterView& cluster, const InstanceView& instance, bool served, Plan& plan) {
  if (GetInt(instance.stateful_set->object, {"spec", "replicas"}, 1) != 0 || instance.pod) return;
  if (RemoveParts(cluster, instance, plan) || !served || IsGoing(*instance.stateful_set)) return;
  auto last = Removal(cluster, instance, *instance.stateful_set,
                      instance.keeps_data ? "its pod has ended and its volumes are kept"
                                          : "its pod and its volumes are gone");
  last.facts["ended"] = true;
  plan.Do(std::move(last));
}

void TakeOff(const ClusterView& cluster, std::string_view annotation, Plan& plan) {
  if (Annotation(cluster, annotation).empty()) return;
  Json patch = Json::object();
  Put(patch, {"metadata", "annotations", annotation}, nullptr);
  Proposal p;
  p.reason = Reason::kScaling;
  p.sentence = "annotation " + std::string(annotation) + " is served: take it off";
  p.causes = {cluster.subject->seq.value()};
  p.goal = "served/" + std::string(annotation) + "/" + cluster.subject->rv;
  p.command = Patch{cluster.subject->ref, cluster.uid, cluster.subject->rv, "", std::move(patch)};
  plan.Do(std::move(p));
}

void Refuse(Plan& plan, const std::string& reason, const std::string& why) {
  plan.conditions.push_back({"ScaleDown", false, reason, why});
}

// Takes one away, or says why not. True if one is to go now.
bool TakeOne(const ClusterView& cluster, const Request& request, const std::vector<Excess>& excess,
             Plan& plan) {
  const InstanceView* target = TargetOf(cluster, request);
  for (const Excess& e : excess) {
    if (target != nullptr && !target->leaving && target->set != e.set) continue;
    const Choice choice = Choose(cluster, request, e);
    if (choice.victim == nullptr) continue;
    const std::string wait = WhyNotYet(cluster, *choice.victim);
    if (!wait.empty()) {
      Refuse(plan, "Waiting", wait);
      return false;
    }
    Mark(request, choice, plan);
    return true;
  }
  return false;
}

// Only the primary is left of a set that was removed: somebody else must lead first.
void MovePrimary(const ClusterView& cluster, const std::vector<Excess>& excess, Plan& plan) {
  const InstanceView* primary = cluster.Primary();
  const bool asked = std::ranges::any_of(cluster.spec().instances,
                                         [&](const auto& set) { return set.name == primary->set; });
  if (asked || !HasSet(excess, *primary)) return;
  plan.switchover = SwitchoverRequest{
      "leave/" + primary->pod->uid + "/" + std::to_string(primary->pod->member->timeline.value()),
      std::string(kRoom),
      primary->pod->name,
      "because its set " + primary->set + " is not in the manifest any more",
      {cluster.subject->seq.value()}};
}

void Clear(const ClusterView& cluster, const Request& request, bool excess, Plan& plan) {
  const InstanceView* target = TargetOf(cluster, request);
  if (target != nullptr && target->leaving) TakeOff(cluster, kube::kScaleDownTarget, plan);
  if (!excess && plan.proposals.empty()) TakeOff(cluster, kube::kScaleDownData, plan);
}

// True if any instance is leaving.
bool RetireAll(const ClusterView& cluster, const Request& request, bool excess, Plan& plan) {
  bool leaving = false;
  for (const auto& [name, instance] : cluster.instances) leaving = leaving || instance.leaving;
  if (!leaving) return false;
  Clear(cluster, request, excess, plan);
  const bool served = plan.proposals.empty();
  for (const auto& [name, instance] : cluster.instances) {
    if (!instance.leaving) continue;
    // Until its pod has ended nothing else of the cluster is disrupted.
    plan.holds_cluster = plan.holds_cluster || instance.pod.has_value();
    Retire(cluster, instance, served, plan);
  }
  return true;
}

void SayNothingToDo(const Request& request, Plan& plan) {
  const auto name = request.target.empty() ? kube::kScaleDownData : kube::kScaleDownTarget;
  Refuse(
      plan, "NothingToDo",
      "no set has more instances than its replicas: lower spec.instances[].replicas, or remove " +
          Full(name));
}

}  // namespace

Request ReadRequest(const ClusterView& cluster) {
  Request out;
  out.target = Annotation(cluster, kube::kScaleDownTarget);
  const std::string data = Annotation(cluster, kube::kScaleDownData);
  out.keep_data = data == cluster::kDataKept;
  out.any = !out.target.empty() || !data.empty();
  if (!data.empty() && !out.keep_data && data != cluster::kDataDeleted) {
    out.refusal = Full(kube::kScaleDownData) + ": " + data.substr(0, 80) +
                  ": must be Delete or Keep; set one of these or remove the annotation";
  }
  return out;
}

Plan PlanScaling(const ClusterView& cluster) {
  Plan plan;
  if (cluster.deleting || cluster.spec().paused || cluster.spec().shutdown) return plan;
  if (cluster.Primary() == nullptr) return plan;
  const Request request = ReadRequest(cluster);
  const auto excess = FindExcess(cluster);
  // One after the other: who leaves is gone before the next is looked for.
  if (RetireAll(cluster, request, !excess.empty(), plan)) return plan;
  if (excess.empty()) {
    if (request.any) SayNothingToDo(request, plan);
    return plan;
  }
  std::string refusal = request.refusal;
  if (refusal.empty() && !request.target.empty()) refusal = WhyNotTarget(cluster, request, excess);
  if (!refusal.empty()) {
    Refuse(plan, "Refused", refusal);
  } else if (TakeOne(cluster, request, excess, plan)) {
    plan.holds_cluster = true;
  } else if (plan.conditions.empty()) {
    MovePrimary(cluster, excess, plan);
  }
  return plan;
}

}  // namespace pgo::rooms::scaling
