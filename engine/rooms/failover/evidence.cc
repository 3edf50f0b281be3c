#include <algorithm>

#include "engine/kube/names.h"
#include "engine/rooms/failover/failover.h"

namespace pgo::rooms::failover {
namespace {

using cluster::InstanceView;
using cluster::PodView;

// In async mode a killed container normally restarts in place and loses nothing.
constexpr std::int64_t kInPlaceWait = 15 * kSecond;
// Members saw the last renewal a little later than we did: a nudge before their own ttl is wasted.
constexpr std::int64_t kObservedLater = kSecond;

std::string LastRenewed(const Input& in) {
  const auto age = in.now.elapsed_us - in.memory.lock.observed_us;
  return "its lock was last renewed " + Seconds(age) + " ago";
}

std::vector<std::uint64_t> Sorted(std::vector<std::uint64_t> causes) {
  std::erase(causes, std::uint64_t{0});
  std::ranges::sort(causes);
  causes.erase(std::ranges::unique(causes).begin(), causes.end());
  return causes;
}

// F: the node that the lock's incarnation ran on is confirmed off, and no other incarnation runs.
Evidence JudgeFenced(const Input& in) {
  const LockMemory& lock = in.memory.lock;
  const InstanceView* holder = in.view.ByPod(lock.leader);
  const bool pod_there = holder != nullptr && !holder->pod->node.empty();
  if (pod_there && holder->pod->uid != lock.pod_uid && holder->pod->database_running) return {};
  const auto* node = lock.node.empty() ? nullptr : in.view.FindNode(lock.node);
  if (node == nullptr || !node->out_of_service) return {};
  Evidence e{Class::kFenced, Reason::kFenced, "", {}, 0};
  e.sentence = "primary " + lock.leader + " is fenced (class F): its node " + lock.node +
               " is confirmed off by the taint " + std::string(kube::kOutOfServiceTaint) + ", " +
               LastRenewed(in);
  e.causes = Sorted({node->seq.value(), lock.seq, lock.pod_seq});
  return e;
}

// P: the container that renewed the lock has ended since. One node's clock wrote both times, and
// finishedAt has whole seconds. A restarted Patroni is fenced by the precondition on the lock.
Evidence JudgeStopped(const Input& in) {
  const LockMemory& lock = in.memory.lock;
  const InstanceView* holder = in.view.ByPod(lock.leader);
  if (holder == nullptr || holder->pod->uid != lock.pod_uid || !in.view.lock.renew_us) return {};
  const PodView& pod = *holder->pod;
  if (!pod.database_finished_us) return {};
  const std::int64_t renewed_second = *in.view.lock.renew_us / kSecond * kSecond;
  if (*pod.database_finished_us < renewed_second) return {};
  Evidence e{Class::kStopped, Reason::kStopped, "", {}, 0};
  e.sentence = "primary " + lock.leader + " is stopped (class P): its container database ended (" +
               pod.database_exit + ") at " + WallSeconds(*pod.database_finished_us) + ", " +
               LastRenewed(in);
  e.causes = Sorted({pod.subject->seq.value(), lock.seq});
  const bool in_place = !SynchronousMode(in.view) && !in.view.spec().failover_fastest;
  if (in_place) e.not_before_us = pod.subject->changed.elapsed_us + kInPlaceWait;
  return e;
}

Evidence JudgeReleased(const Input& in) {
  Evidence e{Class::kReleased, Reason::kReleased, "", {}, 0};
  e.sentence = "Patroni released the leader lock itself (class R) " +
               Seconds(in.now.elapsed_us - in.memory.lock.observed_us) +
               " ago and nobody has taken it";
  e.causes = Sorted({in.memory.lock.seq});
  e.not_before_us = in.memory.lock.observed_us + kSecond;
  return e;
}

Evidence JudgeSilent(const Input& in) {
  const LockMemory& lock = in.memory.lock;
  Evidence e{Class::kSilent, Reason::kSilent, "", {}, 0};
  e.sentence = "primary " + lock.leader + " is silent (class X): its lock was not renewed for " +
               Seconds(SilentFor(in)) +
               " while the control plane answered; there is no proof that it is dead";
  e.causes = Sorted({lock.seq, in.context.live_seq});
  e.not_before_us = std::max(lock.observed_us, in.context.live_since_us) +
                    in.view.lock.ttl_s * kSecond + kObservedLater;
  return e;
}

}  // namespace

std::int64_t SilentFor(const Input& in) {
  return in.now.elapsed_us - std::max(in.memory.lock.observed_us, in.context.live_since_us);
}

bool SynchronousMode(const cluster::ClusterView& view) { return view.spec().synchronous_mode; }

Evidence Judge(const Input& in) {
  if (in.view.lock.leader.empty()) return JudgeReleased(in);
  if (auto fenced = JudgeFenced(in); fenced.evidence != Class::kNone) return fenced;
  if (auto stopped = JudgeStopped(in); stopped.evidence != Class::kNone) return stopped;
  return in.context.contact ? JudgeSilent(in) : Evidence{};
}

std::string Seconds(std::int64_t us) {
  const std::int64_t tenths = std::max<std::int64_t>(us, 0) / 100'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace pgo::rooms::failover
