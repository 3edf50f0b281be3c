// Who may connect: lines of pg_hba.conf, the first match decides.
// https://www.postgresql.org/docs/current/auth-pg-hba-conf.html
#pragma once

#include <string>
#include <vector>

#include "engine/base/json.h"

namespace pgo::postgres {

// Before everything else: the operator by the local socket, replicas by certificate alone.
std::vector<std::string> MandatoryRules();
// When the manifest gives no rule: anybody with a password, over TLS.
std::vector<std::string> DefaultRules();
// Mandatory, then authentication.rules of the manifest (`{hba}` or `{connection, method, …}`), then
// patroni.dynamicConfiguration's pg_hba (strings); the default only when neither says anything.
std::vector<std::string> EffectiveRules(const Json& spec_rules, const Json& dynamic_rules);

}  // namespace pgo::postgres
