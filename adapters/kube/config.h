// Where the API server is and how to be known to it: kubeconfig files or the pod's service account.
// Only reads; credentials that change while running are kept fresh by credentials.h.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/result.h"

namespace pgo::kube {

// users[].user.exec of a kubeconfig: a program that prints a credential
// (client.authentication.k8s.io).
struct CredentialPlugin {
  std::string api_version;  // "client.authentication.k8s.io/v1" or "…/v1beta1"
  std::string command;      // as written; with a slash, relative to the kubeconfig's folder
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  bool provide_cluster_info = false;
  std::string install_hint;
};

// One way to one API server. Of each PEM or token, the text is set or the file (read again while
// running), or neither.
struct Config {
  std::string server;  // "https://host:port", without a trailing slash
  std::string ns;      // namespace of the context; "default" if it names none
  std::string context;
  std::string ca_pem, ca_file;
  std::string certificate_pem, certificate_file;
  std::string key_pem, key_file;
  std::string token, token_file;
  std::string tls_server_name;  // name in the server's certificate, if not the host of `server`
  std::string proxy_url;
  bool insecure = false;  // insecure-skip-tls-verify
  std::optional<CredentialPlugin> plugin;
};

struct ConfigOptions {
  std::string kubeconfig;  // --kubeconfig; "" means $KUBECONFIG, else ~/.kube/config
  std::string context;     // --context; "" means current-context
};

// Reads and merges kubeconfig files as kubectl does: of files that name the same entry the first
// wins. Errors name file, entry and field.
Result<Config> LoadKubeconfig(const ConfigOptions& options);

// The service account of the pod this process runs in. NotFound outside of one.
Result<Config> InClusterConfig(
    const std::string& directory = "/var/run/secrets/kubernetes.io/serviceaccount");

// The options' kubeconfig if one is named by them or by $KUBECONFIG, else the pod's service account
// if there is one, else ~/.kube/config.
Result<Config> LoadConfig(const ConfigOptions& options);

}  // namespace pgo::kube
