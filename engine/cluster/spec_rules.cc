// The rules of the PostgresCluster definition, natively. No regular expressions: each pattern is a
// few lines by hand. Values that may hold a credential are never repeated in a problem.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>
#include <utility>

#include "engine/cluster/spec.h"
#include "engine/cluster/spec_check.h"

namespace pgo::cluster {
namespace {

using namespace rules;  // NOLINT: its own header

constexpr std::int64_t kNumberMax = 2'147'483'647;

bool IsLabel(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && alphanumeric(text.front()) &&
         alphanumeric(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return alphanumeric(c) || c == '-'; });
}

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

std::string Item(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

// As PostgreSQL and Kubernetes count: characters, not bytes.
std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void CheckMetadata(Checker& check, const Json& parent, const std::string& path) {
  const Json* metadata = check.Object(parent, path, "metadata");
  if (metadata == nullptr) return;
  for (const std::string_view group : {"labels", "annotations"}) {
    const std::string at = path + ".metadata." + std::string(group);
    const Json* entries = check.Object(*metadata, path + ".metadata", group);
    if (entries == nullptr) continue;
    for (const auto& [key, value] : entries->items()) {
      if (!value.is_string()) check.Say(at + "." + key, &value, kText);
    }
  }
}

void CheckClaim(Checker& check, const Json& set, const std::string& path, std::string_view key) {
  const Json* claim = check.Object(set, path, key);
  if (claim == nullptr) return;
  const std::string at = path + "." + std::string(key);
  if (GetArray(*claim, {"accessModes"}).empty()) {
    check.Say(at + ".accessModes", Checker::Member(*claim, "accessModes"), kAccessModes);
  }
  const Json* storage = Find(*claim, {"resources", "requests", "storage"});
  if (storage == nullptr || storage->is_null() || AsString(*storage, "0").empty()) {
    check.Say(at + ".resources.requests.storage", storage, kStorageRequest);
  }
}

void CheckSet(Checker& check, const Json& set, const std::string& path, std::size_t index,
              const std::string& cluster, std::set<std::string>& names) {
  if (!set.is_object()) return check.Say(path, &set, kObject);
  const Json* name = check.Text(set, path, "name");
  const std::string written = name == nullptr ? "" : AsString(*name);
  if (!written.empty() && !IsLabel(written)) check.Say(path + ".name", name, kLabelName);
  const std::string digits = std::to_string(index);
  const std::string effective =
      !written.empty() ? written : (digits.size() < 2 ? "0" : "") + digits;
  if (!names.insert(effective).second) {
    const Json shown(effective);
    check.Say(path + ".name", &shown, kUnique);
  }
  if (cluster.size() + effective.size() > 46) check.Say(path + ".name", name, kNameLength);
  check.Number(set, path, "replicas", 1, kNumberMax, kAtLeastOne);
  check.Require(set, path, "dataVolumeClaimSpec");
  CheckClaim(check, set, path, "dataVolumeClaimSpec");
  CheckClaim(check, set, path, "walVolumeClaimSpec");
  const Json* available = Checker::Member(set, "minAvailable");
  if (available != nullptr && !available->is_string() && !available->is_number_integer()) {
    check.Say(path + ".minAvailable", available, kTextOrNumber);
  }
  check.Object(set, path, "resources");
  check.Object(set, path, "affinity");
  check.List(set, path, "tolerations");
  check.List(set, path, "topologySpreadConstraints");
  check.Text(set, path, "priorityClassName");
  CheckMetadata(check, set, path);
}

void CheckSets(Checker& check, const Json& object, const Json& spec) {
  check.Require(spec, "spec", "instances");
  const Json* sets = check.List(spec, "spec", "instances");
  if (sets == nullptr) return;
  if (sets->empty()) check.Say("spec.instances", nullptr, kNotEmpty);
  const std::string api = GetString(object, {"apiVersion"});
  if (sets->size() > 16 && api.ends_with("/v1")) {
    const Json count(sets->size());
    check.Say("spec.instances", &count, kSixteenSets);
  }
  const std::string cluster = GetString(object, {"metadata", "name"});
  std::set<std::string> names;
  for (std::size_t i = 0; i < sets->size(); ++i) {
    CheckSet(check, (*sets)[i], Item("spec.instances", i), i, cluster, names);
  }
}

void CheckOptions(Checker& check, const Json& user, const std::string& path) {
  const Json* options = check.Text(user, path, "options", Show::kNothing);
  if (options == nullptr) return;
  const std::string text = AsString(*options), at = path + ".options";
  if (Characters(text) > 200 || text.find(';') != std::string::npos) {
    check.Say(at, options, kOptionsForm, Show::kNothing);
  }
  if (Upper(text).find("PASSWORD") != std::string::npos) {
    check.Say(at, options, kOptionsPassword, Show::kNothing);
  }
  for (const std::string_view mark : {"--", "/*", "*/"}) {
    if (text.find(mark) == std::string::npos) continue;
    check.Say(at, options, kOptionsComment, Show::kNothing);
    break;
  }
}

void CheckUser(Checker& check, const Json& user, const std::string& path,
               std::set<std::string>& names) {
  if (!user.is_object()) return check.Say(path, &user, kObject, Show::kNothing);
  check.Require(user, path, "name");
  const Json* name = check.Text(user, path, "name");
  if (name != nullptr) {
    if (!IsLabel(AsString(*name))) check.Say(path + ".name", name, kLabelName);
    if (!names.insert(AsString(*name)).second) check.Say(path + ".name", name, kUnique);
  }
  if (const Json* databases = check.List(user, path, "databases"); databases != nullptr) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < databases->size(); ++i) {
      const Json& database = (*databases)[i];
      const std::size_t size = Characters(AsString(database));
      const std::string at = Item(path + ".databases", i);
      if (size < 1 || size > 63)
        check.Say(at, &database, kIdentifier);
      else if (!seen.insert(AsString(database)).second)
        check.Say(at, &database, kUnique);
    }
  }
  CheckOptions(check, user, path);
  if (const Json* password = check.Object(user, path, "password"); password != nullptr) {
    check.Require(*password, path + ".password", "type");
    check.OneOf(*password, path + ".password", "type", {"ASCII", "AlphaNumeric"});
  }
}

