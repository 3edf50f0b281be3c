#include "adapters/http/client.h"

#include <curl/curl.h>

#include <array>
#include <utility>

namespace pgo::http {
namespace {

constexpr long kConnectMs = 2000;

struct Taking {
  std::string body;
  std::size_t most;
};

std::size_t Take(char* data, std::size_t, std::size_t size, void* to) {
  auto& taking = *static_cast<Taking*>(to);
  if (taking.body.size() + size > taking.most) return 0;
  taking.body.append(data, size);
  return size;
}

int Asked(void* cancelled, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(cancelled)->load() ? 1 : 0;
}

const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);

curl_blob BlobOf(const std::string& pem) {
  return {const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
}

// "10.0.0.1:8444" and "[::1]:8444" behind the name that the certificate carries.
std::string RouteTo(const std::string& name, const std::string& address) {
  return name + ":443:" + address;
}

}  // namespace

struct Client::Handle {
  CURL* easy = curl_easy_init();
  curl_slist* route = nullptr;
  std::string address;
  ~Handle() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(route);
  }
  void Route(const std::string& name, const std::string& to) {
    if (to == address) return;
    curl_slist_free_all(route);
    route = curl_slist_append(nullptr, RouteTo(name, to).c_str());
    address = to;
  }
};

Client::Client(ClientOptions options)
    : options_(std::move(options)), handle_(std::make_unique<Handle>()) {
  static_cast<void>(kReady);
  CURL* easy = handle_->easy;
  curl_blob authority = BlobOf(options_.authority);
  curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &authority);
  if (!options_.certificate.empty()) {
    curl_blob certificate = BlobOf(options_.certificate);
    curl_blob key = BlobOf(options_.private_key);
    curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
    curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
    curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
  }
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // never through one: it is a neighbour
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, Take);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, Asked);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &cancelled_);
}

Client::~Client() = default;

Result<Answer> Client::Get(const std::string& address, const std::string& target,
                           std::int64_t timeout_ms) {
  CURL* easy = handle_->easy;
  Taking taking{{}, options_.answer_max};
  std::array<char, CURL_ERROR_SIZE> problem{};
  const std::string url = "https://" + options_.peer_name + target;
  handle_->Route(options_.peer_name, address);
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECT_TO, handle_->route);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, problem.data());
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &taking);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  const CURLcode code = curl_easy_perform(easy);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
  if (code != CURLE_OK) {
    const std::string why = problem[0] != '\0' ? problem.data() : curl_easy_strerror(code);
    return Fail(Code::kUnavailable, "replica at " + address + ": " + why);
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return Answer{static_cast<unsigned>(status), std::move(taking.body)};
}

}  // namespace pgo::http
