// Requests to the API server and what their answers mean, as values: no network here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/json.h"
#include "engine/base/result.h"
#include "engine/kube/kinds.h"

namespace pgo::kube {

struct Request {
  std::string method = "GET";
  std::string path;          // with the query: "/api/v1/pods?limit=500"
  std::string content_type;  // of the body
  std::string body;
  std::int64_t timeout_ms = 10'000;  // of the whole exchange; a stream's has none
  // The error says what the server said, word for word: for the person who sends this and nobody
  // else. Without it the words are plain ones (words.h), which may be journaled and logged.
  bool verbatim = false;
  // Whether an unanswered request may have changed something.
  [[nodiscard]] bool Mutates() const { return method != "GET"; }
};

// What came of a request before anybody looked into it.
struct RawReply {
  int http = 0;       // status code; 0 when there was none
  std::string text;   // body
  bool sent = true;   // false: certainly nothing reached the server
  std::string error;  // why there is no status, or why the body ended early
};

struct Reply {
  int http = 0;
  Json body;                   // the answer's JSON, else null
  std::string text;            // the body if it was not JSON
  std::string reason;          // of a metav1.Status: "Conflict", "AlreadyExists", …
  std::optional<Error> error;  // unless the answer was 2xx
  [[nodiscard]] bool ok() const { return !error.has_value(); }
  // No answer, or the server's own failure: what Contact is about.
  [[nodiscard]] bool NoContact() const { return http == 0 || http >= 500; }
};

// Reads the body and gives a failed request its Code; the message has method, path, status and
// reason, and the server's words as far as the request's `verbatim` says:
//   400 405 406 413 415 422 kInvalid; 401 403 kDenied; 404 kNotFound; 409 410 412 kConflict;
//   429 503 and nothing sent kUnavailable; anything else kUnknown if it mutates, else kUnavailable
Reply Interpret(const Request& request, RawReply raw);

// "/apis/apps/v1/namespaces/ns/statefulsets/name/status". An empty name is the collection, an empty
// ns with an empty name all namespaces.
std::string PathOf(const KindInfo& kind, std::string_view ns, std::string_view name = {},
                   std::string_view subresource = {});
// For use in a query or path segment.
std::string PercentEncode(std::string_view text);

// Each takes a kind of the table (FindKind); others give a request for "/" that answers 404.
Request GetRequest(const ObjectRef& ref);
Request ListRequest(std::string_view kind, std::string_view ns,
                    std::string_view label_selector = {}, std::string_view continue_token = {},
                    int limit = 500);
// A watch from a version, with bookmarks, that the server ends after timeout_s.
Request WatchRequest(std::string_view kind, std::string_view ns, std::string_view label_selector,
                     std::string_view from_version, std::uint32_t timeout_s);
Request CreateRequest(const ObjectRef& ref, const Json& object);
Request UpdateRequest(const ObjectRef& ref, const Json& object);
// Server-side apply, forced, as kFieldManager.
Request ApplyRequest(const ObjectRef& ref, const Json& object);
// Merge patch; uid and rv, if not empty, go into it as preconditions.
Request PatchRequest(const ObjectRef& ref, Json patch, std::string_view subresource = {},
                     std::string_view uid = {}, std::string_view rv = {});
struct DeleteHow {
  std::string uid, rv;  // preconditions, if not empty
  std::optional<std::int64_t> grace_s;
  std::string propagation = "Background";
};
Request DeleteRequest(const ObjectRef& ref, const DeleteHow& how);

}  // namespace pgo::kube
