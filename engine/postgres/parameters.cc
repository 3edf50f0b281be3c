#include "engine/postgres/parameters.h"

namespace pgo::postgres {
namespace {

constexpr std::string_view kLibraries = "shared_preload_libraries";
constexpr std::string_view kOurLibraries = "pgaudit";

std::string Lower(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// The text of a scalar as it goes into postgresql.conf.
bool ScalarText(const Json& value, std::string& out) {
  if (value.is_string()) {
    out = AsString(value);
  } else if (value.is_boolean()) {
    out = value == Json(true) ? "on" : "off";
  } else if (value.is_number()) {
    out = DumpJson(value);
  } else {
    return false;
  }
  return true;
}

void Overlay(const Json& from, std::map<std::string, std::string>& onto) {
  if (!from.is_object()) return;
  for (const auto& [name, value] : from.items()) {
    std::string text;
    if (ScalarText(value, text)) onto[Lower(name)] = text;
  }
}

void Overlay(const std::vector<Setting>& from, std::map<std::string, std::string>& onto) {
  for (const Setting& s : from) onto[std::string(s.name)] = s.value;
}

// Ours first: pgaudit must be loaded wherever the extension exists, or its functions fail.
std::string WithOurLibraries(const std::string& theirs) {
  const std::string ours(kOurLibraries);
  return theirs.empty() || theirs == ours ? ours : ours + "," + theirs;
}

}  // namespace

const std::vector<Setting>& MandatorySettings() {
  static const std::vector<Setting> settings = {
      {"unix_socket_directories", kSocketDirectory,
       "the operator's own commands connect through this socket"},
      {"ssl", "on", "every connection is encrypted"},
      {"ssl_cert_file", "/pgconf/tls/tls.crt", "mounted from the cluster's certificate Secret"},
      {"ssl_key_file", "/pgconf/tls/tls.key", "mounted from the cluster's certificate Secret"},
      {"ssl_ca_file", "/pgconf/tls/ca.crt", "replicas prove themselves by certificate"},
      {"wal_level", "logical", "enough for replicas, pg_rewind and logical decoding"},
      {"hot_standby", "on", "replicas answer reads and Patroni's questions"},
      {"archive_mode", "on", "switching it needs a restart; backups must be able to come later"},
      // https://www.postgresql.org/docs/current/continuous-archiving.html
      {"archive_command", "true", "no backup repository: WAL is not kept elsewhere"},
      {"log_file_mode", "0660", "other containers of the pod may read the log"},
  };
  return settings;
}

const std::vector<Setting>& DefaultSettings() {
  static const std::vector<Setting> settings = {
      {"jit", "off", "compiling costs more than it saves for short queries"},
      {"password_encryption", "scram-sha-256", "the only method the default rules accept"},
      {"log_directory", kLogDirectory, "on the data volume: the root file system is read-only"},
      // Commits of a synchronous primary wait until its standby is back.
      {"wal_retrieve_retry_interval", "1s", "a replica finds its restarted primary soon"},
      {"archive_timeout", "60s", "bounds what a lost volume can cost once WAL is archived"},
  };
  return settings;
}

std::map<std::string, std::string> EffectiveSettings(
    const std::map<std::string, std::string>& spec_parameters, const Json& dynamic_parameters) {
  std::map<std::string, std::string> settings;
  Overlay(DefaultSettings(), settings);
  Overlay(dynamic_parameters, settings);
  for (const auto& [name, value] : spec_parameters) settings[Lower(name)] = value;
  settings[std::string(kLibraries)] = WithOurLibraries(settings[std::string(kLibraries)]);
  Overlay(MandatorySettings(), settings);
  return settings;
}

std::string DataDirectory(std::int64_t version) { return "/pgdata/pg" + std::to_string(version); }
std::string WalDirectory(std::int64_t version) { return DataDirectory(version) + "_wal"; }
std::string WalVolumeDirectory(std::int64_t version) {
  return std::string(kWalVolume) + "/pg" + std::to_string(version) + "_wal";
}
std::string ProgramDirectory(std::int64_t version) {
  return "/usr/pgsql-" + std::to_string(version) + "/bin";
}

}  // namespace pgo::postgres
