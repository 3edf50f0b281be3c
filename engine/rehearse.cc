#include "engine/rehearse.h"

#include <algorithm>

#include "engine/base/digest.h"
#include "engine/event/codec.h"
#include "engine/kube/names.h"

namespace pgo {
namespace {

using Kind = Difference::Kind;

std::string KeyOf(const Action& a, std::string_view what) {
  return a.ns + "/" + a.cluster + "|" + a.room + "|" + std::string(what);
}
std::string GoalKey(const Action& a) { return KeyOf(a, "goal " + a.goal); }
// A goal may name the record that it began with, which differs with the moment.
std::string AimKey(const Action& a) {
  return KeyOf(a, std::string(NameOf(a.reason)) + " " + std::string(CommandName(a.command)) + " " +
                      TargetOf(a.command).Text());
}
// A wish with the same outcome.
std::string WishKey(const Action& a) {
  return GoalKey(a) + "|" + Sha256Hex(DumpJson(ActionToJson(a)["command"]));
}

struct FieldChange {
  std::string field, recorded, now;
};

constexpr std::size_t kShownBytes = 200;

// A piece of the text from `from` on, which is not in the middle of a character.
std::string Piece(const std::string& text, std::size_t from) {
  const auto inside = [&](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
  };
  while (inside(from)) ++from;
  std::size_t to = std::min(text.size(), from + kShownBytes);
  while (inside(to)) --to;
  return (from > 0 ? "…" : "") + text.substr(from, to - from) + (to < text.size() ? "…" : "");
}

// Both values, from a little before the place where their texts part.
void Show(const Json* recorded, const Json* now, FieldChange& out) {
  const std::string a = recorded == nullptr ? "nothing" : DumpJson(*recorded);
  const std::string b = now == nullptr ? "nothing" : DumpJson(*now);
  const auto part = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  const bool long_ones = a.size() > kShownBytes || b.size() > kShownBytes;
  const std::size_t from = long_ones && part > 60 ? part - 40 : 0;
  out.recorded = Piece(a, std::min(from, a.size()));
  out.now = Piece(b, std::min(from, b.size()));
}

// The first field that differs; "" for none.
FieldChange FirstChange(const Json& recorded, const Json& now) {
  const Json patch = Json::diff(recorded, now);
  if (patch.empty()) return {};
  FieldChange out;
  out.field = GetString(patch[0], {"path"});
  const Json::json_pointer at(out.field);
  Show(recorded.contains(at) ? &recorded[at] : nullptr, now.contains(at) ? &now[at] : nullptr, out);
  return out;
}

const Json* TemplateOf(const Action& action) {
  const auto* apply = std::get_if<Apply>(&action.command);
  if (apply == nullptr || apply->ref.kind != "StatefulSet") return nullptr;
  return pgo::Find(apply->object, {"spec", "template"});
}

// Whether pods of the one template give way to the other: only what the user asked of them counts,
// by its digest; another version of the operator waits to be asked for (room rollout).
bool Replaces(const Json& old_pods, const Json& new_pods) {
  const auto asked = [](const Json& pods) {
    return GetString(pods, {"metadata", "annotations", kube::kAsked});
  };
  const std::string before = asked(old_pods);
  const std::string now = asked(new_pods);
  if (now.empty()) return old_pods != new_pods;
  return before != now;
}

// Commands that bring an instance down for a moment.
bool Restarts(const Action& a) {
  if (a.room != "rollout") return false;
  const bool disrupts = a.reason == Reason::kRollout || a.reason == Reason::kRestart ||
                        a.reason == Reason::kPendingRestart;
  const auto* exec = std::get_if<Exec>(&a.command);
  return disrupts &&
         (std::holds_alternative<Delete>(a.command) || (exec != nullptr && !exec->probe));
}

// Each failover and switchover has one action that opens it.
bool BeginsFailover(const Action& a) { return a.room == "failover" && a.goal.starts_with("name/"); }

void Count(const Difference& d, Toll& toll) {
  const Action& a = d.action;
  const std::string& kind = TargetOf(a.command).kind;
  if (Restarts(a) || d.replaces_pods) ++toll.restarts;
  if (BeginsFailover(a)) ++toll.failovers;
  if (std::holds_alternative<Delete>(a.command)) {
    ++toll.deletes[kind];
  } else if (std::holds_alternative<Apply>(a.command) ||
             std::holds_alternative<Provision>(a.command)) {
    // What was made is made in any case, only otherwise.
    const bool creates = d.for_the_first_time && d.kind != Kind::kChanged;
    ++(creates ? toll.creates : toll.changes)[kind];
  } else if (const auto* patch = std::get_if<Patch>(&a.command);
             patch != nullptr && patch->subresource.empty()) {
    ++toll.changes[kind];
  }
}

}  // namespace

std::string_view NameOf(Difference::Kind kind) {
  switch (kind) {
    case Kind::kExtra:
      return "extra";
    case Kind::kMissing:
      return "missing";
    case Kind::kChanged:
      return "changed";
    case Kind::kEarlier:
      return "earlier";
    case Kind::kLater:
      return "later";
    case Kind::kReworded:
      return "reworded";
  }
  return "";
}

Json DifferenceJson(const Difference& d) {
  Json out = {{"difference", NameOf(d.kind)},
              {"cluster", d.action.ns + "/" + d.action.cluster},
              {"room", d.action.room},
              {"reason", NameOf(d.action.reason)},
              {"action", CommandName(d.action.command)},
              {"object", TargetOf(d.action.command).Text()},
              {"sentence", d.action.sentence},
              {"goal", d.action.goal},
              {"seq", d.seq},
              {"time", WallText(d.wall_us)},
              {"causes", d.action.causes},
              {"times", d.times}};
  if (!d.field.empty()) {
    out["field"] = d.field;
    out["recorded"] = d.recorded;
    out["now"] = d.now;
  }
  if (d.recorded_seq != 0) {
    out["recorded_seq"] = d.recorded_seq;
    out["recorded_time"] = WallText(d.recorded_wall_us);
  }
  if (d.replaces_pods) out["replaces_pods"] = true;
  return out;
}

void TakeToll(Rehearsal& r) {
  for (const Difference& d : r.differences) {
    const ClusterKey key{d.action.ns, d.action.cluster};
    if (d.kind == Kind::kExtra || d.kind == Kind::kChanged) Count(d, r.more[key]);
    if (d.kind == Kind::kMissing) Count(d, r.less[key]);
  }
}

void Rehearser::Feed(const StoredRecord& record) {
  if (record.type == static_cast<std::uint64_t>(RecordType::kAction)) {
    auto action = DecodeAction(record.payload);
    if (action) recorded_.push_back({record.seq, *std::move(action)});
    return;
  }
  Settle();
  if (record.type == static_cast<std::uint64_t>(RecordType::kDecided)) return Decide(record);
  FeedEvent(record);
}

void Rehearser::FeedEvent(const StoredRecord& record) {
  auto payload = DecodePayload(record.type, record.payload);
  if (!payload) return;
  if (edit_) edit_(*payload);
  if (std::holds_alternative<Baseline>(*payload)) {
    engine_.FoldEvent({Seq(record.seq), record.at, *std::move(payload)});
    return;
  }
  if (const auto* started = std::get_if<Started>(&*payload)) {
    out_.build = started->build;
    out_.ruleset = started->ruleset;
  }
  if (record.seq >= range_.from && record.seq <= range_.to) {
    ++out_.events;
    if (out_.first_wall_us == 0) out_.first_wall_us = record.at.wall_us;
    out_.last_wall_us = record.at.wall_us;
  }
  events_.push_back({Seq(record.seq), record.at, *std::move(payload)});
}

void Rehearser::Decide(const StoredRecord& record) {
  const auto recorded = DecodeDecided(record.payload);
  if (!recorded || events_.empty()) return;
  decided_ = Now{recorded->wall_us, recorded->elapsed_us};
  decided_seq_ = record.seq;
  for (Event& event : events_) event.at = decided_;
  proposed_ = engine_.Propose(events_, decided_).actions;
  events_.clear();
}

// A decision and its actions were read: compare them, and go on with what was done.
void Rehearser::Settle() {
  if (decided_seq_ != 0 && decided_seq_ >= range_.from && decided_seq_ <= range_.to) Compare();
  FoldRecorded();
  decided_seq_ = 0;
  proposed_.clear();
}

void Rehearser::FoldRecorded() {
  for (const Recorded& r : recorded_) {
    engine_.FoldAction(r.action, Seq(r.seq), decided_);
    if (const Json* pods = TemplateOf(r.action)) templates_[TargetOf(r.action.command)] = *pods;
  }
  recorded_.clear();
}

void Rehearser::Compare() {
  ++out_.decisions;
  out_.actions += recorded_.size();
  for (const Recorded& r : recorded_) out_.clusters.insert({r.action.ns, r.action.cluster});
  // Those with the same goal first; then those that are about the same, for another goal.
  std::vector<Action> others, extra;
  for (Action& action : proposed_) {
    if (!PairBy(GoalKey, action)) others.push_back(std::move(action));
  }
  for (Action& action : others) {
    if (!PairBy(AimKey, action)) extra.push_back(std::move(action));
  }
  for (Action& action : extra) TakeExtra(std::move(action));
  for (const Recorded& r : recorded_) {
    if (!r.matched) TakeMissing(r);
  }
}

bool Rehearser::PairBy(std::string (*key)(const Action&), const Action& proposed) {
  const std::string wanted = key(proposed);
  const auto twin = std::ranges::find_if(
      recorded_, [&](const Recorded& r) { return !r.matched && key(r.action) == wanted; });
  if (twin == recorded_.end()) return false;
  twin->matched = true;
  Pair(proposed, *twin);
  return true;
}

// The same goal at the same moment: is it the same command, and is the same said of it?
void Rehearser::Pair(const Action& proposed, const Recorded& recorded) {
  Json was = ActionToJson(recorded.action);
  Json is = ActionToJson(proposed);
  const Json kind_was = {{"kind", was["kind"]}, {"command", was["command"]}};
  const Json kind_is = {{"kind", is["kind"]}, {"command", is["command"]}};
  FieldChange change = FirstChange(kind_was, kind_is);
  Difference d;
  d.kind = change.field.empty() ? Kind::kReworded : Kind::kChanged;
  if (change.field.empty()) {
    was.erase("id");  // says when, not what
    is.erase("id");
    change = FirstChange(was, is);
    if (change.field.empty()) return;
  }
  d.action = proposed;
  d.seq = d.recorded_seq = recorded.seq;
  d.wall_us = d.recorded_wall_us = decided_.wall_us;
  d.field = change.field;
  d.recorded = change.recorded;
  d.now = change.now;
  const Json* old_pods = TemplateOf(recorded.action);
  const Json* new_pods = TemplateOf(proposed);
  // Where there are no pods yet, none is replaced.
  d.replaces_pods = old_pods != nullptr && new_pods != nullptr && Replaces(*old_pods, *new_pods) &&
                    proposed.reason != Reason::kCreating;
  d.for_the_first_time = proposed.reason == Reason::kCreating;
  Add(std::move(d), WishKey(proposed));
}

void Rehearser::TakeExtra(Action proposed) {
  const std::string wish = WishKey(proposed);
  const auto known = known_.find(wish);
  if (known != known_.end()) {
    ++out_.differences[known->second].times;
    return;
  }
  Difference d;
  d.seq = decided_seq_;
  d.wall_us = decided_.wall_us;
  for (const std::string& key : {"missing " + GoalKey(proposed), "missing " + AimKey(proposed)}) {
    const auto missed = known_.find(key);
    if (missed == known_.end()) continue;
    Difference& earlier = out_.differences[missed->second];
    if (earlier.kind != Kind::kMissing) continue;
    earlier.kind = Kind::kLater;
    earlier.seq = decided_seq_;
    earlier.wall_us = decided_.wall_us;
    earlier.action = std::move(proposed);
    known_.emplace(wish, missed->second);
    return;
  }
  const Json* pods = TemplateOf(proposed);
  const auto applied = templates_.find(TargetOf(proposed.command));
  d.replaces_pods =
      pods != nullptr && applied != templates_.end() && Replaces(applied->second, *pods);
  d.for_the_first_time = proposed.reason == Reason::kCreating;
  const std::string goal = "extra " + GoalKey(proposed);
  const std::string aim = "extra " + AimKey(proposed);
  d.action = std::move(proposed);
  Add(std::move(d), wish);
  known_.emplace(goal, out_.differences.size() - 1);
  known_.emplace(aim, out_.differences.size() - 1);
}

void Rehearser::TakeMissing(const Recorded& recorded) {
  for (const std::string& key :
       {"extra " + GoalKey(recorded.action), "extra " + AimKey(recorded.action)}) {
    const auto before = known_.find(key);
    if (before == known_.end()) continue;
    Difference& early = out_.differences[before->second];
    if (early.kind != Kind::kExtra) continue;
    early.kind = Kind::kEarlier;
    early.recorded_seq = recorded.seq;
    early.recorded_wall_us = decided_.wall_us;
    return;
  }
  const std::string key = "missing " + GoalKey(recorded.action);
  const auto known = known_.find(key);
  if (known != known_.end()) {
    ++out_.differences[known->second].times;
    return;
  }
  Difference d;
  d.kind = Kind::kMissing;
  d.action = recorded.action;
  d.seq = d.recorded_seq = recorded.seq;
  d.wall_us = d.recorded_wall_us = decided_.wall_us;
  const Json* pods = TemplateOf(recorded.action);
  const auto applied = templates_.find(TargetOf(recorded.action.command));
  d.replaces_pods =
      pods != nullptr && applied != templates_.end() && Replaces(applied->second, *pods);
  d.for_the_first_time = recorded.action.reason == Reason::kCreating;
  Add(std::move(d), key);
  known_.emplace("missing " + AimKey(recorded.action), out_.differences.size() - 1);
}

void Rehearser::Add(Difference difference, const std::string& key) {
  const auto [known, fresh] = known_.emplace(key, out_.differences.size());
  if (fresh) {
    out_.differences.push_back(std::move(difference));
  } else {
    ++out_.differences[known->second].times;
  }
}

Rehearsal Rehearser::Finish() {
  Settle();
  std::ranges::stable_sort(out_.differences, {}, &Difference::seq);
  TakeToll(out_);
  return std::move(out_);
}

}  // namespace pgo
