// libcurl's multi interface on a thread of its own. Internal to the client.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/kube/credentials.h"
#include "adapters/kube/requests.h"

namespace pgo::kube {

// One request under way. Made by any thread, then used by the transport's alone.
struct Transfer {
  std::uint64_t id = 0;
  Request request;
  Credential credential;
  bool stream = false;
  std::function<void(std::string_view)> on_data;
  std::function<void(RawReply)> on_end;

  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  curl_slist* route = nullptr;
  int http = 0;
  std::string text;
  char error[CURL_ERROR_SIZE] = {};

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer();
};

class Transport {
 public:
  Transport(const Config& config, std::string user_agent);
  ~Transport();

  std::uint64_t NextId() { return ++last_id_; }
  void Start(std::unique_ptr<Transfer> transfer);
  // Waits until the transfer's callbacks have ended, unless called from one of them.
  void Cancel(std::uint64_t id);

 private:
  void Loop();
  void TakeOrders();
  void Finish(CURL* easy, CURLcode code);
  bool Prepare(Transfer& transfer);
  void PrepareTls(Transfer& transfer);
  void PrepareHeaders(Transfer& transfer);

  const Config& config_;
  const std::string user_agent_;
  CURLM* multi_ = nullptr;
  std::atomic<std::uint64_t> last_id_{0};
  std::map<std::uint64_t, std::unique_ptr<Transfer>> running_;  // the thread's alone

  std::mutex mu_;
  std::condition_variable cancelled_;
  std::vector<std::unique_ptr<Transfer>> starting_;
  std::vector<std::uint64_t> cancelling_;
  std::uint64_t rounds_ = 0;  // of TakeOrders
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pgo::kube
