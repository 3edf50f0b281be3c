#include "engine/cluster/world.h"

#include "engine/base/overloaded.h"
#include "engine/kube/names.h"

namespace pgo::cluster {
namespace {

// resourceVersions of one object may be compared as integers (KEP-5504; every API server since 1.0
// issues them so). Unreadable ones never count as older.
bool Older(const std::string& candidate, const std::string& known) {
  const auto number = [](const std::string& text) {
    std::uint64_t value = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') return std::optional<std::uint64_t>();
      value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return text.empty() ? std::optional<std::uint64_t>() : std::optional(value);
  };
  const auto a = number(candidate);
  const auto b = number(known);
  return a && b && *a < *b;
}

bool IsNamespaceWide(const kube::ObjectRef& ref) {
  return ref.kind == "Secret" && ref.name == kube::kRootCertificateSecret;
}

struct SavedSubject {
  kube::ObjectRef ref;
  std::string uid, rv;
  Json object;
  Seq seq;
  std::int64_t wall_us = 0, elapsed_us = 0;
  PGO_FIELDS(SavedSubject, ref, uid, rv, object, seq, wall_us, elapsed_us)
};
struct SavedWorld {
  std::vector<SavedSubject> subjects;
  std::vector<std::string> listed;
  PGO_FIELDS(SavedWorld, subjects, listed)
};

}  // namespace

std::optional<ClusterKey> World::ClusterOf(const kube::ObjectRef& ref, const Json& object) {
  if (ref.kind == "PostgresCluster") return ClusterKey{ref.ns, ref.name};
  const std::string name = GetString(object, {"metadata", "labels", kube::kLabelCluster});
  if (name.empty() || ref.ns.empty()) return std::nullopt;
  return ClusterKey{ref.ns, name};
}

std::set<ClusterKey> World::Touched(const kube::ObjectRef& ref, const Json& object) const {
  if (ref.kind == "Node") return Clusters();
  if (IsNamespaceWide(ref)) {
    std::set<ClusterKey> touched;
    for (const auto& key : Clusters()) {
      if (key.ns == ref.ns) touched.insert(key);
    }
    return touched;
  }
  const auto cluster = ClusterOf(ref, object);
  return cluster ? std::set<ClusterKey>{*cluster} : std::set<ClusterKey>{};
}

std::set<ClusterKey> World::CopiesOf(const kube::ObjectRef& ref) const {
  if (ref.kind != "PostgresCluster") return {};
  const auto it = copies_.find({ref.ns, ref.name});
  return it == copies_.end() ? std::set<ClusterKey>{} : it->second;
}

void World::NoteCopy(const kube::ObjectRef& ref, const Json& object, bool is_there) {
  if (ref.kind != "PostgresCluster") return;
  const std::string source =
      GetString(object, {"spec", "dataSource", "postgresCluster", "clusterName"});
  if (source.empty()) return;
  const ClusterKey key{ref.ns, source};
  if (is_there) {
    copies_[key].insert({ref.ns, ref.name});
  } else if (const auto known = copies_.find(key); known != copies_.end()) {
    known->second.erase({ref.ns, ref.name});
    if (known->second.empty()) copies_.erase(known);
  }
}

std::set<ClusterKey> World::FoldObserved(const Observed& observed, const Event& event) {
  auto it = subjects_.find(observed.ref);
  std::set<ClusterKey> touched;
  // Copies look at what their source asks for, not at how it is.
  bool asks_anew = observed.ref.kind == "PostgresCluster";
  if (it != subjects_.end()) {
    if (it->second.uid == observed.uid && Older(observed.rv, it->second.rv)) return {};
    touched = Touched(observed.ref, it->second.object);
    if (const auto old = ClusterOf(observed.ref, it->second.object))
      members_[*old].erase(observed.ref);
    NoteCopy(observed.ref, it->second.object, false);
    asks_anew = asks_anew &&
                (it->second.uid != observed.uid ||
                 GetObject(it->second.object, {"spec"}) != GetObject(observed.object, {"spec"}));
  }
  if (asks_anew) touched.merge(CopiesOf(observed.ref));
  NoteCopy(observed.ref, observed.object, true);
  subjects_[observed.ref] =
      Subject{observed.ref, observed.uid, observed.rv, observed.object, event.seq, event.at};
  if (const auto now = ClusterOf(observed.ref, observed.object))
    members_[*now].insert(observed.ref);
  touched.merge(Touched(observed.ref, observed.object));
  return touched;
}

std::set<ClusterKey> World::Forget(const kube::ObjectRef& ref, const std::string& uid) {
  const auto it = subjects_.find(ref);
  if (it == subjects_.end()) return {};
  // A later incarnation under the same name is another object.
  if (!uid.empty() && it->second.uid != uid) return {};
  auto touched = Touched(ref, it->second.object);
  if (const auto cluster = ClusterOf(ref, it->second.object)) {
    const auto members = members_.find(*cluster);
    members->second.erase(ref);
    if (members->second.empty()) members_.erase(members);
  }
  touched.merge(CopiesOf(ref));
  NoteCopy(ref, it->second.object, false);
  subjects_.erase(it);
  return touched;
}

std::set<ClusterKey> World::FoldListed(const pgo::Listed& listed) {
  std::set<std::string> present(listed.keys.begin(), listed.keys.end());
  std::vector<kube::ObjectRef> missing;
  for (const auto& [ref, subject] : subjects_) {
    if (ref.kind == listed.kind && !present.contains(ref.ns + "/" + ref.name))
      missing.push_back(ref);
  }
  std::set<ClusterKey> touched;
  for (const auto& ref : missing) touched.merge(Forget(ref, ""));
  const bool first = listed_.insert(listed.kind).second;
  if (first && AllListed()) touched.merge(Clusters());
  return touched;
}

std::set<ClusterKey> World::Fold(const Event& event) {
  return std::visit(Overloaded{[&](const Observed& e) { return FoldObserved(e, event); },
                               [&](const Gone& e) { return Forget(e.ref, e.uid); },
                               [&](const pgo::Listed& e) { return FoldListed(e); },
                               [&](const Started& e) {
                                 listed_.clear();
                                 for (auto& [ref, subject] : subjects_) {
                                   subject.changed.elapsed_us += e.clock_us;
                                 }
                                 return Clusters();
                               },
                               [&](const Leading& e) {
                                 if (e.leading && !e.amnesia.empty()) listed_.clear();
                                 return Clusters();
                               },
                               [&](const Contact&) { return Clusters(); },
                               [&](const Ticked& e) {
                                 return e.paused_us != 0 ? Clusters() : std::set<ClusterKey>{};
                               },
                               [](const Done&) { return std::set<ClusterKey>{}; },
                               [](const Asked&) { return std::set<ClusterKey>{}; },
                               [](const Baseline&) { return std::set<ClusterKey>{}; },
                               [](const OrphanedTail&) { return std::set<ClusterKey>{}; }},
                    event.payload);
}

const Subject* World::Find(const kube::ObjectRef& ref) const {
  const auto it = subjects_.find(ref);
  return it == subjects_.end() ? nullptr : &it->second;
}

std::vector<const Subject*> World::Of(const ClusterKey& cluster) const {
  std::vector<const Subject*> out;
  const auto it = members_.find(cluster);
  if (it != members_.end()) {
    for (const auto& ref : it->second) out.push_back(Find(ref));
  }
  const auto* root = Find({"Secret", cluster.ns, std::string(kube::kRootCertificateSecret)});
  if (root != nullptr) out.push_back(root);
  return out;
}

std::vector<const Subject*> World::Nodes() const {
  std::vector<const Subject*> out;
  for (auto it = subjects_.lower_bound({"Node", "", ""});
       it != subjects_.end() && it->first.kind == "Node"; ++it) {
    out.push_back(&it->second);
  }
  return out;
}

std::set<ClusterKey> World::Clusters() const {
  std::set<ClusterKey> out;
  for (const auto& [key, refs] : members_) out.insert(key);
  return out;
}

bool World::Listed(std::string_view kind) const { return listed_.contains(kind); }

bool World::AllListed() const {
  for (const auto& info : kube::Kinds()) {
    const bool needed = info.required && info.watch != kube::KindInfo::Watch::kNone;
    if (needed && !listed_.contains(info.kind)) return false;
  }
  return true;
}

Json World::Save() const { return std::move(SaveParts(SIZE_MAX).front()); }

std::vector<Json> World::SaveParts(std::size_t part_bytes) const {
  std::vector<SavedWorld> parts(1);
  parts.front().listed.assign(listed_.begin(), listed_.end());
  std::size_t bytes = 0;
  for (const auto& [ref, s] : subjects_) {
    if (part_bytes != SIZE_MAX) bytes += DumpJson(s.object).size();
    if (bytes > part_bytes && !parts.back().subjects.empty()) {
      parts.emplace_back();
      bytes = 0;
    }
    parts.back().subjects.push_back(
        {ref, s.uid, s.rv, s.object, s.seq, s.changed.wall_us, s.changed.elapsed_us});
  }
  std::vector<Json> out;
  for (const SavedWorld& part : parts) out.push_back(ToJson(part));
  return out;
}

void World::Add(const Json& part) {
  auto saved = FromJson<SavedWorld>(part);
  for (auto& s : saved.subjects) {
    if (const auto cluster = ClusterOf(s.ref, s.object)) members_[*cluster].insert(s.ref);
    NoteCopy(s.ref, s.object, true);
    subjects_[s.ref] =
        Subject{s.ref, s.uid, s.rv, std::move(s.object), s.seq, {s.wall_us, s.elapsed_us}};
  }
  listed_.insert(saved.listed.begin(), saved.listed.end());
}

World World::Load(const Json& json) {
  World world;
  world.Add(json);
  return world;
}

}  // namespace pgo::cluster
