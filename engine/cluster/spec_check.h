// Inside of ValidateCluster: the rules' words, and the collector of what breaks them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/cluster/spec.h"

namespace pgo::cluster::rules {

struct Rule {
  std::string_view rule, mend;
};

// What the definition says in CEL, word for word ("rule; mend"). tidy_test compares.
inline constexpr Rule kNameLength{
    "cluster and instance set names have at most 46 characters together", "shorten one of them"};
inline constexpr Rule kAccessModes{"an access mode is required",
                                   "set accessModes: [ReadWriteOnce]"};
inline constexpr Rule kStorageRequest{"a storage request is required",
                                      "set resources.requests.storage, for example 1Gi"};
inline constexpr Rule kParameterFiles{
    "the operator decides where files are and how clients connect", "remove this parameter"};
inline constexpr Rule kParameterPort{"the port is a field of its own", "set spec.port"};
inline constexpr Rule kParameterTls{"TLS is always on, with certificates of the operator",
                                    "remove this parameter"};
inline constexpr Rule kParameterSocket{"the operator's own commands use the socket",
                                       "remove this parameter"};
inline constexpr Rule kParameterWalLevel{"wal_level must be logical", "remove this parameter"};
inline constexpr Rule kParameterReplication{"Patroni decides replication and high availability",
                                            "use spec.patroni.dynamicConfiguration"};
inline constexpr Rule kParameterArchive{"the operator decides how WAL is archived and restored",
                                        "remove this parameter"};
inline constexpr Rule kParameterLog{"the operator decides how logs are collected",
                                    "remove this parameter"};
inline constexpr Rule kOptionsPassword{"options cannot assign a password",
                                       "put it into the user's Secret, field verifier"};
inline constexpr Rule kOptionsComment{"options cannot hold comments", "remove them"};
inline constexpr Rule kHbaInclude{"hba cannot include files", "write the included rules here"};
inline constexpr Rule kHbaEither{"either hba, or both connection and method",
                                 "keep one of the two forms"};
inline constexpr Rule kHbaTrust{"method trust would let anybody in", "use scram-sha-256 or cert"};
inline constexpr Rule kHbaLdap{"method ldap needs option ldapbasedn, ldapprefix or ldapsuffix",
                               "add one of them"};
inline constexpr Rule kHbaLdapModes{
    "ldapprefix and ldapsuffix exclude the options of a search: ldapbasedn, ldapbinddn, "
    "ldapbindpasswd, ldapsearchattribute, ldapsearchfilter",
    "keep one of the two modes"};
inline constexpr Rule kHbaRadius{"method radius needs options radiusservers and radiussecrets",
                                 "add them"};
inline constexpr std::array kCelRules{kNameLength,       kAccessModes,       kStorageRequest,
                                      kParameterFiles,   kParameterPort,     kParameterTls,
                                      kParameterSocket,  kParameterWalLevel, kParameterReplication,
                                      kParameterArchive, kParameterLog,      kOptionsPassword,
                                      kOptionsComment,   kHbaInclude,        kHbaEither,
                                      kHbaTrust,         kHbaLdap,           kHbaLdapModes,
                                      kHbaRadius};

// What the definition says by keywords (type, minimum, pattern, enum, …).
inline constexpr Rule kRequired{"is required", "add it"};
inline constexpr Rule kWholeNumber{"must be a whole number", "write it without quotes"};
inline constexpr Rule kFlag{"must be true or false", "write it without quotes"};
inline constexpr Rule kText{"must be text", "put it in quotes"};
inline constexpr Rule kObject{"must be an object", "write it as key: value lines"};
inline constexpr Rule kList{"must be a list", "write it as lines that begin with -"};
inline constexpr Rule kTextOrNumber{"must be text or a whole number", "put it in quotes"};
inline constexpr Rule kVersion{"must be from 11 to 18", "name a major version of PostgreSQL"};
inline constexpr Rule kPort{"must be from 1024 to 65535", "choose a port in that range"};
inline constexpr Rule kNodePort{"must be from 1 to 65535", "choose a port of the nodes' range"};
inline constexpr Rule kAtLeastOne{"must be at least 1", "set it to 1 or more"};
inline constexpr Rule kAtLeastThree{"must be at least 3", "set it to 3 or more"};
inline constexpr Rule kNotEmpty{"must have at least one entry", "add an instance set"};
inline constexpr Rule kSixteenSets{"must have at most 16 entries",
                                   "merge instance sets that are alike"};
inline constexpr Rule kLabelName{
    "must be lower-case letters, digits and -, not at either end, at most 63 characters",
    "choose such a name"};
inline constexpr Rule kUnique{"is there already", "give each entry its own name"};
inline constexpr Rule kSixtyFourUsers{"must have at most 64 entries", "create other users by SQL"};
inline constexpr Rule kIdentifier{"must have 1 to 63 characters", "choose such a name"};
inline constexpr Rule kOptionsForm{"must have at most 200 characters and no ;", "shorten it"};
inline constexpr Rule kFiftyParameters{"must have at most 50 entries",
                                       "move others to spec.patroni.dynamicConfiguration"};
inline constexpr Rule kTenRules{"must have at most 10 entries", "merge rules"};
inline constexpr Rule kHbaForm{"must have 1 to 100 printable characters", "split the rule"};
inline constexpr Rule kGroup{"must be from 1 to 2147483647", "name a group's number"};

enum class Show { kValue, kNothing };

inline std::string Shortened(const Json& value) {
  constexpr std::size_t kMax = 60;
  std::string text = value.is_string() ? AsString(value) : DumpJson(value);
  if (text.empty()) return "\"\"";
  if (text.size() > kMax) {
    std::size_t cut = kMax;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
    text = text.substr(0, cut) + "…";
  }
  return text;
}

// Collects problems; every check says where it looks.
class Checker {
 public:
  void Say(std::string field, const Json* value, const Rule& rule, Show show = Show::kValue) {
    std::string shown;
    if (value != nullptr) shown = show == Show::kValue ? Shortened(*value) : "(not shown)";
    problems_.push_back(
        {std::move(field), std::move(shown), std::string(rule.rule), std::string(rule.mend)});
  }
  // The member if it is there and not null.
  static const Json* Member(const Json& parent, std::string_view key) {
    const Json* at = Find(parent, key);
    return at == nullptr || at->is_null() ? nullptr : at;
  }
  void Require(const Json& parent, const std::string& path, std::string_view key) {
    if (Member(parent, key) == nullptr) Say(path + "." + std::string(key), nullptr, kRequired);
  }
  void Number(const Json& parent, const std::string& path, std::string_view key, std::int64_t low,
              std::int64_t high, const Rule& rule) {
    const Json* at = Member(parent, key);
    if (at == nullptr) return;
    const std::string field = path + "." + std::string(key);
    if (!at->is_number_integer()) return Say(field, at, kWholeNumber);
    // 0 is below every range here, so a number too large for 64 bits is refused as well.
    const std::int64_t n = AsInt(*at, low - 1);
    if (n < low || n > high) Say(field, at, rule);
  }
  void Flag(const Json& parent, const std::string& path, std::string_view key) {
    const Json* at = Member(parent, key);
    if (at != nullptr && !at->is_boolean()) Say(path + "." + std::string(key), at, kFlag);
  }
  // Text, or nothing if it is absent or of another type (which is said).
  const Json* Text(const Json& parent, const std::string& path, std::string_view key,
                   Show show = Show::kValue) {
    const Json* at = Member(parent, key);
    if (at == nullptr || at->is_string()) return at;
    Say(path + "." + std::string(key), at, kText, show);
    return nullptr;
  }
  void OneOf(const Json& parent, const std::string& path, std::string_view key,
             std::initializer_list<std::string_view> words) {
    const Json* at = Text(parent, path, key);
    if (at == nullptr || std::ranges::find(words, AsString(*at)) != words.end()) return;
    std::string list;
    for (const auto word : words) list += (list.empty() ? "" : ", ") + std::string(word);
    problems_.push_back({path + "." + std::string(key), Shortened(*at), "must be one of: " + list,
                         "choose one of them"});
  }
  // The list or object; nothing if it is absent or something else (which is said).
  const Json* List(const Json& parent, const std::string& path, std::string_view key) {
    const Json* at = Member(parent, key);
    if (at == nullptr || at->is_array()) return at;
    Say(path + "." + std::string(key), at, kList, Show::kNothing);
    return nullptr;
  }
  const Json* Object(const Json& parent, const std::string& path, std::string_view key) {
    const Json* at = Member(parent, key);
    if (at == nullptr || at->is_object()) return at;
    Say(path + "." + std::string(key), at, kObject, Show::kNothing);
    return nullptr;
  }
  std::vector<FieldProblem> Take() { return std::move(problems_); }

 private:
  std::vector<FieldProblem> problems_;
};

}  // namespace pgo::cluster::rules
