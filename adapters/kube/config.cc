#include "adapters/kube/config.h"

#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <map>

#include "adapters/kube/file.h"

namespace pgo::kube {
namespace {

// A named entry of a kubeconfig and the file it stands in.
struct Entry {
  YAML::Node node;
  std::string file;
};
using Entries = std::map<std::string, Entry>;

struct Merged {
  Entries clusters, users, contexts;
  std::string current;
  std::string files;  // "a, b", for messages
};

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string FolderOf(const std::string& file) {
  const auto slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, slash);
}

std::string Text(const YAML::Node& node, const char* field) {
  if (!node.IsMap()) return "";
  const YAML::Node at = node[field];
  return at && at.IsScalar() ? at.Scalar() : "";
}

void AddEntries(const YAML::Node& root, const char* list, const char* member,
                const std::string& file, Entries& entries) {
  const YAML::Node all = root[list];
  if (!all || !all.IsSequence()) return;
  for (const YAML::Node& item : all) {
    const std::string name = Text(item, "name");
    if (item.IsMap() && item[member]) entries.try_emplace(name, Entry{item[member], file});
  }
}

Status AddFile(const std::string& file, Merged& merged) {
  auto text = ReadWholeFile(file);
  if (!text) return Fail(text.error());
  YAML::Node root;
  try {
    root = YAML::Load(*text);
  } catch (const YAML::Exception& e) {
    return Fail(Code::kInvalid, file + ": not YAML: " + e.what());
  }
  merged.files += (merged.files.empty() ? "" : ", ") + file;
  if (root.IsNull()) return {};
  if (!root.IsMap()) return Fail(Code::kInvalid, file + ": not a kubeconfig");
  AddEntries(root, "clusters", "cluster", file, merged.clusters);
  AddEntries(root, "users", "user", file, merged.users);
  AddEntries(root, "contexts", "context", file, merged.contexts);
  if (merged.current.empty()) merged.current = Text(root, "current-context");
  return {};
}

Result<Merged> ReadFiles(const ConfigOptions& options) {
  Merged merged;
  std::string list = options.kubeconfig.empty() ? Environment("KUBECONFIG") : "";
  if (list.empty()) {
    const std::string one =
        options.kubeconfig.empty() ? Environment("HOME") + "/.kube/config" : options.kubeconfig;
    const Status read = AddFile(one, merged);
    if (!read) return Fail(read.error());
    return merged;
  }
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(':', at), list.size());
    const std::string file = list.substr(at, end - at);
    at = end + 1;
    if (file.empty()) continue;
    const Status read = AddFile(file, merged);
    if (!read && read.error().code != Code::kNotFound) return Fail(read.error());
  }
  if (merged.files.empty())
    return Fail(Code::kNotFound, "KUBECONFIG names no file that exists: " + list);
  return merged;
}

// Finds the fields of one entry, with errors that say where it stands.
class Fields {
 public:
  Fields(const Entry& entry, std::string where) : entry_(entry), where_(std::move(where)) {}

  std::string Get(const char* field) const { return Text(entry_.node, field); }
  bool Has(const char* field) const { return entry_.node.IsMap() && entry_.node[field]; }
  YAML::Node At(const char* field) const { return entry_.node[field]; }
  std::string Path(const char* field) const {
    const std::string path = Get(field);
    return path.empty() || path.front() == '/' ? path : FolderOf(entry_.file) + "/" + path;
  }
  Error Wrong(const char* field, const std::string& what) const {
    return {Code::kInvalid, entry_.file + ": " + where_ + "." + field + ": " + what};
  }
  // "X-data" inline, else the file "X".
  Status Material(const char* data_field, const char* file_field, std::string& pem,
                  std::string& file) const {
    if (Has(data_field)) {
      auto decoded = DecodeBase64(Get(data_field));
      if (!decoded) return Fail(Wrong(data_field, "not base64"));
      pem = std::move(*decoded);
      return {};
    }
    file = Path(file_field);
    if (file.empty()) return {};
    auto readable = ReadWholeFile(file);
    if (!readable) return Fail(Wrong(file_field, readable.error().message));
    return {};
  }

 private:
  const Entry& entry_;
  std::string where_;
};

Status ReadCluster(const Fields& fields, Config& config) {
  config.server = fields.Get("server");
  while (!config.server.empty() && config.server.back() == '/') config.server.pop_back();
  const bool known = config.server.starts_with("https://") || config.server.starts_with("http://");
  if (!known) return Fail(fields.Wrong("server", "must be a URL that begins with https://"));
  config.tls_server_name = fields.Get("tls-server-name");
  config.proxy_url = fields.Get("proxy-url");
  config.insecure = fields.Get("insecure-skip-tls-verify") == "true";
  return fields.Material("certificate-authority-data", "certificate-authority", config.ca_pem,
                         config.ca_file);
}

