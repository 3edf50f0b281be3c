// Asks a container over the network, as probes of kind httpGet and tcpSocket do. Blocks; for a
// thread of its own, which must be in the node's network namespace (setns).
#pragma once

#include <string>

#include "adapters/local/node/probe.h"

namespace pgo::local {

// True for a connection (tcp) or a status of 200 to 399 (http) within the timeout. `address` is the
// pod's. `why` gets a sentence if not.
bool AskOverNetwork(const ProbeSpec& probe, const std::string& address, std::string& why);

}  // namespace pgo::local
