// The definition's CEL rules, natively, one function for each type that has some. They are asked of
// any value whatever its members' types: what has a wrong type is a problem of its own already, and
// counts as absent here. Values that may hold a credential are never repeated in a problem.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <utility>

#include "engine/cluster/schema.h"
#include "engine/cluster/spec.h"
#include "engine/cluster/spec_check.h"

namespace pgo::cluster {
namespace rules {
namespace {

// One object that is asked: where it is, and whether by version v1's rules.
struct Subject {
  Checker& check;
  const Json& value;
  const std::string& path;
  bool v1;

  void Say(std::initializer_list<std::string_view> below, const Rule& rule,
           Show show = Show::kValue) const {
    std::string at = path;
    for (const auto key : below) at = Below(at, key);
    check.Say(at, Find(value, below), rule, show);
  }
};

bool Has(const Json& value, Path path) {
  const Json* at = Find(value, path);
  return at != nullptr && !at->is_null();
}

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// Whether a path lies on one of the volumes of {volumes: {additional: [{name}]}}.
bool OnVolumeOf(const Json& pod, const std::string& path) {
  return std::ranges::any_of(GetArray(pod, {"volumes", "additional"}), [&](const Json& volume) {
    return (path + "/").starts_with("/volumes/" + GetString(volume, {"name"}) + "/");
  });
}

template <typename Test>
bool EverySet(const Json& spec, Test test) {
  return std::ranges::all_of(GetArray(spec, {"instances"}), test);
}

void Claim(const Subject& s) {
  if (GetArray(s.value, {"accessModes"}).empty()) s.Say({"accessModes"}, kAccessModes);
  if (!Has(s.value, {"resources", "requests", "storage"})) {
    s.Say({"resources", "requests", "storage"}, kStorageRequest);
  }
}

void AdditionalVolume(const Subject& s) {
  const bool image = Has(s.value, {"image"});
  if (Has(s.value, {"claimName"}) == image) s.Say({}, kVolumeSource);
  if (image && !GetBool(s.value, {"readOnly"}, true)) s.Say({"readOnly"}, kImageReadOnly);
}

void UserRules(const Subject& s) {
  const std::string text = GetString(s.value, {"options"});
  if (Upper(text).find("PASSWORD") != std::string::npos) {
    s.Say({"options"}, kOptionsPassword, Show::kNothing);
  }
  for (const std::string_view mark : {"--", "/*", "*/"}) {
    if (text.find(mark) == std::string::npos) continue;
    s.Say({"options"}, kOptionsComment, Show::kNothing);
    break;
  }
}

struct Forbidden {
  std::string_view name;  // ends in * for all that begin so
  Rule rule;
};
constexpr std::array kForbidden{
    Forbidden{"config_file", kParameterFiles},
    Forbidden{"data_directory", kParameterFiles},
    Forbidden{"external_pid_file", kParameterFiles},
    Forbidden{"hba_file", kParameterFiles},
    Forbidden{"ident_file", kParameterFiles},
    Forbidden{"listen_addresses", kParameterFiles},
    Forbidden{"port", kParameterPort},
    Forbidden{"ssl", kParameterTls},
    Forbidden{"ssl_*", kParameterTls},
    Forbidden{"unix_socket_*", kParameterSocket},
    Forbidden{"wal_log_hints", kParameterReplication},
    Forbidden{"hot_standby", kParameterReplication},
    Forbidden{"synchronous_standby_names", kParameterReplication},
    Forbidden{"primary_conninfo", kParameterReplication},
    Forbidden{"primary_slot_name", kParameterReplication},
    Forbidden{"recovery_min_apply_delay", kParameterReplication},
    Forbidden{"cluster_name", kParameterReplication},
    Forbidden{"archive_mode", kParameterArchive},
    Forbidden{"archive_command", kParameterArchive},
    Forbidden{"restore_command", kParameterArchive},
    Forbidden{"recovery_target*", kParameterArchive},
    Forbidden{"logging_collector", kParameterLog},
    Forbidden{"log_file_mode", kParameterLog},
};

const Rule* ForbiddenBy(std::string_view name, const Json& value) {
  if (name == "ssl_ecdh_curve" || name == "ssl_groups") return nullptr;
  if (name == "wal_level") return AsString(value) == "logical" ? nullptr : &kParameterWalLevel;
  for (const Forbidden& f : kForbidden) {
    const bool family = f.name.ends_with('*');
    if (family ? name.starts_with(f.name.substr(0, f.name.size() - 1)) : name == f.name) {
      return &f.rule;
    }
  }
  return nullptr;
}

bool LogPlace(const std::string& path) {
  if (path == "log" || path.starts_with("/volumes/")) return true;
  return std::ranges::any_of(std::array{"/pgdata", "/pgtmp", "/pgwal"}, [&](const char* volume) {
    return (path + "/").starts_with(std::string(volume) + "/logs/postgres/");
  });
}

void ConfigRules(const Subject& s) {
  const std::string path = Below(s.path, "parameters");
  for (const auto& [name, value] : GetObject(s.value, {"parameters"}).items()) {
    const Rule* rule = ForbiddenBy(name, value);
    if (rule != nullptr) s.check.Say(Below(path, name), &value, *rule, Show::kNothing);
    if (s.v1 && name == "log_directory" && !LogPlace(AsString(value))) {
      s.check.Say(Below(path, name), &value, kLogDirectory, Show::kNothing);
    }
  }
}

void HbaRules(const Subject& s) {
  const bool line = Has(s.value, {"hba"});
  const bool connection = Has(s.value, {"connection"}), method = Has(s.value, {"method"});
  const bool more = Has(s.value, {"databases"}) || Has(s.value, {"users"}) ||
                    Has(s.value, {"options"}) || connection || method;
  if (line ? more : !(connection && method)) s.Say({}, kHbaEither, Show::kNothing);
  const std::string text = GetString(s.value, {"hba"}), word = GetString(s.value, {"method"});
  if (text.substr(std::min(text.find_first_not_of(' '), text.size())).starts_with("include")) {
    s.Say({"hba"}, kHbaInclude, Show::kNothing);
  }
  const auto has_any = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(names, [&](auto name) { return Has(s.value, {"options", name}); });
  };
  if (word == "trust") s.Say({"method"}, kHbaTrust);
  if (word == "ldap") {
    const bool simple = has_any({"ldapprefix", "ldapsuffix"});
    if (!simple && !has_any({"ldapbasedn"})) s.Say({"method"}, kHbaLdap);
    if (simple && has_any({"ldapbasedn", "ldapbinddn", "ldapbindpasswd", "ldapsearchattribute",
                           "ldapsearchfilter"})) {
      s.Say({"method"}, kHbaLdapModes);
    }
  }
  if (word == "radius" && !(has_any({"radiusservers"}) && has_any({"radiussecrets"}))) {
    s.Say({"method"}, kHbaRadius);
  }
}

void DataSourceRules(const Subject& s) {
  if (Has(s.value, {"repo", "volume"})) s.Say({"repo", "volume"}, kCloudSource);
}

void BackupRules(const Subject& s) {
  if (!s.v1) return;
  if (Has(s.value, {"log", "path"}) &&
      !GetString(s.value, {"log", "path"}).starts_with("/volumes/")) {
    s.Say({"log", "path"}, kBackupLog);
  }
  for (const std::string_view pod : {"repoHost", "jobs"}) {
    const Json* path = Find(s.value, {pod, "log", "path"});
    if (path == nullptr || path->is_null()) continue;
    if (!OnVolumeOf(GetObject(s.value, {pod}), AsString(*path))) {
      s.Say({pod, "log", "path"}, kPodLog);
    }
  }
  if (Has(s.value, {"global", "log-path"})) {
    s.Say({"global", "log-path"}, kBackupLogGlobal, Show::kNothing);
  }
}

void PoolRules(const Subject& s) {
  if (!Has(s.value, {"config", "global", "logfile"})) return;
  const std::string file = GetString(s.value, {"config", "global", "logfile"});
  if (!file.ends_with(".log")) {
    s.Say({"config", "global", "logfile"}, kPoolLogSuffix, Show::kNothing);
  }
  const std::size_t slash = file.find('/', std::string_view("/volumes/").size());
  const bool volume = slash != std::string::npos && OnVolumeOf(s.value, file.substr(0, slash));
  if (s.v1 && !volume && !file.starts_with("/tmp/logs/pgbouncer/")) {
    s.Say({"config", "global", "logfile"}, kPoolLogPlace, Show::kNothing);
  }
}

void VariableRules(const Subject& s) {
  const std::string name = GetString(s.value, {"name"});
  if (name == "K8S_POD_NAMESPACE" || name == "K8S_POD_NAME" || name == "PGPASSWORD") {
    s.Say({"name"}, kCollectorVariable);
  }
}

void KeyRules(const Subject& s) {
  const std::string key = GetString(s.value, {"key"});
  if (key == "." || key.starts_with("..")) s.Say({"key"}, kKeyPath);
}

constexpr std::int64_t kMinuteMs = 60'000, kHourMs = 60 * kMinuteMs;

// A duration of a wrong form is a problem of its own: then it counts as `otherwise`.
std::int64_t Milliseconds(const Json& value, std::string_view key, schema::Format form,
                          std::string_view otherwise) {
  const std::string text = GetString(value, {key});
  return schema::DurationMs(schema::Fits(form, text) ? std::string_view(text) : otherwise);
}

void LogsRules(const Subject& s) {
  const std::int64_t ms =
      Milliseconds(s.value, "retentionPeriod", schema::Format::kLongDuration, "1h");
  if (ms < kHourMs || ms > 8760 * kHourMs) s.Say({"retentionPeriod"}, kRetention);
}

// With the defaults of both fields.
void BatchRules(const Subject& s) {
  const std::int64_t delay =
      Milliseconds(s.value, "maxDelay", schema::Format::kShortDuration, "200ms");
  if (delay > 5 * kMinuteMs) s.Say({"maxDelay"}, kMaxDelay);
  const std::int64_t least = GetInt(s.value, {"minRecords"}, 8192);
  if ((least == 0) != (delay == 0)) s.Say({}, kBatchOff);
  if (Has(s.value, {"maxRecords"}) && least > GetInt(s.value, {"maxRecords"}, least)) {
    s.Say({"minRecords"}, kBatchSize);
  }
}

void QueryRules(const Subject& s) {
  const std::int64_t ms =
      Milliseconds(s.value, "collectionInterval", schema::Format::kShortDuration, "5s");
  if (ms > 60 * kMinuteMs) s.Say({"collectionInterval"}, kInterval);
}

// Where version v1 wants logs to lie.
void LogRules(const Subject& s) {
  const std::string postgres = GetString(s.value, {"config", "parameters", "log_directory"});
  const std::string backups = GetString(s.value, {"backups", "pgbackrest", "log", "path"});
  const auto say = [&](const Rule& rule) {
    s.Say({"config", "parameters", "log_directory"}, rule, Show::kNothing);
  };
  const auto has = [&](Path path) {
    return EverySet(s.value, [&](const Json& set) { return Has(set, path); });
  };
  const auto on_volume = [&](const std::string& path) {
    return EverySet(s.value, [&](const Json& set) { return OnVolumeOf(set, path); });
  };
  if (postgres.starts_with("/pgtmp") && !has({"volumes", "temp"})) say(kLogTemp);
  if (postgres.starts_with("/pgwal") && !has({"walVolumeClaimSpec"})) say(kLogWal);
  if (postgres.starts_with("/volumes") && !on_volume(postgres)) say(kLogVolumes);
  if (backups.starts_with("/volumes") && !on_volume(backups)) {
    s.Say({"backups", "pgbackrest", "log", "path"}, kBackupLogEverywhere);
  }
}

void SpecRules(const Subject& s) {
  if (Has(s.value, {"config", "parameters", "ssl_groups"}) &&
      GetInt(s.value, {"postgresVersion"}) < 18) {
    s.Say({"config", "parameters", "ssl_groups"}, kParameterGroups, Show::kNothing);
  }
  if (!s.v1) return;
  if (Has(s.value, {"userInterface"})) s.Say({"userInterface"}, kNoInterface);
  LogRules(s);
}

struct RulesOf {
  std::string_view type;
  void (*ask)(const Subject&);
};
constexpr std::array kRulesOf{
    RulesOf{"spec", SpecRules},
    RulesOf{"Claim", Claim},
    RulesOf{"AdditionalVolume", AdditionalVolume},
    RulesOf{"spec.users[]", UserRules},
    RulesOf{"spec.config", ConfigRules},
    RulesOf{"spec.authentication.rules[]", HbaRules},
    RulesOf{"spec.dataSource.pgbackrest", DataSourceRules},
    RulesOf{"spec.backups.pgbackrest", BackupRules},
    RulesOf{"spec.proxy.pgBouncer", PoolRules},
    RulesOf{"CollectorVariable", VariableRules},
    RulesOf{"KeyOfConfigMap", KeyRules},
    RulesOf{"KeyOfSecret", KeyRules},
    RulesOf{"spec.instrumentation.logs", LogsRules},
    RulesOf{"spec.instrumentation.logs.batches", BatchRules},
    RulesOf{"spec.instrumentation.metrics.customQueries.add[]", QueryRules},
};

std::string TwoDigits(std::size_t n) {
  const std::string text = std::to_string(n);
  return text.size() < 2 ? "0" + text : text;
}

// Names that sets get of their index count as written.
void CheckNames(Checker& check, const Json& object) {
  const std::string cluster = GetString(object, {"metadata", "name"});
  std::map<std::string, bool> names;  // and whether it was written
  std::size_t index = 0;
  for (const Json& set : GetArray(object, {"spec", "instances"})) {
    const std::string written = GetString(set, {"name"});
    const std::string name = written.empty() ? TwoDigits(index) : written;
    const std::string path = Below(Item("spec.instances", index++), "name");
    const Json shown(name);
    const auto [first, added] = names.emplace(name, !written.empty());
    if (!added && (written.empty() || !first->second)) check.Say(path, &shown, kUnique);
    if (cluster.size() + name.size() > 46) check.Say(path, &shown, kNameLength);
  }
}

std::vector<FieldProblem> Problems(const Json& object) {
  Checker check;
  const Json* spec = Checker::Member(object, "spec");
  if (spec == nullptr || !spec->is_object()) {
    check.Say("spec", spec, spec == nullptr ? kRequired : kObject);
    return check.Take();
  }
  CheckShapes(check, *spec, GetString(object, {"apiVersion"}).ends_with("/v1"));
  CheckNames(check, object);
  return check.Take();
}

}  // namespace

void CheckRules(Checker& check, std::string_view type, const Json& object, const std::string& path,
                bool v1) {
  for (const RulesOf& rules : kRulesOf) {
    if (rules.type == type) rules.ask({check, object, path, v1});
  }
}

std::vector<std::string_view> TypesWithRules() {
  std::vector<std::string_view> out;
  for (const RulesOf& rules : kRulesOf) out.push_back(rules.type);
  return out;
}

}  // namespace rules

std::vector<FieldProblem> ValidateCluster(const Json& object, const Json* old) {
  std::vector<FieldProblem> problems = rules::Problems(object);
  if (problems.empty() || old == nullptr) return problems;
  const bool same_spec = GetObject(object, {"spec"}) == GetObject(*old, {"spec"});
  if (same_spec) return {};
  const std::vector<FieldProblem> before = rules::Problems(*old);
  std::erase_if(problems, [&](const FieldProblem& p) {
    // A value that is not shown may have changed: the rule is asked again.
    return p.value != "(not shown)" && std::ranges::find(before, p) != before.end();
  });
  return problems;
}

std::vector<std::string> NativeRules() {
  std::vector<std::string> out;
  for (const rules::Rule& r : rules::kCelRules) {
    out.push_back(std::string(r.rule) + "; " + std::string(r.mend));
  }
  return out;
}

}  // namespace pgo::cluster
