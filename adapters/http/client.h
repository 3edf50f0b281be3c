// GETs over one kept connection to a peer that is known by its certificate: how replicas of the
// operator ask each other. Both sides show a certificate of one authority; names in DNS prove
// nothing here.
//
// One thread calls Get; Cancel comes from any. Library: libcurl, behind the .cc.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/result.h"

namespace pgo::http {

struct ClientOptions {
  std::string authority;    // PEM, what the peer's certificate must come from
  std::string certificate;  // PEM, of this side; empty: it shows none
  std::string private_key;  // PEM
  std::string peer_name;    // DNS name that the peer's certificate must carry
  std::size_t answer_max = std::size_t{512} << 20U;
};

struct Answer {
  unsigned status = 0;
  std::string body;
};

class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `address`: HOST:PORT. kUnavailable says why there is no whole answer.
  Result<Answer> Get(const std::string& address, const std::string& target,
                     std::int64_t timeout_ms);
  // Ends the Get under way and refuses those to come; or allows them again.
  void Cancel(bool cancelled) { cancelled_ = cancelled; }

 private:
  struct Handle;
  const ClientOptions options_;
  std::atomic<bool> cancelled_ = false;
  std::unique_ptr<Handle> handle_;
};

}  // namespace pgo::http
