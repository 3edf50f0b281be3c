#include "engine/cluster/spec.h"

#include <algorithm>
#include <set>
#include <utility>

namespace pgo::cluster {
namespace {

constexpr std::int64_t kPortMin = 1024, kPortMax = 65535;
constexpr std::int64_t kSecondsMax = 2'147'483'647;

// The member at the path, or null.
Json Fragment(const Json& value, Path path) {
  const Json* at = Find(value, path);
  return at == nullptr ? Json() : *at;
}

// The number at the path if it lies in the range, else the default.
std::int64_t Within(const Json& value, Path path, std::int64_t low, std::int64_t high,
                    std::int64_t otherwise) {
  const std::int64_t n = GetInt(value, path, otherwise);
  return n < low || n > high ? otherwise : n;
}

std::map<std::string, std::string> Texts(const Json& object) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : object.items()) {
    if (value.is_string()) out.insert_or_assign(key, AsString(value));
  }
  return out;
}

Metadata ParseMetadata(const Json& parent) {
  return {Texts(GetObject(parent, {"metadata", "labels"})),
          Texts(GetObject(parent, {"metadata", "annotations"}))};
}

std::string TwoDigits(std::size_t n) {
  const std::string text = std::to_string(n);
  return text.size() < 2 ? "0" + text : text;
}

InstanceSet ParseSet(const Json& set, std::size_t index) {
  InstanceSet out;
  out.name = GetString(set, {"name"});
  if (out.name.empty()) out.name = TwoDigits(index);
  out.replicas = std::max<std::int64_t>(1, GetInt(set, {"replicas"}, 1));
  out.data_claim = Fragment(set, {"dataVolumeClaimSpec"});
  out.wal_claim = Fragment(set, {"walVolumeClaimSpec"});
  out.resources = Fragment(set, {"resources"});
  out.affinity = Fragment(set, {"affinity"});
  out.tolerations = Fragment(set, {"tolerations"});
  out.topology_spread_constraints = Fragment(set, {"topologySpreadConstraints"});
  out.min_available = Fragment(set, {"minAvailable"});
  out.priority_class_name = GetString(set, {"priorityClassName"});
  out.metadata = ParseMetadata(set);
  out.raw = set;
  return out;
}

void ParseSets(const Json& spec, Spec& out) {
  std::size_t index = 0;
  std::set<std::string> names;
  for (const Json& set : GetArray(spec, {"instances"})) {
    InstanceSet parsed = ParseSet(set, index++);
    // The first of two equal names counts; the other is among the problems.
    if (set.is_object() && names.insert(parsed.name).second) {
      out.instances.push_back(std::move(parsed));
    }
  }
}

User ParseUser(const Json& user) {
  User out;
  out.name = GetString(user, {"name"});
  for (const Json& database : GetArray(user, {"databases"})) {
    std::string name = AsString(database);
    if (!name.empty()) out.databases.push_back(std::move(name));
  }
  out.options = GetString(user, {"options"});
  out.password_type = GetString(user, {"password", "type"}, "ASCII");
  return out;
}

void ParseUsers(const Json& spec, const std::string& cluster, Spec& out) {
  const Json* users = Find(spec, "users");
  out.users_given = users != nullptr && users->is_array();
  if (!out.users_given) {
    out.users.push_back({cluster, {cluster}, "", "ASCII"});
    return;
  }
  std::set<std::string> names;
  for (const Json& user : *users) {
    User parsed = ParseUser(user);
    if (!parsed.name.empty() && names.insert(parsed.name).second) {
      out.users.push_back(std::move(parsed));
    }
  }
}

// Patroni takes booleans and words for them.
bool Truth(const Json* value) {
  if (value == nullptr) return false;
  if (value->is_boolean()) return *value == Json(true);
  const std::string word = AsString(*value);
  return word == "on" || word == "true" || word == "yes" || word == "1" || word == "quorum";
}

