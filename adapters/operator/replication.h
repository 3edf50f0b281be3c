// What this replica needs to give its journal to others and to get theirs: the Secret that all of
// them share, the server of the desk, and a client.
//
// The Secret `LEASE-replicas` lies beside the Lease: an authority, a certificate that each replica
// shows and asks for, and the key that stands for secret values in the journal, which must be the
// same in all journals of one history. It is made by the first replica that may lead: one that
// finds no history on the Lease, or its own. Renewed when it is read at a start and has little life
// left.
#pragma once

#include <memory>
#include <string>

#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "adapters/kube/client.h"
#include "adapters/operator/desk.h"
#include "adapters/operator/identity.h"
#include "adapters/operator/options.h"
#include "adapters/operator/standing.h"

namespace pgo {

struct ReplicaSecret {
  std::string authority, certificate, private_key;  // PEM
  std::string redaction_key;
};

// "127.0.0.1:8443", "[::1]:8443"
Status ReadListen(const std::string& text, http::ServerOptions& out);
// HOST:PORT for the Lease. kInvalid if nobody could know it: it listens on all addresses, and none
// was given.
Result<std::string> ReplicaAddress(const Options& options, std::uint16_t port);

// The Secret, made if it is not there and `may_make`. kNotFound: it is another one's to make;
// kDenied: a right is missing.
Result<ReplicaSecret> LoadReplicaSecret(kube::Client& client, const kube::ObjectRef& ref,
                                        const FillSecret& fill, const std::string& redaction_key,
                                        bool may_make);

class Replication {
 public:
  // Servers start once the Secret is there. `desk` and `standing` outlive it.
  static Result<std::unique_ptr<Replication>> Start(const Options& options,
                                                    const ReplicaSecret& secret, ReplicaDesk& desk,
                                                    const Standing& standing);
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const std::string& redaction_key() const { return redaction_key_; }
  [[nodiscard]] http::Client& client() { return *client_; }

 private:
  Replication() = default;
  std::string address_, redaction_key_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace pgo
