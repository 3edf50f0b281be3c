// Makes a Secret what its recipe says (struct Part in engine/action/action.h). Randomness and keys
// come into being here and nowhere else; no value is logged or named in an error.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/action/action.h"
#include "engine/base/result.h"

namespace pgo::secrets {

using Values = std::map<std::string, std::string>;  // key → value, not encoded

// Fills the parts in order. What exists is kept if it still fits: a certificate that is what was
// asked for with enough life left, any generated text, a verifier that verifies its password.
// `issuers`: by "namespace/name", the values of the Secrets that leaf and issuer parts name; a part
// without issuer means this Secret itself. The result has the recipe's keys and no other.
Result<Values> FillParts(const std::vector<Part>& parts, const Values& existing,
                         const std::map<std::string, Values>& issuers, std::int64_t now_wall_us);

// Earliest end of the certificates of the parts, wall microseconds; 0 if there is none.
std::int64_t EarliestEnd(const std::vector<Part>& parts, const Values& values);

// Reads a Secret as it stands in Kubernetes. kNotFound if there is none.
using ReadSecret = std::function<Result<Json>(const kube::ObjectRef&)>;
// The Secret to apply: the action's object with data, and with the annotations of its recipe and
// its earliest end of a certificate. kUnavailable while an issuer is missing.
Result<Json> MakeSecret(const Provision& provision, const ReadSecret& read,
                        std::int64_t now_wall_us);

}  // namespace pgo::secrets
