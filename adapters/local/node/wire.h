// Messages between the daemon, its nodes' first processes, and the command line: one JSON object
// per packet of a SOCK_SEQPACKET socket, with open files beside it.
#pragma once

#include <optional>
#include <vector>

#include "adapters/local/node/sys.h"
#include "engine/base/json.h"

namespace pgo::local {

struct Packet {
  Json body;
  std::vector<UniqueFd> fds;
};

// The files stay the caller's. Blocks while the socket is full.
Status SendPacket(int socket, const Json& body, const std::vector<int>& fds = {});
// Nothing at the end of the stream; kInvalid for a packet that is not a JSON object.
Result<std::optional<Packet>> ReceivePacket(int socket);
// A connected pair, both ends close-on-exec.
Result<std::pair<UniqueFd, UniqueFd>> PacketPair();

}  // namespace pgo::local
