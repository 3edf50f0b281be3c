#include "replay-tests/simulation/clients.h"
#include "replay-tests/simulation/dcs.h"
#include "replay-tests/simulation/operator.h"
#include "replay-tests/simulation/oracles.h"
#include "replay-tests/simulation/simulation.h"

namespace pgo::simulation {

// 0: the primary of this moment; others by order.
Member* Simulation::Target(const Fault& fault) {
  const auto members = Members();
  if (members.empty()) return nullptr;
  Member* primary = Primary();
  if (fault.target == 0 && primary != nullptr) return primary;
  return members[static_cast<std::size_t>(fault.target) % members.size()];
}

void Simulation::NodeFault(const Fault& fault, Node& node) {
  if (!node.on || node.frozen || node.cut || node.api_cut) return;  // one at a time
  switch (fault.kind) {
    case FaultKind::kPowerOff:
    case FaultKind::kPowerOffTold:
      node.on = false;
      node.reported_off = fault.kind == FaultKind::kPowerOffTold;
      for (auto& [uid, run] : pods) {
        if (run.node != node.name || !run.container_runs) continue;
        if (run.member) run.member->Die();
        run.member.reset();
        run.container_runs = run.told_ready = false;
        ++run.restarts;
      }
      break;
    case FaultKind::kFreeze:
      node.frozen = true;
      break;
    case FaultKind::kCutOff:
      node.cut = true;
      break;
    default:
      node.api_cut = true;
  }
  const bool told = node.reported_off;
  node.reported_off = false;
  NodeChanged(node);
  // The cloud takes a moment to say so.
  if (told) {
    schedule.After(Delay(500, 20'000), [this, &node, since = node.since] {
      if (node.since != since) return;
      node.reported_off = true;
      NodeChanged(node);
      Reconcile();
    });
  }
  schedule.After(fault.lasts_ms * kMs, [this, &node] { HealNode(node); });
}

void Simulation::HealNode(Node& node) {
  const bool well = node.on && !node.frozen && !node.cut && !node.api_cut;
  if (well && !node.reported_off) return;
  node.on = true;
  node.frozen = node.cut = node.api_cut = node.reported_off = false;
  Trace(node.name + " is well again");
  std::vector<Schedule::Task> thawed;
  thawed.swap(node.on_thaw);
  for (auto& task : thawed) schedule.After(Delay(0, 20), std::move(task));
  NodeChanged(node);
  SpreadDcs();
}

void Simulation::PodFault(const Fault& fault, Member& member) {
  const kube::ObjectRef ref{"Pod", kNamespace, member.pod()};
  switch (fault.kind) {
    case FaultKind::kKillServer:
      return member.KillServer();
    case FaultKind::kKillContainer:
      return ContainerEnds(pods[member.pod_uid()], "Error");
    case FaultKind::kDeletePod:
      api.Delete(ref, {}, false);
      return;
    default:
      api.Delete(ref, {}, true);
  }
}

void Simulation::ApiGoes(Micros lasts) {
  if (!api_up) return;
  api_up = false;
  op->ApiChanged();
  schedule.After(lasts, [this] { ApiReturns(); });
}

void Simulation::ApiReturns() {
  if (api_up) return;
  api_up = true;
  op->ApiChanged();
  SpreadDcs();
  Reconcile();
  for (auto& [name, node] : nodes) {
    if (Reaches(node)) KubeletReturns(node);
  }
  for (const auto& [uid, run] : std::map(pods)) ReportPod(uid);
}

// A restart of Kubernetes's controller manager: Endpoints without a Service of their name go.
void Simulation::CollectEndpoints() {
  for (const auto& [ref, endpoints] : api.All("Endpoints")) {
    if (api.Find({"Service", ref.ns, ref.name}) != nullptr) continue;
    oracles->Reached("kubernetes: leftover Endpoints were collected");
    api.Remove(ref);
  }
}

// Faults of one member or its node.
void Simulation::Strike(const Fault& fault) {
  Member* member = Target(fault);
  if (member == nullptr) return;
  const std::string name(NameOf(fault.kind));
  if (fault.kind >= FaultKind::kPowerOff) {
    oracles->Reached("fault: " + name);
    return NodeFault(fault, member->node());
  }
  if (!api_up) return;
  if (member == Primary()) oracles->Reached("fault: " + name + " of a primary");
  PodFault(fault, *member);
}

void Simulation::Inflict(const Fault& fault) {
  Trace("FAULT " + FaultText(fault));
  if (fault.kind <= FaultKind::kCutOffApi) return Strike(fault);
  switch (fault.kind) {
    case FaultKind::kApiDown:
      oracles->Reached("fault: ApiDown");
      return ApiGoes(fault.lasts_ms * kMs);
    case FaultKind::kKillOperator:
      return op->Kill(fault.target % 2 == 1);
    case FaultKind::kKillOperatorAtAction:
      return op->KillAt(static_cast<Cut>(1 + fault.target % 4));
    case FaultKind::kFreezeOperator:
      oracles->Reached("fault: FreezeOperator");
      return op->Freeze(fault.lasts_ms * kMs);
    case FaultKind::kWatchesDrop:
      return op->DropWatches();
    case FaultKind::kCompact:
      return api.Compact();
    case FaultKind::kCollectEndpoints:
      return CollectEndpoints();
    default:
      return Edit(fault);
  }
}

void Simulation::EditCluster(const std::function<void(Json&)>& edit) {
  api.Mutate(kSubject, [&](Json& object) {
    edit(object);
    return true;
  });
}

// What users do.
void Simulation::Edit(const Fault& fault) {
  if (!api_up) return;
  const std::string value = "edit-" + std::to_string(++edits_);
  oracles->Reached("user: " + std::string(NameOf(fault.kind)));
  const auto annotate = [&](std::string_view name, const std::string& text) {
    EditCluster([&](Json& c) { Put(c, {"metadata", "annotations", name}, text); });
  };
  switch (fault.kind) {
    case FaultKind::kSwitchover:
      EditCluster([&](Json& c) { Put(c, {"spec", "patroni", "switchover", "enabled"}, true); });
      return annotate(kube::kTriggerSwitchover, value);
    case FaultKind::kScale: {
      const std::int64_t least = profile.mode == Mode::kAsync ? 1 : 2;
      const std::int64_t count = std::max(least, fault.target % 5 + 1);
      return EditCluster([&](Json& c) { c["spec"]["instances"][0]["replicas"] = count; });
    }
    case FaultKind::kRestart:
      if (fault.target % 2 == 1) annotate(kube::kRestartRolling, "true");
      return annotate(kube::kRestart, value);
    case FaultKind::kReload:
      return annotate(kube::kReload, value);
    case FaultKind::kChangeTemplate:
      return EditCluster(
          [&](Json& c) { Put(c, {"spec", "metadata", "annotations", "restarted"}, value); });
    case FaultKind::kChangeParameter:
      return EditCluster([&](Json& c) {
        Put(c,
            {"spec", "patroni", "dynamicConfiguration", "postgresql", "parameters",
             "max_connections"},
            100 + fault.target % 50);
      });
    default:
      EditCluster([](Json& c) { Put(c, {"spec", "paused"}, true); });
      schedule.After(fault.lasts_ms * kMs,
                     [this] { EditCluster([](Json& c) { Put(c, {"spec", "paused"}, false); }); });
  }
}

void Simulation::HealAll() {
  Trace("---- everything is healed");
  healing = true;
  ApiReturns();
  for (auto& [name, node] : nodes) HealNode(node);
  op->Freeze(0);
  op->KillAt(Cut::kNone);
  if (!op->alive()) op->Start();
  op->DropWatches();
  EditCluster([](Json& c) { Put(c, {"spec", "paused"}, false); });
}

}  // namespace pgo::simulation
