#include "engine/testing/fake_kube.h"

#include "engine/base/overloaded.h"
#include "engine/kube/names.h"

namespace pgo::testing {
namespace {

void Merge(Json& into, const Json& from) {
  if (!into.is_object()) into = Json::object();
  for (const auto& [key, value] : from.items()) {
    if (value.is_object()) {
      Merge(into[key], value);
    } else {
      into[key] = value;
    }
  }
}

}  // namespace

const Json* FakeKube::Find(const kube::ObjectRef& ref) const {
  const auto it = objects_.find(ref);
  return it == objects_.end() ? nullptr : &it->second;
}

std::vector<kube::ObjectRef> FakeKube::All(const std::string& kind) const {
  std::vector<kube::ObjectRef> out;
  for (const auto& [ref, object] : objects_) {
    if (ref.kind == kind) out.push_back(ref);
  }
  return out;
}

Payload FakeKube::Seen(const kube::ObjectRef& ref) {
  const Json& object = objects_[ref];
  return Observed{ref, GetString(object, {"metadata", "uid"}),
                  GetString(object, {"metadata", "resourceVersion"}), object};
}

Payload FakeKube::Put(const kube::ObjectRef& ref, Json object) {
  const Json* old = Find(ref);
  const std::string uid =
      old == nullptr ? "uid-" + std::to_string(++version_) : GetString(*old, {"metadata", "uid"});
  pgo::Put(object, {"kind"}, ref.kind);
  pgo::Put(object, {"metadata", "name"}, ref.name);
  if (!ref.ns.empty()) pgo::Put(object, {"metadata", "namespace"}, ref.ns);
  pgo::Put(object, {"metadata", "uid"}, uid);
  pgo::Put(object, {"metadata", "resourceVersion"}, std::to_string(++version_));
  if (ref.kind == "Service" && pgo::Find(object, {"spec", "clusterIP"}) == nullptr) {
    pgo::Put(object, {"spec", "clusterIP"}, "10.202.0." + std::to_string(version_ % 200));
  }
  objects_[ref] = std::move(object);
  return Seen(ref);
}

Payload FakeKube::Remove(const kube::ObjectRef& ref) {
  const std::string uid = GetString(objects_[ref], {"metadata", "uid"});
  objects_.erase(ref);
  return Gone{ref, uid};
}

Outcome FakeKube::Precondition(const kube::ObjectRef& ref, const std::string& uid,
                               const std::string& rv) {
  const Json* object = Find(ref);
  if (object == nullptr) return Outcome::kNotFound;
  const bool holds = (uid.empty() || uid == GetString(*object, {"metadata", "uid"})) &&
                     (rv.empty() || rv == GetString(*object, {"metadata", "resourceVersion"}));
  return holds ? Outcome::kOk : Outcome::kConflict;
}

Json FakeKube::Printed(const Action& action) const {
  const auto* exec = std::get_if<Exec>(&action.command);
  return exec != nullptr && on_exec ? on_exec(*exec) : Json();
}

std::vector<Payload> FakeKube::Carry(const Action& action) {
  std::vector<Payload> out;
  Outcome outcome = Outcome::kOk;
  const auto merge = [&](const kube::ObjectRef& ref, const Json& change) {
    Json object = Find(ref) == nullptr ? Json::object() : *Find(ref);
    const std::string before = DumpJson(object);
    Merge(object, change);
    if (DumpJson(object) != before) {
      ++writes;
      out.push_back(Put(ref, std::move(object)));
    }
  };
  std::visit(Overloaded{[&](const Apply& c) { merge(c.ref, c.object); },
                        [&](const Provision& c) {
                          Json object = c.object;
                          for (const Part& part : c.parts) {
                            pgo::Put(object, {"redacted", part.key, "hmac"}, "of-" + part.key);
                            if (!part.key_of.empty())
                              pgo::Put(object, {"redacted", part.key_of, "hmac"}, "k");
                          }
                          pgo::Put(object, {"metadata", "annotations", kube::kRecipeAnnotation},
                                   c.recipe);
                          merge(c.ref, object);
                        },
                        [&](const Patch& c) {
                          outcome = Precondition(c.ref, c.uid, c.rv);
                          if (outcome != Outcome::kOk) return;
                          Json object = *Find(c.ref);
                          object.merge_patch(c.patch);
                          ++writes;
                          out.push_back(Put(c.ref, std::move(object)));
                        },
                        [&](const Delete& c) {
                          outcome = Precondition(c.ref, c.uid, c.rv);
                          if (outcome == Outcome::kOk) out.push_back(Remove(c.ref));
                          ++writes;
                        },
                        [&](const Exec&) {}, [&](const Notice&) { ++writes; }},
             action.command);
  out.push_back(Done{action.id, outcome, "", Printed(action)});
  return out;
}

std::vector<Payload> FakeKube::ListAll() const {
  std::vector<Payload> out;
  for (const auto& kind : kube::Kinds()) {
    if (kind.watch == kube::KindInfo::Watch::kNone) continue;
    Listed listed{std::string(kind.kind), std::to_string(version_), false, {}};
    for (const auto& [ref, object] : objects_) {
      if (ref.kind != kind.kind) continue;
      out.push_back(Observed{ref, GetString(object, {"metadata", "uid"}),
                             GetString(object, {"metadata", "resourceVersion"}), object});
      listed.keys.push_back(ref.ns + "/" + ref.name);
    }
    out.push_back(std::move(listed));
  }
  return out;
}

void Loop::Step(std::vector<Payload> payloads) {
  if (payloads.empty() || died_) return;
  std::vector<Event> events;
  std::uint64_t seq = records.size() + 1;
  for (Payload& payload : payloads) events.push_back({Seq(seq++), now_, std::move(payload)});
  std::vector<JournalRecord> out;
  for (const Event& event : events) out.push_back(RecordOf(event, engine.world()));
  const auto step = engine.Step(events, now_);
  if (Dies(0, actions.size() + step.actions.size())) return;
  out.push_back(RecordOf(step.decided));
  for (const Action& action : step.actions) out.push_back(RecordOf(action));
  for (auto& record : out) {
    records.push_back({records.size() + 1, record.type, std::move(record.payload), now_});
  }
  for (const Action& action : step.actions) {
    actions.push_back(action);
    outbox_.push_back(action);
  }
  static_cast<void>(Dies(1, actions.size()));
}

bool Loop::Dies(int cut, std::size_t count) {
  if (death_ && death_->cut == cut && count > death_->action) died_ = true;
  return died_;
}

void Loop::Post(std::vector<Payload> events) { Step(std::move(events)); }

bool Loop::Settle(int rounds_max) {
  for (int round = 0; round < rounds_max; ++round) {
    if (outbox_.empty() || died_) return !died_;
    Advance(kSecond / 100);
    std::vector<Payload> answers;
    std::size_t carried = actions.size() - outbox_.size();
    for (const Action& action : std::exchange(outbox_, {})) {
      for (Payload& payload : kube.Carry(action)) answers.push_back(std::move(payload));
      if (Dies(2, ++carried)) return false;
    }
    Step(std::move(answers));
    if (Dies(3, carried)) return false;
  }
  return false;
}

void Loop::Rotate(std::size_t part_bytes) {
  Rebuilder rebuilder(engine);
  for (JournalRecord& record : BaselineOf(engine, part_bytes)) {
    records.push_back({records.size() + 1, record.type, std::move(record.payload), now_});
    rebuilder.Feed(records.back());
  }
}

void Loop::Restart() {
  outbox_.clear();
  if (died_) death_.reset();
  died_ = false;
  engine = Engine();
  Rebuilder rebuilder(engine);
  for (const StoredRecord& record : records) rebuilder.Feed(record);
}

}  // namespace pgo::testing
