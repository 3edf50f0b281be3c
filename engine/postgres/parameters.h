// PostgreSQL's settings as a cluster gets them: who may say what, and why ours win.
// Precedence: mandatory > spec.config.parameters > patroni.dynamicConfiguration > default.
// A setting's meaning: https://www.postgresql.org/docs/current/runtime-config.html
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/json.h"

namespace pgo::postgres {

// One setting of ours, with the reason a person is shown.
struct Setting {
  std::string_view name, value, why;
};

// What the operator's own promises rest on; nobody may set these otherwise.
const std::vector<Setting>& MandatorySettings();
// What a cluster gets unless its manifest says otherwise.
const std::vector<Setting>& DefaultSettings();

// The settings in force. dynamic_parameters: an object of name → string, number or boolean (others
// are passed over). Names fold to lower case as PostgreSQL's do. shared_preload_libraries of a user
// is kept behind our own prefix.
std::map<std::string, std::string> EffectiveSettings(
    const std::map<std::string, std::string>& spec_parameters, const Json& dynamic_parameters);

// Where the certificate files lie in the `database` container.
inline constexpr std::string_view kServerTlsDirectory = "/pgconf/tls";
inline constexpr std::string_view kReplicationTlsDirectory = "/tmp/replication";
inline constexpr std::string_view kSocketDirectory = "/tmp/postgres";
inline constexpr std::string_view kLogDirectory = "/pgdata/logs/postgres";

// "/pgdata/pg17", "/pgdata/pg17_wal", "/usr/pgsql-17/bin"
std::string DataDirectory(std::int64_t version);
std::string WalDirectory(std::int64_t version);
// The same on a volume of its own.
inline constexpr std::string_view kWalVolume = "/pgwal";
std::string WalVolumeDirectory(std::int64_t version);
std::string ProgramDirectory(std::int64_t version);

}  // namespace pgo::postgres
