#include "engine/postgres/hba.h"

#include "engine/kube/names.h"

namespace pgo::postgres {
namespace {

// A word of pg_hba.conf; quoted, so that neither a keyword ("all") nor a blank changes its meaning.
std::string Quoted(const std::string& word) {
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string List(const Json& words) {
  std::string out;
  for (const Json& word : words) {
    if (word.is_string()) out += (out.empty() ? "" : ",") + Quoted(AsString(word));
  }
  return out.empty() ? "all" : out;
}

std::string RuleText(const Json& rule) {
  const std::string hba = GetString(rule, {"hba"});
  if (!hba.empty()) return hba;
  const std::string connection = GetString(rule, {"connection"});
  const std::string method = GetString(rule, {"method"});
  if (connection.empty() || method.empty()) return "";
  std::string line = connection + " " + List(GetArray(rule, {"databases"})) + " " +
                     List(GetArray(rule, {"users"}));
  if (connection != "local") line += " all";
  line += " " + method;
  for (const auto& [name, value] : GetObject(rule, {"options"}).items()) {
    line += " " + name + "=" + Quoted(value.is_string() ? AsString(value) : DumpJson(value));
  }
  return line;
}

}  // namespace

std::vector<std::string> MandatoryRules() {
  const std::string user = Quoted(std::string(kube::kReplicationUser));
  return {
      "local all \"postgres\" peer",
      "hostssl replication " + user + " all cert",
      "hostssl \"postgres\" " + user + " all cert",  // pg_rewind reads by an ordinary connection
      "host all " + user + " all reject",
  };
}

std::vector<std::string> DefaultRules() { return {"hostssl all all all scram-sha-256"}; }

std::vector<std::string> EffectiveRules(const Json& spec_rules, const Json& dynamic_rules) {
  std::vector<std::string> rules = MandatoryRules();
  const std::size_t ours = rules.size();
  for (const Json& rule : spec_rules) {
    std::string line = RuleText(rule);
    if (!line.empty()) rules.push_back(std::move(line));
  }
  for (const Json& rule : dynamic_rules) {
    if (rule.is_string()) rules.push_back(AsString(rule));
  }
  if (rules.size() == ours) {
    for (auto& rule : DefaultRules()) rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace pgo::postgres
