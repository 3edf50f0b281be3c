// Probes of containers: what is asked, and what the answers so far mean. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/json.h"

namespace pgo::local {

enum class ProbeKind : std::uint8_t { kStartup, kLiveness, kReadiness };

struct ProbeSpec {
  enum class Action : std::uint8_t { kExec, kHttp, kTcp };
  Action action = Action::kExec;
  std::vector<std::string> command;  // kExec
  bool https = false;                // kHttp, with path and headers; no certificate is checked
  std::string host;                  // "" is the pod's address
  int port = 0;
  std::string path = "/";
  std::vector<std::pair<std::string, std::string>> headers;
  std::int64_t initial_delay_ms = 0, period_ms = 10'000, timeout_ms = 1'000;
  int success_threshold = 1, failure_threshold = 3;
};

// The probe of a container, if it has one of that kind; named ports are looked up in the container.
std::optional<ProbeSpec> ProbeOf(const Json& container, ProbeKind kind);

// Counts answers in a row. The verdict changes when a threshold is reached.
class ProbeState {
 public:
  ProbeState(const ProbeSpec& spec, std::int64_t started_ms)
      : spec_(spec), due_ms_(started_ms + spec.initial_delay_ms) {}

  [[nodiscard]] bool Due(std::int64_t now_ms) const { return !in_flight_ && now_ms >= due_ms_; }
  [[nodiscard]] std::optional<std::int64_t> NextDue() const {
    return in_flight_ ? std::nullopt : std::optional(due_ms_);
  }
  void Begin(std::int64_t now_ms);
  // True if the verdict changed, or failed once more after it had.
  bool Record(bool success, std::int64_t now_ms);
  // Nothing before a threshold was reached.
  [[nodiscard]] std::optional<bool> Verdict() const { return verdict_; }
  [[nodiscard]] const ProbeSpec& spec() const { return spec_; }

 private:
  ProbeSpec spec_;
  std::int64_t due_ms_;
  bool in_flight_ = false;
  int in_a_row_ = 0;
  std::optional<bool> last_, verdict_;
};

}  // namespace pgo::local
