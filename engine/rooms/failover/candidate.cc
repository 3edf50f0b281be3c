#include <algorithm>

#include "engine/rooms/failover/failover.h"

namespace pgo::rooms::failover {
namespace {

using cluster::InstanceView;

// "4.0.7" ≥ 3.2: what the engine may do rests on fixes in that version.
bool RecentEnough(const std::string& version) {
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::size_t at = 0;
  const auto read = [&](std::int64_t& out) {
    for (; at < version.size() && version[at] >= '0' && version[at] <= '9' && out < 1000; ++at) {
      out = out * 10 + (version[at] - '0');
    }
    ++at;
  };
  read(major);
  read(minor);
  return major > 3 || (major == 3 && minor >= 2);
}

bool InSyncKey(const Input& in, const std::string& pod) {
  return std::ranges::find(in.view.sync.standbys, pod) != in.view.sync.standbys.end();
}

Candidate Measure(const Operation& operation, const InstanceView& instance) {
  Candidate c;
  c.instance = &instance;
  c.lsn = instance.pod->member->lsn;
  c.timeline = instance.pod->member->timeline;
  c.causes = {instance.pod->subject->seq.value()};
  const auto probe = operation.probes.find(instance.pod->name);
  if (probe != operation.probes.end() && probe->second.answered) {
    c.lsn = probe->second.lsn;
    c.timeline = std::max(c.timeline, probe->second.timeline);
    c.causes = {probe->second.seq};
  }
  return c;
}

std::string Describe(const Candidate& c, const Operation& operation) {
  const std::string text = c.instance->pod->name + ": at LSN " + LsnText(c.lsn);
  // A member of the published set has every acknowledged write, whatever its last word was.
  if (operation.synchronous) return text + " by its last word, synchronous";
  if (operation.lsn <= c.lsn) return text + ", not behind what was last heard of the old primary";
  return text + ", " + std::to_string(operation.lsn.value() - c.lsn.value()) + " B behind";
}

}  // namespace

std::vector<const InstanceView*> Eligible(const Input& in) {
  std::vector<const InstanceView*> out;
  for (const auto& [name, instance] : in.view.instances) {
    if (!instance.pod || !instance.pod->member) continue;
    const auto& pod = *instance.pod;
    if (pod.name == in.memory.lock.leader || pod.name == in.memory.operation.from) continue;
    const bool node_up = !instance.node || (instance.node->ready && !instance.node->out_of_service);
    if (pod.deleting || pod.terminal || !pod.database_running || !node_up) continue;
    if (pod.member->state != "running" && pod.member->state != "streaming") continue;
    if (!RecentEnough(pod.member->version)) continue;
    out.push_back(&instance);
  }
  return out;
}

Choice Choose(const Input& in, const Operation& operation) {
  std::vector<Candidate> candidates;
  for (const auto* instance : Eligible(in)) {
    if (operation.synchronous && !InSyncKey(in, instance->pod->name)) continue;
    candidates.push_back(Measure(operation, *instance));
  }
  if (candidates.empty()) {
    return {std::nullopt, operation.synchronous
                              ? "no running replica is in the published synchronous set"
                              : "no replica is running on a live node"};
  }
  // The newest timeline first, then the furthest position; the name settles a tie.
  std::ranges::stable_sort(candidates, [](const Candidate& a, const Candidate& b) {
    return a.timeline != b.timeline ? a.timeline > b.timeline : a.lsn > b.lsn;
  });
  const Candidate& best = candidates.front();
  const std::uint64_t lag = operation.lsn > best.lsn ? operation.lsn.value() - best.lsn.value() : 0;
  if (!operation.synchronous && lag > in.view.spec().maximum_lag_on_failover) {
    return {std::nullopt, best.instance->pod->name + " is the furthest replica but " +
                              std::to_string(lag) +
                              " B behind, more than maximum_lag_on_failover allows"};
  }
  std::string sentence = "chosen " + Describe(best, operation);
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    sentence += "; " + Describe(candidates[i], operation);
  }
  return {best, sentence};
}

}  // namespace pgo::rooms::failover
