// The operator in its pod, found by its Lease and reached through the API server: what is needed is
// a kubeconfig, and the rights to get that Lease and to open pods/portforward in its namespace
// (the chart's Role). The connection is TLS from `pgo` to the operator, whose authority stands on
// the Lease: nobody between the two reads the journal, or the token that is sent.
#pragma once

#include <memory>
#include <string>

#include "adapters/cli/arguments.h"
#include "adapters/kube/tunnel.h"
#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo::kube {
class Credentials;
}  // namespace pgo::kube

namespace pgo::cli {

struct OperatorAddress;

class Door {
 public:
  Door(std::shared_ptr<kube::Credentials> credentials, kube::TunnelTo to)
      : credentials_(std::move(credentials)), to_(std::move(to)) {}

  // One connection to the operator's port.
  Result<std::unique_ptr<kube::Tunnel>> Open();
  [[nodiscard]] std::string Where() const { return to_.ns + "/" + to_.pod; }

 private:
  const std::shared_ptr<kube::Credentials> credentials_;
  const kube::TunnelTo to_;
};

// Looks for the Lease in --operator-namespace or PGO_OPERATOR_NAMESPACE, else in postgres-operator
// and the namespace at hand. Who asks is said as the kubeconfig says it, or by PGO_TOKEN_FILE.
Result<OperatorAddress> ThroughKubernetes(const Common& common);
// What the annotation of the Lease says; kNotFound if nobody can be reached so.
Result<kube::TunnelTo> ReadNotice(const Json& lease, std::string& ca_pem);

}  // namespace pgo::cli
