// The operator's own HTTPS API, from which journals are read: GET /head, /frames (a bundle),
// /version.
//
// Where it is comes from --apiserver-url or PGO_APISERVER_URL with PGO_CA_CERT (file) and
// PGO_TOKEN_FILE; else from a file {"url", "ca_file" or "ca", "token_file"}: --config, PGO_CONFIG,
// ~/.pgo/operator.json; else from the operator's Lease, and then it is reached through the API
// server and its pod, with what the kubeconfig logs in with (door.h). A token is only ever read
// from a file, a kubeconfig, or what that runs.
//
// Library: libcurl, behind the .cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapters/cli/arguments.h"
#include "adapters/cli/door.h"
#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo::cli {

struct OperatorAddress {
  std::string url;              // "https://127.0.0.1:8443", no trailing slash
  std::string ca_file, ca_pem;  // at most one; none: the system's certificate authorities
  std::string token;
  std::string certificate_pem, key_pem;  // of the client; "" : it shows none
  std::shared_ptr<Door> door;            // null: the url is reached directly
};

Result<OperatorAddress> FindOperator(const Common& common);
// The token that stands in the file; none if the name is "".
Status ReadToken(OperatorAddress& address, const std::string& file);

// Which records to fetch. Both ends included; the operator may start earlier, at a baseline.
struct FramesQuery {
  std::vector<std::string> subjects;  // empty: all
  std::uint64_t from = 0, to = 0;     // 0: open
  // What is not of this namespace may be left out, if the asker may not see it; "" : nothing may.
  std::string ns = {};
};

class OperatorClient {
 public:
  explicit OperatorClient(OperatorAddress address) : address_(std::move(address)) {}

  Result<Json> Get(const std::string& path);
  // Writes the answer to a file, which must not exist.
  Status Download(const FramesQuery& query, const std::string& file);
  [[nodiscard]] const std::string& url() const { return address_.url; }

 private:
  Status Fetch(const std::string& path, int fd, std::string& text);
  Status NoAnswer(const std::string& why, const kube::Tunnel* tunnel) const;
  OperatorAddress address_;
};

// "/journal?namespace=…": what is enough for somebody who may see this namespace alone.
std::string InNamespace(const std::string& path, const std::string& ns);
std::string FramesPath(const FramesQuery& query);

}  // namespace pgo::cli
