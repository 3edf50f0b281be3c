#include "adapters/cli/operator_client.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "adapters/cli/documents.h"
#include "adapters/kube/tunnel.h"

namespace pgo::cli {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

Result<OperatorAddress> FromEnvironment(const std::string& url) {
  OperatorAddress address;
  address.url = url;
  address.ca_file = Environment("PGO_CA_CERT");
  if (auto read = ReadToken(address, Environment("PGO_TOKEN_FILE")); !read) {
    return Fail(read.error());
  }
  return address;
}

Result<OperatorAddress> FromFile(const std::string& file) {
  auto text = ReadInput(file);
  if (!text) return Fail(text.error());
  const auto json = ParseJson(*text);
  OperatorAddress address;
  if (json) address.url = GetString(*json, {"url"});
  if (address.url.empty()) {
    return Fail(Code::kInvalid, file +
                                    ": must be JSON with a member \"url\"; the operator writes "
                                    "such a file into its data directory");
  }
  address.ca_file = GetString(*json, {"ca_file"});
  address.ca_pem = GetString(*json, {"ca"});
  if (auto read = ReadToken(address, GetString(*json, {"token_file"})); !read) {
    return Fail(read.error());
  }
  return address;
}

struct CurlFree {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// Where the body goes: a file if the status is 200, else text (bounded), which then is an error.
struct Body {
  CURL* curl;
  int fd;
  std::string& text;
  bool failed = false;
};

std::size_t Take(char* data, std::size_t, std::size_t size, void* to) {
  Body& body = *static_cast<Body*>(to);
  long status = 0;
  curl_easy_getinfo(body.curl, CURLINFO_RESPONSE_CODE, &status);
  if (body.fd < 0 || status != 200) {
    constexpr std::size_t kTextMax = 16U << 20U;
    if (body.text.size() + size <= kTextMax) body.text.append(data, size);
    return size;
  }
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = write(body.fd, data + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    body.failed = n <= 0;
    if (body.failed) return 0;
    done += static_cast<std::size_t>(n);
  }
  return size;
}

curl_blob BlobOf(const std::string& pem) {
  return {const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
}

// Whom we believe, and what we show.
void SetTrust(CURL* curl, const OperatorAddress& address) {
  if (!address.certificate_pem.empty()) {
    curl_blob certificate = BlobOf(address.certificate_pem), key = BlobOf(address.key_pem);
    curl_easy_setopt(curl, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(curl, CURLOPT_SSLCERTTYPE, "PEM");
    curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &key);
    curl_easy_setopt(curl, CURLOPT_SSLKEYTYPE, "PEM");
  }
  if (!address.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, address.ca_file.c_str());
  if (address.ca_pem.empty()) return;
  curl_blob pem = BlobOf(address.ca_pem);
  curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &pem);
}

// In place of a connection of its own: no port is opened on this machine, and no proxy is asked.
void GoThrough(CURL* curl, const kube::Tunnel& tunnel) {
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, tunnel.path().c_str());
}

// What the operator's answer says went wrong: {"message": …}, or its text.
std::string MessageOf(const std::string& text) {
  const auto json = ParseJson(text);
  const std::string message =
      json ? GetString(*json, {"message"}, GetString(*json, {"error"})) : "";
  return message.empty() ? Trimmed(text.substr(0, 300)) : message;
}

tl::unexpected<Error> Refused(long status, const std::string& what, const std::string& text) {
  const std::string message = what + ": " + std::to_string(status) + " " + MessageOf(text);
  if (status == 401 || status == 403) return Fail(Code::kDenied, message);
  return Fail(status == 404 ? Code::kNotFound : Code::kUnavailable, message);
}

std::string Escape(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.') {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return out;
}

}  // namespace

Status ReadToken(OperatorAddress& address, const std::string& file) {
  if (file.empty()) return {};
  auto token = ReadInput(file);
  if (!token) return Fail(token.error().In("token of the operator"));
  address.token = Trimmed(*std::move(token));
  return {};
}

