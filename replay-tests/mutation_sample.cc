#include "replay-tests/mutation_sample.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <set>
#include <span>

#include "adapters/local/store/schema.h"

namespace pgo::mutation {
namespace {

Json FromYaml(const YAML::Node& node) {
  if (node.IsMap()) {
    Json out = Json::object();
    for (const auto& entry : node) out[entry.first.as<std::string>()] = FromYaml(entry.second);
    return out;
  }
  if (node.IsSequence()) {
    Json out = Json::array();
    for (const auto& item : node) out.push_back(FromYaml(item));
    return out;
  }
  if (!node.IsScalar()) return nullptr;
  const auto plain = node.Tag() == "!" ? std::nullopt : ParseJson(node.Scalar());
  return plain ? *plain : Json(node.Scalar());
}

// Where a rule, or a word that means something, decides what is valid. Paths may begin anywhere.
const Json& Chosen() {
  static const Json chosen = JsonLiteral(R"({
    "spec.postgresVersion": 17, "spec.port": 5433,
    "spec.instances[].name": "a", "spec.instances[].replicas": 2,
    "spec.instances[].minAvailable": 1,
    "accessModes": ["ReadWriteOnce"], "limits": {"storage": "2Gi"}, "requests": {"storage": "1Gi"},
    "volumes.additional": [
      {"name": "a", "claimName": "c", "containers": ["x"], "readOnly": true},
      {"name": "b", "image": {"reference": "r", "pullPolicy": "Always"}}],
    "spec.users[].options": "CREATEDB",
    "spec.config.parameters": {"work_mem": "8MB"},
    "spec.authentication.rules": [
      {"hba": "hostssl all all all md5"},
      {"connection": "hostssl", "method": "md5", "databases": ["d"], "users": ["u"],
       "options": {"clientcert": "verify-ca"}}],
    "spec.patroni.dynamicConfiguration": {"retry_timeout": 7},
    "spec.service.type": "NodePort", "spec.replicaService.type": "NodePort",
    "spec.dataSource.pgbackrest.repo": {"name": "repo1", "azure": {"container": "c"},
      "gcs": {"bucket": "b"}, "s3": {"bucket": "b", "endpoint": "e", "region": "r"},
      "schedules": {"full": "1 2 * * *", "differential": "1 2 * * *", "incremental": "1 2 * * *"}},
    "spec.proxy.pgBouncer.config.global": {"logfile": "/tmp/logs/pgbouncer/a.log"},
    "spec.instrumentation.logs.batches": {"maxDelay": "1s", "minRecords": 1, "maxRecords": 2}
  })");
  return chosen;
}

const Json* ChosenFor(const std::string& path) {
  for (const auto& [end, value] : Chosen().items()) {
    if (path == end || path.ends_with("." + end)) return &value;
  }
  return nullptr;
}

Json Full(const Json& schema, const std::string& path);

Json Text(const Json& schema) {
  const Json& words = GetArray(schema, {"enum"});
  if (!words.empty()) return words.back();
  for (const char* text : {"text", "repo1", "1 2 * * *", "5s", "12h"}) {
    if (local::Validate(text, schema).empty()) return text;
  }
  return nullptr;
}

Json Object(const Json& schema, const std::string& path) {
  Json out = Json::object();
  const Json& fields = GetObject(schema, {"properties"});
  for (const auto& [name, field] : fields.items()) out[name] = Full(field, path + "." + name);
  const Json* entries = Find(schema, "additionalProperties");
  if (entries != nullptr) out["a"] = Full(*entries, path + "{}");
  if (fields.empty() && entries == nullptr) out["a"] = 1;
  return out;
}

Json Full(const Json& schema, const std::string& path) {
  if (const Json* chosen = ChosenFor(path)) return *chosen;
  const std::string type = GetString(schema, {"type"});
  if (type == "object") return Object(schema, path);
  if (type == "array") return Json::array({Full(GetObject(schema, {"items"}), path + "[]")});
  if (type == "string") return Text(schema);
  if (type == "boolean") return true;
  if (type == "integer") return std::max<std::int64_t>(1, GetInt(schema, {"minimum"}, 1));
  return GetString(schema, {"pattern"}).empty() ? Json(1) : Json("1Gi");
}

const Json* Below(const Json& schema, const std::string& key) {
  const Json* at = Find(schema, {"properties", key});
  return at != nullptr ? at : Find(schema, "additionalProperties");
}

struct Collector {
  std::vector<Node> nodes;
  std::set<std::string> met;

