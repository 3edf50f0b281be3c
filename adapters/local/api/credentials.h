// Who may talk to pgo-local's API server, and how clients know that it is the one: a certificate
// authority, a server certificate, one admin token and a token per ServiceAccount, all kept in one
// directory (mode 0700) so that a restart changes none of them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace pgo::local {

struct Identity {
  std::string user;                 // "admin", "system:serviceaccount:NS:NAME"
  std::vector<std::string> groups;  // "system:masters"
};

class Credentials {
 public:
  // Makes what is missing. `names`: further DNS names and IP addresses for the server certificate,
  // besides loopback, "kubernetes" and its forms, 10.202.0.1 and 10.200.0.1.
  static Result<std::unique_ptr<Credentials>> Open(const std::string& directory,
                                                   const std::vector<std::string>& names);

  [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }
  [[nodiscard]] const std::string& certificate_pem() const { return certificate_pem_; }
  [[nodiscard]] const std::string& key_pem() const { return key_pem_; }
  [[nodiscard]] const std::string& admin_token() const { return admin_token_; }
  // The token the kubelet mounts for a ServiceAccount; the same for ever.
  [[nodiscard]] std::string TokenFor(std::string_view ns, std::string_view account) const;
  // Nothing if the token is not one of ours.
  [[nodiscard]] std::optional<Identity> Check(std::string_view token) const;
  // A kubeconfig file's text for the admin, with the CA inside.
  [[nodiscard]] std::string Kubeconfig(const std::string& server_url) const;

 private:
  std::string ca_pem_, certificate_pem_, key_pem_, admin_token_, secret_;
};

}  // namespace pgo::local
