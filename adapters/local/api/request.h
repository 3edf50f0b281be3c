// A request and its reply, apart from the connection that carries them.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "adapters/local/api/credentials.h"
#include "adapters/local/store/memory_store.h"

namespace pgo::local {

struct Request {
  std::string method;  // "GET"
  std::string path;    // without the query, still percent-encoded
  std::multimap<std::string, std::string> query;
  std::string content_type, accept, user_agent, body;
  Identity identity;

  [[nodiscard]] std::string Query(const std::string& name) const;
  [[nodiscard]] bool QueryTrue(const std::string& name) const;  // "true" or "1"
};

// Splits the target of a request line into path and query.
void SetTarget(std::string_view target, Request& request);

struct Reply {
  int code = 200;
  std::string body;
  std::string content_type = "application/json";
};

Reply JsonReply(int code, const Json& body);
Reply ErrorReply(const StatusError& error);
Json StatusObject(const StatusError& error);

// What a path under /api or /apis names.
struct Target {
  std::shared_ptr<const TypeInfo> type;
  std::string version;
  std::string ns, name, subresource;
  [[nodiscard]] Key key() const { return {type->kept_as, ns, name}; }
};
// 404 if nothing is served there.
Answer<Target> TargetOf(const std::string& path, const TypeTable& types);

}  // namespace pgo::local
