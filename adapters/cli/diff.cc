// `pgo diff`: what is different between two moments of a cluster.
#include <set>

#include "adapters/cli/facts.h"
#include "adapters/cli/journal_source.h"
#include "adapters/cli/past.h"
#include "adapters/cli/verbs.h"

namespace pgo::cli {
namespace {

struct FactChange {
  std::string name, before, after;
};

struct ObjectChange {
  enum class How : std::uint8_t { kAdded, kRemoved, kReplaced, kChanged };
  How how = How::kChanged;
  kube::ObjectRef ref;
  std::vector<FactChange> facts;
  bool heartbeat = false;  // nothing but signs of life changed
  Json patch;              // RFC 6902
};

const char* NameOfHow(ObjectChange::How how) {
  switch (how) {
    case ObjectChange::How::kAdded:
      return "added";
    case ObjectChange::How::kRemoved:
      return "removed";
    case ObjectChange::How::kReplaced:
      return "replaced";
    case ObjectChange::How::kChanged:
      return "changed";
  }
  return "";
}

// The cluster's own objects and the nodes that its pods are on.
std::map<kube::ObjectRef, const cluster::Subject*> ObjectsOf(const Past& past) {
  auto out = past.snapshot->view.objects;
  for (const auto& [name, instance] : past.snapshot->view.instances) {
    if (!instance.pod || instance.pod->node.empty()) continue;
    const kube::ObjectRef node{"Node", "", instance.pod->node};
    if (const auto* subject = past.snapshot->world.Find(node)) out[node] = subject;
  }
  return out;
}

std::vector<FactChange> Changed(const kube::ObjectRef& ref, const Json& before, const Json& after,
                                bool& heartbeat) {
  std::map<std::string, FactChange> all;
  std::set<std::string> of_life;
  for (const Fact& fact : FactsOf(ref, before)) all[fact.name] = {fact.name, fact.value, ""};
  for (const Fact& fact : FactsOf(ref, after)) {
    all[fact.name].name = fact.name;
    all[fact.name].after = fact.value;
    if (fact.weight == Fact::Weight::kHeartbeat) of_life.insert(fact.name);
  }
  std::vector<FactChange> out;
  heartbeat = true;
  for (const auto& [name, change] : all) {
    if (change.before == change.after) continue;
    heartbeat = heartbeat && of_life.contains(name);
    if (!of_life.contains(name)) out.push_back(change);
  }
  return out;
}

ObjectChange Compare(const cluster::Subject* before, const cluster::Subject* after) {
  static const Json kNothing = Json::object();
  ObjectChange out;
  out.ref = after != nullptr ? after->ref : before->ref;
  const Json& a = before != nullptr ? before->object : kNothing;
  const Json& b = after != nullptr ? after->object : kNothing;
  out.facts = Changed(out.ref, a, b, out.heartbeat);
  if (before == nullptr) out.how = ObjectChange::How::kAdded;
  if (after == nullptr) out.how = ObjectChange::How::kRemoved;
  if (before != nullptr && after != nullptr) {
    if (before->uid != after->uid) out.how = ObjectChange::How::kReplaced;
    out.patch = Json::diff(a, b);
  }
  out.heartbeat = out.heartbeat && out.how == ObjectChange::How::kChanged;
  return out;
}

std::vector<ObjectChange> ChangesBetween(const Past& from, const Past& to) {
  const auto before = ObjectsOf(from);
  const auto after = ObjectsOf(to);
  std::set<kube::ObjectRef> refs;
  for (const auto& [ref, subject] : before) refs.insert(ref);
  for (const auto& [ref, subject] : after) refs.insert(ref);
  std::vector<ObjectChange> out;
  for (const auto& ref : refs) {
    const auto a = before.find(ref);
    const auto b = after.find(ref);
    const auto* had = a == before.end() ? nullptr : a->second;
    const auto* has = b == after.end() ? nullptr : b->second;
    // A node is looked at for the pods' sake: one that no pod is on any more is not gone.
    if (ref.kind == "Node" && (had == nullptr || has == nullptr)) continue;
    if (had != nullptr && has != nullptr && had->object == has->object && had->uid == has->uid) {
      continue;
    }
    out.push_back(Compare(had, has));
  }
  return out;
}

std::string PrimaryOf(const Past& past) {
  const auto* primary = past.snapshot->view.Primary();
  return primary == nullptr ? "nobody" : primary->pod->name;
}

constexpr std::size_t kValueMax = 100;
std::string Short(const std::string& value) {
  return value.size() <= kValueMax ? value : "(" + std::to_string(value.size()) + " bytes)";
}

std::string ChangeText(const Output& out, const ObjectChange& change) {
  using How = ObjectChange::How;
  const bool added = change.how == How::kAdded;
  const bool removed = change.how == How::kRemoved;
  const Style style = added ? Style::kGood : removed ? Style::kBad : Style::kWarn;
  std::string text = out.Styled(style, std::string(added     ? "+"
                                                   : removed ? "-"
                                                             : "~") +
                                           " " + change.ref.kind + " " + change.ref.name);
  if (change.how == How::kReplaced) text += " (another object of the same name)";
  text += "\n";
  if (removed) return text;
  for (const FactChange& fact : change.facts) {
    text += "    " + fact.name + ": ";
    if (added) {
      text += Short(fact.after) + "\n";
    } else {
      text += (fact.before.empty() ? "(nothing)" : Short(fact.before)) + " → " +
              (fact.after.empty() ? "(nothing)" : Short(fact.after)) + "\n";
    }
  }
  if (change.facts.empty() && change.how == How::kChanged) text += "    only in details: -o json\n";
  return text;
}

struct Told {
  std::string text;
  std::size_t heartbeats = 0;
};

Told Tell(const Past& from, const Past& to, const std::vector<ObjectChange>& changes,
          const Output& out) {
  Told told;
  std::string& text = told.text;
  text = out.Styled(Style::kBold,
                    to.key.name + " from " + MarkText(from.at) + " to " + MarkText(to.at)) +
         "\n";
  for (const Past* past : {&from, &to}) {
    const std::string unseen = UnseenText(*past);
    if (!unseen.empty())
      text += out.Styled(Style::kWarn, "at " + MarkText(past->at) + ": " + unseen);
  }
  const std::string had = PrimaryOf(from);
  const std::string has = PrimaryOf(to);
  text += "primary : " + (had == has ? has + " (the same)" : had + " → " + has) + "\n";
  for (const ObjectChange& change : changes) {
    change.heartbeat ? void(++told.heartbeats) : void(text += ChangeText(out, change));
  }
  if (changes.size() == told.heartbeats) text += "nothing else changed that matters\n";
  return told;
}

void PrintText(const Past& from, const Past& to, const std::vector<ObjectChange>& changes,
               Console& console) {
  const Told told = Tell(from, to, changes, console.out);
  console.out.Print(told.text);
  if (told.heartbeats > 0) {
    console.err.Line(console.err.Styled(
        Style::kDim,
        Count(told.heartbeats, "object") + " with mere signs of life not shown (-o json)"));
  }
}

Json ChangeJson(const ObjectChange& change) {
  Json out = {{"kind", change.ref.kind},
              {"name", change.ref.name},
              {"change", NameOfHow(change.how)},
              {"heartbeat", change.heartbeat},
              {"facts", Json::array()}};
  for (const FactChange& fact : change.facts) {
    out["facts"].push_back({{"name", fact.name}, {"before", fact.before}, {"after", fact.after}});
  }
  if (!change.patch.is_null()) out["patch"] = change.patch;
  return out;
}

Result<Past> At(JournalSource& source, const std::string& option, const std::string& text,
                const Diff& options, const Common& common) {
  auto now = source.End();
  if (!now) return Fail(now.error());
  auto moment = ParseMoment(option, text, *now);
  if (!moment) return Fail(moment.error());
  auto reader = source.Around(*moment);
  if (!reader) return Fail(reader.error());
  return PastAt(**reader, *moment, options.cluster, NamespaceFor(source, common));
}

}  // namespace

std::string DiffText(const Past& from, const Past& to, const Output& out) {
  return Tell(from, to, ChangesBetween(from, to), out).text;
}

Status Run(const Diff& options, const Common& common, Console& console) {
  auto source = JournalSource::Open(options.bundle, common);
  if (!source) return Fail(source.error());
  auto from = At(*source, "FROM", options.from, options, common);
  if (!from) return Fail(from.error());
  auto to = At(*source, "TO", options.to, options, common);
  if (!to) return Fail(to.error());
  const auto changes = ChangesBetween(*from, *to);
  if (common.output != "json") {
    PrintText(*from, *to, changes, console);
    return {};
  }
  Json out = {{"from", PastJson(*from)},
              {"to", PastJson(*to)},
              {"primary", {{"before", PrimaryOf(*from)}, {"after", PrimaryOf(*to)}}},
              {"changes", Json::array()}};
  for (const ObjectChange& change : changes) out["changes"].push_back(ChangeJson(change));
  console.out.Print(Pretty(out));
  return {};
}

}  // namespace pgo::cli
