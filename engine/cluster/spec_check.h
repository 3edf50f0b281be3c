// Inside of ValidateCluster: the rules' words, and the collector of what breaks them.
#pragma once

#include <array>
#include <cstdint>
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
inline constexpr Rule kVolumeSource{"either claimName or image", "keep one of the two"};
inline constexpr Rule kImageReadOnly{"image volumes are read-only", "remove readOnly: false"};
inline constexpr Rule kParameterFiles{
    "the operator decides where files are and how clients connect", "remove this parameter"};
inline constexpr Rule kParameterPort{"the port is a field of its own", "set spec.port"};
inline constexpr Rule kParameterTls{"TLS is always on, with certificates of the operator",
                                    "remove this parameter"};
inline constexpr Rule kParameterGroups{"parameter ssl_groups needs PostgreSQL 18",
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
inline constexpr Rule kLogDirectory{
    "log_directory must be log, or begin with /pgdata/logs/postgres, /pgtmp/logs/postgres, "
    "/pgwal/logs/postgres or /volumes/NAME",
    "choose one of them"};
inline constexpr Rule kLogTemp{"logs in /pgtmp need volumes.temp in every instance set", "add it"};
inline constexpr Rule kLogWal{"logs in /pgwal need walVolumeClaimSpec in every instance set",
                              "add it"};
inline constexpr Rule kLogVolumes{
    "logs in /volumes/NAME need an additional volume of that name in every instance set", "add it"};
inline constexpr Rule kOptionsPassword{"options cannot assign a password",
                                       "put it into the user's Secret, field verifier"};
inline constexpr Rule kOptionsComment{"options cannot hold comments", "remove them"};
inline constexpr Rule kHbaInclude{"hba cannot include files", "write the included rules here"};
inline constexpr Rule kHbaEither{"either hba alone, or connection and method with what they need",
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
inline constexpr Rule kCloudSource{"a data source is a repository in S3, GCS or Azure",
                                   "remove volume"};
inline constexpr Rule kBackupLog{"logs lie on an additional volume",
                                 "begin the path with /volumes/NAME"};
inline constexpr Rule kBackupLogEverywhere{
    "logs of pgBackRest need an additional volume of that name in every instance set", "add it"};
inline constexpr Rule kPodLog{"logs lie on an additional volume of the same pods",
                              "begin the path with /volumes/NAME of one of them"};
inline constexpr Rule kBackupLogGlobal{
    "log-path has fields of its own",
    "set log.path of backups.pgbackrest, its jobs or its repoHost"};
inline constexpr Rule kPoolLogSuffix{"logfile must end in .log", "rename it"};
inline constexpr Rule kPoolLogPlace{
    "logfile must lie in /tmp/logs/pgbouncer or on an additional volume",
    "begin it with /tmp/logs/pgbouncer/ or /volumes/NAME/"};
inline constexpr Rule kCollectorVariable{
    "the operator sets K8S_POD_NAMESPACE, K8S_POD_NAME and PGPASSWORD", "choose another name"};
inline constexpr Rule kKeyPath{"a key is no path",
                               "choose a key that does not begin with two dots"};
inline constexpr Rule kRetention{"must be from one hour to one year",
                                 "choose a duration in that range"};
inline constexpr Rule kMaxDelay{"must be at most 5 minutes", "shorten it"};
inline constexpr Rule kInterval{"must be at most 60 minutes", "shorten it"};
inline constexpr Rule kBatchOff{"batching is off when minRecords and maxDelay are both zero",
                                "set both to zero, or neither"};
inline constexpr Rule kBatchSize{"minRecords cannot be larger than maxRecords", "lower it"};
inline constexpr Rule kNoInterface{"version v1 has no user interface",
                                   "create an object of kind PGAdmin instead"};
inline constexpr std::array kCelRules{kNameLength,
                                      kAccessModes,
                                      kStorageRequest,
                                      kVolumeSource,
                                      kImageReadOnly,
                                      kParameterFiles,
                                      kParameterPort,
                                      kParameterTls,
                                      kParameterGroups,
                                      kParameterSocket,
                                      kParameterWalLevel,
                                      kParameterReplication,
                                      kParameterArchive,
                                      kParameterLog,
                                      kLogDirectory,
                                      kLogTemp,
                                      kLogWal,
                                      kLogVolumes,
                                      kOptionsPassword,
                                      kOptionsComment,
                                      kHbaInclude,
                                      kHbaEither,
                                      kHbaTrust,
                                      kHbaLdap,
                                      kHbaLdapModes,
                                      kHbaRadius,
                                      kCloudSource,
                                      kBackupLog,
                                      kBackupLogEverywhere,
                                      kPodLog,
                                      kBackupLogGlobal,
                                      kPoolLogSuffix,
                                      kPoolLogPlace,
                                      kCollectorVariable,
                                      kKeyPath,
                                      kRetention,
                                      kMaxDelay,
                                      kInterval,
                                      kBatchOff,
                                      kBatchSize,
                                      kNoInterface};

// What the definition says by keywords (type, required, …); those with a limit or a form are made
// where they are checked.
inline constexpr Rule kRequired{"is required", "add it"};
inline constexpr Rule kWholeNumber{"must be a whole number", "write it without quotes"};
inline constexpr Rule kNumber32{"must be a number of 32 bits", "choose a smaller one"};
inline constexpr Rule kNumber64{"must be a number of 64 bits", "choose a smaller one"};
inline constexpr Rule kFlag{"must be true or false", "write it without quotes"};
inline constexpr Rule kText{"must be text", "put it in quotes"};
inline constexpr Rule kObject{"must be an object", "write it as key: value lines"};
inline constexpr Rule kList{"must be a list", "write it as lines that begin with -"};
inline constexpr Rule kTextOrNumber{"must be text or a whole number", "put it in quotes"};
inline constexpr Rule kUnique{"is there already", "give each entry its own name"};

enum class Show { kValue, kNothing };

// Collects problems; every check says where it looks.
class Checker {
 public:
  // A value that is an object or a list is never shown: what it holds is not known here.
  void Say(std::string field, const Json* value, const Rule& rule, Show show = Show::kValue);
  // The member if it is there and not null.
  static const Json* Member(const Json& parent, std::string_view key) {
    const Json* at = Find(parent, key);
    return at == nullptr || at->is_null() ? nullptr : at;
  }
  std::vector<FieldProblem> Take() { return std::move(problems_); }

 private:
  std::vector<FieldProblem> problems_;
};

// path.key and path[index]. A key is shortened: a user may have written anything.
std::string Below(const std::string& path, std::string_view key);
std::string Item(const std::string& path, std::size_t index);
// As PostgreSQL and Kubernetes count: characters, not bytes.
std::size_t Characters(std::string_view text);

// Everything the definition says by keywords, and, for every object on the way, what CheckRules
// says of its type. `v1`: as version v1 has it.
void CheckShapes(Checker& check, const Json& spec, bool v1);
// The rules of objects of that type.
void CheckRules(Checker& check, std::string_view type, const Json& object, const std::string& path,
                bool v1);
// Types that CheckRules knows something of.
std::vector<std::string_view> TypesWithRules();

}  // namespace pgo::cluster::rules