Result<OperatorAddress> FindOperator(const Common& common) {
  const std::string url =
      common.apiserver_url.empty() ? Environment("PGO_APISERVER_URL") : common.apiserver_url;
  std::string file = common.config.empty() ? Environment("PGO_CONFIG") : common.config;
  const bool named = !file.empty();
  if (!named) file = Environment("HOME") + "/.pgo/operator.json";
  auto address = url.empty() ? FromFile(file) : FromEnvironment(url);
  if (!address && url.empty() && !named && address.error().code == Code::kNotFound) {
    return ThroughKubernetes(common);
  }
  if (!address) return address;
  while (address->url.ends_with('/')) address->url.pop_back();
  if (!address->url.starts_with("https://")) {
    return Fail(Code::kInvalid, "operator's url: \"" + address->url +
                                    "\": must be https, for a token is sent to it; write "
                                    "https://HOST:PORT");
  }
  return address;
}

std::string FramesPath(const FramesQuery& query) {
  std::string path = "/frames";
  char separator = '?';
  const auto add = [&](const std::string& name, const std::string& value) {
    path += separator + name + "=" + Escape(value);
    separator = '&';
  };
  if (!query.ns.empty()) add("namespace", query.ns);
  std::string subjects;
  for (const std::string& subject : query.subjects)
    subjects += (subjects.empty() ? "" : ",") + subject;
  if (!subjects.empty()) add("subject", subjects);
  if (query.from != 0) add("from", std::to_string(query.from));
  if (query.to != 0) add("to", std::to_string(query.to));
  return path;
}

std::string InNamespace(const std::string& path, const std::string& ns) {
  if (ns.empty()) return path;
  return path + (path.find('?') == std::string::npos ? "?" : "&") + "namespace=" + Escape(ns);
}

Status OperatorClient::Fetch(const std::string& path, int fd, std::string& text) {
  const std::unique_ptr<CURL, CurlFree> curl(curl_easy_init());
  const std::string url = address_.url + path;
  Body body{curl.get(), fd, text};
  std::array<char, CURL_ERROR_SIZE> problem{};
  std::unique_ptr<curl_slist, CurlFree> headers;
  if (!address_.token.empty()) {
    headers.reset(curl_slist_append(nullptr, ("Authorization: Bearer " + address_.token).c_str()));
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  }
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "pgo/0.1.0");
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, problem.data());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Take);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, 10L);
  // Not a limit on the whole, for a bundle may be large; but nothing for a minute is no answer.
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_TIME, 60L);
  SetTrust(curl.get(), address_);
  std::unique_ptr<kube::Tunnel> tunnel;
  if (address_.door != nullptr) {
    auto opened = address_.door->Open();
    if (!opened) return Fail(opened.error());
    tunnel = *std::move(opened);
    GoThrough(curl.get(), *tunnel);
  }
  const CURLcode code = curl_easy_perform(curl.get());
  if (body.failed) return Fail(Code::kUnavailable, std::string("write: ") + std::strerror(errno));
  if (code != CURLE_OK) {
    return NoAnswer(problem[0] != '\0' ? problem.data() : curl_easy_strerror(code), tunnel.get());
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200)
    return Refused(status, "operator: GET " + path.substr(0, path.find('?')), text);
  return {};
}

Status OperatorClient::NoAnswer(const std::string& why, const kube::Tunnel* tunnel) const {
  if (tunnel == nullptr) {
    return Fail(Code::kUnavailable, "operator at " + address_.url + ": " + why +
                                        "; check that it runs and that this is its address");
  }
  const std::string said = tunnel->Problem();
  return Fail(Code::kUnavailable, "operator in pod " + address_.door->Where() + ": " +
                                      (said.empty() ? why : Trimmed(said)) +
                                      "; its Lease names this pod: if it has died, another one "
                                      "leads within a minute; ask again then");
}

Result<Json> OperatorClient::Get(const std::string& path) {
  std::string text;
  if (auto fetched = Fetch(path, -1, text); !fetched) return Fail(fetched.error());
  auto json = ParseJson(text);
  if (!json) return Fail(Code::kUnavailable, "operator: GET " + path + ": the answer is not JSON");
  return *std::move(json);
}

Status OperatorClient::Download(const FramesQuery& query, const std::string& file) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Fail(Code::kUnavailable, "write " + file + ": " + std::strerror(errno));
  std::string text;
  Status fetched = Fetch(FramesPath(query), fd, text);
  if (fetched && fsync(fd) != 0) {
    fetched = Fail(Code::kUnavailable, "write " + file + ": " + std::strerror(errno));
  }
  close(fd);
  if (!fetched) unlink(file.c_str());
  return fetched;
}

}  // namespace pgo::cli
