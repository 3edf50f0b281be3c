// The least that answers HTTPS requests: any request with a body gets the same JSON. On loopback,
// one thread a connection; stands in for an API server whose own time is not to be measured.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "engine/base/result.h"

namespace pgo::bench {

class FakeApiServer {
 public:
  static Result<std::unique_ptr<FakeApiServer>> Start();
  virtual ~FakeApiServer() = default;
  virtual std::string Url() const = 0;        // "https://127.0.0.1:12345"
  virtual std::string Authority() const = 0;  // certificate of who signed its own, PEM
  virtual void Answer(std::string body) = 0;  // from now on
};

}  // namespace pgo::bench
