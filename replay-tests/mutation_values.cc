#include "replay-tests/mutation_values.h"

#include <algorithm>
#include <array>

namespace pgo::mutation {
namespace {

// Where a credential may stand; a problem must not repeat such a value.
bool MayHoldACredential(const std::string& path) {
  constexpr std::array kPlaces{
      ".parameters", ".hba",     ".options",          ".dynamicConfiguration",
      ".global",     ".args",    ".config.exporters", ".config.settings",
      ".command[]",  ".users{}", ".databases{}"};
  return path.ends_with(".env[].value") || std::ranges::any_of(kPlaces, [&](const char* place) {
           return path.find(place) != std::string::npos;
         });
}

std::string Times(std::string_view text, std::int64_t n) {
  std::string out;
  for (std::int64_t i = 0; i < n; ++i) out += text;
  return out;
}

// Acted on as a whole; those of which parts are; and parts of the former that are not.
constexpr std::array kWhole{"spec.postgresVersion",
                            "spec.image",
                            "spec.imagePullPolicy",
                            "spec.imagePullSecrets",
                            "spec.port",
                            "spec.shutdown",
                            "spec.paused",
                            "spec.disableDefaultPodScheduling",
                            "spec.supplementalGroups",
                            "spec.metadata",
                            "spec.instances[].name",
                            "spec.instances[].replicas",
                            "spec.instances[].minAvailable",
                            "spec.instances[].resources",
                            "spec.instances[].affinity",
                            "spec.instances[].tolerations",
                            "spec.instances[].topologySpreadConstraints",
                            "spec.instances[].priorityClassName",
                            "spec.instances[].metadata",
                            "spec.instances[].dataVolumeClaimSpec",
                            "spec.instances[].walVolumeClaimSpec",
                            "spec.instances[].sidecars",
                            "spec.users",
                            "spec.config.parameters",
                            "spec.authentication",
                            "spec.service",
                            "spec.replicaService",
                            "spec.patroni.leaderLeaseDurationSeconds",
                            "spec.patroni.syncPeriodSeconds",
                            "spec.patroni.port",
                            "spec.patroni.dynamicConfiguration",
                            "spec.patroni.switchover",
                            "spec.dataSource.postgresCluster.clusterName",
                            "spec.dataSource.postgresCluster.clusterNamespace",
                            "spec.dataSource.postgresCluster.repoName",
                            "spec.dataSource.postgresCluster.options",
                            "spec.dataSource.pgbackrest.stanza",
                            "spec.dataSource.pgbackrest.configuration",
                            "spec.dataSource.pgbackrest.global",
                            "spec.dataSource.pgbackrest.options",
                            "spec.dataSource.pgbackrest.repo.name",
                            "spec.dataSource.pgbackrest.repo.s3",
                            "spec.dataSource.pgbackrest.repo.gcs",
                            "spec.dataSource.pgbackrest.repo.azure",
                            "spec.backups.pgbackrest.image",
                            "spec.backups.pgbackrest.configuration",
                            "spec.backups.pgbackrest.global",
                            "spec.backups.pgbackrest.metadata",
                            "spec.backups.pgbackrest.manual",
                            "spec.backups.pgbackrest.restore.enabled",
                            "spec.backups.pgbackrest.restore.repoName",
                            "spec.backups.pgbackrest.restore.options",
                            "spec.backups.pgbackrest.restore.resources",
                            "spec.backups.pgbackrest.restore.affinity",
                            "spec.backups.pgbackrest.restore.tolerations",
                            "spec.backups.pgbackrest.restore.priorityClassName",
                            "spec.backups.pgbackrest.repos",
                            "spec.backups.pgbackrest.sidecars",
                            "spec.backups.pgbackrest.jobs.resources",
                            "spec.backups.pgbackrest.jobs.affinity",
                            "spec.backups.pgbackrest.jobs.tolerations",
                            "spec.backups.pgbackrest.jobs.priorityClassName",
                            "spec.backups.pgbackrest.jobs.ttlSecondsAfterFinished",
                            "spec.backups.pgbackrest.repoHost.resources",
                            "spec.backups.pgbackrest.repoHost.affinity",
                            "spec.backups.pgbackrest.repoHost.tolerations",
                            "spec.backups.pgbackrest.repoHost.topologySpreadConstraints",
                            "spec.backups.pgbackrest.repoHost.priorityClassName",
                            "spec.failover"};
constexpr std::array kParts{"spec",
                            "spec.instances",
                            "spec.instances[]",
                            "spec.config",
                            "spec.patroni",
                            "spec.dataSource",
                            "spec.dataSource.postgresCluster",
                            "spec.dataSource.pgbackrest",
                            "spec.dataSource.pgbackrest.repo",
                            "spec.backups",
                            "spec.backups.pgbackrest",
                            "spec.backups.pgbackrest.jobs",
                            "spec.backups.pgbackrest.restore",
                            "spec.backups.pgbackrest.repoHost"};
constexpr std::array kBut{"spec.patroni.switchover.type"};

struct Value {
  std::string what;
  Json value;
};

void AddLimits(const Node& node, const Json& now, std::vector<Value>& out) {
  const Json& schema = *node.schema;
  const auto at = [&](const char* name) { return Find(schema, name); };
  if (const Json* least = at("minimum")) out.push_back({"min-1", AsInt(*least) - 1});
  if (const Json* most = at("maximum")) out.push_back({"max+1", AsInt(*most) + 1});
  if (const Json* least = at("minLength")) out.push_back({"short", Times("a", AsInt(*least) - 1)});
  if (const Json* most = at("maxLength")) out.push_back({"long", Times("ж", AsInt(*most) + 1)});
  if (const Json* most = at("maxLength")) out.push_back({"longest", Times("a", AsInt(*most))});
  if (now.is_array() && !now.empty()) {
    Json doubled = now, many = now;
    doubled.push_back(now.front());
    out.push_back({"doubled", std::move(doubled)});
    for (std::int64_t i = GetInt(schema, {"maxItems"}, 20); i >= 0; --i) many.push_back(now[0]);
    out.push_back({"many", std::move(many)});
  }
  if (const Json* most = at("maxProperties")) {
    Json many = Json::object();
    const std::string word = GetString(schema, {"additionalProperties", "type"});
    for (std::int64_t i = 0; i <= AsInt(*most); ++i) {
      many["a" + std::to_string(i)] = word == "boolean" ? Json(true) : Json("x");
    }
    out.push_back({"many", std::move(many)});
  }
}

std::vector<Value> ValuesFor(const Node& node, const Json& now) {
  const std::string canary = MayHoldACredential(node.path) ? "canary" : "";
  Json huge_key = Json::object();
  huge_key[std::string(5000, 'k')] = "x";
  std::vector<Value> out{
      {"null", nullptr},
      {"empty text", ""},
      {"text", "x" + canary},
      {"words", canary + " A_b;-- password=" + canary},
      {"unicode", "жñ☃𝄞\u0001" + canary},
      {"huge text", Times("aaaaaaaaaa" + canary, 10'000)},
      {"dots", "../../" + canary},
      {"masked", "***"},
      {"number", 7},
      {"negative", -1},
      {"zero", 0},
      {"billions", 3'000'000'000},
      {"huge number", 18'446'744'073'709'551'615U},
      {"fraction", 1.5},
      {"true", true},
      {"list", Json::array()},
      {"list of null", Json::array({nullptr})},
      {"list of list", JsonLiteral("[[]]")},
      {"list of number", Json::array({7})},
      {"list of object", JsonLiteral("[{}]")},
      {"list of text", Json::array({"x" + canary})},
      {"object", Json::object()},
      {"object of null", JsonLiteral(R"({"a": null})")},
      {"object of object", JsonLiteral(R"({"a": {"b": []}})")},
      {"object of text", JsonLiteral(R"({"a": "b", "": ""})")},
      {"huge key", std::move(huge_key)},
  };
  AddLimits(node, now, out);
  return out;
}

}  // namespace

std::vector<Mutation> MutationsOf(const Json& manifest, const Node& node) {
  std::vector<Mutation> out;
  const Json::json_pointer at = PointerTo(node);
  Json without = manifest;
  Json& parent = without[at.parent_pointer()];
  if (parent.is_array()) {
    parent.erase(parent.begin() + std::stol(at.back()));
  } else {
    parent.erase(at.back());
  }
  out.push_back({"absent", std::move(without)});
  const Json now = manifest[at];
  for (Value& value : ValuesFor(node, now)) {
    Json object = manifest;
    object[at] = std::move(value.value);
    out.push_back({std::move(value.what), std::move(object)});
  }
  return out;
}

bool ActedOn(const std::string& path) {
  const auto below = [&](const char* place) {
    const std::string at = place;
    return path == at || path.starts_with(at + ".") || path.starts_with(at + "[") ||
           path.starts_with(at + "{");
  };
  if (std::ranges::any_of(kBut, below)) return false;
  return std::ranges::any_of(kWhole, below) ||
         std::ranges::any_of(kParts, [&](const char* part) { return path == part; });
}

}  // namespace pgo::mutation
