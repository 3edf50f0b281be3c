// Who asks the operator's API, and what he may be told: Kubernetes decides both.
//
//   who:  the token of the data directory (its owner can read the journal's files as well), or a
//         bearer token that TokenReview knows, or a client certificate of the authority that the
//         API server takes them from (ConfigMap kube-system/extension-apiserver-authentication)
//   what: SubjectAccessReview. Whoever may list postgresclusters in all namespaces is told all; in
//         the namespace that the request names (`namespace=`), what is of that namespace
//         (visible.h). /metrics: get of that non-resource URL.
//
// An answer of Kubernetes holds for ten seconds, at most so many at once; a failure is never kept.
// Tokens are kept as digests, and are not in any message. Any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "adapters/http/server.h"
#include "adapters/kube/requests.h"
#include "adapters/operator/recent.h"

namespace pgo {

struct Asker {
  bool owner = false;  // of the data directory
  std::string user, uid;
  std::vector<std::string> groups;
  Json extra = Json::object();  // as TokenReview gave it
};

// What may be told.
struct Access {
  bool all = false;
  std::string ns;      // else of this namespace alone
  bool nodes = false;  // and Nodes
};

// 401: nobody knows who asks. 403: he may not. 503: it cannot be found out.
struct Refusal {
  unsigned status = 0;
  std::string why;
};

class Guard {
 public:
  struct Parts {
    std::function<kube::Reply(kube::Request)> ask;  // Kubernetes
    std::string token;                              // of the data directory
    std::string viewer_role;  // ClusterRole that has what is needed, for messages; "": not known
    std::function<std::int64_t()> elapsed_us, wall_us;
  };
  static constexpr std::int64_t kHoldsUs = 10'000'000, kAuthorityHoldsUs = 60'000'000;
  static constexpr std::size_t kMost = 1024;

  explicit Guard(Parts parts)
      : parts_(std::move(parts)),
        askers_(kHoldsUs, kMost),
        verdicts_(kHoldsUs, kMost),
        authority_(kAuthorityHoldsUs, 1) {}

  tl::expected<Asker, Refusal> Who(const http::Request& request);
  // `ns` "": only all will do.
  tl::expected<Access, Refusal> MayRead(const Asker& asker, const std::string& ns);
  tl::expected<void, Refusal> MayScrape(const Asker& asker);

 private:
  // Of one resource: where `ns` is "", in all namespaces.
  struct Wanted {
    std::string verb, group, resource, ns, path;  // path: of a non-resource URL instead
  };
  tl::expected<Asker, Refusal> OfToken(const std::string& token);
  tl::expected<Asker, Refusal> OfCertificate(const std::string& shown);
  tl::expected<std::string, Refusal> ClientAuthority();
  tl::expected<bool, Refusal> May(const Asker& asker, const Wanted& wanted);
  [[nodiscard]] std::string Denied(const Asker& asker, const Wanted& wanted) const;

  const Parts parts_;
  Recent<Asker> askers_;   // by the digest of the token
  Recent<bool> verdicts_;  // by the review
  Recent<std::string> authority_;
};

}  // namespace pgo