  void Add(const Json& value, Node node, const std::string& kind) {
    node.leaf = GetObject(*node.schema, {"properties"}).empty() &&
                GetObject(*node.schema, {"items", "properties"}).empty();
    node.repeated = !met.insert(kind).second;
    nodes.push_back(node);
    const std::string dump = DumpJson(*node.schema);
    for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
      Visit(value[i], node, std::to_string(i), "[]", dump);
    }
    if (!value.is_object()) return;
    for (const auto& [key, member] : value.items()) {
      const bool named = Find(*node.schema, {"properties", key}) != nullptr;
      Visit(member, node, key, named ? "." + key : "{}", dump);
    }
  }
  void Visit(const Json& value, const Node& parent, const std::string& key, const std::string& step,
             const std::string& kind) {
    const Json* schema = step == "[]" ? Find(*parent.schema, "items") : Below(*parent.schema, key);
    if (schema == nullptr) return;  // below an object passed on as it is
    Node node{parent.way, parent.path + step, schema};
    node.way.push_back(key);
    Add(value, std::move(node), kind + step);
  }
};

void AddLeaves(const Json& schema, const std::string& path, std::vector<std::string>& out) {
  const Json& fields = GetObject(schema, {"properties"});
  for (const auto& [name, field] : fields.items()) AddLeaves(field, path + "." + name, out);
  if (const Json* items = Find(schema, "items")) return AddLeaves(*items, path + "[]", out);
  if (const Json* entries = Find(schema, "additionalProperties")) {
    return AddLeaves(*entries, path + "{}", out);
  }
  if (fields.empty()) out.push_back(path);
}

using Way = std::span<const std::string>;

// `way` leads to what must stay; it is empty beside it.
Json Reduced(const Json& value, const Json& schema, Way way, bool top = false) {
  const auto next = [&](const std::string& key) {
    return !way.empty() && way.front() == key ? way.subspan(1) : Way();
  };
  if (value.is_array()) {
    Json out = Json::array();
    for (std::size_t i = 0; i < value.size(); ++i) {
      out.push_back(Reduced(value[i], GetObject(schema, {"items"}), next(std::to_string(i))));
    }
    return out;
  }
  const Json& fields = GetObject(schema, {"properties"});
  if (!value.is_object() || fields.empty()) return value;
  // An object that rules speak of stays whole; spec's own rules speak of fields far below.
  if (!top && Find(schema, "x-kubernetes-validations") != nullptr) return value;
  const Json& required = GetArray(schema, {"required"});
  Json out = Json::object();
  for (const auto& [name, member] : value.items()) {
    const Json* below = Find(fields, name);
    const bool on = !way.empty() && way.front() == name;
    const bool needed = std::find(required.begin(), required.end(), name) != required.end();
    if (below == nullptr) out[name] = member;
    if (below != nullptr && (on || needed)) out[name] = Reduced(member, *below, next(name));
  }
  return out;
}

}  // namespace

const Json& Schema(const std::string& version) {
  static const Json definition = FromYaml(YAML::LoadFile("crds/postgrescluster.yaml"));
  static const Json none;
  for (const Json& v : GetArray(definition, {"spec", "versions"})) {
    if (GetString(v, {"name"}) == version) return GetObject(v, {"schema", "openAPIV3Schema"});
  }
  return none;
}

Json FullSample() {
  Json out = JsonLiteral(R"({
    "apiVersion": "postgres-operator.crunchydata.com/v1beta1", "kind": "PostgresCluster",
    "metadata": {"name": "hippo", "namespace": "postgres", "generation": 1}})");
  out["spec"] = Full(GetObject(Schema(), {"properties", "spec"}), "spec");
  return out;
}

std::vector<Node> NodesOf(const Json& manifest) {
  Collector collector;
  Node root{{"spec"}, "spec", &GetObject(Schema(), {"properties", "spec"})};
  collector.Add(GetObject(manifest, {"spec"}), std::move(root), "");
  return std::move(collector.nodes);
}

std::vector<std::string> LeafPaths() {
  std::vector<std::string> out;
  AddLeaves(GetObject(Schema(), {"properties", "spec"}), "spec", out);
  return out;
}

Json Reduce(const Json& manifest, const Node& node) {
  Json out = manifest;
  out["spec"] = Reduced(GetObject(manifest, {"spec"}), GetObject(Schema(), {"properties", "spec"}),
                        Way(node.way).subspan(1), true);
  return out;
}

Json::json_pointer PointerTo(const Node& node) {
  Json::json_pointer out;
  for (const std::string& key : node.way) out.push_back(key);
  return out;
}

}  // namespace pgo::mutation
