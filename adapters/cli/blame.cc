#include "adapters/cli/blame.h"

#include <algorithm>
#include <map>
#include <set>

#include "adapters/cli/field_paths.h"
#include "adapters/cli/output.h"
#include "engine/cluster/world.h"
#include "engine/event/codec.h"

namespace pgo::cli {
namespace {

using Mark = journal::Place::Mark;
using Leaves = std::map<std::string, Leaf>;

// One observation of the PostgresCluster.
struct Seen {
  Mark mark;
  std::string uid;
  Json object;
  Leaves leaves;
  std::string unseen;  // since the one before
};

// The parts of the object that the question is about.
Leaves LeavesOfCluster(const Json& object, bool status) {
  Leaves out;
  const auto add = [&](const char* at, const Json& value) {
    if (value.empty()) return;
    out.merge(LeavesOf(at, value));
  };
  add("spec", GetObject(object, {"spec"}));
  add("metadata.labels", GetObject(object, {"metadata", "labels"}));
  add("metadata.annotations", GetObject(object, {"metadata", "annotations"}));
  add("metadata.finalizers", GetArray(object, {"metadata", "finalizers"}));
  if (status) add("status", GetObject(object, {"status"}));
  return out;
}

class Sightings {
 public:
  Sightings(const Records& records, const kube::ObjectRef& ref, bool status)
      : records_(records), ref_(ref), status_(status) {}

  std::vector<Seen> Read(std::uint64_t until) {
    for (const auto& [seq, entry] : records_.all()) {
      if (seq > until) break;
      const auto type = static_cast<RecordType>(entry.type);
      const bool of_it = entry.Names(ObjectSubject(ref_));
      if (type == RecordType::kObserved && of_it) TakeObserved(entry);
      if (type == RecordType::kGone && of_it) seen_.clear();
      if (type == RecordType::kBaseline && seen_.empty()) TakeBaseline(entry);
      if (type == RecordType::kStarted) unseen_ = "the operator did not run all the time";
      if (type == RecordType::kListed && entry.Names("kind/PostgresCluster")) TakeListed(entry);
    }
    return std::move(seen_);
  }

 private:
  void TakeObserved(const Records::Entry& entry) {
    const auto payload = records_.EventAt(entry.seq);
    const auto* observed = payload ? std::get_if<Observed>(&*payload) : nullptr;
    if (observed != nullptr) Add({entry.seq, entry.wall_us}, observed->uid, observed->object);
  }
  // What a journal that no longer has its beginning starts with.
  void TakeBaseline(const Records::Entry& entry) {
    const auto payload = records_.EventAt(entry.seq);
    const auto* baseline = payload ? std::get_if<Baseline>(&*payload) : nullptr;
    const Json* world = baseline == nullptr ? nullptr : Find(baseline->state, "world");
    if (world == nullptr) return;
    const auto loaded = cluster::World::Load(*world);
    const auto* subject = loaded.Find(ref_);
    if (subject != nullptr) Add({entry.seq, entry.wall_us}, subject->uid, subject->object);
  }
  void TakeListed(const Records::Entry& entry) {
    const auto payload = records_.EventAt(entry.seq);
    const auto* listed = payload ? std::get_if<Listed>(&*payload) : nullptr;
    if (listed != nullptr && listed->gap) unseen_ = "changes may have been missed (a gap)";
  }
  void Add(const Mark& mark, const std::string& uid, const Json& object) {
    // Another cluster of the same name begins anew.
    if (!seen_.empty() && seen_.back().uid != uid) seen_.clear();
    seen_.push_back({mark, uid, object, LeavesOfCluster(object, status_), std::move(unseen_)});
    unseen_.clear();
  }

