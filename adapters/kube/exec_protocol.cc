#include <algorithm>
#include <charconv>

#include "adapters/kube/exec.h"
#include "adapters/kube/requests.h"
#include "engine/kube/kinds.h"

namespace pgo::kube {
namespace {

constexpr char kStdin = 0, kStdout = 1, kStderr = 2, kStatus = 3;
constexpr char kClose = static_cast<char>(255);
constexpr std::size_t kFrame = 32 * 1024;

// The runtime reports alike what it could not start and what it lost sight of. These are the
// former.
bool NeverStarted(const std::string& message) {
  for (const char* words : {"not found", "no such", "not running", "unable to start", "cannot exec",
                            "exec failed", "failed to exec", "is waiting to start", "stopped"}) {
    if (message.find(words) != std::string::npos) return true;
  }
  return false;
}

void AppendBounded(std::string& to, std::string_view bytes) {
  to.append(bytes.substr(0, kExecOutputLimit - std::min(to.size(), kExecOutputLimit)));
}

}  // namespace

std::string ExecPath(const ExecCall& call, const std::vector<std::string>& argv) {
  std::string path =
      PathOf(*FindKind("Pod"), call.ns, call.pod, "exec") + "?stdout=true&stderr=true";
  if (!call.input.empty()) path += "&stdin=true";
  if (!call.container.empty()) path += "&container=" + PercentEncode(call.container);
  for (const std::string& word : argv) path += "&command=" + PercentEncode(word);
  return path;
}

std::vector<std::string> LengthPrefixed(const std::vector<std::string>& argv, std::size_t size) {
  std::vector<std::string> out{"bash", "-ceuo", "pipefail", "head -c \"$0\" | \"$@\"",
                               std::to_string(size)};
  out.insert(out.end(), argv.begin(), argv.end());
  return out;
}

std::vector<std::string> InputFrames(const std::string& input, bool v5) {
  std::vector<std::string> out;
  if (input.empty()) return out;
  for (std::size_t at = 0; at < input.size(); at += kFrame) {
    out.push_back(std::string(1, kStdin) + input.substr(at, kFrame));
  }
  if (v5) out.push_back(std::string{kClose, kStdin});
  return out;
}

void ExecOutcome::Take(std::string_view frame) {
  if (frame.empty() || ended_) return;
  const std::string_view bytes = frame.substr(1);
  switch (frame.front()) {
    case kStdout:
      return AppendBounded(result_.out, bytes);
    case kStderr:
      return AppendBounded(result_.err, bytes);
    case kStatus:
      break;
    default:
      return;
  }
  ended_ = true;
  const auto status = ParseJson(bytes);
  if (status && GetString(*status, {"status"}) == "Success") return;
  if (status && GetString(*status, {"reason"}) == "NonZeroExitCode") {
    for (const Json& cause : GetArray(*status, {"details", "causes"})) {
      const std::string code = GetString(cause, {"message"});
      if (GetString(cause, {"reason"}) == "ExitCode") {
        std::from_chars(code.data(), code.data() + code.size(), result_.code);
      }
    }
    if (result_.code != 0) return;
  }
  failed_ = true;
  failure_ = status ? GetString(*status, {"message"}) : "";
  if (failure_.empty()) failure_ = "the container runtime gave no reason";
}

Result<ExecResult> ExecOutcome::Finish(const std::string& broken) && {
  if (failed_) {
    const bool silent = result_.out.empty() && result_.err.empty();
    return Fail(silent && NeverStarted(failure_) ? Code::kUnavailable : Code::kUnknown,
                "exec: " + failure_);
  }
  if (!ended_)
    return Fail(Code::kUnknown,
                "exec: the connection ended before the command's status: " + broken);
  return std::move(result_);
}

}  // namespace pgo::kube
