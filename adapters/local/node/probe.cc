#include "adapters/local/node/probe.h"

#include <algorithm>
#include <cstdlib>

namespace pgo::local {
namespace {

int PortNumber(const Json& container, const Json* port) {
  if (port == nullptr) return 0;
  if (port->is_number_integer()) return static_cast<int>(AsInt(*port));
  const std::string name = AsString(*port);
  for (const Json& candidate : GetArray(container, {"ports"})) {
    if (GetString(candidate, {"name"}) == name)
      return static_cast<int>(GetInt(candidate, {"containerPort"}));
  }
  return std::atoi(name.c_str());
}

std::int64_t Seconds(const Json& probe, const char* field, std::int64_t otherwise) {
  const std::int64_t value = GetInt(probe, {field});
  return (value > 0 ? value : otherwise) * 1000;
}

}  // namespace

std::optional<ProbeSpec> ProbeOf(const Json& container, ProbeKind kind) {
  const char* const fields[] = {"startupProbe", "livenessProbe", "readinessProbe"};
  const Json* probe = Find(container, fields[static_cast<int>(kind)]);
  if (probe == nullptr || !probe->is_object()) return std::nullopt;
  ProbeSpec out;
  out.initial_delay_ms = Seconds(*probe, "initialDelaySeconds", 0);
  out.period_ms = Seconds(*probe, "periodSeconds", 10);
  out.timeout_ms = Seconds(*probe, "timeoutSeconds", 1);
  out.success_threshold =
      static_cast<int>(std::max<std::int64_t>(GetInt(*probe, {"successThreshold"}, 1), 1));
  out.failure_threshold =
      static_cast<int>(std::max<std::int64_t>(GetInt(*probe, {"failureThreshold"}, 3), 1));
  if (const Json* http = Find(*probe, "httpGet")) {
    out.action = ProbeSpec::Action::kHttp;
    out.https = GetString(*http, {"scheme"}) == "HTTPS";
    out.host = GetString(*http, {"host"});
    out.port = PortNumber(container, Find(*http, "port"));
    out.path = GetString(*http, {"path"}, "/");
    if (out.path.empty() || out.path[0] != '/') out.path.insert(0, "/");
    for (const Json& header : GetArray(*http, {"httpHeaders"})) {
      out.headers.emplace_back(GetString(header, {"name"}), GetString(header, {"value"}));
    }
  } else if (const Json* tcp = Find(*probe, "tcpSocket")) {
    out.action = ProbeSpec::Action::kTcp;
    out.host = GetString(*tcp, {"host"});
    out.port = PortNumber(container, Find(*tcp, "port"));
  } else if (const Json* exec = Find(*probe, "exec")) {
    for (const Json& word : GetArray(*exec, {"command"})) out.command.push_back(AsString(word));
  } else {
    return std::nullopt;
  }
  return out;
}

void ProbeState::Begin(std::int64_t now_ms) {
  in_flight_ = true;
  due_ms_ = now_ms + spec_.period_ms;
}

bool ProbeState::Record(bool success, std::int64_t now_ms) {
  in_flight_ = false;
  due_ms_ = std::max(due_ms_, now_ms);
  in_a_row_ = last_ == success ? in_a_row_ + 1 : 1;
  last_ = success;
  if (in_a_row_ < (success ? spec_.success_threshold : spec_.failure_threshold)) return false;
  const bool changed = verdict_ != success || !success;
  verdict_ = success;
  return changed;
}

}  // namespace pgo::local
