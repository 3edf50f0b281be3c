#include "engine/rooms/renderings.h"

#include "engine/kube/names.h"

namespace pgo::rooms {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;
using cluster::Subject;

void AddSeq(const Subject* subject, std::string& out) {
  out += subject == nullptr ? std::string("-") : std::to_string(subject->seq.value());
  out += ' ';
}

const Json& BackupsStatus(const ClusterView& view) {
  return GetObject(view.subject->object, {"status", "pgbackrest"});
}

// All that is shown besides the manifest, as text: an object by the number of its observation.
std::string Seen(const ClusterView& view, const Sight& sight) {
  std::string out = view.uid + ' ';
  for (const auto& [kind, name] : sight.objects) AddSeq(view.Find(kind, name), out);
  if (sight.roster) {
    for (const auto& [name, instance] : view.instances) {
      out += name + ' ' + instance.set + ' ';
      AddSeq(instance.stateful_set, out);
      AddSeq(instance.claim, out);
      if (instance.wal_claim != nullptr) AddSeq(instance.wal_claim, out);
    }
  }
  if (sight.bootstrapped) out += view.bootstrapped ? "bootstrapped " : "new ";
  if (sight.backups_status) out += DumpJson(BackupsStatus(view));
  if (sight.restore) AddSeq(view.restore.subject, out);
  return out + sight.settings;
}

void Show(const Subject* subject, ClusterView& shown) {
  if (subject != nullptr) shown.objects[subject->ref] = subject;
}

void ShowRoster(const ClusterView& view, ClusterView& shown) {
  for (const auto& [name, instance] : view.instances) {
    InstanceView& seen = shown.instances[name] = instance;
    seen.pod.reset();
    seen.node.reset();
    Show(instance.stateful_set, shown);
    Show(instance.claim, shown);
    Show(instance.wal_claim, shown);
  }
}

// `own` becomes the PostgresCluster as it is shown, and must outlive the view.
ClusterView Shown(const ClusterView& view, const Sight& sight, Subject& own) {
  own = {view.subject->ref,     view.subject->uid, view.subject->rv,
         view.manifest->object, view.subject->seq, view.subject->changed};
  if (sight.backups_status && !BackupsStatus(view).empty()) {
    Put(own.object, {"status", "pgbackrest"}, BackupsStatus(view));
  }
  ClusterView shown;
  shown.key = view.key;
  shown.subject = &own;
  shown.uid = view.uid;
  shown.deleting = view.deleting;
  shown.manifest = view.manifest;
  for (const auto& [kind, name] : sight.objects) Show(view.Find(kind, name), shown);
  if (sight.roster) ShowRoster(view, shown);
  if (sight.source) shown.source = view.source;
  shown.bootstrapped = sight.bootstrapped && view.bootstrapped;
  if (sight.restore) {
    shown.restore = view.restore;
    Show(view.restore.subject, shown);
  }
  shown.dcs_config = shown.Find("Endpoints", kube::DcsConfigName(view.key.name));
  return shown;
}

}  // namespace

std::shared_ptr<const Plan> Renderings::Get(std::string_view name, const ClusterView& view,
                                            const Sight& sight, const Render& render) {
  std::string seen = Seen(view, sight);
  const auto source = sight.source ? view.source : nullptr;
  const auto known = kept_.find(name);
  if (known != kept_.end() && known->second.manifest == view.manifest &&
      known->second.source == source && known->second.seen == seen) {
    return known->second.plan;
  }
  Subject own;
  auto plan = std::make_shared<Plan>(render(Shown(view, sight, own)));
  for (Desired& desired : plan->objects) desired.digest = DigestOf(desired);
  if (plan->proposals.empty()) {
    kept_[std::string(name)] = {view.manifest, source, std::move(seen), plan};
  } else if (known != kept_.end()) {
    kept_.erase(known);
  }
  return plan;
}

}  // namespace pgo::rooms
