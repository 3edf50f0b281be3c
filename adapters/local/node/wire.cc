#include "adapters/local/node/wire.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace pgo::local {
namespace {

constexpr std::size_t kPacketMax = 1 << 20;
constexpr std::size_t kFilesMax = 8;

}  // namespace

Status SendPacket(int socket, const Json& body, const std::vector<int>& fds) {
  std::string bytes = DumpJson(body);
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kFilesMax)] = {};
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  while (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return FailErrno("send");
  }
  return {};
}

Result<std::optional<Packet>> ReceivePacket(int socket) {
  std::string bytes(kPacketMax, '\0');
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kFilesMax)];
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = 0;
  while ((n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0) {
    if (errno == ECONNRESET) return std::nullopt;
    if (errno != EINTR) return FailErrno("receive");
  }
  if (n == 0) return std::nullopt;
  Packet packet;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      packet.fds.emplace_back(fd);
    }
  }
  auto body = ParseJson(std::string_view(bytes).substr(0, static_cast<std::size_t>(n)));
  if (!body || !body->is_object()) return Fail(Code::kInvalid, "a packet is not a JSON object");
  packet.body = *std::move(body);
  return packet;
}

Result<std::pair<UniqueFd, UniqueFd>> PacketPair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
    return FailErrno("socketpair");
  // Room for the largest request: environments can be long.
  const int size = kPacketMax;
  for (const int fd : fds) ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  return std::pair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace pgo::local