void CheckUsers(Checker& check, const Json& spec) {
  const Json* users = check.List(spec, "spec", "users");
  if (users == nullptr) return;
  if (users->size() > 64) {
    const Json count(users->size());
    check.Say("spec.users", &count, kSixtyFourUsers);
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < users->size(); ++i) {
    CheckUser(check, (*users)[i], Item("spec.users", i), names);
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

const Rule* ForbiddenBy(std::string_view name, const Json& value, std::int64_t version) {
  if (name == "ssl_ecdh_curve" || (name == "ssl_groups" && version >= 18)) return nullptr;
  if (name == "wal_level") {
    return AsString(value) == "logical" ? nullptr : &kParameterWalLevel;
  }
  for (const Forbidden& f : kForbidden) {
    const bool family = f.name.ends_with('*');
    if (family ? name.starts_with(f.name.substr(0, f.name.size() - 1)) : name == f.name) {
      return &f.rule;
    }
  }
  return nullptr;
}

void CheckParameters(Checker& check, const Json& spec) {
  const Json* config = check.Object(spec, "spec", "config");
  const Json* given =
      config == nullptr ? nullptr : check.Object(*config, "spec.config", "parameters");
  if (given == nullptr) return;
  const std::string path = "spec.config.parameters";
  if (given->size() > 50) {
    const Json count(given->size());
    check.Say(path, &count, kFiftyParameters);
  }
  const std::int64_t version = GetInt(spec, {"postgresVersion"});
  for (const auto& [name, value] : given->items()) {
    if (!value.is_string() && !value.is_number_integer()) {
      check.Say(path + "." + name, &value, kTextOrNumber, Show::kNothing);
    }
    const Rule* rule = ForbiddenBy(name, value, version);
    if (rule != nullptr) check.Say(path + "." + name, &value, *rule, Show::kNothing);
  }
}

void CheckHbaLine(Checker& check, const Json& rule, const std::string& path) {
  const Json* hba = check.Text(rule, path, "hba", Show::kNothing);
  if (hba == nullptr) return;
  const std::string text = AsString(*hba);
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  if (text.empty() || text.size() > 100 || !printable) {
    check.Say(path + ".hba", hba, kHbaForm, Show::kNothing);
  }
  const std::size_t first = text.find_first_not_of(' ');
  if (first != std::string::npos && std::string_view(text).substr(first).starts_with("include")) {
    check.Say(path + ".hba", hba, kHbaInclude, Show::kNothing);
  }
}

void CheckMethod(Checker& check, const Json& rule, const std::string& path) {
  const Json* method = check.Text(rule, path, "method");
  if (method == nullptr) return;
  const std::string word = AsString(*method), at = path + ".method";
  const Json& options = GetObject(rule, {"options"});
  const auto has_any = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(names, [&](auto name) { return Find(options, name) != nullptr; });
  };
  if (word == "trust") check.Say(at, method, kHbaTrust);
  if (word == "ldap") {
    const bool simple = has_any({"ldapprefix", "ldapsuffix"});
    if (!simple && !has_any({"ldapbasedn"})) check.Say(at, method, kHbaLdap);
    if (simple && has_any({"ldapbasedn", "ldapbinddn", "ldapbindpasswd", "ldapsearchattribute",
                           "ldapsearchfilter"})) {
      check.Say(at, method, kHbaLdapModes);
    }
  }
  if (word == "radius" && !(has_any({"radiusservers"}) && has_any({"radiussecrets"}))) {
    check.Say(at, method, kHbaRadius);
  }
}

void CheckAuthentication(Checker& check, const Json& spec) {
  const Json* authentication = check.Object(spec, "spec", "authentication");
  if (authentication == nullptr) return;
  const Json* rules = check.List(*authentication, "spec.authentication", "rules");
  if (rules == nullptr) return;
  if (rules->size() > 10) {
    const Json count(rules->size());
    check.Say("spec.authentication.rules", &count, kTenRules);
  }
  for (std::size_t i = 0; i < rules->size(); ++i) {
    const Json& rule = (*rules)[i];
    const std::string path = Item("spec.authentication.rules", i);
    if (!rule.is_object()) {
      check.Say(path, &rule, kObject, Show::kNothing);
      continue;
    }
    const bool line = Find(rule, "hba") != nullptr;
    const bool connection = Find(rule, "connection") != nullptr;
    const bool method = Find(rule, "method") != nullptr;
    if (line ? connection || method : !(connection && method)) {
      check.Say(path, &rule, kHbaEither, Show::kNothing);
    }
    CheckHbaLine(check, rule, path);
    CheckMethod(check, rule, path);
    check.Text(rule, path, "connection");
  }
}

void CheckService(Checker& check, const Json& spec, std::string_view key) {
  const Json* service = check.Object(spec, "spec", key);
  if (service == nullptr) return;
  const std::string path = "spec." + std::string(key);
  check.OneOf(*service, path, "type", {"ClusterIP", "NodePort", "LoadBalancer"});
  check.Number(*service, path, "nodePort", 1, 65535, kNodePort);
  check.List(*service, path, "ipFamilies");
  check.OneOf(*service, path, "ipFamilyPolicy",
              {"SingleStack", "PreferDualStack", "RequireDualStack"});
  check.OneOf(*service, path, "internalTrafficPolicy", {"Cluster", "Local"});
  check.OneOf(*service, path, "externalTrafficPolicy", {"Cluster", "Local"});
  CheckMetadata(check, *service, path);
}

void CheckPatroni(Checker& check, const Json& spec) {
  const Json* patroni = check.Object(spec, "spec", "patroni");
  if (patroni == nullptr) return;
  const std::string path = "spec.patroni";
  check.Number(*patroni, path, "leaderLeaseDurationSeconds", 3, kNumberMax, kAtLeastThree);
  check.Number(*patroni, path, "syncPeriodSeconds", 1, kNumberMax, kAtLeastOne);
  check.Number(*patroni, path, "port", 1024, 65535, kPort);
  check.Object(*patroni, path, "dynamicConfiguration");
  const Json* switchover = check.Object(*patroni, path, "switchover");
  if (switchover == nullptr) return;
  check.Require(*switchover, path + ".switchover", "enabled");
  check.Flag(*switchover, path + ".switchover", "enabled");
  check.Text(*switchover, path + ".switchover", "targetInstance");
  check.OneOf(*switchover, path + ".switchover", "type", {"Switchover", "Failover"});
}

void CheckRest(Checker& check, const Json& spec) {
  check.Require(spec, "spec", "postgresVersion");
  check.Number(spec, "spec", "postgresVersion", 11, 18, kVersion);
  check.Number(spec, "spec", "port", 1024, 65535, kPort);
  check.Text(spec, "spec", "image");
  check.OneOf(spec, "spec", "imagePullPolicy", {"Always", "Never", "IfNotPresent"});
  check.List(spec, "spec", "imagePullSecrets");
  for (const std::string_view key : {"paused", "shutdown", "disableDefaultPodScheduling"}) {
    check.Flag(spec, "spec", key);
  }
  if (const Json* failover = check.Object(spec, "spec", "failover"); failover != nullptr) {
    check.OneOf(*failover, "spec.failover", "async", {"InPlaceFirst", "Fastest"});
  }
  if (const Json* groups = check.List(spec, "spec", "supplementalGroups"); groups != nullptr) {
    for (std::size_t i = 0; i < groups->size(); ++i) {
      const std::int64_t group = AsInt((*groups)[i]);
      if (group < 1 || group > kNumberMax) {
        check.Say(Item("spec.supplementalGroups", i), &(*groups)[i], kGroup);
      }
    }
  }
  CheckMetadata(check, spec, "spec");
}

std::vector<FieldProblem> Problems(const Json& object) {
  Checker check;
  const Json* spec = Find(object, "spec");
  if (spec == nullptr || !spec->is_object()) {
    check.Say("spec", spec, spec == nullptr ? kRequired : kObject);
    return check.Take();
  }
  CheckRest(check, *spec);
  CheckSets(check, object, *spec);
  CheckUsers(check, *spec);
  CheckParameters(check, *spec);
  CheckAuthentication(check, *spec);
  CheckService(check, *spec, "service");
  CheckService(check, *spec, "replicaService");
  CheckPatroni(check, *spec);
  return check.Take();
}

}  // namespace

std::vector<FieldProblem> ValidateCluster(const Json& object, const Json* old) {
  std::vector<FieldProblem> problems = Problems(object);
  if (problems.empty() || old == nullptr) return problems;
  const bool same_spec = GetObject(object, {"spec"}) == GetObject(*old, {"spec"});
  if (same_spec) return {};
  const std::vector<FieldProblem> before = Problems(*old);
  std::erase_if(problems, [&](const FieldProblem& p) {
    // A value that is not shown may have changed: the rule is asked again.
    return p.value != "(not shown)" && std::ranges::find(before, p) != before.end();
  });
  return problems;
}

std::vector<std::string> NativeRules() {
  std::vector<std::string> out;
  for (const Rule& r : kCelRules) {
    out.push_back(std::string(r.rule) + "; " + std::string(r.mend));
  }
  return out;
}

}  // namespace pgo::cluster
