// An API server of pgo-local on loopback, without nodes, for the verbs that talk to one; the test
// plays the operator, Patroni and the pods.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>

#include "adapters/cli/documents.h"
#include "adapters/cli/testing/captured.h"
#include "adapters/cli/testing/incidents.h"
#include "adapters/local/test_support.h"
#include "engine/cluster/spec.h"
#include "engine/kube/names.h"

namespace pgo::cli::testing {

// Answers commands in pods: what the test says for the pod and the command line.
class FakeRuntime final : public local::Runtime {
 public:
  struct Answer {
    int code = 0;
    std::string out, err;
  };
  using Play = std::function<Answer(const std::string& pod, const std::string& command)>;

  void Set(Play play) {
    const std::lock_guard lock(mu_);
    play_ = std::move(play);
  }
  Result<std::unique_ptr<local::ExecSession>> Exec(local::ExecRequest request) override {
    std::string command;
    for (const auto& word : request.argv) command += (command.empty() ? "" : " ") + word;
    Play play;
    {
      const std::lock_guard lock(mu_);
      play = play_;
    }
    if (!play) return Fail(Code::kNotFound, "no such container");
    const Answer answer = play(request.pod, command);
    return std::make_unique<Session>(std::move(request), answer);
  }
  // What the container of each pod has written.
  void SetLog(const std::string& pod, const std::string& text) {
    const std::lock_guard lock(mu_);
    logs_[pod] = text;
  }
  // How often it was read.
  int LogReads(const std::string& pod) {
    const std::lock_guard lock(mu_);
    return log_reads_[pod];
  }
  Result<std::unique_ptr<local::LogReader>> OpenLog(local::LogOptions options) override {
    const std::lock_guard lock(mu_);
    const auto it = logs_.find(options.pod);
    if (it == logs_.end()) return Fail(Code::kNotFound, "no such container");
    ++log_reads_[options.pod];
    return std::make_unique<Log>(it->second);
  }
  Status PowerOff(const std::string&) override { return {}; }
  Status PowerOn(const std::string&) override { return {}; }
  Status SetLink(const std::string&, bool) override { return {}; }
  Status SetFrozen(const std::string&, bool) override { return {}; }

 private:
  class Session final : public local::ExecSession {
   public:
    Session(local::ExecRequest request, Answer answer)
        : request_(std::move(request)), answer_(std::move(answer)) {
      if (!request_.has_stdin) End();
    }
    void WriteStdin(std::string_view) override {}
    void CloseStdin() override { End(); }

   private:
    void End() {
      request_.on_stdout(answer_.out);
      request_.on_stderr(answer_.err);
      request_.on_exit(answer_.code);
    }
    local::ExecRequest request_;
    Answer answer_;
  };
  class Log final : public local::LogReader {
   public:
    explicit Log(std::string text) : text_(std::move(text)) {}
    std::string Read() override { return std::exchange(text_, {}); }
    bool Over() override { return true; }

   private:
    std::string text_;
  };
  std::mutex mu_;
  Play play_;
  std::map<std::string, std::string> logs_;  // by pod
  std::map<std::string, int> log_reads_;
};

inline local::StoreOptions Rules() {
  local::StoreOptions options;
  options.admission["PostgresCluster"] = [](const Json& object, const Json* old) {
    std::vector<local::FieldError> out;
    for (const auto& p : cluster::ValidateCluster(object, old)) {
      out.push_back({p.field, "FieldValueInvalid",
                     "Invalid value: " + p.value + ": " + p.rule + "; " + p.mend});
    }
    return out;
  };
  return options;
}

class ClusterFixture : public ::testing::Test {
 protected:
  ClusterFixture() : api_(Rules(), &runtime_) {
    WriteText(directory_.Path("kubeconfig"),
              api_.credentials->Kubeconfig("https://127.0.0.1:" + std::to_string(api_.port)));
    common_.kubeconfig = directory_.Path("kubeconfig");
    common_.ns = "default";
    const auto crd = ReadDocuments(ReadText("crds/postgrescluster.yaml"), "crd");
    EXPECT_EQ(api_.Call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                        DumpJson(crd->at(0)))
                  .code,
              201);
  }

  Json Get(const std::string& path) { return api_.Call("GET", path).json(); }
  Json Hippo() { return Get(kHippos + "/hippo"); }
  void Post(const std::string& path, const Json& object) {
    const auto answer = api_.Call("POST", path, DumpJson(object));
    EXPECT_EQ(answer.code, 201) << answer.body;
  }
  static Json Labelled(const std::string& kind, const std::string& name) {
    Json object = {{"apiVersion", "v1"}, {"kind", kind}, {"metadata", {{"name", name}}}};
    Put(object, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    return object;
  }
  void MakePod(const std::string& letter, const std::string& role, std::int64_t lsn,
               int timeline = 1, const std::string& ip = "10.0.0.1") {
    Json pod = Labelled("Pod", "hippo-00-" + letter + "-0");
    const Json member = MemberObject(role, lsn, timeline, "node-" + letter);
    Put(pod, {"metadata", "annotations"}, GetObject(member, {"metadata", "annotations"}));
    Put(pod, {"metadata", "labels", kube::kLabelInstance}, "hippo-00-" + letter);
    pod["spec"] = JsonLiteral(R"({"containers":[{"name":"database","image":"i"}]})");
    pod["spec"]["nodeName"] = "node-" + letter;
    Post("/api/v1/namespaces/default/pods", pod);
    const std::string status =
        R"({"status":{"phase":"Running","podIP":")" + ip + R"(","conditions":[
      {"type":"Ready","status":"True"}],"containerStatuses":[{"name":"database","ready":true,
      "image":"i","imageID":"i","restartCount":0,"state":{"running":{}}}]}})";
    const auto answer =
        api_.Call("PATCH", "/api/v1/namespaces/default/pods/hippo-00-" + letter + "-0/status",
                  status, "application/merge-patch+json");
    EXPECT_EQ(answer.code, 200) << answer.body;
  }
  void MakeLock(const std::string& leader) {
    Json lock = Labelled("Endpoints", "hippo-ha");
    Put(lock, {"metadata", "annotations"}, Json{{"leader", leader}, {"optime", "83886408"}});
    Post("/api/v1/namespaces/default/endpoints", lock);
  }
  void SetStatus(const std::string& ready, const std::string& message) {
    Json status = JsonLiteral(R"({"status":{"conditions":[{"type":"Ready","reason":"R",
      "lastTransitionTime":"2026-11-21T12:00:00Z"}]}})");
    status["status"]["conditions"][0]["status"] = ready;
    status["status"]["conditions"][0]["message"] = message;
    status["status"]["conditions"][0]["observedGeneration"] =
        GetInt(Hippo(), {"metadata", "generation"});
    const auto answer = api_.Call("PATCH", kHippos + "/hippo/status", DumpJson(status),
                                  "application/merge-patch+json");
    EXPECT_EQ(answer.code, 200) << answer.body;
  }
  void MakeHippo() {
    CreateCluster create;
    create.name = "hippo";
    create.replica_count = 1;
    create.wait = false;
    const auto made = run_(create, common_);
    ASSERT_TRUE(made) << made.error().message;
    MakePod("a", "primary", 0x5000148);
    MakePod("b", "replica", 0x5000100);
    MakeLock("hippo-00-a-0");
  }

  const std::string kHippos =
      "/apis/postgres-operator.crunchydata.com/v1beta1/namespaces/default/postgresclusters";
  FakeRuntime runtime_;
  local::TestServer api_;
  TempDir directory_;
  Common common_;
  Captured run_;
};

}  // namespace pgo::cli::testing
