#include "adapters/operator/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "adapters/operator/api.h"
#include "engine/kube/names.h"
#include "journal/testing/fixture.h"

namespace pgo {
namespace {

// A scrape as Prometheus reads it: series with labels -> value. Fails the test for a line that is
// neither comment nor sample, for a sample without HELP and TYPE before it, for one told twice.
std::map<std::string, double> Parse(const std::string& text) {
  static const std::regex kSample(
      R"(([a-z_:][a-z0-9_:]*)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? (NaN|[+-]?(Inf|[0-9.e+-]+)))");
  static const std::regex kHelp(R"(# HELP ([a-z0-9_:]+) .+\.)");
  static const std::regex kType(R"(# TYPE ([a-z0-9_:]+) (counter|gauge|histogram))");
  std::map<std::string, double> out;
  std::set<std::string> helped, typed;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, kHelp)) {
      EXPECT_TRUE(helped.insert(match[1]).second) << line;
    } else if (std::regex_match(line, match, kType)) {
      EXPECT_TRUE(typed.insert(match[1]).second) << line;
      EXPECT_EQ(match[2] == "counter", std::string(match[1]).ends_with("_total")) << line;
    } else if (std::regex_match(line, match, kSample)) {
      const std::string family =
          std::regex_replace(match[1].str(), std::regex("_(bucket|sum|count)$"), "");
      EXPECT_TRUE(typed.contains(family) && helped.contains(family)) << line;
      EXPECT_TRUE(out.emplace(match[1].str() + match[2].str(), std::stod(match[4])).second) << line;
    } else {
      ADD_FAILURE() << "no line of the text format: " << line;
    }
  }
  return out;
}

class SteppingClock final : public Clock {
 public:
  Now Read() override { return {now_ += 1000, now_}; }

 private:
  std::int64_t now_ = kSecond;
};

class MetricsTest : public ::testing::Test {
 protected:
  MetricsTest() {
    journal_ = *journal::Journal::Open(dir_.Path("j"), {});
    port_ = std::make_unique<StorePort>(
        *journal_, [this](const StorePort::Written& written) { metrics_.Written(written); });
    driver_ = std::make_unique<Driver>(Engine(), *port_, clock_, DriverOptions{});
    driver_->SetOnCommit([this](const auto& events, const auto& step, std::int64_t step_us) {
      metrics_.Committed(events, step, step_us);
    });
    loop_ = std::thread([this] { EXPECT_TRUE(journal::testing::Ok(driver_->Run())); });
    metrics_.Look(driver_.get());
  }
  ~MetricsTest() override {
    metrics_.Look(nullptr);
    driver_->Stop();
    loop_.join();
  }
  std::map<std::string, double> Scrape() {
    http::Request request;
    request.path = "/metrics";
    standing_.Work(Shared());
    const auto response = AnswerHealth(request, metrics_, standing_);
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
    return Parse(response.body);
  }
  Standing::JournalPtr Shared() { return {Standing::JournalPtr(), journal_.get()}; }
  static Payload Pod(const std::string& instance, bool leads, std::int64_t lsn) {
    Json pod = JsonLiteral(R"({"status":{"phase":"Running","containerStatuses":
      [{"name":"database","state":{"running":{}}}],
      "conditions":[{"type":"Ready","status":"True"}]}})");
    Put(pod, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    Put(pod, {"metadata", "labels", kube::kLabelInstance}, instance);
    Put(pod, {"metadata", "labels", kube::kLabelRole}, leads ? "master" : "replica");
    Json status = JsonLiteral(R"({"state":"running","version":"4.0.7","timeline":3})");
    status["role"] = leads ? "primary" : "replica";
    status["xlog_location"] = lsn;
    if (!leads) status["replication_state"] = "streaming";
    Put(pod, {"metadata", "annotations", "status"}, DumpJson(status));
    return Observed{{"Pod", "ns", instance + "-0"}, instance, "7", pod};
  }
  static std::vector<Payload> Cluster() {
    Json cluster = JsonLiteral(R"({"spec":{"postgresVersion":17,"instances":[{}]},
      "status":{"conditions":[{"type":"Ready","status":"True"}]}})");
    Json set = Json::object();
    Put(set, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    Json one = set, two = set, lock = set;
    Put(one, {"metadata", "labels", kube::kLabelInstance}, "one");
    Put(two, {"metadata", "labels", kube::kLabelInstance}, "two");
    Put(lock, {"metadata", "annotations", "leader"}, "one-0");
    return {Observed{{"PostgresCluster", "ns", "hippo"}, "u", "1", cluster},
            Observed{{"StatefulSet", "ns", "one"}, "s1", "2", one},
            Observed{{"StatefulSet", "ns", "two"}, "s2", "3", two},
            Pod("one", true, 1000),
            Pod("two", false, 900),
            Observed{{"Endpoints", "ns", "hippo-ha"}, "e", "8", lock}};
  }

  journal::testing::TempDir dir_;
  OperatorMetrics metrics_;
  Standing standing_;
  SteppingClock clock_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<StorePort> port_;
  std::unique_ptr<Driver> driver_;
  std::thread loop_;
};

