#include "adapters/cli/facts.h"

#include <algorithm>
#include <map>
#include <set>

#include "adapters/cli/output.h"
#include "engine/base/overloaded.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

using Weight = Fact::Weight;
using Facts = std::vector<Fact>;

std::string Text(const Json& value) {
  return value.is_string() ? AsString(value) : DumpJson(value);
}

void AddConditions(const Json& object, Facts& facts) {
  for (const Json& condition : GetArray(object, {"status", "conditions"})) {
    const std::string type = GetString(condition, {"type"});
    std::string value = GetString(condition, {"status"});
    const std::string reason = GetString(condition, {"reason"});
    if (!reason.empty() && reason != type) value += " (" + reason + ")";
    facts.push_back({"condition " + type, std::move(value)});
  }
}

void AddMeta(const Json& object, Facts& facts) {
  const std::string deleting = GetString(object, {"metadata", "deletionTimestamp"});
  facts.push_back({"deletion", deleting.empty() ? "" : "asked for"});
}

Facts NodeFacts(const Json& object) {
  Facts facts;
  for (const Json& taint : GetArray(object, {"spec", "taints"})) {
    const std::string key = GetString(taint, {"key"});
    const bool off = key == kube::kOutOfServiceTaint;
    facts.push_back({"taint " + key, "present", off ? Weight::kAlways : Weight::kChange});
  }
  for (const Json& condition : GetArray(object, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) != "Ready") continue;
    facts.push_back({"condition Ready", GetString(condition, {"status"}), Weight::kAlways});
  }
  return facts;
}

Facts LockFacts(const Json& object) {
  Facts facts;
  for (const auto& [name, value] : GetObject(object, {"metadata", "annotations"}).items()) {
    Weight weight = Weight::kChange;
    if (name == "leader") weight = Weight::kAlways;
    if (name == "renewTime" || name == "optime") weight = Weight::kHeartbeat;
    if (name == "slots" || name == "retain_slots" || name.starts_with(kube::kPrefix)) {
      weight = Weight::kHeartbeat;
    }
    facts.push_back({name, Text(value), weight});
  }
  std::string addresses;
  for (const Json& subset : GetArray(object, {"subsets"})) {
    for (const Json& address : GetArray(subset, {"addresses"})) {
      addresses += (addresses.empty() ? "" : " ") + GetString(address, {"ip"});
    }
  }
  facts.push_back({"addresses", std::move(addresses)});
  return facts;
}

std::string ContainerState(const Json& status) {
  if (const Json* ended = Find(status, {"state", "terminated"})) {
    std::string text = "ended (exit " + std::to_string(GetInt(*ended, {"exitCode"}));
    const std::string at = GetString(*ended, {"finishedAt"});
    return text + (at.empty() ? ")" : " at " + at + ")");
  }
  if (Find(status, {"state", "running"}) != nullptr) return "running";
  const std::string reason = GetString(status, {"state", "waiting", "reason"});
  return reason.empty() ? "" : "waiting (" + reason + ")";
}

// What Patroni says of the member, in annotation `status` of its pod.
void AddMember(const Json& object, Facts& facts) {
  const auto member = ParseJson(GetString(object, {"metadata", "annotations", "status"}));
  if (!member || !member->is_object()) return;
  facts.push_back({"role", GetString(*member, {"role"}), Weight::kAlways});
  facts.push_back({"state", GetString(*member, {"state"})});
  facts.push_back({"replication", GetString(*member, {"replication_state"})});
  const auto timeline = GetInt(*member, {"timeline"});
  facts.push_back({"timeline", timeline == 0 ? "" : std::to_string(timeline)});
  const auto lsn = static_cast<std::uint64_t>(GetInt(*member, {"xlog_location"}));
  facts.push_back({"LSN", lsn == 0 ? "" : LsnText(Lsn(lsn)), Weight::kHeartbeat});
  if (GetBool(*member, {"pending_restart"})) facts.push_back({"restart", "pending"});
}

Facts PodFacts(const Json& object) {
  Facts facts;
  AddMeta(object, facts);
  facts.push_back({"node", GetString(object, {"spec", "nodeName"})});
  facts.push_back({"phase", GetString(object, {"status", "phase"})});
  AddMember(object, facts);
  facts.push_back({"label role", GetString(object, {"metadata", "labels", kube::kLabelRole})});
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& status : GetArray(object, {"status", list})) {
      const std::string name = "container " + GetString(status, {"name"});
      facts.push_back({name, ContainerState(status)});
      const auto restarts = GetInt(status, {"restartCount"});
      if (restarts > 0) facts.push_back({name + " restarts", std::to_string(restarts)});
    }
  }
  for (const Json& condition : GetArray(object, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) != "Ready") continue;
    facts.push_back({"condition Ready", GetString(condition, {"status"})});
  }
  return facts;
}

constexpr std::size_t kValueMax = 120;

// Every leaf of the JSON value as a fact: for kinds that have no words of their own.
void AddLeaves(const Json& value, const std::string& path, Facts& facts) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items()) {
      AddLeaves(member, path.empty() ? key : path + "." + key, facts);
    }
  } else if (value.is_array() && !value.empty()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      AddLeaves(value[i], path + "[" + std::to_string(i) + "]", facts);
    }
  } else if (!value.is_structured()) {
    facts.push_back({path, Text(value).substr(0, kValueMax)});
  }
}

Facts ClusterFacts(const Json& object) {
  Facts facts;
  AddMeta(object, facts);
  AddLeaves(GetObject(object, {"metadata", "annotations"}), "annotations", facts);
  AddLeaves(GetObject(object, {"spec"}), "spec", facts);
  AddConditions(object, facts);
  facts.push_back({"status.primary", GetString(object, {"status", "primary"})});
  return facts;
}

