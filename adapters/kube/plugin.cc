// Exec credential plugins: https://kubernetes.io/docs/reference/access-authn-authz/authentication/
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "adapters/kube/credentials.h"
#include "engine/base/ids.h"
#include "engine/base/json.h"

extern char** environ;

namespace pgo::kube {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kLargest = 1 << 20;

std::string ExecInfo(const CredentialPlugin& plugin, const Config& config) {
  Json info = Json::object();
  info["apiVersion"] = plugin.api_version;
  info["kind"] = "ExecCredential";
  info["spec"] = {{"interactive", false}};
  if (plugin.provide_cluster_info) {
    info["spec"]["cluster"] = {{"server", config.server},
                               {"tls-server-name", config.tls_server_name}};
  }
  return DumpJson(info);
}

std::vector<std::string> PluginEnvironment(const CredentialPlugin& plugin, const Config& config) {
  std::vector<std::string> env;
  for (char** at = environ; *at != nullptr; ++at) env.emplace_back(*at);
  for (const auto& [name, value] : plugin.env) env.push_back(name + "=" + value);
  env.push_back("KUBERNETES_EXEC_INFO=" + ExecInfo(plugin, config));
  return env;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

// Reads until the end of the pipe. False if it took too long or too much.
bool ReadAll(int fd, std::string& out) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  char buffer[4096];
  while (out.size() < kLargest) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                          until - std::chrono::steady_clock::now())
                          .count();
    pollfd waiting{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) return false;
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) return n == 0;
    out.append(buffer, static_cast<std::size_t>(n));
  }
  return false;
}

Result<std::string> Run(const CredentialPlugin& plugin, const Config& config) {
  const std::string named = "credential plugin " + plugin.command;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Fail(Code::kUnavailable, named + ": no pipe");
  std::vector<std::string> words{plugin.command};
  words.insert(words.end(), plugin.args.begin(), plugin.args.end());
  auto env = PluginEnvironment(plugin, config);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, plugin.command.c_str(), &actions, nullptr,
                                    Pointers(words).data(), Pointers(env).data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failed != 0) {
    ::close(ends[0]);
    return Fail(Code::kUnavailable,
                named + ": " + std::strerror(failed) +
                    (plugin.install_hint.empty() ? "" : "; " + plugin.install_hint));
  }
  std::string printed;
  const bool whole = ReadAll(ends[0], printed);
  ::close(ends[0]);
  if (!whole) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!whole) return Fail(Code::kUnavailable, named + " did not end within 30 s");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return Fail(Code::kDenied, named + " failed");
  return printed;
}

}  // namespace

Result<Credential> RunPlugin(const Config& config, std::int64_t& until_s) {
  const std::string named = "credential plugin " + config.plugin->command;
  auto printed = Run(*config.plugin, config);
  if (!printed) return Fail(printed.error());
  const auto json = ParseJson(*printed);
  if (!json || GetString(*json, {"kind"}) != "ExecCredential") {
    return Fail(Code::kInvalid, named + " did not print an ExecCredential");
  }
  Credential credential;
  credential.token = GetString(*json, {"status", "token"});
  credential.certificate_pem = GetString(*json, {"status", "clientCertificateData"});
  credential.key_pem = GetString(*json, {"status", "clientKeyData"});
  if (credential.token.empty() && credential.certificate_pem.empty()) {
    return Fail(Code::kDenied, named + " printed neither a token nor a certificate");
  }
  const auto until = ParseWall(GetString(*json, {"status", "expirationTimestamp"}));
  until_s = until ? *until / kSecond : 0;
  return credential;
}

}  // namespace pgo::kube
