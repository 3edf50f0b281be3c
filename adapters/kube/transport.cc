#include "adapters/kube/transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace pgo::kube {
namespace {

constexpr long kConnectMs = 5000;
// Sent bytes that stay unacknowledged this long mean that the peer is gone.
constexpr unsigned int kUserTimeoutMs = 20'000;
constexpr std::size_t kLargestAnswer = 256UL << 20;

std::size_t OnBody(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.http == 0) {
    long code = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &code);
    transfer.http = static_cast<int>(code);
  }
  if (transfer.stream && transfer.http == 200) {
    transfer.on_data({data, size});
  } else {
    if (transfer.text.size() + size > kLargestAnswer) return 0;
    transfer.text.append(data, size);
  }
  return size;
}

int OnSocket(void*, curl_socket_t fd, curlsocktype) {
  const unsigned int limit = kUserTimeoutMs;
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
  return CURL_SOCKOPT_OK;
}

curl_blob BlobOf(const std::string& text) {
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
}

// "https://host:port" in its parts; IPv6 in brackets.
struct ServerParts {
  std::string scheme, host, port;
};
ServerParts PartsOf(const std::string& server) {
  ServerParts parts;
  const auto scheme_end = server.find("://");
  parts.scheme = server.substr(0, scheme_end);
  std::string rest = server.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('/'));
  const auto colon = rest.rfind(':');
  const bool port = colon != std::string::npos && rest.find(']', colon) == std::string::npos;
  parts.host = port ? rest.substr(0, colon) : rest;
  parts.port = port ? rest.substr(colon + 1) : (parts.scheme == "https" ? "443" : "80");
  return parts;
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host.starts_with("127.") || host == "[::1]";
}

void Header(Transfer& transfer, const std::string& line) {
  transfer.headers = curl_slist_append(transfer.headers, line.c_str());
}

// Nothing of the request left this machine.
bool NothingSent(CURL* easy, CURLcode code) {
  if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
      code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_PEER_FAILED_VERIFICATION ||
      code == CURLE_SSL_CONNECT_ERROR) {
    return true;
  }
  long request_size = 0;
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_size);
  return request_size == 0;
}

}  // namespace

Transfer::~Transfer() {
  if (easy != nullptr) curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  curl_slist_free_all(route);
}

Transport::Transport(const Config& config, std::string user_agent)
    : config_(config), user_agent_(std::move(user_agent)) {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(kReady);
  multi_ = curl_multi_init();
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 64L);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  thread_ = std::thread([this] { Loop(); });
}

Transport::~Transport() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  curl_multi_wakeup(multi_);
  thread_.join();
  for (auto& [id, transfer] : running_) curl_multi_remove_handle(multi_, transfer->easy);
  running_.clear();
  curl_multi_cleanup(multi_);
}

void Transport::Start(std::unique_ptr<Transfer> transfer) {
  {
    const std::lock_guard lock(mu_);
    starting_.push_back(std::move(transfer));
  }
  curl_multi_wakeup(multi_);
}

void Transport::Cancel(std::uint64_t id) {
  std::unique_lock lock(mu_);
  cancelling_.push_back(id);
  curl_multi_wakeup(multi_);
  if (std::this_thread::get_id() == thread_.get_id()) return;
  const std::uint64_t seen = rounds_;
  // Two: the round under way may have taken its orders already.
  cancelled_.wait(lock, [&] { return rounds_ >= seen + 2 || stopping_; });
}

void Transport::TakeOrders() {
  std::vector<std::unique_ptr<Transfer>> starting;
  std::vector<std::uint64_t> cancelling;
  {
    const std::lock_guard lock(mu_);
    starting.swap(starting_);
    cancelling.swap(cancelling_);
  }
  for (auto& transfer : starting) {
    if (!Prepare(*transfer)) {
      transfer->on_end(RawReply{0, "", false, "no memory for a request"});
      continue;
    }
    curl_multi_add_handle(multi_, transfer->easy);
    running_[transfer->id] = std::move(transfer);
  }
  for (const std::uint64_t id : cancelling) {
    const auto it = running_.find(id);
    if (it == running_.end()) continue;
    curl_multi_remove_handle(multi_, it->second->easy);
    running_.erase(it);
  }
  const std::lock_guard lock(mu_);
  ++rounds_;
  if (!cancelling.empty()) curl_multi_wakeup(multi_);  // whoever waits needs one more round
  cancelled_.notify_all();
}

void Transport::Loop() {
  for (;;) {
    {
      const std::lock_guard lock(mu_);
      if (stopping_) break;
    }
    TakeOrders();
    int active = 0;
    curl_multi_perform(multi_, &active);
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
      if (message->msg == CURLMSG_DONE) Finish(message->easy_handle, message->data.result);
    }
    curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
  }
  const std::lock_guard lock(mu_);
  cancelled_.notify_all();
}

void Transport::Finish(CURL* easy, CURLcode code) {
  void* user = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &user);
  const auto it = running_.find(static_cast<Transfer*>(user)->id);
  std::unique_ptr<Transfer> transfer = std::move(it->second);
  running_.erase(it);
  curl_multi_remove_handle(multi_, easy);
  RawReply raw;
  long http = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http);
  raw.http = static_cast<int>(http);
  raw.text = std::move(transfer->text);
  if (code != CURLE_OK) {
    raw.sent = !NothingSent(easy, code);
    raw.error = transfer->error[0] != 0 ? transfer->error : curl_easy_strerror(code);
  }
  transfer->on_end(std::move(raw));
}

void Transport::PrepareTls(Transfer& transfer) {
  CURL* easy = transfer.easy;
  const Credential& c = transfer.credential;
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (config_.insecure) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!c.ca_pem.empty()) {
    curl_blob blob = BlobOf(c.ca_pem);
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!c.certificate_pem.empty()) {
    curl_blob certificate = BlobOf(c.certificate_pem);
    curl_blob key = BlobOf(c.key_pem);
    curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
  }
}

bool Transport::Prepare(Transfer& transfer) {
  CURL* easy = transfer.easy = curl_easy_init();
  if (easy == nullptr) return false;
  const ServerParts parts = PartsOf(config_.server);
  std::string url = config_.server + transfer.request.path;
  if (!config_.tls_server_name.empty()) {
    url = parts.scheme + "://" + config_.tls_server_name + ":" + parts.port + transfer.request.path;
    transfer.route = curl_slist_append(nullptr, ("::" + parts.host + ":" + parts.port).c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer.route);
  }
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, OnSocket);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  const long timeout = static_cast<long>(std::max<std::int64_t>(transfer.request.timeout_ms, 1));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, std::min(kConnectMs, timeout));
  if (!transfer.stream) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
  if (!config_.proxy_url.empty()) {
    curl_easy_setopt(easy, CURLOPT_PROXY, config_.proxy_url.c_str());
  } else if (IsLoopback(parts.host)) {
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
  }
  PrepareTls(transfer);
  PrepareHeaders(transfer);
  return true;
}

void Transport::PrepareHeaders(Transfer& transfer) {
  CURL* easy = transfer.easy;
  curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent_.c_str());
  Header(transfer, "Accept: application/json, */*");
  Header(transfer, "Expect:");
  if (!transfer.credential.token.empty()) {
    Header(transfer, "Authorization: Bearer " + transfer.credential.token);
  }
  if (transfer.request.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer.request.method.c_str());
    Header(transfer, "Content-Type: " + transfer.request.content_type);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(transfer.request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer.request.body.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
}

}  // namespace pgo::kube
