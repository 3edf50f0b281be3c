#include "adapters/cli/door.h"

#include <cstdlib>
#include <optional>
#include <vector>

#include "adapters/cli/kube_access.h"
#include "adapters/cli/operator_client.h"
#include "adapters/kube/client.h"
#include "adapters/kube/credentials.h"
#include "adapters/kube/elector.h"

namespace pgo::cli {
namespace {

constexpr const char* kUserAgent = "pgo/0.1.0";

std::string Environment(const char* name, const char* otherwise = "") {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

std::vector<std::string> Namespaces(const Common& common) {
  const std::string usual = "postgres-operator";
  const std::string named =
      common.operator_ns.empty() ? Environment("PGO_OPERATOR_NAMESPACE") : common.operator_ns;
  if (!named.empty()) return {named};
  const std::string at_hand = DefaultNamespace(common);
  return at_hand == usual ? std::vector{usual} : std::vector{usual, at_hand};
}

// Of several namespaces the first that has one counts; a right that is missing is worth saying if
// none has.
Result<Json> FindLease(kube::Client& client, const std::vector<std::string>& namespaces) {
  const std::string name = Environment("PGO_CONTROLLER_LEASE_NAME", "cpk-leader-election-lease");
  std::optional<Error> denied;
  std::string looked;
  for (const std::string& ns : namespaces) {
    kube::Request request = kube::GetRequest({"Lease", ns, name});
    request.verbatim = true;
    kube::Reply reply = client.Do(std::move(request));
    if (reply.ok()) return std::move(reply.body);
    const Error& error = *reply.error;
    if (error.code == Code::kDenied && !denied) denied = error;
    if (error.code != Code::kDenied && error.code != Code::kNotFound) return Fail(error);
    looked += (looked.empty() ? "" : ", ") + ns;
  }
  if (denied) {
    denied->message += "; bind the Role that the chart made for asking there (pgo-ask)";
    return Fail(*std::move(denied));
  }
  return Fail(Code::kNotFound,
              "no Lease " + name + " in " + looked +
                  ": name the operator's namespace with --operator-namespace or "
                  "PGO_OPERATOR_NAMESPACE, or set "
                  "--apiserver-url or PGO_APISERVER_URL (with "
                  "PGO_CA_CERT and PGO_TOKEN_FILE), or put the operator's operator.json at "
                  "~/.pgo/operator.json; a bundle needs no operator: --bundle=FILE");
}

}  // namespace

Result<std::unique_ptr<kube::Tunnel>> Door::Open() {
  auto opened = kube::Tunnel::Open(*credentials_, kUserAgent, to_);
  if (opened) return opened;
  Error error = opened.error();
  if (error.code == Code::kDenied) {
    error.message += "; ask for the right to get and create pods/portforward in namespace " +
                     to_.ns + " (the chart's Role pgo-ask)";
  }
  return Fail(std::move(error));
}

Result<kube::TunnelTo> ReadNotice(const Json& lease, std::string& ca_pem) {
  const std::string where = "Lease " + GetString(lease, {"metadata", "namespace"}) + "/" +
                            GetString(lease, {"metadata", "name"});
  const std::string text =
      GetString(lease, {"metadata", "annotations", std::string_view(pgo::kube::kApiAnnotation)});
  if (text.empty()) {
    return Fail(Code::kNotFound,
                where +
                    " names no pod of an operator: nobody leads at this moment, or it runs "
                    "elsewhere (then its data directory has an operator.json: --config)");
  }
  const auto json = ParseJson(text);
  kube::TunnelTo to;
  to.ns = GetString(lease, {"metadata", "namespace"});
  if (json) to.pod = GetString(*json, {"pod"});
  const std::int64_t port = json ? GetInt(*json, {"port"}) : 0;
  ca_pem = json ? GetString(*json, {"ca"}) : "";
  // Without an authority the system's would be believed, and a token sent to whoever it names.
  if (to.pod.empty() || port < 1 || port > 65535 || ca_pem.empty()) {
    return Fail(Code::kInvalid, where + ": its annotation " +
                                    std::string(pgo::kube::kApiAnnotation) +
                                    " must name pod, port and ca; the operator writes it anew "
                                    "within seconds");
  }
  to.port = static_cast<std::uint16_t>(port);
  return to;
}

Result<OperatorAddress> ThroughKubernetes(const Common& common) {
  const std::string unknown = "where the operator's API is, is not known";
  auto config = kube::LoadConfig({common.kubeconfig, common.context});
  if (!config) return Fail(config.error().In(unknown));
  const auto credentials = std::make_shared<kube::Credentials>(*std::move(config));
  kube::Client client(credentials, kUserAgent);
  const auto lease = FindLease(client, Namespaces(common));
  if (!lease) return Fail(lease.error().In(unknown));
  OperatorAddress address;
  auto to = ReadNotice(*lease, address.ca_pem);
  if (!to) return Fail(to.error().In(unknown));
  address.url = "https://127.0.0.1:" + std::to_string(to->port);
  auto credential = credentials->Get();
  if (!credential) return Fail(credential.error());
  if (auto read = ReadToken(address, Environment("PGO_TOKEN_FILE")); !read)
    return Fail(read.error());
  if (address.token.empty()) address.token = credential->token;
  if (address.token.empty()) {
    address.certificate_pem = credential->certificate_pem;
    address.key_pem = credential->key_pem;
  }
  address.door = std::make_shared<Door>(credentials, *std::move(to));
  return address;
}

}  // namespace pgo::cli