void ParsePatroni(const Json& spec, Spec& out) {
  const Json& patroni = GetObject(spec, {"patroni"});
  Patroni& to = out.patroni;
  to.lease_duration_s = Within(patroni, {"leaderLeaseDurationSeconds"}, 3, kSecondsMax, 30);
  to.sync_period_s = Within(patroni, {"syncPeriodSeconds"}, 1, kSecondsMax, 10);
  to.port = Within(patroni, {"port"}, kPortMin, kPortMax, 8008);
  to.dynamic_configuration = Fragment(patroni, {"dynamicConfiguration"});
  to.switchover = {GetBool(patroni, {"switchover", "enabled"}),
                   GetString(patroni, {"switchover", "targetInstance"}),
                   GetString(patroni, {"switchover", "type"}, "Switchover")};
  const Json& dynamic = to.dynamic_configuration;
  out.synchronous_mode = Truth(Find(dynamic, "synchronous_mode"));
  out.synchronous_mode_strict = Truth(Find(dynamic, "synchronous_mode_strict"));
  const std::int64_t lag = GetInt(dynamic, {"maximum_lag_on_failover"}, -1);
  if (lag >= 0) out.maximum_lag_on_failover = static_cast<std::uint64_t>(lag);
}

std::map<std::string, std::string> Scalars(const Json& object) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : object.items()) {
    if (value.is_string()) out.insert_or_assign(key, AsString(value));
    if (value.is_number() || value.is_boolean()) out.insert_or_assign(key, DumpJson(value));
  }
  return out;
}

// What stands for a credential in what is journaled (adapters/kube/redact.h).
constexpr std::string_view kMask = "***";

std::vector<std::string> Words(const Json& list) {
  std::vector<std::string> out;
  for (const Json& word : list) {
    if (word.is_string()) out.push_back(AsString(word));
  }
  return out;
}

Repository ParseRepository(const Json& repo) {
  Repository out;
  out.name = GetString(repo, {"name"});
  const auto cloud = [&](std::string_view member, Repository::Store store,
                         std::initializer_list<std::string_view> options) {
    if (pgo::Find(repo, member) == nullptr) return;
    out.store = store;
    for (const std::string_view option : options) {
      out.options[std::string(member) + "-" + std::string(option)] =
          GetString(repo, {member, option});
    }
  };
  cloud("s3", Repository::Store::kS3, {"bucket", "endpoint", "region"});
  cloud("gcs", Repository::Store::kGcs, {"bucket"});
  cloud("azure", Repository::Store::kAzure, {"container"});
  out.claim = Fragment(repo, {"volume", "volumeClaimSpec"});
  for (const auto& [field, type] : {std::pair<std::string_view, const char*>{"full", "full"},
                                    {"differential", "diff"},
                                    {"incremental", "incr"}}) {
    const std::string cron = GetString(repo, {"schedules", field});
    if (!cron.empty()) out.schedules[type] = cron;
  }
  return out;
}

void ParseGlobal(const Json& backrest, std::map<std::string, std::string>& readable,
                 std::vector<std::string>& masked) {
  for (const auto& [name, value] : Scalars(GetObject(backrest, {"global"}))) {
    value == kMask ? masked.push_back(name) : void(readable.emplace(name, value));
  }
}

void ParseBackups(const Json& spec, Backups& out) {
  const Json& backrest = GetObject(spec, {"backups", "pgbackrest"});
  for (const Json& repo : GetArray(backrest, {"repos"})) {
    Repository parsed = ParseRepository(repo);
    const bool named = parsed.name.size() == 5 && parsed.name.starts_with("repo") &&
                       parsed.name[4] >= '1' && parsed.name[4] <= '4';
    if (named && out.Find(parsed.name) == nullptr) out.repositories.push_back(std::move(parsed));
  }
  out.any = !out.repositories.empty();
  if (!out.any) return;
  out.image = GetString(backrest, {"image"});
  ParseGlobal(backrest, out.global, out.masked);
  out.configuration = Fragment(backrest, {"configuration"});
  out.manual_repository = GetString(backrest, {"manual", "repoName"});
  out.manual_options = Words(GetArray(backrest, {"manual", "options"}));
  out.restore_enabled = GetBool(backrest, {"restore", "enabled"});
  out.restore_repository = GetString(backrest, {"restore", "repoName"});
  out.restore_cluster = GetString(backrest, {"restore", "clusterName"});
  out.restore_namespace = GetString(backrest, {"restore", "clusterNamespace"});
  out.restore_options = Words(GetArray(backrest, {"restore", "options"}));
  out.metadata = ParseMetadata(backrest);
  out.raw = backrest;
}

