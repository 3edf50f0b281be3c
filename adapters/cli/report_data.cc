#include "adapters/cli/report_data.h"

#include <algorithm>
#include <map>

#include "engine/cluster/world.h"
#include "engine/event/codec.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

std::int64_t Ms(std::int64_t wall_us) { return wall_us / 1000; }

constexpr std::size_t kTextMax = 400;
std::string Cut(std::string text) {
  if (text.size() <= kTextMax) return text;
  std::size_t end = kTextMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

// How an instance looks for a while.
struct Look {
  std::string look, label, text;
  bool operator==(const Look&) const = default;
};

struct Lane {
  std::string title, sub;
  Json spans = Json::array(), points = Json::array();
  Look look;
  std::int64_t since = 0;

  void Turn(const Look& now, std::int64_t at) {
    if (now == look) return;
    Close(at);
    look = now;
    since = at;
  }
  void Close(std::int64_t at) {
    if (!look.look.empty() && at >= since) {
      spans.push_back({{"from", since},
                       {"to", at},
                       {"look", look.look},
                       {"label", look.label},
                       {"text", look.text}});
    }
  }
};

struct Instance {
  Lane lane;
  std::string pod, node;
  Look said;  // by its own last word
  Json lsn = Json::array();
};

Look LookOf(const Json& pod) {
  const auto status = ParseJson(GetString(pod, {"metadata", "annotations", "status"}));
  const std::string role = status ? GetString(*status, {"role"}) : "";
  const std::string state = status ? GetString(*status, {"state"}) : "";
  const std::int64_t timeline = status ? GetInt(*status, {"timeline"}) : 0;
  std::string label = role.empty() ? GetString(pod, {"status", "phase"}) : role;
  if (timeline > 0) label += ", timeline " + std::to_string(timeline);
  const std::string text = GetString(pod, {"metadata", "name"}) + " on " +
                           GetString(pod, {"spec", "nodeName"}, "no node") + ": " + label +
                           (state.empty() ? "" : ", " + state);
  if (!GetString(pod, {"metadata", "deletionTimestamp"}).empty()) {
    return {"starting", label + ", ending", text + ", asked to end"};
  }
  if (role == "primary" && state == "running") return {"primary", label, text};
  const bool follows = state == "running" || state == "streaming";
  if (role == "replica" && follows) return {"replica", label, text};
  return {"starting", state.empty() ? label : label + ", " + state, text};
}

// Reads the records once, in order.
class Drawing {
 public:
  Drawing(const Records& records, const ClusterKey& cluster)
      : records_(records), subject_(ClusterSubject(cluster)) {
    decisions_.title = "decisions";
    operator_.title = "operator";
    objects_.title = "other objects";
  }

  void Read() {
    for (const auto& [seq, entry] : records_.all()) {
      at_ = Ms(entry.wall_us);
      if (first_ == 0) first_ = at_;
      TakeRecord(entry);
      last_ = at_;
    }
    for (auto& [name, instance] : instances_) instance.lane.Close(last_);
    for (auto& [name, node] : nodes_) node.Close(last_);
    operator_.Close(last_);
  }

  void Place(const HistoryLine& line) {
    Json point = {{"t", Ms(line.wall_us)}, {"seq", line.seq}, {"text", Cut(line.text)}};
    if (const auto action = records_.ActionAt(line.seq)) {
      PlaceAction(*action, std::move(point));
      return;
    }
    const auto payload = records_.EventAt(line.seq);
    if (!payload) return;
    Lane* lane = &objects_;
    if (line.kind == "operator") lane = &operator_;
    if (const auto* e = std::get_if<Observed>(&*payload)) lane = LaneOf(e->ref);
    if (const auto* e = std::get_if<Gone>(&*payload)) {
      point["bad"] = e->ref.kind == "Pod";
      lane = LaneOf(e->ref);
    }
    if (const auto* e = std::get_if<Done>(&*payload)) {
      point["bad"] = e->outcome != Outcome::kOk;
      lane = &decisions_;
    }
    if (line.what == "GAP") point["bad"] = true;
    lane->points.push_back(std::move(point));
  }

  Json Data(const std::vector<Episode>& episodes) {
    Json out = {{"from", first_}, {"to", last_}};
    out["lanes"] = Json::array();
    out["instances"] = Json::array();
    out["episodes"] = Json::array();
    Put(out["lanes"], decisions_, false);
    for (auto& [name, instance] : instances_) {
      instance.lane.sub = instance.node.empty() ? instance.pod : "on " + instance.node;
      Put(out["lanes"], instance.lane, true);
      out["instances"].push_back({{"name", name}, {"lsn", instance.lsn}});
    }
    for (const auto& [name, node] : nodes_) {
      if (!node.spans.empty() || !node.points.empty()) Put(out["lanes"], node, false);
    }
    Put(out["lanes"], objects_, false);
    Put(out["lanes"], operator_, false);
    for (const Episode& e : episodes) {
      const std::int64_t end = e.end_us == 0 ? last_ : Ms(e.end_us);
      out["episodes"].push_back({{"from", Ms(e.wall_us)},
                                 {"to", std::max(end, Ms(e.wall_us))},
                                 {"title", std::string(KindWord(e.kind))}});
    }
    return out;
  }

 private:
  static void Put(Json& lanes, const Lane& lane, bool instance) {
    Json one = {
        {"title", lane.title}, {"sub", lane.sub}, {"spans", lane.spans}, {"points", lane.points}};
    if (instance) one["instance"] = true;
    lanes.push_back(std::move(one));
  }

  void TakeRecord(const Records::Entry& entry) {
    const auto type = static_cast<RecordType>(entry.type);
    const bool node = !entry.subjects.empty() && entry.subjects[0].starts_with("Node/");
    if (!entry.Names(subject_) && !node && type != RecordType::kStarted &&
        type != RecordType::kContact && type != RecordType::kLeading &&
        type != RecordType::kBaseline) {
      return;
    }
    const auto payload = records_.EventAt(entry.seq);
    if (!payload) return;
    if (const auto* e = std::get_if<Observed>(&*payload)) TakeObject(e->ref, e->object);
    if (const auto* e = std::get_if<Gone>(&*payload)) TakeGone(e->ref);
    if (const auto* e = std::get_if<Baseline>(&*payload)) TakeBaseline(e->state);
    TakeOperator(*payload);
  }

  // What was known when the bundle begins.
  void TakeBaseline(const Json& state) {
    const Json* saved = Find(state, "world");
    if (saved == nullptr || !instances_.empty()) return;
    const auto world = cluster::World::Load(*saved);
    for (const auto& [ref, subject] : world.subjects()) {
      const auto key = cluster::World::ClusterOf(ref, subject.object);
      if (ref.kind == "Node" || (key && ClusterSubject(*key) == subject_)) {
        TakeObject(ref, subject.object);
      }
    }
  }

  void TakeOperator(const Payload& payload) {
    const auto* contact = std::get_if<Contact>(&payload);
    if (std::holds_alternative<Started>(payload) && last_ != 0 && first_ != at_) {
      operator_.Turn({"unseen", "did not run", "the operator did not run: nothing was observed"},
                     last_);
      operator_.Turn({}, at_);
    }
    if (contact != nullptr && !contact->ok) {
      operator_.Turn({"unseen", "no contact", "the API server did not answer the operator"}, at_);
    }
    if (contact != nullptr && contact->ok) operator_.Turn({}, at_);
    if (const auto* leading = std::get_if<Leading>(&payload)) {
      operator_.Turn(leading->leading ? Look{"replica", "leads", "the operator leads"} : Look{},
                     at_);
    }
  }

  void TakeObject(const kube::ObjectRef& ref, const Json& object) {
    if (ref.kind == "Node") return TakeNode(ref.name, object);
    const std::string name = GetString(object, {"metadata", "labels", kube::kLabelInstance});
    if (ref.kind != "Pod" || name.empty()) return;
    Instance& instance = instances_[name];
    pods_[ref.name] = name;
    instance.lane.title = name;
    instance.pod = ref.name;
    instance.node = GetString(object, {"spec", "nodeName"});
    instance.said = LookOf(object);
    Refresh(instance);
    const auto status = ParseJson(GetString(object, {"metadata", "annotations", "status"}));
    const std::int64_t lsn = status ? GetInt(*status, {"xlog_location"}) : 0;
    if (lsn <= 0) return;
    if (!instance.lsn.empty() && instance.lsn.back()[1] == lsn && instance.lsn.size() > 1) return;
    instance.lsn.push_back({at_, lsn, GetInt(*status, {"timeline"})});
  }

  // A pod says nothing any more when its node is off, whatever its last word was.
  void Refresh(Instance& instance) {
    Look look = instance.said;
    const auto off = off_.find(instance.node);
    if (off != off_.end() && !off->second.empty() && !look.look.empty()) {
      look = {"down", "silent",
              instance.lane.title + ": " + off->second + "; its last word: " + instance.said.label};
    }
    instance.lane.Turn(look, at_);
  }

  void TakeNode(const std::string& name, const Json& object) {
    bool taken_out = false;
    for (const Json& taint : GetArray(object, {"spec", "taints"})) {
      taken_out = taken_out || GetString(taint, {"key"}) == kube::kOutOfServiceTaint;
    }
    std::string ready = "Unknown";
    for (const Json& condition : GetArray(object, {"status", "conditions"})) {
      if (GetString(condition, {"type"}) == "Ready") ready = GetString(condition, {"status"});
    }
    Lane& lane = nodes_[name];
    lane.title = name;
    std::string& off = off_[name];
    off = taken_out ? "node " + name + " is confirmed off" : "";
    if (off.empty() && ready != "True") off = "node " + name + " is not ready (" + ready + ")";
    const char* label = taken_out ? "off" : "not ready";
    lane.Turn(off.empty() ? Look{} : Look{"down", label, off}, at_);
    for (auto& [other, instance] : instances_) {
      if (instance.node == name) Refresh(instance);
    }
  }

  void TakeGone(const kube::ObjectRef& ref) {
    const auto pod = pods_.find(ref.name);
    if (ref.kind != "Pod" || pod == pods_.end()) return;
    Instance& instance = instances_[pod->second];
    instance.node.clear();
    instance.said = {"gone", "no pod", ref.name + " is gone"};
    instance.lane.Turn(instance.said, at_);
  }

  Lane* LaneOf(const kube::ObjectRef& ref) {
    const auto pod = ref.kind == "Pod" ? pods_.find(ref.name) : pods_.end();
    if (pod != pods_.end()) return &instances_[pod->second].lane;
    const auto node = ref.kind == "Node" ? nodes_.find(ref.name) : nodes_.end();
    return node == nodes_.end() ? &objects_ : &node->second;
  }

  void PlaceAction(const Action& action, Json point) {
    const std::uint64_t seq = point["seq"];
    point["room"] = action.room;
    point["reason"] = std::string(NameOf(action.reason));
    point["bad"] = action.room == "failover";
    const std::uint64_t outcome = records_.OutcomeOf(action.id, seq);
    point["outcome"] = outcome == 0 ? "none is recorded" : Cut(records_.DescribeAt(outcome));
    point["causes"] = Json::array();
    for (const std::uint64_t cause : action.causes) {
      point["causes"].push_back({{"seq", cause}, {"text", Cut(records_.DescribeAt(cause))}});
    }
    decisions_.points.push_back(std::move(point));
  }

  const Records& records_;
  const std::string subject_;
  std::int64_t at_ = 0, first_ = 0, last_ = 0;
  Lane decisions_, operator_, objects_;
  std::map<std::string, Instance> instances_;
  std::map<std::string, Lane> nodes_;
  std::map<std::string, std::string> pods_;  // pod → instance
  std::map<std::string, std::string> off_;   // node → why it is silent
};

}  // namespace

Json ReportData(const Records& records, const ClusterKey& cluster,
                const std::vector<HistoryLine>& lines, const std::vector<Episode>& episodes) {
  Drawing drawing(records, cluster);
  drawing.Read();
  for (const HistoryLine& line : lines) drawing.Place(line);
  return drawing.Data(episodes);
}

}  // namespace pgo::cli
