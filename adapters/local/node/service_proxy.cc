#include "adapters/local/node/service_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "adapters/local/node/partition.h"
#include "adapters/local/node/service_table.h"
#include "adapters/local/node/sys.h"

namespace pgo::local {
namespace {

constexpr std::size_t kBuffer = 128 * 1024;

sockaddr_in ToSockaddr(const SocketAddress& address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(address.second));
  ::inet_pton(AF_INET, address.first.c_str(), &out.sin_addr);
  return out;
}

void SetOption(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

// Closes so that the peer gets a reset.
void Abort(UniqueFd& fd) {
  const linger now{1, 0};
  if (fd.valid()) ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  fd.Reset();
}

struct Listener {
  UniqueFd fd;
  SocketAddress address;
  std::vector<SocketAddress> backends;
  std::size_t next = 0;
};

// One client and its endpoint.
struct Link {
  UniqueFd fds[2];         // 0 client, 1 endpoint
  std::string buffers[2];  // read from i, for the other
  bool finished[2] = {};   // i sends no more
  bool shut[2] = {};       // the other knows
  std::uint32_t watched[2] = {};
  bool unwatched[2] = {true, true};  // not in the poll set
  bool connected = false, connecting = false;
  bool held = false;  // client and endpoint do not hear each other
  int client = -1;    // its node
  SocketAddress backend;
};

class Impl : public ServiceProxy {
 public:
  Impl(Store& store, std::string except) : store_(store), except_(std::move(except)) {
    poll_.Reset(::epoll_create1(EPOLL_CLOEXEC));
    wake_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    epoll_event event{EPOLLIN, {.u64 = 0}};
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
    const auto stale = [this](const Change&) { Wake(true, {}); };
    subscriptions_.push_back(store_.Subscribe({"", "services"}, stale));
    subscriptions_.push_back(store_.Subscribe({"", "endpoints"}, [this](const Change& change) {
      // Patroni keeps its lock in annotations: most changes move no address.
      if (change.previous != nullptr &&
          GetArray(*change.previous, {"subsets"}) == GetArray(*change.object, {"subsets"}) &&
          change.type == ChangeType::kModified) {
        return;
      }
      Wake(true, {});
    }));
    subscriptions_.push_back(store_.Subscribe({"", "pods"}, [this](const Change& change) {
      if (change.type == ChangeType::kDeleted)
        Wake(false, GetString(*change.object, {"status", "podIP"}));
    }));
    Wake(true, {});
    thread_ = std::thread([this] { Run(); });
  }
  ~Impl() override {
    subscriptions_.clear();
    stopping_ = true;
    Wake(false, {});
    thread_.join();
  }

  void SetSevered(std::set<std::pair<int, int>> links) override {
    const std::lock_guard lock(mu_);
    severed_ = std::move(links);
    stale_ = true;
    const std::uint64_t one = 1;
    static_cast<void>(::write(wake_.get(), &one, sizeof one));
  }

 private:
  void Wake(bool stale, const std::string& gone) {
    const std::lock_guard lock(mu_);
    stale_ = stale_ || stale;
    if (!gone.empty()) gone_.insert(gone);
    const std::uint64_t one = 1;
    static_cast<void>(::write(wake_.get(), &one, sizeof one));
  }

  void Run() {
    epoll_event events[64];
    while (!stopping_) {
      const int count = ::epoll_wait(poll_.get(), events, 64, -1);
      for (int i = 0; i < count; ++i) OnEvent(events[i].data.u64, events[i].events);
    }
  }

  // Keys: 0 the wake-up; odd listeners; even links, times two for the side.
  void OnEvent(std::uint64_t key, std::uint32_t what) {
    if (key == 0) return OnWake();
    if (key % 2 == 1) {
      const auto it = listeners_.find(key);
      if (it != listeners_.end()) Accept(it->second);
      return;
    }
    const std::uint64_t id = key / 4;
    const auto it = links_.find(id);
    if (it == links_.end() || it->second.held) return;
    if (!Pump(it->second, id, static_cast<int>(key / 2 % 2), what)) Cut(id);
  }

  void OnWake() {
    std::uint64_t count = 0;
    static_cast<void>(::read(wake_.get(), &count, sizeof count));
    bool stale = false;
    std::set<std::string> gone;
    {
      const std::lock_guard lock(mu_);
      stale = std::exchange(stale_, false);
      gone.swap(gone_);
    }
    if (stale) Rebuild();
    std::vector<std::uint64_t> cut;
    for (auto& [id, link] : links_) {
      const bool held = Severed(link);
      if (std::exchange(link.held, held) != held) Watch(link, id);
      if (gone.contains(link.backend.first) || !Connect(link)) cut.push_back(id);
    }
    for (const std::uint64_t id : cut) Cut(id);
  }

  void Rebuild() {
    auto table = BuildServiceTable(store_.List({"", "services"}, "").first,
                                   store_.List({"", "endpoints"}, "").first);
    for (auto it = listeners_.begin(); it != listeners_.end();) {
      const auto wanted = table.find(it->second.address);
      if (wanted == table.end() || wanted->second.empty()) {
        by_address_.erase(it->second.address);
        it = listeners_.erase(it);
      } else {
        it->second.backends = wanted->second;
        ++it;
      }
    }
    for (auto& [address, backends] : table) {
      if (address.first != except_ && !backends.empty() && !by_address_.contains(address))
        Listen(address, backends);
    }
  }

  void Listen(const SocketAddress& address, std::vector<SocketAddress> backends) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    const sockaddr_in where = ToSockaddr(address);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
        ::listen(fd.get(), 512) != 0)
      return;
    const std::uint64_t key = ++last_ * 2 + 1;
    epoll_event event{EPOLLIN, {.u64 = key}};
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd.get(), &event);
    by_address_.insert(address);
    listeners_[key] = {std::move(fd), address, std::move(backends)};
  }

  bool Severed(const Link& link) {
    const std::lock_guard lock(mu_);
    return severed_.contains(std::minmax(link.client, NodeOfAddress(link.backend.first)));
  }

  // Begins to connect with the endpoint unless that was done or must wait; false if it cannot be.
  static bool Connect(Link& link) {
    if (link.connecting || link.held) return true;
    link.connecting = true;
    const sockaddr_in to = ToSockaddr(link.backend);
    return ::connect(link.fds[1].get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ||
           errno == EINPROGRESS;
  }

  void Accept(Listener& listener) {
    while (true) {
      UniqueFd client(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!client.valid()) return;
      Link link;
      link.backend = listener.backends[listener.next++ % listener.backends.size()];
      link.fds[0] = std::move(client);
      link.fds[1].Reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      for (const UniqueFd& fd : link.fds) {
        SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
        SetOption(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
        SetOption(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, 10);
        SetOption(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL, 5);
      }
      SetOption(link.fds[1].get(), IPPROTO_TCP, TCP_USER_TIMEOUT, kUnansweredMs);
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      ::getpeername(link.fds[0].get(), reinterpret_cast<sockaddr*>(&peer), &size);
      char text[INET_ADDRSTRLEN] = {};
      link.client = NodeOfAddress(::inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text));
      link.held = Severed(link);
      if (!Connect(link)) {
        Abort(link.fds[0]);
        continue;
      }
      const std::uint64_t id = ++last_;
      links_[id] = std::move(link);
      Watch(links_[id], id);
    }
  }

  // What to wait for on both sides, given what is buffered.
  void Watch(Link& link, std::uint64_t id) {
    for (int side = 0; side < 2; ++side) {
      std::uint32_t events = 0;
      if (link.held) {
        Want(link, id, side, 0);
        continue;
      }
      if (link.connected && !link.finished[side] && link.buffers[side].size() < kBuffer)
        events |= EPOLLIN;
      if (!link.buffers[1 - side].empty() || (side == 1 && !link.connected)) events |= EPOLLOUT;
      Want(link, id, side, events);
    }
  }

  // A held socket is not watched at all: one that was never connected would report its hang-up.
  void Want(Link& link, std::uint64_t id, int side, std::uint32_t events) {
    if (events == link.watched[side] && link.held == link.unwatched[side]) return;
    epoll_event event{events, {.u64 = id * 4 + side * 2}};
    const int how = link.held              ? EPOLL_CTL_DEL
                    : link.unwatched[side] ? EPOLL_CTL_ADD
                                           : EPOLL_CTL_MOD;
    ::epoll_ctl(poll_.get(), how, link.fds[side].get(), &event);
    link.watched[side] = events;
    link.unwatched[side] = link.held;
  }

  // False if the link is over or broken.
  bool Pump(Link& link, std::uint64_t id, int side, std::uint32_t what) {
    if ((what & EPOLLERR) != 0) return false;
    if (side == 1 && (what & EPOLLOUT) != 0) link.connected = true;
    if ((what & (EPOLLIN | EPOLLHUP)) != 0 && !Fill(link, side)) return false;
    for (int from = 0; from < 2; ++from) {
      if (link.connected && !Drain(link, from)) return false;
    }
    Watch(link, id);
    return !(link.shut[0] && link.shut[1]);
  }

  static bool Fill(Link& link, int side) {
    static thread_local char buffer[kBuffer];
    const ssize_t n = ::read(link.fds[side].get(), buffer, sizeof buffer);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) link.finished[side] = true;
    link.buffers[side].append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  static bool Drain(Link& link, int from) {
    std::string& bytes = link.buffers[from];
    const int to = link.fds[1 - from].get();
    while (!bytes.empty()) {
      const ssize_t n = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
      if (n < 0) return false;
      bytes.erase(0, static_cast<std::size_t>(n));
    }
    if (link.finished[from] && !link.shut[from]) {
      ::shutdown(to, SHUT_WR);
      link.shut[from] = true;
    }
    return true;
  }

  void Cut(std::uint64_t id) {
    const auto it = links_.find(id);
    if (it == links_.end()) return;
    Link& link = it->second;
    const bool clean = link.shut[0] && link.shut[1];
    for (UniqueFd& fd : link.fds) {
      if (!clean) Abort(fd);
    }
    links_.erase(it);
  }

  Store& store_;
  const std::string except_;
  UniqueFd poll_, wake_;
  std::map<std::uint64_t, Listener> listeners_;
  std::set<SocketAddress> by_address_;
  std::map<std::uint64_t, Link> links_;
  std::uint64_t last_ = 0;
  std::mutex mu_;
  bool stale_ = false;
  std::set<std::string> gone_;
  std::set<std::pair<int, int>> severed_;
  std::vector<std::shared_ptr<void>> subscriptions_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ServiceProxy> ServiceProxy::Start(Store& store, std::string except) {
  return std::make_unique<Impl>(store, std::move(except));
}

}  // namespace pgo::local
