#include "adapters/local/api/request.h"

#include <vector>

#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Decode(std::string_view text, bool form) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                        HexDigit(text[i + 2]) >= 0;
    if (escape) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(form && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

std::vector<std::string> Segments(const std::string& path) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at < path.size()) {
    const auto end = std::min(path.find('/', at), path.size());
    if (end > at) out.push_back(Decode(std::string_view(path).substr(at, end - at), false));
    at = end + 1;
  }
  return out;
}

StatusError NothingThere() {
  return {404, "NotFound", "the server could not find the requested resource", nullptr};
}

}  // namespace

std::string Request::Query(const std::string& name) const {
  const auto it = query.find(name);
  return it == query.end() ? std::string() : it->second;
}

bool Request::QueryTrue(const std::string& name) const {
  const std::string value = Query(name);
  return value == "true" || value == "1" || value == "True";
}

void SetTarget(std::string_view target, Request& request) {
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark == std::string_view::npos) return;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    const auto equal = pair.find('=');
    request.query.emplace(
        Decode(pair.substr(0, equal), true),
        equal == std::string_view::npos ? "" : Decode(pair.substr(equal + 1), true));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

Reply JsonReply(int code, const Json& body) { return {code, DumpJson(body) + "\n"}; }

Json StatusObject(const StatusError& error) {
  Json status = {{"kind", "Status"},       {"apiVersion", "v1"},       {"metadata", Json::object()},
                 {"status", "Failure"},    {"message", error.message}, {"reason", error.reason},
                 {"code", error.http_code}};
  if (error.details.is_object()) status["details"] = error.details;
  return status;
}

Reply ErrorReply(const StatusError& error) {
  return JsonReply(error.http_code, StatusObject(error));
}

Answer<Target> TargetOf(const std::string& path, const TypeTable& types) {
  const auto segments = Segments(path);
  std::size_t at = 0;
  std::string group;
  Target target;
  if (segments.size() >= 3 && segments[0] == "api") {
    target.version = segments[1];
    at = 2;
  } else if (segments.size() >= 4 && segments[0] == "apis") {
    group = segments[1];
    target.version = segments[2];
    at = 3;
  } else {
    return tl::unexpected(NothingThere());
  }
  const std::size_t left = segments.size() - at;
  const bool within = segments[at] == "namespaces" && left >= 3 && segments[at + 2] != "status" &&
                      segments[at + 2] != "finalize";
  if (within) {
    target.ns = segments[at + 1];
    at += 2;
  }
  const auto it = types.find({group, segments[at]});
  if (it == types.end() || !it->second->Serves(target.version))
    return tl::unexpected(NothingThere());
  target.type = it->second;
  if (within && !target.type->namespaced) return tl::unexpected(NothingThere());
  if (segments.size() > at + 1) target.name = segments[at + 1];
  if (segments.size() > at + 2) target.subresource = segments[at + 2];
  if (segments.size() > at + 3) return tl::unexpected(NothingThere());
  if (!target.name.empty() && target.type->namespaced && target.ns.empty()) {
    return tl::unexpected(NothingThere());
  }
  return target;
}

}  // namespace pgo::local
