#include "adapters/local/node/prober.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {

struct Deadline {
  std::int64_t at_ms;
  // False when it has passed or the socket broke.
  [[nodiscard]] bool Wait(int fd, short events) const {
    pollfd item{fd, events, 0};
    const std::int64_t left = at_ms - MonotonicMs();
    return left > 0 && ::poll(&item, 1, static_cast<int>(left)) > 0;
  }
};

UniqueFd Connect(const std::string& address, int port, const Deadline& deadline) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) return {};
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
    return {};
  if (!deadline.Wait(fd.get(), POLLOUT)) return {};
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return {};
  return fd;
}

std::string RequestText(const ProbeSpec& probe, const std::string& address) {
  std::string out =
      "GET " + probe.path +
      " HTTP/1.1\r\nUser-Agent: kube-probe/1.34\r\nAccept: */*\r\nConnection: close\r\n";
  bool host = false;
  for (const auto& [name, value] : probe.headers) {
    out += name + ": " + value + "\r\n";
    host = host || ::strcasecmp(name.c_str(), "host") == 0;
  }
  if (!host) out += "Host: " + address + ":" + std::to_string(probe.port) + "\r\n";
  return out + "\r\n";
}

// "HTTP/1.1 200 …" to 200; 0 if it is no such line.
int StatusCode(const std::string& head) {
  const std::size_t blank = head.find(' ');
  return head.starts_with("HTTP/") && blank != std::string::npos ? std::atoi(head.c_str() + blank)
                                                                 : 0;
}

int AskPlain(int fd, const std::string& request, const Deadline& deadline) {
  if (!WriteAll(fd, request)) return 0;
  std::string head;
  while (head.find("\r\n") == std::string::npos && deadline.Wait(fd, POLLIN)) {
    char buffer[512];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) break;
    head.append(buffer, static_cast<std::size_t>(n));
  }
  return StatusCode(head);
}

// One step of TLS until it is done; false when it cannot be.
template <typename Step>
bool Repeat(SSL* tls, int fd, const Deadline& deadline, const Step& step) {
  while (true) {
    const int result = step();
    if (result > 0) return true;
    const int error = SSL_get_error(tls, result);
    if (error == SSL_ERROR_WANT_READ && deadline.Wait(fd, POLLIN)) continue;
    if (error == SSL_ERROR_WANT_WRITE && deadline.Wait(fd, POLLOUT)) continue;
    ERR_clear_error();
    return false;
  }
}

int AskTls(int fd, const std::string& request, const Deadline& deadline) {
  static SSL_CTX* const context =
      SSL_CTX_new(TLS_client_method());  // verifies nothing, as kubelets
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context), &SSL_free);
  SSL_set_fd(tls.get(), fd);
  if (!Repeat(tls.get(), fd, deadline, [&] { return SSL_connect(tls.get()); })) return 0;
  const int size = static_cast<int>(request.size());
  if (!Repeat(tls.get(), fd, deadline, [&] { return SSL_write(tls.get(), request.data(), size); }))
    return 0;
  char buffer[512];
  int got = 0;
  if (!Repeat(tls.get(), fd, deadline,
              [&] { return got = SSL_read(tls.get(), buffer, sizeof buffer); }))
    return 0;
  return StatusCode(std::string(buffer, static_cast<std::size_t>(got)));
}

}  // namespace

bool AskOverNetwork(const ProbeSpec& probe, const std::string& pod_address, std::string& why) {
  const Deadline deadline{MonotonicMs() + probe.timeout_ms};
  const std::string address = probe.host.empty() ? pod_address : probe.host;
  const UniqueFd fd = Connect(address, probe.port, deadline);
  if (!fd.valid()) {
    why = "no connection to " + address + ":" + std::to_string(probe.port);
    return false;
  }
  if (probe.action == ProbeSpec::Action::kTcp) return true;
  const std::string request = RequestText(probe, address);
  const int status =
      probe.https ? AskTls(fd.get(), request, deadline) : AskPlain(fd.get(), request, deadline);
  why = status == 0 ? "no answer" : "HTTP probe failed with statuscode: " + std::to_string(status);
  return status >= 200 && status < 400;
}

}  // namespace pgo::local
