// X.509 certificates with ECDSA P-256 keys and SHA-384 signatures, in PEM.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace pgo::secrets {

struct KeyPair {
  std::string certificate, key;  // PEM; the key as PKCS #8
};

struct LeafRequest {
  std::string cn;                 // at most 64 bytes go into a certificate
  std::vector<std::string> sans;  // DNS names and IP addresses
};

// Self-signed, ten years.
Result<KeyPair> MakeAuthority(const std::string& cn, std::int64_t now_wall_us);
// For servers and clients, one year; both begin an hour ago, for clocks that are behind.
Result<KeyPair> MakeLeaf(const LeafRequest& request, const KeyPair& issuer,
                         std::int64_t now_wall_us);

// Whether there is no need to make it anew: it is what was asked for, key and issuer belong to it,
// and more than 35 % of its life (of an authority: 130 days) is left.
bool AuthorityFits(const KeyPair& pair, const std::string& cn, std::int64_t now_wall_us);
bool LeafFits(const KeyPair& pair, const LeafRequest& request,
              const std::string& issuer_certificate, std::int64_t now_wall_us);

// End of validity, wall microseconds; nothing if the text is no certificate.
std::optional<std::int64_t> NotAfter(const std::string& certificate_pem);

}  // namespace pgo::secrets
