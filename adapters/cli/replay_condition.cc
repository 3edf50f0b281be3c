#include "adapters/cli/replay_condition.h"

#include "adapters/cli/field_paths.h"

namespace pgo::cli {
namespace {

std::string TextOf(const Json& value) {
  return value.is_string() ? AsString(value) : DumpJson(value);
}

// A field of the PostgresCluster, by place or by key.
std::string FieldOf(const Json& object, const std::string& field) {
  for (const char* root : {"spec", "status", "metadata"}) {
    if (!IsBelow(field, root)) continue;
    for (const auto& [key, leaf] : LeavesOf(root, GetObject(object, {root}))) {
      if (key == field || leaf.shown == field) return TextOf(leaf.value);
    }
  }
  return "";
}

std::string ValueOf(const std::string& field, const cluster::World& world,
                    const ClusterKey& cluster) {
  if (field == "primary" || field == "timeline") {
    const auto view = cluster::Project(world, cluster);
    const auto* primary = view.Primary();
    if (primary == nullptr) return "";
    if (field == "primary") return primary->pod->name;
    const auto& member = primary->pod->member;
    return member ? std::to_string(member->timeline.value()) : "";
  }
  const auto* own = world.Find({"PostgresCluster", cluster.ns, cluster.name});
  if (own == nullptr) return "";
  for (const Json& condition : GetArray(own->object, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == field) return GetString(condition, {"status"});
  }
  return FieldOf(own->object, field);
}

}  // namespace

Result<Condition> ParseCondition(const std::string& text) {
  const auto equals = text.find('=');
  const bool unequal = equals != std::string::npos && equals > 0 && text[equals - 1] == '!';
  if (equals == std::string::npos || equals == (unequal ? 1U : 0U)) {
    return Fail(Code::kInvalid, "\"" + text +
                                    "\": must be FIELD=VALUE or FIELD!=VALUE; write for example " +
                                    "Ready=False");
  }
  Condition out{text.substr(0, equals - (unequal ? 1 : 0)), text.substr(equals + 1), !unequal};
  while (out.field.ends_with(' ')) out.field.pop_back();
  while (out.value.starts_with(' ')) out.value.erase(0, 1);
  return out;
}

bool Holds(const Condition& condition, const cluster::World& world, const ClusterKey& cluster) {
  return (ValueOf(condition.field, world, cluster) == condition.value) == condition.equal;
}

}  // namespace pgo::cli
