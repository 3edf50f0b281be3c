#include "adapters/local/api/reviews.h"

#include "adapters/local/api/body.h"
#include "engine/base/json.h"

namespace pgo::local {
namespace {

constexpr std::string_view kAuthorization = "/apis/authorization.k8s.io/v1/";
constexpr std::string_view kAuthentication = "/apis/authentication.k8s.io/v1/";

Json UserInfo(const Identity& identity) {
  return {{"username", identity.user}, {"groups", identity.groups}};
}

Json AllRules() {
  const Json all = Json::array({"*"});
  return {{"resourceRules", {{{"verbs", all}, {"apiGroups", all}, {"resources", all}}}},
          {"nonResourceRules", {{{"verbs", all}, {"nonResourceURLs", all}}}},
          {"incomplete", false}};
}

Json TokenStatus(const Json& review, const Credentials& credentials) {
  const auto identity = credentials.Check(GetString(review, {"spec", "token"}));
  if (!identity)
    return {{"user", Json::object()}, {"error", "the token is not one of this server"}};
  return {{"authenticated", true}, {"user", UserInfo(*identity)}};
}

// The kind that a path asks for; "" if it is none.
std::string KindOf(std::string_view plural, bool authorization) {
  struct Row {
    const char *plural, *kind;
    bool authorization;
  };
  static constexpr Row kRows[] = {
      {"selfsubjectaccessreviews", "SelfSubjectAccessReview", true},
      {"selfsubjectrulesreviews", "SelfSubjectRulesReview", true},
      {"subjectaccessreviews", "SubjectAccessReview", true},
      {"selfsubjectreviews", "SelfSubjectReview", false},
      {"tokenreviews", "TokenReview", false},
  };
  for (const Row& row : kRows) {
    if (row.plural == plural && row.authorization == authorization) return row.kind;
  }
  return {};
}

}  // namespace

std::optional<Reply> Review(const Request& request, const Credentials& credentials) {
  const std::string_view path = request.path;
  const bool authorization = path.starts_with(kAuthorization);
  if (request.method != "POST" || (!authorization && !path.starts_with(kAuthentication)))
    return std::nullopt;
  const std::string_view group = authorization ? kAuthorization : kAuthentication;
  const std::string kind = KindOf(path.substr(group.size()), authorization);
  if (kind.empty()) return std::nullopt;
  auto body = ReadBody(request.body);
  if (!body || !body->is_object()) {
    body = Json{{"apiVersion", std::string(group.substr(6, group.size() - 7))}, {"kind", kind}};
  }
  Json& status = (*body)["status"];
  status = {{"allowed", true}};
  if (kind == "SelfSubjectRulesReview") status = AllRules();
  if (kind == "SelfSubjectReview") status = {{"userInfo", UserInfo(request.identity)}};
  if (kind == "TokenReview") status = TokenStatus(*body, credentials);
  return JsonReply(201, *body);
}

}  // namespace pgo::local
