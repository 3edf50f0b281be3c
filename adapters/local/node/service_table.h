// Which addresses of Services lead where. Pure.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/json.h"

namespace pgo::local {

using SocketAddress = std::pair<std::string, int>;  // IPv4 and port
// By ClusterIP and port: the ready endpoints of TCP ports. An entry may be empty.
using ServiceTable = std::map<SocketAddress, std::vector<SocketAddress>>;

// A port of a Service and of its Endpoints belong together if they have the same name; Endpoints
// need no selector. Headless Services have no entry.
ServiceTable BuildServiceTable(const std::vector<Json>& services,
                               const std::vector<Json>& endpoints);

}  // namespace pgo::local
