#include "adapters/cli/past.h"

#include <set>

#include "adapters/cli/output.h"
#include "engine/event/codec.h"
#include "engine/record.h"

namespace pgo::cli {
namespace {

using Mark = journal::Place::Mark;

bool Is(std::uint64_t type, RecordType wanted) {
  return type == static_cast<std::uint64_t>(wanted);
}

// "Pod", of an Observed, Gone or Listed.
std::string KindOf(const journal::Record& record) {
  if (record.subjects.empty()) return "";
  const std::string& subject = record.subjects.front();
  constexpr std::string_view kKind = "kind/";
  if (subject.starts_with(kKind)) return subject.substr(kKind.size());
  return subject.substr(0, subject.find('/'));
}

// When each kind was last heard of, and since when nothing could be.
struct Heard {
  std::map<std::string, Mark> kinds;
  Mark started, contact_lost;

  void Take(const journal::Entry& e) {
    const Mark mark{e.seq, e.frame.wall_us};
    const std::uint64_t type = e.record.type;
    if (Is(type, RecordType::kObserved) || Is(type, RecordType::kGone) ||
        Is(type, RecordType::kListed)) {
      kinds[KindOf(e.record)] = mark;
    }
    if (Is(type, RecordType::kStarted)) started = mark;
    if (Is(type, RecordType::kStarted)) contact_lost = {};
    if (Is(type, RecordType::kContact)) contact_lost = mark;
  }
};

// What stands in the state itself.
void AddStanding(const Heard& heard, Past& past) {
  std::string kinds;
  for (const auto& info : kube::Kinds()) {
    // Kinds that came later are in no list of an older journal.
    if (info.watch == kube::KindInfo::Watch::kNone || !info.required ||
        past.engine.world().Listed(info.kind))
      continue;
    kinds += (kinds.empty() ? "" : ", ") + std::string(info.kind);
  }
  // Records left out are named as such; among them may be the lists that would tell.
  if (!kinds.empty() && past.elided == 0) {
    past.unseen.push_back(
        {"the operator had started and not yet read: " + kinds, heard.started, {}});
  }
  if (!past.engine.context().contact) {
    past.unseen.push_back({"the API server did not answer the operator", heard.contact_lost, {}});
  }
}

// Looks at the records after the moment for what they tell about it.
class Hindsight {
 public:
  Hindsight(const Heard& heard, const Moment& moment, Past& past)
      : heard_(heard), moment_(moment), past_(past), newest_(heard.kinds) {}

  bool Take(const journal::Entry& e) {
    if (e.frame.first_seq != frame_) Turn(e.frame.first_seq);
    const Mark mark{e.seq, e.frame.wall_us};
    const auto payload =
        Worth(e.record.type) ? DecodePayload(e.record.type, e.record.payload) : std::nullopt;
    if (Is(e.record.type, RecordType::kBaseline)) return true;
    // It did not run from some time after the last record until it started.
    if (Is(e.record.type, RecordType::kStarted)) {
      if (first_) past_.unseen.push_back({"the operator did not run", past_.at, mark});
      return false;
    }
    first_ = false;
    if (payload) TakeEvent(*payload, mark);
    pending_[KindOf(e.record)] = mark;
    return true;
  }
  void Finish() {
    for (const auto& [window, kinds] : missed_) {
      past_.unseen.push_back(
          {"changes may have been missed of: " + kinds, window.first, window.second});
    }
  }

 private:
  static bool Worth(std::uint64_t type) {
    return Is(type, RecordType::kTicked) || Is(type, RecordType::kListed);
  }
  // A list comes with the objects that it lists: they are no sign that the watch lived.
  void Turn(std::uint64_t frame) {
    for (const auto& [kind, mark] : pending_) newest_[kind] = mark;
    pending_.clear();
    frame_ = frame;
  }
  void TakeEvent(const Payload& payload, const Mark& mark) {
    if (const auto* ticked = std::get_if<Ticked>(&payload);
        ticked != nullptr && ticked->paused_us > 0 && moment_.seq == 0 &&
        mark.wall_us - ticked->paused_us <= moment_.wall_us) {
      past_.unseen.push_back(
          {"the operator stood still for " + DurationText(ticked->paused_us), past_.at, mark});
    }
    const auto* listed = std::get_if<Listed>(&payload);
    if (listed == nullptr || !judged_.insert(listed->kind).second || !listed->gap) return;
    const auto last = newest_.find(listed->kind);
    const Mark from = last == newest_.end() ? Mark{} : last->second;
    if (from.seq > past_.at.seq) return;  // it was still heard of after the moment
    std::string& kinds = missed_[{{from.seq, from.wall_us}, mark}];
    kinds += (kinds.empty() ? "" : ", ") + listed->kind;
  }

