#include "adapters/operator/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "adapters/operator/api.h"
#include "adapters/secrets/certificate.h"
#include "engine/event/codec.h"
#include "journal/query/bundle_file.h"
#include "journal/testing/fixture.h"

namespace pgo {
namespace {

using journal::testing::Ok;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOwner = "token-of-the-data-directory";

// A Kubernetes that knows some tokens and some rights, and counts what it is asked.
struct FakeReviews {
  std::map<std::string, std::string> users;  // by token
  std::set<std::string> rights;  // "ana list postgresclusters team-a", "ana get /metrics"
  std::string authority;         // of client certificates
  int http = 0;                  // what it fails with; 0: it does not
  int tokens = 0, accesses = 0;
  Json last;

  kube::Reply Answer(const kube::Request& request) {
    kube::Reply reply;
    reply.http = http != 0 ? http : 201;
    if (http != 0) {
      reply.error = Error{http == 403 ? Code::kDenied : Code::kUnavailable,
                          request.method + " " + request.path + ": " + std::to_string(http)};
      return reply;
    }
    reply.body = request.body.empty() ? Json::object() : *ParseJson(request.body);
    last = reply.body;
    if (request.path.ends_with("/tokenreviews")) OfToken(reply.body);
    if (request.path.ends_with("/subjectaccessreviews")) OfAccess(reply.body);
    if (request.path.ends_with("extension-apiserver-authentication")) {
      reply.body = {{"data", {{"client-ca-file", authority}}}};
    }
    return reply;
  }

