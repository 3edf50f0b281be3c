#include "adapters/operator/guard.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "adapters/secrets/shown.h"
#include "engine/base/digest.h"

namespace pgo {
namespace {

constexpr const char* kTokens = "/apis/authentication.k8s.io/v1/tokenreviews";
constexpr const char* kAccess = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
constexpr const char* kAuthorityMap =
    "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
constexpr const char* kGroup = "postgres-operator.crunchydata.com";
constexpr std::int64_t kPatienceMs = 5000;
constexpr std::size_t kTokenMost = 64 << 10;

auto Refused(unsigned status, std::string why) {
  return tl::make_unexpected(Refusal{status, std::move(why)});
}

// The words of the error are plain ones (kube/words.h): no token is among them.
auto NotFoundOut(const std::string& what, const kube::Reply& reply, const std::string& mend) {
  return Refused(
      503, what + ": " + reply.error->message +
               (reply.http == 401 || reply.http == 403 ? "; mend: " + mend : "; ask again later"));
}

kube::Request Review(const char* path, const char* version, const char* kind, Json spec) {
  kube::Request request;
  request.method = "POST";
  request.path = path;
  request.content_type = "application/json";
  request.timeout_ms = kPatienceMs;
  request.body = DumpJson({{"apiVersion", version}, {"kind", kind}, {"spec", std::move(spec)}});
  return request;
}

bool Same(const std::string& a, const std::string& b) {
  return !b.empty() && a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string BearerOf(const std::string& header) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() <= kScheme.size()) return "";
  const bool bearer =
      std::equal(kScheme.begin(), kScheme.end(), header.begin(),
                 [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
  return bearer ? header.substr(kScheme.size()) : "";
}

// As `kubectl create rolebinding` takes it.
std::string SubjectFlag(const std::string& user) {
  constexpr std::string_view kAccount = "system:serviceaccount:";
  return user.starts_with(kAccount) ? "--serviceaccount=" + user.substr(kAccount.size())
                                    : "--user=" + user;
}

}  // namespace

tl::expected<Asker, Refusal> Guard::Who(const http::Request& request) {
  const std::string token = BearerOf(request.authorization);
  if (Same(token, parts_.token)) {
    Asker owner;
    owner.owner = true;
    return owner;
  }
  if (token.size() > kTokenMost) return Refused(401, "the bearer token is too long to be one");
  if (!token.empty()) return OfToken(token);
  if (!request.certificate.empty()) return OfCertificate(request.certificate);
  return Refused(401,
                 "nobody knows who asks: a bearer token or a client certificate of Kubernetes is "
                 "needed; pgo sends what the kubeconfig has");
}

tl::expected<Asker, Refusal> Guard::OfToken(const std::string& token) {
  const std::string key = Sha256Hex(token);
  const std::int64_t now = parts_.elapsed_us();
  if (auto known = askers_.Find(key, now)) return *std::move(known);
  const kube::Reply reply =
      parts_.ask(Review(kTokens, "authentication.k8s.io/v1", "TokenReview", {{"token", token}}));
  if (!reply.ok()) {
    return NotFoundOut("TokenReview", reply,
                       "let the operator's account create tokenreviews.authentication.k8s.io "
                       "(rbac.reviews of the chart)");
  }
  Asker asker;
  asker.user = GetString(reply.body, {"status", "user", "username"});
  // What is wrong with it, Kubernetes says in words that may hold anything.
  if (!GetBool(reply.body, {"status", "authenticated"}) || asker.user.empty()) {
    return Refused(401, "Kubernetes does not know this bearer token, or no longer");
  }
  asker.uid = GetString(reply.body, {"status", "user", "uid"});
  for (const Json& group : GetArray(reply.body, {"status", "user", "groups"})) {
    asker.groups.push_back(AsString(group));
  }
  if (const Json* extra = Find(reply.body, {"status", "user", "extra"})) asker.extra = *extra;
  askers_.Keep(key, asker, now);
  return asker;
}

tl::expected<std::string, Refusal> Guard::ClientAuthority() {
  const std::int64_t now = parts_.elapsed_us();
  if (auto known = authority_.Find("", now)) return *std::move(known);
  kube::Request request;
  request.path = kAuthorityMap;
  request.timeout_ms = kPatienceMs;
  const kube::Reply reply = parts_.ask(std::move(request));
  const std::string token =
      "let the operator's account read configmap "
      "kube-system/extension-apiserver-authentication "
      "(rbac.clientCertificates of the chart), or ask with a bearer token: "
      "kubectl create token, PGO_TOKEN_FILE";
  if (!reply.ok()) return NotFoundOut("authority of client certificates", reply, token);
  std::string pem = GetString(reply.body, {"data", "client-ca-file"});
  if (pem.empty()) {
    return Refused(401,
                   "this Kubernetes cluster names no authority of client certificates: ask "
                   "with a bearer token (kubectl create token, PGO_TOKEN_FILE)");
  }
  authority_.Keep("", pem, now);
  return pem;
}

tl::expected<Asker, Refusal> Guard::OfCertificate(const std::string& shown) {
  const auto authority = ClientAuthority();
  if (!authority) return tl::make_unexpected(authority.error());
  auto judged = secrets::JudgeShown(shown, *authority, parts_.wall_us());
  if (!judged) {
    return Refused(
        judged.error().code == Code::kDenied ? 401 : 503,
        "the client certificate is not one that Kubernetes takes: " + judged.error().message);
  }
  Asker asker;
  asker.user = std::move(judged->name);
  asker.groups = std::move(judged->groups);
  asker.groups.emplace_back("system:authenticated");
  return asker;
}

tl::expected<bool, Refusal> Guard::May(const Asker& asker, const Wanted& wanted) {
  if (asker.owner) return true;
  Json spec = {{"user", asker.user}, {"groups", asker.groups}, {"extra", asker.extra}};
  if (!asker.uid.empty()) spec["uid"] = asker.uid;
  if (!wanted.path.empty()) {
    spec["nonResourceAttributes"] = {{"path", wanted.path}, {"verb", wanted.verb}};
  } else {
    spec["resourceAttributes"] = {{"group", wanted.group},
                                  {"resource", wanted.resource},
                                  {"verb", wanted.verb},
                                  {"namespace", wanted.ns}};
  }
  const std::string key = DumpJson(spec);
  const std::int64_t now = parts_.elapsed_us();
  if (const auto known = verdicts_.Find(key, now)) return *known;
  const kube::Reply reply = parts_.ask(
      Review(kAccess, "authorization.k8s.io/v1", "SubjectAccessReview", std::move(spec)));
  if (!reply.ok()) {
    return NotFoundOut("SubjectAccessReview", reply,
                       "let the operator's account create "
                       "subjectaccessreviews.authorization.k8s.io (rbac.reviews of the chart)");
  }
  const bool allowed = GetBool(reply.body, {"status", "allowed"});
  verdicts_.Keep(key, allowed, now);
  return allowed;
}

std::string Guard::Denied(const Asker& asker, const Wanted& wanted) const {
  const std::string role =
      parts_.viewer_role.empty() ? "ROLE (one that has this right)" : parts_.viewer_role;
  const std::string where = wanted.ns.empty() ? " in all namespaces" : " in namespace " + wanted.ns;
  const std::string mend =
      wanted.ns.empty()
          ? "kubectl create clusterrolebinding NAME --clusterrole=" + role
          : "kubectl create rolebinding NAME -n " + wanted.ns + " --clusterrole=" + role;
  return asker.user + " may not " + wanted.verb + " " + wanted.resource + "." + wanted.group +
         where + ", which this answer needs; mend: " + mend + " " + SubjectFlag(asker.user);
}

tl::expected<Access, Refusal> Guard::MayRead(const Asker& asker, const std::string& ns) {
  Wanted wanted{"list", kGroup, "postgresclusters", "", ""};
  const auto all = May(asker, wanted);
  if (!all) return tl::make_unexpected(all.error());
  if (*all) return Access{true, "", true};
  wanted.ns = ns;
  if (ns.empty()) return Refused(403, Denied(asker, wanted));
  const auto one = May(asker, wanted);
  if (!one) return tl::make_unexpected(one.error());
  if (!*one) return Refused(403, Denied(asker, wanted));
  const auto nodes = May(asker, {"list", "", "nodes", "", ""});
  if (!nodes) return tl::make_unexpected(nodes.error());
  return Access{false, ns, *nodes};
}

tl::expected<void, Refusal> Guard::MayScrape(const Asker& asker) {
  const auto may = May(asker, {"get", "", "", "", "/metrics"});
  if (!may) return tl::make_unexpected(may.error());
  if (*may) return {};
  return Refused(403, asker.user +
                          " may not get the non-resource URL /metrics; mend: bind a "
                          "ClusterRole that allows it, as the chart's …-metrics: kubectl "
                          "create clusterrolebinding NAME --clusterrole=ROLE " +
                          SubjectFlag(asker.user));
}

}  // namespace pgo