void ParseBucket(const Json& backrest, DataSource& out) {
  out.any = out.in_bucket = true;
  out.stanza = GetString(backrest, {"stanza"}, "db");
  out.bucket = ParseRepository(GetObject(backrest, {"repo"}));
  out.repository = out.bucket.name;
  ParseGlobal(backrest, out.global, out.masked);
  out.configuration = Fragment(backrest, {"configuration"});
  out.options = Words(GetArray(backrest, {"options"}));
}

void ParseSource(const Json& spec, DataSource& out) {
  const Json* source = pgo::Find(spec, {"dataSource", "postgresCluster"});
  const Json* bucket = pgo::Find(spec, {"dataSource", "pgbackrest"});
  const bool has_bucket = bucket != nullptr && bucket->is_object();
  if (source == nullptr || !source->is_object()) {
    if (has_bucket) ParseBucket(*bucket, out);
    return;
  }
  out.any = true;
  out.both = has_bucket;
  out.cluster = GetString(*source, {"clusterName"});
  out.ns = GetString(*source, {"clusterNamespace"});
  out.repository = GetString(*source, {"repoName"});
  out.options = Words(GetArray(*source, {"options"}));
}

}  // namespace

const Repository* Backups::Find(const std::string& name) const {
  const auto it = std::ranges::find(repositories, name, &Repository::name);
  return it == repositories.end() ? nullptr : &*it;
}

std::string Repository::Type() const {
  switch (store) {
    case Store::kS3:
      return "s3";
    case Store::kGcs:
      return "gcs";
    case Store::kAzure:
      return "azure";
    case Store::kVolume:
      break;
  }
  return "posix";
}

bool Backups::HasVolume() const {
  return std::ranges::any_of(
      repositories, [](const Repository& r) { return r.store == Repository::Store::kVolume; });
}

std::string FieldProblem::Text() const {
  return field + ": " + (value.empty() ? "" : value + ": ") + rule + "; " + mend;
}

ParsedSpec ParseSpec(const Json& object) {
  ParsedSpec parsed;
  Spec& out = parsed.spec;
  const Json& spec = GetObject(object, {"spec"});
  out.postgres_version = GetInt(spec, {"postgresVersion"});
  out.image = GetString(spec, {"image"});
  out.image_pull_policy = GetString(spec, {"imagePullPolicy"});
  out.image_pull_secrets = Fragment(spec, {"imagePullSecrets"});
  out.port = Within(spec, {"port"}, kPortMin, kPortMax, 5432);
  ParseSets(spec, out);
  ParseUsers(spec, GetString(object, {"metadata", "name"}), out);
  out.metadata = ParseMetadata(spec);
  ParsePatroni(spec, out);
  ParseBackups(spec, out.backups);
  ParseSource(spec, out.source);
  out.config_parameters = Scalars(GetObject(spec, {"config", "parameters"}));
  out.hba_rules = Fragment(spec, {"authentication", "rules"});
  out.service = Fragment(spec, {"service"});
  out.replica_service = Fragment(spec, {"replicaService"});
  for (const Json& group : GetArray(spec, {"supplementalGroups"})) {
    if (AsInt(group) > 0) out.supplemental_groups.push_back(AsInt(group));
  }
  out.paused = GetBool(spec, {"paused"});
  out.shutdown = GetBool(spec, {"shutdown"});
  out.disable_default_pod_scheduling = GetBool(spec, {"disableDefaultPodScheduling"});
  out.failover_fastest = GetString(spec, {"failover", "async"}) == "Fastest";

  parsed.problems = ValidateCluster(object);
  FindIgnored(spec, parsed);
  return parsed;
}

}  // namespace pgo::cluster