  struct ByFrom {
    bool operator()(const std::pair<Mark, Mark>& a, const std::pair<Mark, Mark>& b) const {
      return std::pair(a.first.seq, a.second.seq) < std::pair(b.first.seq, b.second.seq);
    }
  };
  const Heard& heard_;
  const Moment& moment_;
  Past& past_;
  bool first_ = true;
  std::uint64_t frame_ = 0;
  std::map<std::string, Mark> newest_, pending_;
  std::set<std::string> judged_;
  std::map<std::pair<Mark, Mark>, std::string, ByFrom> missed_;
};

// Feeds the engine up to `at`. The baseline is where folding may start.
Status Fold(const journal::Reader& reader, const Mark& at, Past& past, Heard& heard) {
  const auto start = reader.Baseline(at.seq);
  if (!start) return Fail(start.error());
  Rebuilder rebuilder(past.engine);
  std::uint64_t fed = 0;
  Status read = journal::Iterate(reader, {start->first_seq, at.seq}, [&](const journal::Entry& e) {
    ++fed;
    heard.Take(e);
    rebuilder.Feed({e.seq, e.record.type, e.record.payload,
                    Now{e.frame.wall_us, static_cast<std::int64_t>(e.frame.elapsed_us)}});
    return true;
  });
  past.elided = at.seq - start->first_seq + 1 - fed;
  return read;
}

Result<ClusterKey> Which(const cluster::World& world, const std::string& name,
                         const std::string& ns, const Mark& at) {
  std::vector<ClusterKey> fitting;
  std::string all;
  for (const ClusterKey& key : world.Clusters()) {
    all += (all.empty() ? "" : ", ") + key.Text();
    if ((name.empty() || key.name == name) && (ns.empty() || key.ns == ns)) fitting.push_back(key);
  }
  if (fitting.size() == 1) return fitting.front();
  if (!fitting.empty()) {
    return Fail(Code::kInvalid,
                "several clusters fit: " + all + "; say which, with its namespace (-n)");
  }
  return Fail(Code::kNotFound, "no cluster " + (ns.empty() ? "" : ns + "/") + name +
                                   (name.empty() ? "at all " : " ") + "was there at " +
                                   MarkText(at) + (all.empty() ? "" : "; there was: " + all));
}

std::unique_ptr<Snapshot> SnapshotFrom(const Engine& engine, const ClusterKey& key) {
  auto out = std::make_unique<Snapshot>();
  out->world = engine.world();
  out->view = cluster::Project(out->world, key);
  for (const auto& [ref, subject] : out->view.objects) {
    if (ref.kind == "Service") out->services.push_back(subject->object);
  }
  return out;
}

Json MarkJson(const Mark& mark) {
  if (mark.seq == 0) return nullptr;
  return {{"seq", mark.seq}, {"time", WallText(mark.wall_us)}};
}

}  // namespace

Result<Past> PastAt(const journal::Reader& reader, const Moment& moment, const std::string& cluster,
                    const std::string& ns) {
  const auto place = moment.seq != 0 ? journal::PlaceOfSeq(reader, moment.seq)
                                     : journal::PlaceOf(reader, moment.wall_us);
  if (!place) return Fail(place.error());
  if (place->at.seq == 0) return Fail(Code::kNotFound, "nothing is recorded of that moment");
  Past past;
  past.at = place->at;
  Heard heard;
  if (auto folded = Fold(reader, place->at, past, heard); !folded) return Fail(folded.error());
  AddStanding(heard, past);
  // The number of a record means what was known then: what happened before the next is not asked.
  if (moment.seq == 0 && place->next.seq != 0) {
    Hindsight hindsight(heard, moment, past);
    Status read = journal::Iterate(reader, {place->next.seq, UINT64_MAX},
                                   [&](const journal::Entry& e) { return hindsight.Take(e); });
    if (!read) return Fail(read.error());
    hindsight.Finish();
  }
  auto key = Which(past.engine.world(), cluster, ns, past.at);
  if (!key) return Fail(key.error());
  past.key = *key;
  past.snapshot = SnapshotFrom(past.engine, past.key);
  return past;
}

std::string MarkText(const Mark& mark) {
  return TimeText(mark.wall_us) + " (#" + std::to_string(mark.seq) + ")";
}

std::string UnseenText(const Past& past) {
  std::string text;
  for (const Unseen& window : past.unseen) {
    text += "NOT OBSERVED: " + window.why;
    if (window.from.seq != 0) text += ", from " + MarkText(window.from);
    if (window.to.seq != 0) text += ", until " + MarkText(window.to);
    text += "; below is what was seen last\n";
  }
  if (past.elided > 0) {
    text += "NOT INCLUDED: " + Count(past.elided, "record") +
            " that this bundle leaves out; what they showed is missing below\n";
  }
  return text;
}

Json PastJson(const Past& past) {
  Json out = {{"cluster", past.key.name},
              {"namespace", past.key.ns},
              {"at", WallText(past.at.wall_us)},
              {"seq", past.at.seq},
              {"observed", past.unseen.empty() && past.elided == 0},
              {"not_observed", Json::array()},
              {"elided", past.elided}};
  for (const Unseen& window : past.unseen) {
    out["not_observed"].push_back(
        {{"why", window.why}, {"from", MarkJson(window.from)}, {"to", MarkJson(window.to)}});
  }
  return out;
}

}  // namespace pgo::cli