TEST_F(MetricsTest, CountsWhatWasCommittedAndShowsEachCluster) {
  driver_->Post({Leading{true, 4, ""}, Listed{"Pod", "9", true, {}}});
  driver_->Post(Cluster());
  auto seen = Scrape();
  while (seen[R"(pgo_engine_events_total{type="Observed",kind="Pod"})"] < 2) seen = Scrape();
  seen = Scrape();  // clusters are looked at before the counters are read
  const std::map<std::string, double> expected = {
      {"pgo_leader", 1},
      {"pgo_leader_epoch", 4},
      {"pgo_leaderships_total", 1},
      {R"(pgo_kube_gaps_total{kind="Pod"})", 1},
      {R"(pgo_engine_events_total{type="Listed",kind="Pod"})", 1},
      {"pgo_journal_failed", 0},
      {"pgo_journal_segments", 1},
      {R"(pgo_cluster_ready{namespace="ns",cluster="hippo"})", 1},
      {R"(pgo_cluster_writable{namespace="ns",cluster="hippo"})", 0},
      {R"(pgo_cluster_primary_known{namespace="ns",cluster="hippo"})", 1},
      {R"(pgo_cluster_instances{namespace="ns",cluster="hippo"})", 2},
      {R"(pgo_cluster_instances_ready{namespace="ns",cluster="hippo"})", 2},
      {R"(pgo_cluster_replicas_streaming{namespace="ns",cluster="hippo"})", 1},
      {R"(pgo_cluster_timeline{namespace="ns",cluster="hippo"})", 3},
      {R"(pgo_cluster_replication_lag_bytes{namespace="ns",cluster="hippo",instance="two"})", 100},
  };
  for (const auto& [name, value] : expected) {
    ASSERT_TRUE(seen.contains(name)) << name;
    EXPECT_EQ(seen[name], value) << name;
  }
  EXPECT_EQ(seen["pgo_journal_head_seq"], static_cast<double>(journal_->Head().seq));
  EXPECT_GT(seen["pgo_journal_written_bytes_total"], 100);
  EXPECT_EQ(seen["pgo_journal_frames_total"], seen["pgo_engine_step_seconds_count"]);
  EXPECT_EQ(seen["pgo_journal_sync_seconds_count"],
            seen[R"(pgo_journal_sync_seconds_bucket{le="+Inf"})"]);
  driver_->Post({Gone{{"PostgresCluster", "ns", "hippo"}, "u"}});
  while (seen.contains(R"(pgo_cluster_ready{namespace="ns",cluster="hippo"})")) seen = Scrape();
}

TEST_F(MetricsTest, CountsFailoversByEvidence) {
  StepResult step;
  Action action;
  action.ns = "ns";
  action.cluster = "hippo";
  action.room = "failover";
  action.reason = Reason::kFailoverComplete;
  action.facts = JsonLiteral(R"({"class":"F"})");
  step.actions = {action};
  metrics_.Committed({}, step, 5);
  auto seen = Scrape();
  EXPECT_EQ(seen[R"(pgo_failovers_total{class="F"})"], 1);
  EXPECT_EQ(
      seen[R"(pgo_engine_actions_total{room="failover",kind="Apply",reason="FailoverComplete"})"],
      1);
}

TEST_F(MetricsTest, LabelsOfRequestsAreFew) {
  struct Case {
    std::string method, path, content_type, verb, resource;
    bool stream = false;
  };
  const std::vector<Case> cases = {
      {"GET", "/api/v1/pods?limit=500&continue=x", "", "LIST", "pods"},
      {"GET", "/api/v1/pods?watch=1", "", "WATCH", "pods", true},
      {"GET", "/api/v1/namespaces/a/secrets/pods2", "", "GET", "secrets"},
      {"PATCH", "/apis/apps/v1/namespaces/a/statefulsets/b", "application/apply-patch+yaml",
       "APPLY", "statefulsets"},
      {"PATCH", "/apis/x/v1/namespaces/a/made-up/b", "application/merge-patch+json", "PATCH",
       "other"},
      {"GET", "/readyz", "", "GET", "other"},
      {"GET", "", "", "GET", "other"},
      {"GET", "//", "", "GET", "other"},
  };
  for (const Case& one : cases) {
    const kube::Seen seen{one.method, one.path, one.content_type, one.stream, 200, 0.01};
    EXPECT_EQ(VerbOf(seen), one.verb) << one.path;
    EXPECT_EQ(ResourceOf(one.path), one.resource) << one.path;
    metrics_.Asked(seen);
  }
  auto seen = Scrape();
  EXPECT_EQ(seen[R"(pgo_kube_requests_total{verb="LIST",resource="pods",code="200"})"], 1);
  EXPECT_EQ(seen[R"(pgo_kube_watch_restarts_total{resource="pods"})"], 1);
  EXPECT_EQ(seen[R"(pgo_kube_request_seconds_count{verb="GET"})"], 4);
  EXPECT_FALSE(seen.contains(R"(pgo_kube_request_seconds_count{verb="WATCH"})"));
}

TEST_F(MetricsTest, HealthSaysWhatThereIs) {
  const auto ask = [&](const std::string& path) {
    http::Request request;
    request.path = path;
    const auto response = AnswerHealth(request, metrics_, standing_);
    return std::to_string(response.status) + " " + response.body;
  };
  standing_.Work(Shared());
  EXPECT_EQ(ask("/healthz"), "200 ok\n");
  EXPECT_EQ(ask("/readyz"), "200 ok\n");
  EXPECT_EQ(ask("/debug").substr(0, 3), "404");
  standing_.SetAmnesia("it ends with record 7");
  EXPECT_EQ(ask("/readyz"), "200 ok\nthis leadership began with amnesia: it ends with record 7\n");
  standing_.Still("no space left");
  EXPECT_EQ(ask("/healthz"), "200 ok\n") << "no restart helps a full disk";
  EXPECT_EQ(ask("/readyz"), "503 standing still: no space left\n");
  standing_.Close();
  EXPECT_NE(ask("/metrics").find("pgo_journal_failed 1"), std::string::npos);
}

}  // namespace
}  // namespace pgo
