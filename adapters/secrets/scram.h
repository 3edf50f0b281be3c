// PostgreSQL's SCRAM-SHA-256 verifiers: "SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY".
// https://www.postgresql.org/docs/current/catalog-pg-authid.html
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace pgo::secrets {

inline constexpr int kScramIterations = 4096;

// `salt` is raw bytes. A password that is not ASCII is taken as its bytes, without SASLprep.
std::string ScramVerifier(std::string_view password, std::string_view salt,
                          int iterations = kScramIterations);
// With a fresh salt of 16 bytes.
Result<std::string> NewScramVerifier(std::string_view password);
// Whether the verifier belongs to the password. False for anything that is not a verifier.
bool Verifies(std::string_view verifier, std::string_view password);

}  // namespace pgo::secrets