Facts OtherFacts(const Json& object) {
  Facts facts;
  AddMeta(object, facts);
  for (const char* part : {"spec", "data", "status", "rules", "subjects"}) {
    if (const Json* member = Find(object, part)) AddLeaves(*member, part, facts);
  }
  return facts;
}

// Values that are too long to be read are told by their name alone.
constexpr std::size_t kShownMax = 80;
bool IsLong(const std::string& value) { return value.size() > kShownMax; }

std::string Stands(const Fact& fact) {
  if (fact.value == "present" || IsLong(fact.value)) return fact.name + " present";
  return fact.name + " " + fact.value;
}

std::string Added(const Fact& fact) {
  if (fact.value == "present" || IsLong(fact.value)) return fact.name + " added";
  return fact.name + " " + fact.value;
}

std::string Became(const Fact& fact, const std::string& had) {
  if (IsLong(fact.value) || IsLong(had)) return fact.name + " changed";
  return fact.name + " " + had + " → " + fact.value;
}

struct Changes {
  std::vector<std::string> told, heartbeats, standing;
};

Changes Compare(const Facts& before, const Facts& now) {
  Changes out;
  std::map<std::string, std::string> old;
  for (const Fact& fact : before) old[fact.name] = fact.value;
  std::set<std::string> seen;
  for (const Fact& fact : now) {
    seen.insert(fact.name);
    const auto it = old.find(fact.name);
    const std::string had = it == old.end() ? "" : it->second;
    if (had == fact.value) {
      if (fact.weight == Weight::kAlways && !fact.value.empty()) {
        out.standing.push_back(Stands(fact));
      }
      continue;
    }
    auto& list = fact.weight == Weight::kHeartbeat ? out.heartbeats : out.told;
    if (fact.value.empty()) {
      list.push_back(fact.name + (IsLong(had) ? "" : " " + had) + " removed");
    } else {
      list.push_back(had.empty() ? Added(fact) : Became(fact, had));
    }
  }
  for (const Fact& fact : before) {
    if (seen.contains(fact.name) || fact.value.empty()) continue;
    out.told.push_back(fact.name + " removed");
  }
  return out;
}

constexpr std::size_t kToldMax = 6;

void Join(const std::vector<std::string>& parts, std::string& text) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i == kToldMax) {
      text += ", and " + std::to_string(parts.size() - i) + " more";
      return;
    }
    text += (text.empty() ? "" : ", ") + parts[i];
  }
}

// Facts as they stand, when nothing is known of before.
std::string Standing(const Facts& facts) {
  std::vector<std::string> parts;
  for (const Fact& fact : facts) {
    if (!fact.value.empty()) parts.push_back(Stands(fact));
  }
  std::string text;
  Join(parts, text);
  return text.empty() ? "seen" : text;
}

}  // namespace

std::vector<Fact> FactsOf(const kube::ObjectRef& ref, const Json& object) {
  if (ref.kind == "Node") return NodeFacts(object);
  if (ref.kind == "Pod") return PodFacts(object);
  if (ref.kind == "Endpoints") return LockFacts(object);
  if (ref.kind == "PostgresCluster") return ClusterFacts(object);
  return OtherFacts(object);
}

Description Describe(const Observed& now, const Json* before) {
  const std::string head = now.ref.kind + " " + now.ref.name + ": ";
  const Facts facts = FactsOf(now.ref, now.object);
  if (before == nullptr) return {head + Standing(facts), false};
  const Changes changes = Compare(FactsOf(now.ref, *before), facts);
  std::string text;
  Join(changes.told, text);
  Join(changes.standing, text);
  Join(changes.heartbeats, text);
  return {head + (text.empty() ? "seen, nothing changed that matters here" : text),
          changes.told.empty()};
}

std::string DescribePlain(const Payload& payload) {
  return std::visit(
      Overloaded{
          [](const Started& e) {
            return "operator started: build " + e.build + ", ruleset " + std::to_string(e.ruleset);
          },
          [](const Leading& e) {
            return (e.leading ? "operator leads, epoch " + std::to_string(e.epoch)
                              : std::string("operator leads no longer")) +
                   (e.why.empty() ? "" : ": " + e.why) +
                   (e.amnesia.empty() ? "" : "; with amnesia: " + e.amnesia);
          },
          [](const OrphanedTail& e) {
            return "replica " + e.replica + " keeps records " + std::to_string(e.first_seq) +
                   " to " + std::to_string(e.last_seq) + " of epoch " + std::to_string(e.epoch) +
                   ", which nobody else had, as " + e.kept;
          },
          [](const Observed& e) { return Describe(e, nullptr).text; },
          [](const Gone& e) { return e.ref.kind + " " + e.ref.name + ": gone"; },
          [](const Listed& e) {
            return std::to_string(e.keys.size()) + " " + e.kind + " listed" +
                   (e.gap ? "; GAP: changes before this may have been missed" : "");
          },
          [](const Contact& e) {
            return (e.ok ? "the API server answers again" : "the API server does not answer") +
                   (e.what.empty() ? std::string() : " (" + e.what + ")");
          },
          [](const Done& e) {
            return "outcome " + std::string(NameOf(e.outcome)) +
                   (e.message.empty() ? "" : ": " + e.message);
          },
          [](const Asked& e) { return e.who + " asked: " + e.verb + " " + e.about.Text(); },
          [](const Ticked& e) {
            if (e.paused_us > 0) return "the operator stood still for " + DurationText(e.paused_us);
            if (e.step_us != 0) return "the wall clock jumped by " + DurationText(e.step_us);
            return std::string("time passed");
          },
          [](const Baseline&) { return std::string("baseline: the whole state"); }},
      payload);
}

}  // namespace pgo::cli
