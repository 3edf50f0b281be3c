// A play of StatefulSets, kubelet and Patroni around the engine, for tests of whole operations: it
// lets everybody act in turns until nothing changes any more, and watches over invariants.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/digest.h"
#include "engine/engine.h"
#include "engine/kube/names.h"
#include "engine/replay.h"
#include "engine/testing/fake_kube.h"

namespace pgo::testing {

inline const kube::ObjectRef kHippo{"PostgresCluster", "postgres", "hippo"};

inline kube::ObjectRef PodOf(const std::string& instance) {
  return {"Pod", "postgres", kube::InstancePodName(instance)};
}

class OperationsPlay : public ::testing::Test {
 protected:
  OperationsPlay() { SetUpCluster(); }

  void SetUpCluster() {
    loop = Loop();
    started_.clear();
    starts_ = 0;
    leader_.clear();
    Json node = JsonLiteral(R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
    loop.Post({loop.kube.Put({"Node", "", "node1"}, node)});
    Json cluster = JsonLiteral(R"({"apiVersion":"postgres-operator.crunchydata.com/v1beta1",
      "spec":{"postgresVersion":17,"instances":[{"replicas":3,"dataVolumeClaimSpec":{
        "accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}],
        "patroni":{"dynamicConfiguration":{"synchronous_mode":true}}}})");
    loop.kube.Put(kHippo, cluster);
    loop.kube.on_exec = [this](const Exec& exec) { return Ran(exec); };
    Begin();
    Play();
    loop.actions.clear();
  }
  void Begin() {
    Json settings = Json::object();
    settings["RELATED_IMAGE_POSTGRES_17"] = "localhost/pgo/postgres:17";
    loop.Post({Started{"test", kRuleset, "one", settings}});
    loop.Post({Leading{true, ++epoch_, ""}});
    loop.Post(loop.kube.ListAll());
  }
  void Kill() {
    loop.Restart();
    Begin();
  }

  // What PostgreSQL and Patroni do when something is run in their pod.
  virtual Json Ran(const Exec& exec) {
    const std::string all = DumpJson(Json(exec.argv));
    const std::string& pod = exec.ref.name;
    if (all.find("/restart") != std::string::npos) started_[pod] = std::to_string(++starts_);
    if (all.find("/reload") != std::string::npos) reloads.insert(pod);
    if (all.find("/switchover") != std::string::npos) {
      const auto body = ParseJson(exec.argv[exec.argv.size() - 2]);
      promised_ = GetString(*body, {"candidate"});
    }
    Json out = Json::object();
    if (exec.probe) {
      out["started"] = started_[pod];
      out["serving"] = true;
    }
    return out;
  }

  // One round of StatefulSet controller, kubelet and Patroni.
  virtual void Turn() {
    std::vector<Payload> seen;
    for (const auto& ref : loop.kube.All("StatefulSet")) TurnSet(ref, seen);
    for (const auto& ref : loop.kube.All("Job")) TurnJob(ref, seen);
    TurnPatroni(seen);
    if (!seen.empty()) loop.Post(std::move(seen));
  }
  void Change(const kube::ObjectRef& ref, Json object, std::vector<Payload>& seen) {
    const Json* now = loop.kube.Find(ref);
    if (now == nullptr || *now != object) seen.push_back(loop.kube.Put(ref, std::move(object)));
  }
  // How a Job gets on: it is at its end at once.
  virtual void TurnJob(const kube::ObjectRef& ref, std::vector<Payload>& seen) {
    Json job = *loop.kube.Find(ref);
    Put(job, {"status", "conditions"}, JsonLiteral(R"([{"type": "Complete", "status": "True"}])"));
    Change(ref, std::move(job), seen);
  }
  static bool IsInstance(const kube::ObjectRef& ref) {
    return ref.name.find("repo-host") == std::string::npos;
  }
  void TurnSet(const kube::ObjectRef& ref, std::vector<Payload>& seen) {
    Json set = *loop.kube.Find(ref);
    const std::string revision = Sha256Hex(DumpJson(set["spec"]["template"])).substr(0, 8);
    Put(set, {"metadata", "generation"}, 1);
    Put(set, {"status", "observedGeneration"}, 1);
    Put(set, {"status", "updateRevision"}, revision);
    Change(ref, set, seen);
    const auto pod = PodOf(ref.name);
    const bool wanted = GetInt(set, {"spec", "replicas"}, 1) > 0;
    if (!wanted && loop.kube.Find(pod) != nullptr) seen.push_back(loop.kube.Remove(pod));
    if (!wanted || loop.kube.Find(pod) != nullptr) return;
    started_[pod.name] = std::to_string(++starts_);
    Json object = JsonLiteral(R"({"status":{"phase":"Running","containerStatuses":
      [{"name":"database","state":{"running":{}},"ready":true}],
      "conditions":[{"type":"Ready","status":"True"}]},"spec":{"nodeName":"node1"}})");
    Put(object, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    if (IsInstance(ref)) Put(object, {"metadata", "labels", kube::kLabelInstance}, ref.name);
    Put(object, {"metadata", "labels", "controller-revision-hash"}, revision);
    seen.push_back(loop.kube.Put(pod, object));
  }
  void TurnPatroni(std::vector<Payload>& seen) {
    auto pods = loop.kube.All("Pod");
    std::erase_if(pods, [](const auto& ref) { return !IsInstance(ref); });
    if (pods.empty()) leader_.clear();
    if (pods.empty()) return;
    const auto is_there = [&](const std::string& name) {
      return std::ranges::any_of(pods, [&](const auto& ref) { return ref.name == name; });
    };
    if (!promised_.empty() && is_there(promised_)) {
      leader_ = promised_;
      ++timeline_;
    }
    promised_.clear();
    if (leader_.empty()) leader_ = pods.front().name;
    for (const auto& ref : pods) {
      Json pod = *loop.kube.Find(ref);
      Json status = JsonLiteral(R"({"state":"running","version":"4.0.7","xlog_location":8388633})");
      status["role"] = ref.name == leader_ ? "primary" : "replica";
      status["timeline"] = timeline_;
      if (ref.name != leader_) status["replication_state"] = "streaming";
      if (pending.contains(ref.name + started_[ref.name])) status["pending_restart"] = true;
      Put(pod, {"metadata", "annotations", "status"}, DumpJson(status));
      Put(pod, {"metadata", "labels", kube::kLabelRole},
          ref.name == leader_ ? "master" : "replica");
      Change(ref, pod, seen);
    }
    TurnEndpoints(pods, seen);
  }
  void TurnEndpoints(const std::vector<kube::ObjectRef>& pods, std::vector<Payload>& seen) {
    std::string standby;
    for (const auto& ref : pods) {
      if (ref.name != leader_ && standby.empty()) standby = ref.name;
    }
    Annotate("hippo-ha", {{"leader", leader_}, {"renewTime", std::to_string(++renewals_)}}, seen);
    Annotate("hippo-ha-sync", {{"leader", leader_}, {"sync_standby", standby}}, seen);
    const kube::ObjectRef config{"Endpoints", "postgres", "hippo-ha-config"};
    if (loop.kube.Find(config) == nullptr) Annotate(config.name, {{"config", "{}"}}, seen);
    Annotate(config.name, {{"initialize", "7412"}}, seen);
  }
  void Annotate(const std::string& name, const std::map<std::string, std::string>& annotations,
                std::vector<Payload>& seen) {
    const kube::ObjectRef ref{"Endpoints", "postgres", name};
    Json object = loop.kube.Find(ref) == nullptr ? Json::object() : *loop.kube.Find(ref);
    Put(object, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    for (const auto& [key, value] : annotations) {
      Put(object, {"metadata", "annotations", key}, value);
    }
    Change(ref, object, seen);
  }

  // Lets everybody act until nothing changes any more, and looks on at each round.
  void Play(int kill_each = 0) {
    int quiet = 0;
    for (int round = 1; round < 600 && quiet < 20; ++round) {
      const auto before = loop.actions.size();
      loop.Settle(1);
      const bool kill = kill_each > 0 && round % kill_each == 0 && round < 12 * kill_each;
      if (kill || loop.died()) Kill();
      Turn();
      if (loop.died()) Kill();
      Watch();
      loop.Wait(kSecond);
      loop.Post({Ticked{}});
      quiet = loop.actions.size() == before ? quiet + 1 : 0;
    }
    EXPECT_EQ(quiet, 20) << "it does not come to rest: " << loop.actions.back().sentence;
  }
  // Invariants, whatever goes on.
  virtual void Watch() {
    std::size_t down = 0;
    const auto sets = loop.kube.All("StatefulSet");
    for (const auto& ref : sets) {
      const bool wanted = GetInt(*loop.kube.Find(ref), {"spec", "replicas"}, 1) > 0;
      if (wanted && loop.kube.Find(PodOf(ref.name)) == nullptr) ++down;
    }
    if (bootstrapped_) {
      EXPECT_LE(down, 1U) << "two instances are down";
    }
    bootstrapped_ = loop.kube.Find({"Endpoints", "postgres", "hippo-ha"}) != nullptr;
  }

  void Edit(const std::function<void(Json&)>& edit) {
    Json cluster = *loop.kube.Find(kHippo);
    edit(cluster);
    loop.Post({loop.kube.Put(kHippo, cluster)});
  }
  void Ask(std::string_view annotation, const std::string& value) {
    Edit([&](Json& c) { Put(c, {"metadata", "annotations", annotation}, value); });
  }
  std::string Annotation(std::string_view name) {
    return GetString(*loop.kube.Find(kHippo), {"metadata", "annotations", name});
  }
  std::map<std::string, std::string> Uids() {
    std::map<std::string, std::string> out;
    for (const auto& ref : loop.kube.All("Pod")) {
      out[ref.name] = GetString(*loop.kube.Find(ref), {"metadata", "uid"});
    }
    return out;
  }
  std::size_t Count(Reason reason) const {
    return static_cast<std::size_t>(std::ranges::count(loop.actions, reason, &Action::reason));
  }
  // What was restarted or replaced, in order.
  std::vector<std::string> Order() const {
    std::vector<std::string> out;
    for (const Action& a : loop.actions) {
      if (a.goal.starts_with("replace/") || a.goal.starts_with("restart/")) {
        const std::string& name = TargetOf(a.command).name;
        if (out.empty() || out.back() != name) out.push_back(name);
      }
      if (a.goal.starts_with("switchover/")) out.push_back("switchover");
    }
    return out;
  }
  void ExpectReplayIsExact() {
    Verifier verifier;
    for (const auto& record : loop.records) verifier.Feed(record);
    const auto result = verifier.Finish();
    EXPECT_TRUE(result.Exact()) << "#" << result.first_bad.value() << ": " << result.difference;
  }

  Loop loop;
  std::set<std::string> pending;  // pod name + start: settings wait there
  std::set<std::string> reloads;
  std::string leader_, promised_;
  std::map<std::string, std::string> started_;  // by pod

 private:
  int starts_ = 0, timeline_ = 1, renewals_ = 0;
  std::int64_t epoch_ = 0;
  bool bootstrapped_ = false;
};

}  // namespace pgo::testing