 private:
  void OfToken(Json& review) {
    ++tokens;
    const auto user = users.find(GetString(review, {"spec", "token"}));
    if (user == users.end()) {
      review["status"] = {
          {"error", "[invalid bearer token, " + GetString(review, {"spec", "token"})}};
      return;
    }
    review["status"] = {{"authenticated", true},
                        {"user",
                         {{"username", user->second},
                          {"uid", "u-" + user->second},
                          {"groups", Json::array({"system:authenticated"})},
                          {"extra", {{"scopes", Json::array({"x"})}}}}}};
  }
  void OfAccess(Json& review) {
    ++accesses;
    const Json& spec = review["spec"];
    const std::string path = GetString(spec, {"nonResourceAttributes", "path"});
    const std::string ns = GetString(spec, {"resourceAttributes", "namespace"});
    const std::string what =
        path.empty() ? GetString(spec, {"resourceAttributes", "verb"}) + " " +
                           GetString(spec, {"resourceAttributes", "resource"}) + " " + ns
                     : GetString(spec, {"nonResourceAttributes", "verb"}) + " " + path;
    const std::string user = GetString(spec, {"user"});
    // As RBAC: a right in all namespaces is one in each.
    const std::string everywhere = what.substr(0, what.size() - ns.size());
    review["status"] = {{"allowed", rights.contains(user + " " + what) ||
                                        rights.contains(user + " " + everywhere)}};
  }
};

journal::Record Told(RecordType type, std::vector<std::string> subjects) {
  journal::Record record;
  record.type = static_cast<std::uint16_t>(type);
  record.subjects = std::move(subjects);
  record.payload = "{}";
  return record;
}

class GuardTest : public ::testing::Test {
 protected:
  GuardTest() {
    kube_.users = {{"root-token", "root"},
                   {"ana-token", "ana"},
                   {"eve-token", "eve"},
                   {"bot-token", "system:serviceaccount:ci:bot"}};
    kube_.rights = {"root list postgresclusters ", "root get /metrics",
                    "ana list postgresclusters team-a"};
    journal_ = *journal::Journal::Open(dir_.Path("j"), {});
    const std::vector<journal::Record> told{
        Told(RecordType::kBaseline, {"operator/Baseline"}),                           // 1
        Told(RecordType::kStarted, {"operator/Started"}),                             // 2
        Told(RecordType::kListed, {"kind/Pod"}),                                      // 3
        Told(RecordType::kObserved, {"Pod/team-a/hippo-0", "cluster/team-a/hippo"}),  // 4
        Told(RecordType::kObserved, {"Pod/team-b/rhino-0", "cluster/team-b/rhino"}),  // 5
        Told(RecordType::kObserved, {"Node//node1"}),                                 // 6
        Told(RecordType::kDecided, {"operator/Decided"}),                             // 7
        Told(RecordType::kAction, {"cluster/team-a/hippo", "action/aa", "Pod/team-a/hippo-0"}),
        Told(RecordType::kAction, {"cluster/team-b/rhino", "action/bb", "Pod/team-b/rhino-0"}),
        Told(RecordType::kDone, {"action/aa"}),                                   // 10
        Told(RecordType::kDone, {"action/bb"}),                                   // 11
        Told(RecordType::kGone, {"Pod/team-b/team-a"}),                           // 12
        Told(RecordType::kObserved, {"Pod/team-ab/x", "cluster/team-a/hippo"})};  // 13
    EXPECT_TRUE(Ok(journal_->Append(told, {1, 1}, journal::Durability::kSynced)));
    standing_.Work({Standing::JournalPtr(), journal_.get()});
  }
  http::Response Get(const std::string& path, const std::string& token,
                     std::map<std::string, std::string> query = {}) {
    http::Request request{"GET", path, std::move(query), "", shown_};
    if (!token.empty()) request.authorization = "Bearer " + token;
    return AnswerApi(request, standing_, desk_, guard_);
  }
  std::string Why(const http::Response& response) {
    return GetString(*ParseJson(response.body), {"error"});
  }
  // The records that a bundle carries.
  std::vector<std::uint64_t> Carried(const http::Response& response) {
    EXPECT_EQ(response.status, 200U) << response.body;
    const std::string path = dir_.Path("got.pgoj");
    journal::testing::WriteFileText(path, response.body);
    const auto bundle = journal::BundleFile::Open(path);
    EXPECT_TRUE(Ok(bundle));
    std::vector<std::uint64_t> seqs;
    EXPECT_TRUE(Ok(journal::Iterate(**bundle, {}, [&](const journal::Entry& entry) {
      seqs.push_back(entry.seq);
      return true;
    })));
    EXPECT_EQ((*bundle)->Head(), journal_->Head());
    return seqs;
  }

