// `pgo show user`: the roles that may log in, from the database itself. Passwords are neither read
// nor printed unless asked for.
#include "adapters/cli/pod_commands.h"
#include "adapters/cli/verbs.h"
#include "adapters/secrets/encoding.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

struct Row {
  std::string cluster, user, password, expires, problem;
};

// https://www.postgresql.org/docs/current/functions-formatting.html: to_char gives null for what is
// not finite.
std::string RolesSql(std::int64_t expired_days) {
  const std::string limit = expired_days < 0 ? ""
                                             : " AND rolvaliduntil <= now() + interval '" +
                                                   std::to_string(expired_days) + " days'";
  return "SELECT coalesce(json_agg(t), '[]') FROM (SELECT rolname AS name, CASE WHEN rolvaliduntil "
         "IS NULL OR rolvaliduntil = 'infinity' THEN 'never' WHEN rolvaliduntil <= now() THEN "
         "'expired' ELSE to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') END AS "
         "expires FROM pg_roles WHERE rolcanlogin" +
         limit + " ORDER BY 1) t";
}

// Accounts of the machinery, as 4.7 and 5 name them.
bool IsSystem(const std::string& user) {
  return user == "postgres" || user == "primaryuser" || user == "pgbouncer" ||
         user == "ccp_monitoring" || user.starts_with("_crunchy");
}

Result<std::map<std::string, std::string>> PasswordsOf(Kube& kube, const ClusterKey& key) {
  std::map<std::string, std::string> out;
  auto secrets = kube.List(
      "Secret", key.ns,
      std::string(kube::kLabelCluster) + "=" + key.name + "," + std::string(kube::kLabelUser));
  if (!secrets) return Fail(secrets.error());
  for (const Json& secret : *secrets) {
    const auto password = secrets::DecodeBase64(GetString(secret, {"data", "password"}));
    if (password) out[GetString(secret, {"metadata", "labels", kube::kLabelUser})] = *password;
  }
  return out;
}

Result<std::vector<Row>> RowsOf(Kube& kube, const Json& cluster, const ShowUser& options) {
  const ClusterKey key = KeyOf(cluster);
  std::map<std::string, std::string> passwords;
  if (options.show_passwords) {
    auto read = PasswordsOf(kube, key);
    if (!read) return Fail(read.error());
    passwords = *std::move(read);
  }
  auto snapshot = ReadCluster(kube, key, &cluster);
  if (!snapshot) return Fail(snapshot.error());
  const auto pod = PodToAsk(**snapshot);
  if (!pod) return std::vector<Row>{{key.name, "", "", "", "no pod runs that could be asked"}};
  const auto roles = JsonAnswer(kube.Exec(PsqlIn(**snapshot, *pod, {RolesSql(options.expired)})));
  if (!roles) return std::vector<Row>{{key.name, "", "", "", roles.error().message}};
  std::vector<Row> out;
  for (const Json& role : GetArray(*roles, {})) {
    const std::string name = GetString(role, {"name"});
    if (IsSystem(name) && !options.show_system_accounts) continue;
    out.push_back({key.name, name, passwords[name], GetString(role, {"expires"}), ""});
  }
  return out;
}

std::string RowsText(const std::vector<Row>& rows, bool passwords) {
  if (rows.empty()) return "no user found\n";
  Table table({"CLUSTER", "USERNAME", "PASSWORD", "EXPIRES", "STATUS", "ERROR"});
  for (const Row& row : rows) {
    const std::string password = row.password.empty() ? "-" : row.password;
    table.Row({row.cluster, row.user, passwords || row.user.empty() ? password : "(hidden)",
               row.expires, row.problem.empty() ? "ok" : "error", row.problem});
  }
  return table.Text();
}

Json RowsJson(const std::vector<Row>& rows) {
  Json out = Json::array();
  for (const Row& row : rows) {
    Json one = {{"cluster", row.cluster}, {"username", row.user}, {"expires", row.expires}};
    one["status"] = row.problem.empty() ? "ok" : "error";
    if (!row.password.empty()) one["password"] = row.password;
    if (!row.problem.empty()) one["error"] = row.problem;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

Status Run(const ShowUser& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  std::vector<Row> all;
  std::string problems;
  for (const Json& cluster : *clusters) {
    auto rows = RowsOf(**kube, cluster, options);
    if (!rows) return Fail(rows.error());
    for (Row& row : *rows) {
      if (!row.problem.empty()) {
        problems += (problems.empty() ? "" : "; ") + row.cluster + ": " + row.problem;
      }
      all.push_back(std::move(row));
    }
  }
  const bool json = common.output == "json";
  console.out.Print(json ? Pretty(RowsJson(all)) : RowsText(all, options.show_passwords));
  if (!problems.empty()) return Fail(Code::kUnavailable, problems);
  return {};
}

}  // namespace pgo::cli
