// What this version acts on. Everything else that a manifest may say is named in condition
// FieldsNotImplemented.
#include <set>

#include "engine/cluster/schema.h"
#include "engine/cluster/spec.h"
#include "engine/cluster/spec_check.h"

namespace pgo::cluster {
namespace {

// True is a field that is acted on (and all below it), false one that is not, a text the only value
// of it that is; an object or list is looked into; "*" stands for every other member.
const Json& ActedOn() {
  static const Json shape = JsonLiteral(R"({
    "postgresVersion": true, "image": true, "imagePullPolicy": true, "imagePullSecrets": true,
    "port": true, "shutdown": true, "paused": true, "disableDefaultPodScheduling": true,
    "supplementalGroups": true, "metadata": {"labels": true, "annotations": true},
    "instances": [{
      "name": true, "replicas": true, "minAvailable": true, "resources": true, "affinity": true,
      "tolerations": true, "topologySpreadConstraints": true, "priorityClassName": true,
      "metadata": {"labels": true, "annotations": true},
      "dataVolumeClaimSpec": true, "walVolumeClaimSpec": true,
      "sidecars": {"replicaCertCopy": {"resources": true}}}],
    "users": [{"name": true, "databases": true, "options": true, "password": {"type": true}}],
    "config": {"parameters": true}, "authentication": {"rules": true},
    "service": {"metadata": true, "type": true, "nodePort": true, "ipFamilies": true,
      "ipFamilyPolicy": true, "internalTrafficPolicy": true, "externalTrafficPolicy": true},
    "replicaService": {"metadata": true, "type": true, "nodePort": true, "ipFamilies": true,
      "ipFamilyPolicy": true, "internalTrafficPolicy": true, "externalTrafficPolicy": true},
    "patroni": {"leaderLeaseDurationSeconds": true, "syncPeriodSeconds": true, "port": true,
      "dynamicConfiguration": true,
      "switchover": {"enabled": true, "targetInstance": true, "type": "Switchover"}},
    "failover": {"async": true}, "dataSource": {
      "postgresCluster": {"clusterName": true, "clusterNamespace": true, "repoName": true,
        "options": true},
      "pgbackrest": {"stanza": true, "configuration": true, "global": true, "options": true,
        "repo": {"name": true, "s3": true, "gcs": true, "azure": true}}},
    "backups": {"pgbackrest": {"image": true, "configuration": true, "global": true,
      "metadata": {"labels": true, "annotations": true},
      "manual": {"repoName": true, "options": true},
      "restore": {"enabled": true, "repoName": true, "options": true, "resources": true,
        "affinity": true, "tolerations": true, "priorityClassName": true},
      "repos": [{"name": true, "volume": {"volumeClaimSpec": true},
        "s3": true, "gcs": true, "azure": true, "schedules": true}],
      "jobs": {"resources": true, "affinity": true, "tolerations": true,
        "priorityClassName": true, "ttlSecondsAfterFinished": true},
      "repoHost": {"resources": true, "affinity": true, "tolerations": true,
        "topologySpreadConstraints": true, "priorityClassName": true},
      "sidecars": {"pgbackrest": {"resources": true}, "pgbackrestConfig": {"resources": true}}}}
  })");
  return shape;
}

// Walks the manifest beside the list above and beside the definition. What is not acted on is named
// at its highest path and not looked into.
struct Walk {
  std::set<std::string> ignored, unknown;

  void Member(const Json* shape, const schema::TypeRow* type, std::string_view key,
              const Json& value, const std::string& path) {
    const schema::FieldRow* field = type == nullptr ? nullptr : schema::FindField(*type, key);
    if (value.is_null()) return;
    if (field == nullptr && type != nullptr) {
      if (type->open) unknown.insert(path);
      return;
    }
    Value(shape, field == nullptr ? nullptr : &schema::ShapeOf(*field), value, path);
  }

  void Value(const Json* acted, const schema::Shape* shape, const Json& value,
             const std::string& path) {
    const bool whole = acted != nullptr && acted->is_boolean() && *acted == Json(true);
    const bool nothing = acted == nullptr || (acted->is_boolean() && !whole);
    if (nothing || (acted->is_string() && *acted != value)) ignored.insert(path);
    if (nothing || acted->is_string()) return;
    const bool list = shape != nullptr && shape->kind == schema::Kind::kList;
    if (list && value.is_array() && (whole || acted->is_array())) {
      for (const Json& item : value) {
        Value(whole ? acted : &acted->front(), &schema::InnerOf(*shape), item, path + "[]");
      }
    }
    if (shape == nullptr || shape->kind != schema::Kind::kObject || !value.is_object()) return;
    for (const auto& [key, member] : value.items()) {
      const Json* below = whole ? acted : Find(*acted, key);
      if (below == nullptr) below = Find(*acted, "*");
      Member(below, &schema::TypeOf(*shape), key, member, rules::Below(path, key));
    }
  }
};

}  // namespace

void FindIgnored(const Json& spec, ParsedSpec& parsed) {
  Walk walk;
  for (const auto& [key, member] : spec.items()) {
    walk.Member(Find(ActedOn(), key), &schema::SpecType(), key, member, rules::Below("spec", key));
  }
  parsed.not_implemented.assign(walk.ignored.begin(), walk.ignored.end());
  parsed.unknown.assign(walk.unknown.begin(), walk.unknown.end());
}

}  // namespace pgo::cluster