Status ReadPlugin(const Fields& fields, Config& config) {
  const YAML::Node exec = fields.At("exec");
  CredentialPlugin plugin;
  plugin.api_version = Text(exec, "apiVersion");
  plugin.command = Text(exec, "command");
  plugin.install_hint = Text(exec, "installHint");
  plugin.provide_cluster_info = Text(exec, "provideClusterInfo") == "true";
  if (plugin.command.empty()) return Fail(fields.Wrong("exec.command", "is missing"));
  if (plugin.api_version != "client.authentication.k8s.io/v1" &&
      plugin.api_version != "client.authentication.k8s.io/v1beta1") {
    return Fail(fields.Wrong("exec.apiVersion",
                             "only client.authentication.k8s.io/v1 and v1beta1 "
                             "are understood, not \"" +
                                 plugin.api_version + "\""));
  }
  if (exec["args"] && exec["args"].IsSequence()) {
    for (const YAML::Node& arg : exec["args"])
      plugin.args.push_back(arg.IsScalar() ? arg.Scalar() : "");
  }
  if (exec["env"] && exec["env"].IsSequence()) {
    for (const YAML::Node& item : exec["env"]) {
      plugin.env.emplace_back(Text(item, "name"), Text(item, "value"));
    }
  }
  config.plugin = std::move(plugin);
  return {};
}

Status ReadUser(const Fields& fields, Config& config) {
  if (fields.Has("username") || fields.Has("password")) {
    return Fail(fields.Wrong("username",
                             "basic authentication is refused; use a token, a client "
                             "certificate or exec"));
  }
  if (fields.Has("auth-provider")) {
    return Fail(fields.Wrong("auth-provider", "is no longer supported by Kubernetes; use exec"));
  }
  Status read = fields.Material("client-certificate-data", "client-certificate",
                                config.certificate_pem, config.certificate_file);
  if (!read) return read;
  read = fields.Material("client-key-data", "client-key", config.key_pem, config.key_file);
  if (!read) return read;
  const bool certificate = !config.certificate_pem.empty() || !config.certificate_file.empty();
  const bool key = !config.key_pem.empty() || !config.key_file.empty();
  if (certificate != key) {
    return Fail(certificate
                    ? fields.Wrong("client-key", "is missing, but there is a client certificate")
                    : fields.Wrong("client-certificate", "is missing, but there is a client key"));
  }
  // As kubectl does: a token file is preferred, being the one that can change.
  config.token_file = fields.Path("tokenFile");
  if (config.token_file.empty()) config.token = fields.Get("token");
  return fields.Has("exec") && config.token.empty() && config.token_file.empty()
             ? ReadPlugin(fields, config)
             : Status{};
}

Result<const Entry*> FindEntry(const Entries& entries, const char* list, const std::string& name,
                               const Merged& merged, const std::string& named_by) {
  const auto it = entries.find(name);
  if (it != entries.end()) return &it->second;
  return Fail(Code::kNotFound, merged.files + ": no entry \"" + name + "\" in " + list +
                                   ", which " + named_by + " names");
}

Result<Config> Select(const Merged& merged, const std::string& asked) {
  const std::string name = asked.empty() ? merged.current : asked;
  if (name.empty()) {
    return Fail(Code::kInvalid, merged.files + ": current-context is not set; give --context");
  }
  auto context = FindEntry(merged.contexts, "contexts", name, merged,
                           asked.empty() ? "current-context" : "--context");
  if (!context) return Fail(context.error());
  const std::string where = "context " + name;
  const std::string cluster_name = Text((*context)->node, "cluster");
  const std::string user_name = Text((*context)->node, "user");
  auto cluster = FindEntry(merged.clusters, "clusters", cluster_name, merged, where);
  if (!cluster) return Fail(cluster.error());
  Config config;
  config.context = name;
  config.ns = Text((*context)->node, "namespace");
  if (config.ns.empty()) config.ns = "default";
  const Status read =
      ReadCluster(Fields(**cluster, "clusters[" + cluster_name + "].cluster"), config);
  if (!read) return Fail(read.error());
  if (user_name.empty()) return config;
  auto user = FindEntry(merged.users, "users", user_name, merged, where);
  if (!user) return Fail(user.error());
  const Status known = ReadUser(Fields(**user, "users[" + user_name + "].user"), config);
  if (!known) return Fail(known.error());
  return config;
}

}  // namespace

Result<Config> LoadKubeconfig(const ConfigOptions& options) {
  try {
    auto merged = ReadFiles(options);
    if (!merged) return Fail(merged.error());
    return Select(*merged, options.context);
  } catch (const YAML::Exception& e) {
    return Fail(Code::kInvalid, std::string("kubeconfig: ") + e.what());
  }
}

Result<Config> InClusterConfig(const std::string& directory) {
  const std::string host = Environment("KUBERNETES_SERVICE_HOST");
  const std::string port = Environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return Fail(Code::kNotFound, "not in a pod: KUBERNETES_SERVICE_HOST is not set");
  }
  Config config;
  const bool ipv6 = host.find(':') != std::string::npos;
  config.server = "https://" + (ipv6 ? "[" + host + "]" : host) + ":" + port;
  config.token_file = directory + "/token";
  config.ca_file = directory + "/ca.crt";
  config.context = "in-cluster";
  for (const std::string& file : {config.token_file, config.ca_file}) {
    auto text = ReadWholeFile(file);
    if (!text) return Fail(text.error().In("service account"));
  }
  config.ns = ReadWholeFile(directory + "/namespace").value_or("default");
  while (!config.ns.empty() && config.ns.back() == '\n') config.ns.pop_back();
  return config;
}

Result<Config> LoadConfig(const ConfigOptions& options) {
  if (!options.kubeconfig.empty() || !options.context.empty() ||
      !Environment("KUBECONFIG").empty()) {
    return LoadKubeconfig(options);
  }
  auto in_cluster = InClusterConfig();
  if (in_cluster || in_cluster.error().code != Code::kNotFound) return in_cluster;
  return LoadKubeconfig(options);
}

}  // namespace pgo::kube
