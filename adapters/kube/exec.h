// Runs a command in a container: pods/exec over a WebSocket, subprotocol v5.channel.k8s.io, or v4
// where the API server knows no better. v4 cannot end the input, so there the command is wrapped by
// `head -c N |`. Held connections get cut: long work does not belong here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo::kube {

class Credentials;

struct ExecCall {
  std::string ns, pod, container;
  std::vector<std::string> argv;
  std::string input;
  std::int64_t timeout_ms = 10'000;  // from connecting to the exit status
};

// The command ran and ended with `code`. Output beyond kExecOutputLimit each was dropped.
struct ExecResult {
  int code = 0;
  std::string out, err;
};
inline constexpr std::size_t kExecOutputLimit = 1 << 20;

// Blocks the calling thread. Output and errors are the server's and the command's own words, which
// may hold anything. Errors: kUnavailable (and kNotFound, kDenied, kInvalid as the server
// says): it certainly never started; kUnknown: it may have run, wholly or in part.
Result<ExecResult> RunExec(Credentials& credentials, const std::string& user_agent,
                           const ExecCall& call);

// ---- the protocol, without I/O ----

// "/api/v1/namespaces/ns/pods/p/exec?container=…&command=…"
std::string ExecPath(const ExecCall& call, const std::vector<std::string>& argv);
// argv that reads exactly `size` bytes of input: for v4.
std::vector<std::string> LengthPrefixed(const std::vector<std::string>& argv, std::size_t size);
// The input as frames, and its end where the protocol has one.
std::vector<std::string> InputFrames(const std::string& input, bool v5);

// Takes frames and gathers the outcome.
class ExecOutcome {
 public:
  void Take(std::string_view frame);
  // The exit status arrived: nothing that matters comes after it.
  [[nodiscard]] bool ended() const { return ended_; }
  // After the last frame. kUnavailable if the server could not start the command; kUnknown if the
  // stream broke off before the status.
  Result<ExecResult> Finish(const std::string& broken) &&;

 private:
  ExecResult result_;
  bool ended_ = false, failed_ = false;
  std::string failure_;
};

}  // namespace pgo::kube
