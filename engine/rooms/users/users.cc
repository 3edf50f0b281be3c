#include "engine/rooms/users/users.h"

#include <algorithm>
#include <set>

#include "engine/base/digest.h"
#include "engine/cluster/metadata.h"
#include "engine/kube/names.h"
#include "engine/postgres/parameters.h"
#include "engine/postgres/sql.h"

namespace pgo::rooms::users {
namespace {

using cluster::ClusterView;
using cluster::User;
using postgres::QuoteIdentifier;
using postgres::QuoteLiteral;

constexpr std::int64_t kPasswordLength = 24;

std::vector<User> UsersOf(const ClusterView& cluster) {
  const auto& spec = cluster.spec();
  if (spec.users_given || !spec.users.empty()) return spec.users;
  User user;
  user.name = cluster.key.name;
  user.databases = {cluster.key.name};
  return {user};
}

Part Text(const std::string& key, const std::string& from, const std::string& text) {
  Part part;
  part.key = key;
  part.from = from;
  part.text = text;
  return part;
}

std::vector<Part> Recipe(const ClusterView& cluster, const User& user) {
  std::vector<Part> parts;
  parts.push_back(Text("host", "literal",
                       kube::PrimaryServiceName(cluster.key.name) + "." + cluster.key.ns + ".svc"));
  parts.push_back(Text("port", "literal", std::to_string(cluster.spec().port)));
  parts.push_back(Text("user", "literal", user.name));
  Part password;
  password.key = "password";
  password.from = "generate";
  password.length = kPasswordLength;
  password.alphabet = user.password_type;
  parts.push_back(std::move(password));
  parts.push_back(Text("verifier", "scram", "password"));
  if (user.databases.empty()) return parts;
  parts.push_back(Text("dbname", "literal", user.databases.front()));
  parts.push_back(
      Text("uri", "template", "postgresql://{user:url}:{password:url}@{host}:{port}/{dbname:url}"));
  parts.push_back(Text("jdbc-uri", "template",
                       "jdbc:postgresql://{host}:{port}/{dbname:url}?password={password:url}"
                       "&user={user:url}"));
  return parts;
}

void WantSecret(const ClusterView& cluster, const User& user, Plan& plan) {
  plan.Fill(cluster::NewObject(cluster, "Secret", kube::UserSecretName(cluster.key.name, user.name),
                               {{kube::kLabelRole, "pguser"}, {kube::kLabelUser, user.name}}),
            Recipe(cluster, user), "how applications reach the database as " + user.name);
}

// A Secret goes when its user leaves the manifest. The role and the data never do.
void RemoveSecrets(const ClusterView& cluster, const std::vector<User>& users, Plan& plan) {
  for (const auto& [ref, subject] : cluster.objects) {
    if (ref.kind != "Secret") continue;
    const std::string name = GetString(subject->object, {"metadata", "labels", kube::kLabelUser});
    const bool known = std::ranges::any_of(users, [&](const User& u) { return u.name == name; });
    if (name.empty() || known || ref.name != kube::UserSecretName(cluster.key.name, name)) continue;
    Proposal p;
    p.reason = Reason::kUserChanged;
    p.sentence = ref.Text() + ": the user is no longer in the manifest: remove the Secret";
    p.causes = {cluster.subject->seq.value(), subject->seq.value()};
    p.goal = "delete/" + ref.Text() + "/" + subject->uid;
    p.command = Delete{ref, subject->uid, "", {}};
    plan.Do(std::move(p));
  }
}

bool IsReservedSchema(const std::string& name) {
  return name == "public" || name == "pgbouncer" || name == "monitor" || name.starts_with("pg_");
}

void AddRole(const User& user, std::size_t index, std::string& out) {
  const std::string literal = QuoteLiteral(user.name);
  out += "SELECT pg_catalog.format('CREATE USER %I', " + literal +
         ")\n  WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = " + literal +
         ") \\gexec\n";
  std::string options = postgres::RoleOptions(user.options).value_or("");
  // PGO's rule: the administrator stays one whatever the options say.
  if (user.name == "postgres") options += " SUPERUSER LOGIN";
  if (!options.empty()) {
    out += "ALTER ROLE " + QuoteIdentifier(user.name) + " WITH " + options + ";\n";
  }
  out += "ALTER ROLE " + QuoteIdentifier(user.name) + " PASSWORD '" + VerifierPlaceholder(index) +
         "';\n";
}

void AddDatabase(const User& user, const std::string& database, std::string& out) {
  const std::string literal = QuoteLiteral(database);
  out += "SELECT pg_catalog.format('CREATE DATABASE %I', " + literal +
         ")\n  WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = " + literal +
         ") \\gexec\n";
  out += "GRANT ALL PRIVILEGES ON DATABASE " + QuoteIdentifier(database) + " TO " +
         QuoteIdentifier(user.name) + ";\n";
}

// Since PostgreSQL 15 nobody but a database's owner may create in its schema public, so each user
// gets a schema of its own, where its search path looks first.
// https://www.postgresql.org/docs/current/ddl-schemas.html#DDL-SCHEMAS-PATTERNS
void AddSchemas(const std::vector<User>& users, std::string& out) {
  std::set<std::string> databases;
  for (const User& user : users) databases.insert(user.databases.begin(), user.databases.end());
  for (const std::string& database : databases) {
    std::string schemas;
    for (const User& user : users) {
      if (IsReservedSchema(user.name) || user.name == "postgres" ||
          std::ranges::find(user.databases, database) == user.databases.end()) {
        continue;
      }
      schemas += "CREATE SCHEMA IF NOT EXISTS " + QuoteIdentifier(user.name) + " AUTHORIZATION " +
                 QuoteIdentifier(user.name) + ";\n";
    }
    if (schemas.empty()) continue;
    out += "\\connect -reuse-previous=on " + postgres::ConnectArgument(database) + "\n" +
           "SET synchronous_commit TO local;\nSET client_min_messages TO warning;\n" + schemas;
  }
}

// The fingerprint of a user's verifier as observed; "" while the Secret is not there or not filled.
std::string Fingerprint(const ClusterView& cluster, const User& user) {
  const auto* secret = cluster.Find("Secret", kube::UserSecretName(cluster.key.name, user.name));
  return secret == nullptr ? "" : GetString(secret->object, {"redacted", "verifier", "hmac"});
}

void ApplySql(const ClusterView& cluster, const std::vector<User>& users, Plan& plan) {
  const auto* primary = cluster.Primary();
  if (users.empty() || primary == nullptr || !cluster.bootstrapped) return;
  const auto timeline = primary->pod->member->timeline.value();
  if (timeline == 0) return;
  Exec exec;
  exec.input = Script(users);
  std::string seed =
      cluster.system_identifier + "\n" + std::to_string(timeline) + "\n" + exec.input;
  for (std::size_t i = 0; i < users.size(); ++i) {
    const std::string fingerprint = Fingerprint(cluster, users[i]);
    if (fingerprint.empty()) return;
    seed += "\n" + fingerprint;
    exec.secrets.push_back({VerifierPlaceholder(i), cluster.key.ns,
                            kube::UserSecretName(cluster.key.name, users[i].name), "verifier"});
  }
  const cluster::Subject& pod = *primary->pod->subject;
  exec.ref = pod.ref;
  exec.uid = pod.uid;
  exec.container = kube::kDatabaseContainer;
  for (const char* word : {"psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1",
                           "--username=postgres", "--dbname=postgres", "--file=-"}) {
    exec.argv.emplace_back(word);
  }
  exec.argv.push_back("--host=" + std::string(postgres::kSocketDirectory));
  exec.argv.push_back("--port=" + std::to_string(cluster.spec().port));
  Proposal p;
  p.reason = Reason::kUserChanged;
  p.sentence = "roles and databases of " + std::to_string(users.size()) +
               (users.size() == 1 ? " user" : " users") + " on primary " + pod.ref.name;
  p.causes = {cluster.subject->seq.value(), pod.seq.value()};
  // The timeline is part of the goal: what an asynchronous primary took with it is made again.
  p.goal = "sql/" + Sha256Hex(seed).substr(0, 16);
  p.once = true;
  p.retry_after_us = kSecond;
  p.command = std::move(exec);
  plan.Do(std::move(p));
}

}  // namespace

std::string VerifierPlaceholder(std::size_t index) {
  return "{verifier-" + std::to_string(index) + "}";
}

std::string Script(const std::vector<User>& users) {
  // Local commit: a missing synchronous standby must not hold up the creation of roles.
  std::string out =
      "SET synchronous_commit TO local;\nSET client_min_messages TO warning;\n"
      "SET search_path TO '';\nSET log_statement TO none;\n"
      "SET log_min_duration_statement TO -1;\nSET log_min_error_statement TO panic;\n"
      "SET pgaudit.log TO none;\n";
  for (std::size_t i = 0; i < users.size(); ++i) AddRole(users[i], i, out);
  for (const User& user : users) {
    for (const std::string& database : user.databases) AddDatabase(user, database, out);
  }
  AddSchemas(users, out);
  return out;
}

Plan PlanSecrets(const ClusterView& cluster) {
  Plan plan;
  if (cluster.deleting) return plan;
  const auto users = UsersOf(cluster);
  for (const User& user : users) WantSecret(cluster, user, plan);
  for (const User& user : users) {
    if (postgres::RoleOptions(user.options)) continue;
    plan.conditions.push_back({"UserOptionsRefused", true, "InvalidUser",
                               "options of user " + user.name + " are not role options: left out"});
  }
  return plan;
}

Plan PlanRoles(const ClusterView& cluster) {
  Plan plan;
  if (cluster.deleting) return plan;
  const auto users = UsersOf(cluster);
  RemoveSecrets(cluster, users, plan);
  ApplySql(cluster, users, plan);
  return plan;
}

Plan PlanUsers(const ClusterView& cluster) {
  Plan plan = PlanSecrets(cluster);
  plan.proposals = PlanRoles(cluster).proposals;
  return plan;
}

}  // namespace pgo::rooms::users