  const Records& records_;
  const kube::ObjectRef ref_;
  const bool status_;
  std::vector<Seen> seen_;
  std::string unseen_;
};

struct Manager {
  Writer writer;
  std::string subresource;
  const Json* fields = nullptr;  // null: not recorded
};

std::vector<Manager> ManagersOf(const Json& object) {
  std::vector<Manager> out;
  for (const Json& m : GetArray(object, {"metadata", "managers"})) {
    out.push_back({{GetString(m, {"manager"}), GetString(m, {"operation"}), GetString(m, {"time"})},
                   GetString(m, {"subresource"}),
                   Find(m, "fields")});
  }
  return out;
}

bool InSubresource(const Manager& m, const Leaf& leaf) {
  const bool status = leaf.steps.front().name == "status";
  return status == (m.subresource == "status");
}

bool OwnsLeaf(const Manager& m, const Leaf& leaf) {
  return m.fields != nullptr && Owns(*m.fields, leaf.steps);
}

// Wrote something between the two observations, by the time that Kubernetes keeps (in seconds).
bool Wrote(const Manager& m, const Json& before) {
  return std::ranges::none_of(ManagersOf(before), [&](const Manager& old) {
    return old.writer == m.writer && old.subresource == m.subresource;
  });
}

std::vector<Writer> OwnersIn(const Json& object, const Leaf& leaf) {
  std::vector<Writer> out;
  for (const Manager& m : ManagersOf(object)) {
    const bool status = leaf.steps.front().name == "status" && m.subresource == "status";
    if (status || (InSubresource(m, leaf) && OwnsLeaf(m, leaf))) out.push_back(m.writer);
  }
  return out;
}

// Who wrote the change from one observation to the next.
void Attribute(const Seen& before, const Seen& now, const Leaf& leaf, FieldChange& change) {
  std::vector<Writer> wrote, owning, lost;
  for (const Manager& m : ManagersOf(now.object)) {
    if (!InSubresource(m, leaf)) continue;
    if (OwnsLeaf(m, leaf)) owning.push_back(m.writer);
    if (!Wrote(m, before.object)) continue;
    wrote.push_back(m.writer);
    if (OwnsLeaf(m, leaf)) lost.push_back(m.writer);
  }
  const auto take = [&](const std::vector<Writer>& writers) {
    if (change.by.empty()) change.by = writers;
  };
  take(lost);                   // wrote then and holds it
  if (change.to) take(owning);  // wrote within the second in which it had written before
  take(wrote);                  // the sets are not recorded, or the field was taken away
  change.certain = change.by.size() == 1;
}

void AttributeFirst(const Seen& seen, const Leaf& leaf, FieldChange& change) {
  change.first = true;
  change.created = GetInt(seen.object, {"metadata", "generation"}) == 1;
  change.by = OwnersIn(seen.object, leaf);
  if (change.by.empty()) {
    for (const Manager& m : ManagersOf(seen.object)) {
      if (InSubresource(m, leaf)) change.by.push_back(m.writer);
    }
  }
  change.certain = change.by.size() == 1;
}

// The operator's own write: the action it came from.
void FindAction(const Records& records, const kube::ObjectRef& ref, FieldChange& change) {
  const bool own =
      std::ranges::any_of(change.by, [](const Writer& w) { return w.manager == kFieldManager; });
  if (!own) return;
  const auto& all = records.all();
  for (auto it = all.lower_bound(change.seen.seq); it != all.begin();) {
    --it;
    if (it->first < change.before.seq) return;
    const auto action = records.ActionAt(it->first);
    if (!action || TargetOf(action->command) != ref) continue;
    const auto* patch = std::get_if<Patch>(&action->command);
    if (patch == nullptr || !patch->subresource.empty()) continue;
    change.action_seq = it->first;
    change.sentence = action->sentence;
    return;
  }
}

class Stories {
 public:
  Stories(const Records& records, const kube::ObjectRef& ref, const std::vector<Seen>& seen)
      : records_(records), ref_(ref), seen_(seen) {}

  std::vector<FieldStory> Tell(const std::string& asked) const {
    std::map<std::string, const Leaf*> keys;  // with the newest place of each
    for (const Seen& seen : seen_) {
      for (const auto& [key, leaf] : seen.leaves) keys[key] = &leaf;
    }
    std::vector<FieldStory> out;
    for (const auto& [key, leaf] : keys) {
      if (asked.empty() || IsBelow(key, asked) || IsBelow(leaf->shown, asked)) {
        FieldStory story = TellOne(key, *leaf);
        if (!asked.empty() || story.value) out.push_back(std::move(story));
      }
    }
    return out;
  }

 private:
  FieldStory TellOne(const std::string& key, const Leaf& leaf) const {
    FieldStory story{leaf.shown, key, std::nullopt, {}, {}};
    const Seen* before = nullptr;
    for (const Seen& now : seen_) {
      const auto is = now.leaves.find(key);
      std::optional<Json> value;
      if (is != now.leaves.end()) value = is->second.value;
      if (before == nullptr ? value.has_value() : value != story.value) {
        story.changes.push_back(ChangeOf(before, now, leaf, story.value, value));
      }
      story.value = value;
      before = &now;
    }
    if (story.value) story.owners = OwnersIn(seen_.back().object, leaf);
    return story;
  }
  FieldChange ChangeOf(const Seen* before, const Seen& now, const Leaf& leaf,
                       const std::optional<Json>& from, const std::optional<Json>& to) const {
    FieldChange change;
    change.seen = now.mark;
    change.from = from;
    change.to = to;
    if (before == nullptr) {
      AttributeFirst(now, leaf, change);
      return change;
    }
    change.before = before->mark;
    change.unseen = now.unseen;
    Attribute(*before, now, leaf, change);
    FindAction(records_, ref_, change);
    return change;
  }

