#include "adapters/kube/requests.h"

#include <cctype>

#include "adapters/kube/words.h"
#include "engine/action/action.h"

namespace pgo::kube {
namespace {

constexpr std::size_t kWordsMax = 2048;  // of a message that is looked through

std::string PathOfRef(const ObjectRef& ref, bool collection = false,
                      std::string_view subresource = {}) {
  const KindInfo* kind = FindKind(ref.kind);
  if (kind == nullptr) return "/";
  return PathOf(*kind, ref.ns, collection ? std::string_view() : std::string_view(ref.name),
                subresource);
}

Request WithBody(std::string method, std::string path, std::string content_type, const Json& body) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.content_type = std::move(content_type);
  request.body = DumpJson(body);
  return request;
}

std::string ManagerQuery() { return std::string("fieldManager=") + kFieldManager; }

Code CodeOfStatus(int http, bool mutates) {
  switch (http) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return Code::kInvalid;
    case 401:
    case 403:
      return Code::kDenied;
    case 404:
      return Code::kNotFound;
    case 409:
    case 410:
    case 412:
      return Code::kConflict;
    case 429:
    case 503:
      return Code::kUnavailable;
    default:
      return mutates ? Code::kUnknown : Code::kUnavailable;
  }
}

// The path alone: a query may hold long tokens.
std::string Named(const Request& request) {
  return request.method + " " + request.path.substr(0, request.path.find('?'));
}

}  // namespace

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out.push_back(c);
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::string PathOf(const KindInfo& kind, std::string_view ns, std::string_view name,
                   std::string_view subresource) {
  std::string path = kind.group.empty() ? "/api/" : "/apis/" + std::string(kind.group) + "/";
  path += kind.version;
  if (kind.namespaced && !ns.empty()) path += "/namespaces/" + PercentEncode(ns);
  path += "/" + std::string(kind.plural);
  if (!name.empty()) path += "/" + PercentEncode(name);
  if (!subresource.empty()) path += "/" + std::string(subresource);
  return path;
}

Request GetRequest(const ObjectRef& ref) {
  Request request;
  request.path = PathOfRef(ref);
  return request;
}

Request ListRequest(std::string_view kind, std::string_view ns, std::string_view label_selector,
                    std::string_view continue_token, int limit) {
  Request request;
  request.path =
      PathOfRef({std::string(kind), std::string(ns), ""}, true) + "?limit=" + std::to_string(limit);
  if (!label_selector.empty()) request.path += "&labelSelector=" + PercentEncode(label_selector);
  if (!continue_token.empty()) request.path += "&continue=" + PercentEncode(continue_token);
  request.timeout_ms = 30'000;
  return request;
}

Request WatchRequest(std::string_view kind, std::string_view ns, std::string_view label_selector,
                     std::string_view from_version, std::uint32_t timeout_s) {
  Request request;
  request.path =
      PathOfRef({std::string(kind), std::string(ns), ""}, true) +
      "?watch=true&allowWatchBookmarks=true&resourceVersion=" + PercentEncode(from_version) +
      "&timeoutSeconds=" + std::to_string(timeout_s);
  if (!label_selector.empty()) request.path += "&labelSelector=" + PercentEncode(label_selector);
  return request;
}

Request CreateRequest(const ObjectRef& ref, const Json& object) {
  return WithBody("POST", PathOfRef(ref, true) + "?" + ManagerQuery(), "application/json", object);
}

Request UpdateRequest(const ObjectRef& ref, const Json& object) {
  return WithBody("PUT", PathOfRef(ref) + "?" + ManagerQuery(), "application/json", object);
}

Request ApplyRequest(const ObjectRef& ref, const Json& object) {
  // JSON is YAML, so the body needs no other form.
  return WithBody("PATCH", PathOfRef(ref) + "?" + ManagerQuery() + "&force=true",
                  "application/apply-patch+yaml", object);
}

Request PatchRequest(const ObjectRef& ref, Json patch, std::string_view subresource,
                     std::string_view uid, std::string_view rv) {
  if (!uid.empty()) Put(patch, {"metadata", "uid"}, std::string(uid));
  if (!rv.empty()) Put(patch, {"metadata", "resourceVersion"}, std::string(rv));
  return WithBody("PATCH", PathOfRef(ref, false, subresource) + "?" + ManagerQuery(),
                  "application/merge-patch+json", patch);
}

Request DeleteRequest(const ObjectRef& ref, const DeleteHow& how) {
  Json options = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!how.uid.empty()) options["preconditions"]["uid"] = how.uid;
  if (!how.rv.empty()) options["preconditions"]["resourceVersion"] = how.rv;
  if (how.grace_s) options["gracePeriodSeconds"] = *how.grace_s;
  if (!how.propagation.empty()) options["propagationPolicy"] = how.propagation;
  return WithBody("DELETE", PathOfRef(ref), "application/json", options);
}

Reply Interpret(const Request& request, RawReply raw) {
  Reply reply;
  reply.http = raw.http;
  auto json = ParseJson(raw.text);
  if (json && json->is_structured()) {
    reply.body = std::move(*json);
  } else {
    reply.text = std::move(raw.text);
  }
  if (!raw.error.empty()) {
    const bool unknown = raw.sent && request.Mutates();
    reply.http = 0;
    reply.error =
        Error{unknown ? Code::kUnknown : Code::kUnavailable, Named(request) + ": " + raw.error};
    return reply;
  }
  if (raw.http >= 200 && raw.http < 300) return reply;
  reply.reason = GetString(reply.body, {"reason"});
  std::string message = GetString(reply.body, {"message"});
  if (message.empty()) message = reply.text.substr(0, 200);
  const std::string named = Named(request);
  if (!request.verbatim) message = PlainWords(message.substr(0, kWordsMax), named);
  reply.error = Error{CodeOfStatus(raw.http, request.Mutates()),
                      named + ": " + std::to_string(raw.http) + " " + message};
  return reply;
}

}  // namespace pgo::kube
