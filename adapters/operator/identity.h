// What makes this replica itself, kept in its data directory: its name in the Lease, and the
// certificate and token of its HTTPS API. Made at the first start; files are readable by their
// owner alone.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/action/action.h"
#include "engine/base/result.h"

namespace pgo {

struct Identity {
  std::string name;           // holder in the Lease: host name and a random word
  std::string ca;             // PEM, what clients trust
  std::string certificate;    // PEM
  std::string private_key;    // PEM
  std::string token;          // bearer token of the API
  std::string redaction_key;  // of the HMACs that stand for secret values in the journal
};

// Fills a recipe; from adapters/secrets.
using FillSecret = std::function<Result<std::map<std::string, std::string>>(
    const std::vector<Part>&, const std::map<std::string, std::string>& existing)>;

Result<Identity> LoadIdentity(const std::string& directory, const FillSecret& fill);

// operator.json beside it: {url, ca_file, token_file}, where `pgo` finds the API.
Status Announce(const std::string& directory, const Identity& identity, const std::string& url);

}  // namespace pgo