  const Records& records_;
  const kube::ObjectRef& ref_;
  const std::vector<Seen>& seen_;
};

void TakeSets(const std::vector<Seen>& seen, Blame& blame) {
  for (const Seen& s : seen) {
    for (const Json& m : GetArray(s.object, {"metadata", "managers"})) {
      if (GetBool(m, {"fieldsCut"})) blame.sets_cut = true;
      if (blame.sets_since.seq == 0 && Find(m, "fields") != nullptr) blame.sets_since = s.mark;
    }
  }
}

std::string NotThere(const Blame& blame, const std::string& field) {
  return "FIELD: \"" + field + "\": must be a field that " + blame.cluster.Text() +
         " has or had in these records (from " + TimeText(blame.first.wall_us) +
         " on); without FIELD all are listed";
}

Json MarkJson(const Mark& mark) {
  if (mark.seq == 0) return nullptr;
  return {{"seq", mark.seq}, {"time", WallText(mark.wall_us)}};
}

Json WritersJson(const std::vector<Writer>& writers) {
  Json out = Json::array();
  for (const Writer& w : writers) {
    out.push_back({{"manager", w.manager}, {"operation", w.operation}, {"time", w.time}});
  }
  return out;
}

Json ChangeJson(const FieldChange& c) {
  Json out = {{"seen", MarkJson(c.seen)},
              {"before", MarkJson(c.before)},
              {"from", c.from.value_or(nullptr)},
              {"to", c.to.value_or(nullptr)},
              {"first_seen", c.first},
              {"created", c.created},
              {"by", WritersJson(c.by)},
              {"certain", c.certain}};
  if (!c.unseen.empty()) out["unseen"] = c.unseen;
  if (c.action_seq != 0) out["action"] = {{"seq", c.action_seq}, {"sentence", c.sentence}};
  return out;
}

}  // namespace

Result<Blame> BlameOf(const Records& records, const ClusterKey& cluster, const std::string& field,
                      std::uint64_t until) {
  const kube::ObjectRef ref{"PostgresCluster", cluster.ns, cluster.name};
  const auto seen = Sightings(records, ref, IsBelow(field, "status")).Read(until);
  Blame blame;
  blame.cluster = cluster;
  if (seen.empty()) {
    return Fail(Code::kNotFound, "no PostgresCluster " + cluster.Text() +
                                     " was there at that moment, by these records");
  }
  blame.uid = seen.back().uid;
  blame.first = seen.front().mark;
  blame.at = seen.back().mark;
  TakeSets(seen, blame);
  const Stories stories(records, ref, seen);
  blame.fields = stories.Tell(field);
  if (blame.fields.empty()) blame.fields = stories.Tell("spec." + field);
  if (blame.fields.empty()) return Fail(Code::kNotFound, NotThere(blame, field));
  return blame;
}

std::string WriterText(const Writer& writer) {
  return writer.manager + (writer.operation.empty() ? "" : " (" + writer.operation + ")");
}

std::string ByText(const FieldChange& change) {
  if (change.by.empty()) return "not recorded";
  std::string names;
  for (const Writer& w : change.by) names += (names.empty() ? "" : ", ") + WriterText(w);
  return change.certain ? names : "one of: " + names;
}

Json BlameJson(const Blame& blame) {
  Json out = {{"cluster", blame.cluster.name},
              {"namespace", blame.cluster.ns},
              {"uid", blame.uid},
              {"first", MarkJson(blame.first)},
              {"at", MarkJson(blame.at)},
              {"field_sets_since", MarkJson(blame.sets_since)},
              {"field_sets_cut", blame.sets_cut},
              {"user", nullptr},
              {"fields", Json::array()}};
  for (const FieldStory& story : blame.fields) {
    Json one = {{"field", story.field},
                {"key", story.key},
                {"value", story.value.value_or(nullptr)},
                {"set", story.value.has_value()},
                {"owners", WritersJson(story.owners)},
                {"changes", Json::array()}};
    for (const FieldChange& c : story.changes) one["changes"].push_back(ChangeJson(c));
    out["fields"].push_back(std::move(one));
  }
  return out;
}

}  // namespace pgo::cli