  journal::testing::TempDir dir_;
  std::unique_ptr<journal::Journal> journal_;
  Standing standing_;
  ReplicaDesk desk_;
  FakeReviews kube_;
  std::int64_t now_us_ = kSecond;
  std::string shown_;
  Guard guard_{{[this](const kube::Request& request) { return kube_.Answer(request); }, kOwner,
                "pgo-viewer", [this] { return now_us_; },
                [] { return std::int64_t{1'800'000'000} * kSecond; }}};
};

TEST_F(GuardTest, TellsNobodyAnythingWhoIsNotKnown) {
  for (const char* path : {"/version", "/head", "/journal", "/place", "/frames", "/nothing"}) {
    EXPECT_EQ(Get(path, "").status, 401U) << path;
    const auto wrong = Get(path, "no-such-token");
    EXPECT_EQ(wrong.status, 401U) << path;
    EXPECT_THAT(wrong.body, Not(HasSubstr("no-such-token")));
  }
  EXPECT_EQ(kube_.accesses, 0);
  http::Request basic{"GET", "/head", {}, "Basic " + std::string(kOwner), ""};
  EXPECT_EQ(AnswerApi(basic, standing_, desk_, guard_).status, 401U);
}

TEST_F(GuardTest, TellsAllToWhoMayListClustersInAllNamespaces) {
  EXPECT_EQ(Carried(Get("/frames", "root-token")).size(), 13U);
  EXPECT_EQ(Carried(Get("/frames", "root-token", {{"namespace", "team-a"}})).size(), 13U);
  EXPECT_EQ(Get("/journal", "root-token").status, 200U);
  // The owner of the data directory needs no Kubernetes.
  kube_.http = 500;
  EXPECT_EQ(Carried(Get("/frames", kOwner)).size(), 13U);
}

TEST_F(GuardTest, TellsOfOneNamespaceToWhoMayListClustersThere) {
  EXPECT_THAT(Carried(Get("/frames", "ana-token", {{"namespace", "team-a"}})),
              ElementsAre(2, 4, 8, 10));
  EXPECT_THAT(
      Carried(Get("/frames", "ana-token",
                  {{"namespace", "team-a"}, {"subject", "cluster/team-b/rhino,action/bb"}})),
      ElementsAre());
  EXPECT_EQ(Get("/head", "ana-token", {{"namespace", "team-a"}}).status, 200U);
  kube_.rights.insert("ana list nodes ");
  now_us_ += Guard::kHoldsUs;
  EXPECT_THAT(Carried(Get("/frames", "ana-token", {{"namespace", "team-a"}})),
              ElementsAre(2, 4, 6, 8, 10));
}

TEST_F(GuardTest, RefusesTheRestAndSaysHowToMendIt) {
  for (const char* path : {"/head", "/journal", "/place", "/frames"}) {
    EXPECT_EQ(Get(path, "ana-token").status, 403U) << path << " is about all namespaces";
    EXPECT_EQ(Get(path, "ana-token", {{"namespace", "team-b"}}).status, 403U) << path;
    EXPECT_EQ(Get(path, "eve-token", {{"namespace", "team-a"}}).status, 403U) << path;
  }
  EXPECT_EQ(
      Why(Get("/frames", "ana-token")),
      "ana may not list postgresclusters.postgres-operator.crunchydata.com in all namespaces, "
      "which this answer needs; mend: kubectl create clusterrolebinding NAME "
      "--clusterrole=pgo-viewer --user=ana");
  EXPECT_THAT(Why(Get("/frames", "bot-token", {{"namespace", "team-a"}})),
              AllOf(HasSubstr("in namespace team-a"),
                    HasSubstr("kubectl create rolebinding NAME -n team-a --clusterrole=pgo-viewer "
                              "--serviceaccount=ci:bot")));
  EXPECT_EQ(Get("/version", "eve-token").status, 200U);
}

TEST_F(GuardTest, PassesOnWhomKubernetesNamed) {
  Get("/head", "root-token");
  EXPECT_EQ(DumpJson(kube_.last["spec"]["extra"]), R"({"scopes":["x"]})");
  EXPECT_EQ(DumpJson(kube_.last["spec"]["groups"]), R"(["system:authenticated"])");
  EXPECT_EQ(GetString(kube_.last, {"spec", "uid"}), "u-root");
}

TEST_F(GuardTest, AnAnswerOfKubernetesHoldsForTenSeconds) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Get("/head", "root-token").status, 200U);
  EXPECT_EQ(kube_.tokens, 1);
  EXPECT_EQ(kube_.accesses, 1);
  kube_.rights.clear();
  now_us_ += Guard::kHoldsUs - 1;
  EXPECT_EQ(Get("/head", "root-token").status, 200U);
  now_us_ += 1;
  EXPECT_EQ(Get("/head", "root-token").status, 403U);
  kube_.users.clear();
  now_us_ += Guard::kHoldsUs;
  EXPECT_EQ(Get("/head", "root-token").status, 401U);
}

TEST_F(GuardTest, WhatCannotBeFoundOutIsRefusedAndNotKept) {
  kube_.http = 500;
  const auto down = Get("/head", "root-token");
  EXPECT_EQ(down.status, 503U);
  EXPECT_THAT(Why(down), AllOf(HasSubstr("TokenReview"), Not(HasSubstr("root-token"))));
  kube_.http = 403;
  EXPECT_THAT(Why(Get("/head", "root-token")), HasSubstr("rbac.reviews"));
  kube_.http = 0;
  EXPECT_EQ(Get("/version", "root-token").status, 200U);
  kube_.http = 403;
  const auto unjudged = Get("/head", "root-token");
  EXPECT_EQ(unjudged.status, 503U);
  EXPECT_THAT(Why(unjudged), HasSubstr("SubjectAccessReview"));
  kube_.http = 0;
  EXPECT_EQ(Get("/head", "root-token").status, 200U);
}

TEST_F(GuardTest, TakesClientCertificatesOfKubernetesAndNoOthers) {
  const std::int64_t now = std::int64_t{1'800'000'000} * kSecond;
  const auto authority = *secrets::MakeAuthority("kubernetes", now);
  const auto other = *secrets::MakeAuthority("kubernetes", now);
  const auto ana = *secrets::MakeLeaf({"ana", {}}, authority, now);
  shown_ = ana.certificate;
  EXPECT_THAT(Why(Get("/head", "", {{"namespace", "team-a"}})),
              HasSubstr("names no authority of client certificates"));
  kube_.authority = authority.certificate;
  EXPECT_EQ(Get("/head", "", {{"namespace", "team-a"}}).status, 200U);
  EXPECT_EQ(DumpJson(kube_.last["spec"]["groups"]), R"(["system:authenticated"])");
  EXPECT_EQ(Get("/head", "").status, 403U);
  shown_ = secrets::MakeLeaf({"ana", {}}, other, now)->certificate;
  EXPECT_EQ(Get("/head", "", {{"namespace", "team-a"}}).status, 401U);
  now_us_ += Guard::kAuthorityHoldsUs;
  kube_.http = 403;
  EXPECT_THAT(Why(Get("/head", "")), HasSubstr("rbac.clientCertificates"));
}

TEST_F(GuardTest, AClosedJournalIsNewsForWhoMayReadItAlone) {
  standing_.Still("no space left");
  standing_.Close();
  EXPECT_EQ(Get("/head", kOwner).status, 503U);
  EXPECT_THAT(Why(Get("/head", "root-token")), HasSubstr("no space left"));
  EXPECT_EQ(Get("/head", "eve-token").status, 403U);
  EXPECT_EQ(Get("/head", "").status, 401U);
}

TEST_F(GuardTest, MetricsAreForWhoMayGetThem) {
  OperatorMetrics metrics;
  const auto scrape = [&](const std::string& token) {
    http::Request request{"GET", "/metrics", {}, token.empty() ? "" : "Bearer " + token, ""};
    return AnswerMetrics(request, metrics, standing_, guard_);
  };
  EXPECT_EQ(scrape("").status, 401U);
  EXPECT_EQ(scrape("ana-token").status, 403U);
  EXPECT_THAT(scrape("ana-token").body, HasSubstr("may not get the non-resource URL /metrics"));
  EXPECT_EQ(scrape("root-token").status, 200U);
  EXPECT_THAT(scrape("root-token").body, HasSubstr("pgo_build_info"));
}

TEST(RecentTest, KeepsNoMoreThanItMayAndNothingForLonger) {
  Recent<int> recent(10, 3);
  for (int i = 0; i < 100; ++i) recent.Keep(std::to_string(i), i, i);
  EXPECT_EQ(recent.size(), 3U);
  EXPECT_EQ(recent.Find("99", 100), 99);
  EXPECT_EQ(recent.Find("97", 100), 97);
  EXPECT_EQ(recent.Find("96", 100), std::nullopt);
  recent.Keep("99", 7, 100);
  EXPECT_EQ(recent.size(), 3U);
  EXPECT_EQ(recent.Find("99", 109), 7);
  EXPECT_EQ(recent.Find("99", 110), std::nullopt);
}

}  // namespace
}  // namespace pgo
