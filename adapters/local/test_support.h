// What the tests of pgo-local share: a server over a fresh store on loopback, an HTTPS client, and
// waiting with a deadline.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/local/api/server.h"
#include "adapters/local/store/memory_store.h"
#include "engine/base/json.h"

namespace pgo::local {

inline bool Eventually(const std::function<bool()>& holds, int milliseconds = 5000) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (std::chrono::steady_clock::now() < until) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return holds();
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = "/tmp/pgo-local-test-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct HttpAnswer {
  long code = 0;  // 0: no answer
  std::string body;
  [[nodiscard]] Json json() const { return ParseJson(body).value_or(Json()); }
  // The lines of a watch.
  [[nodiscard]] std::vector<Json> lines() const {
    std::vector<Json> out;
    std::size_t at = 0;
    while (at < body.size()) {
      const auto end = std::min(body.find('\n', at), body.size());
      if (auto line = ParseJson(body.substr(at, end - at))) out.push_back(*std::move(line));
      at = end + 1;
    }
    return out;
  }
};

class TestServer {
 public:
  explicit TestServer(StoreOptions options = {}, Runtime* runtime = nullptr)
      : store(*MemoryStore::Open(std::move(options))),
        credentials(*Credentials::Open(directory.path(), {})) {
    const int fd = *ListenOn("127.0.0.1", 0);
    port = PortOf(fd);
    ServerOptions server_options;
    server_options.listen_fds = {fd};
    server_options.runtime = runtime;
    server = *ApiServer::Start(std::move(server_options), *store, *credentials);
    token = credentials->admin_token();
  }

  HttpAnswer Call(const std::string& method, const std::string& path, const std::string& body = {},
                  const std::string& content_type = "application/json") const {
    HttpAnswer answer;
    CURL* curl = curl_easy_init();
    const std::string url = "https://127.0.0.1:" + std::to_string(port) + path;
    const std::string ca = directory.path() + "/ca.crt";
    curl_slist* headers = curl_slist_append(nullptr, ("Authorization: Bearer " + token).c_str());
    headers = curl_slist_append(headers, ("Content-Type: " + content_type).c_str());
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 15000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (!body.empty()) {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
    }
    const auto take =
        +[](char* data, std::size_t size, std::size_t count, void* out) -> std::size_t {
      static_cast<std::string*>(out)->append(data, size * count);
      return size * count;
    };
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "local-test/1.0");
    if (curl_easy_perform(curl) == CURLE_OK)
      curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.code);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return answer;
  }

  TemporaryDirectory directory;
  std::unique_ptr<MemoryStore> store;
  std::unique_ptr<Credentials> credentials;
  std::string token;
  int port = 0;
  std::unique_ptr<ApiServer> server;  // last: it ends first
};

}  // namespace pgo::local
