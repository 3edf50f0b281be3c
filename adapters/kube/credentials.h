// The credentials of a Config, kept fresh: files are read again each minute and after a refusal,
// plugins run again when what they printed ends. Any thread.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include "adapters/kube/config.h"

namespace pgo::kube {

struct Credential {
  std::string token, ca_pem, certificate_pem, key_pem;
};

class Credentials {
 public:
  explicit Credentials(Config config) : config_(std::move(config)) {}

  // What to send now. May read files and wait for a plugin (at most 30 s).
  Result<Credential> Get();
  // The server answered 401: the next Get reads all anew, at most once a second.
  void Refused();
  const Config& config() const { return config_; }

 private:
  using Clock = std::chrono::steady_clock;
  Status Read(Credential& credential) const;

  const Config config_;
  std::mutex mu_;
  std::optional<Credential> kept_;
  Clock::time_point read_, until_;
};

// Runs the plugin. `until_s`: Unix time at which the credential ends, 0 if it does not say.
Result<Credential> RunPlugin(const Config& config, std::int64_t& until_s);

}  // namespace pgo::kube
