// For tests of the room: one cluster of three instances, folded and decided on as the engine would.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/kube/names.h"
#include "engine/rooms/failover/failover.h"

namespace pgo::rooms::failover {

inline const ClusterKey kKey{"postgres", "hippo"};

// One cluster of three instances a, b, c on node1..3, as the engine would fold it.
class Bench {
 public:
  explicit Bench(bool synchronous) : synchronous_(synchronous) {
    Fold(Started{"test", 1, "operator", {}});
    Cluster("");
    for (const char* node : {"node1", "node2", "node3"}) Node(node, false);
    Member("a", "node1", "primary", 0x5000100);
    Member("b", "node2", "replica", 0x5000100);
    Member("c", "node3", "replica", 0x5000080);
    Endpoints("hippo-ha-config", {{"initialize", "7412"}});
    Sync("a", "b");
    Lock("a", "2026-11-21T10:00:00.500000+00:00");
    Fold(pgo::Leading{true, 1, ""});
    for (const auto& kind : kube::Kinds()) {
      if (kind.watch != kube::KindInfo::Watch::kNone) FoldListed(std::string(kind.kind));
    }
    Take();  // the first primary is made known
    EXPECT_EQ(memory.primary, Pod("a"));
  }

  static std::string Pod(const std::string& letter) { return "hippo-00-" + letter + "-0"; }

  void Wait(std::int64_t us) {
    now_.elapsed_us += us;
    now_.wall_us += us;
  }
  void Cluster(const std::string& trigger) {
    Json o = Object("PostgresCluster", "hippo");
    o["spec"] = JsonLiteral(R"({"postgresVersion":17,
      "instances":[{"replicas":3,"dataVolumeClaimSpec":{"accessModes":["ReadWriteOnce"],
        "resources":{"requests":{"storage":"1Gi"}}}}],
      "patroni":{"switchover":{"enabled":true}}})");
    if (synchronous_) {
      Put(o, {"spec", "patroni", "dynamicConfiguration", "synchronous_mode"}, true);
    }
    if (!trigger.empty()) Put(o, {"metadata", "annotations", kube::kTriggerSwitchover}, trigger);
    if (paused) o["spec"]["paused"] = true;
    if (!startup.empty()) Put(o, {"status", "startupInstance"}, startup);
    Observe("PostgresCluster", "hippo", o);
  }
  void Node(const std::string& name, bool out_of_service) {
    Json o = JsonLiteral(R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
    if (out_of_service) {
      o["spec"]["taints"] = JsonLiteral(
          R"([{"key":"node.kubernetes.io/out-of-service","value":"x","effect":"NoExecute"}])");
    }
    Observe("Node", name, o, "");
  }
  Json MemberObject(const std::string& letter, const std::string& node, const std::string& role,
                    std::uint64_t lsn, int timeline = 1) {
    Json o = Object("Pod", Pod(letter));
    Put(o, {"metadata", "labels", kube::kLabelInstance}, "hippo-00-" + letter);
    Put(o, {"metadata", "labels", kube::kLabelRole}, role == "primary" ? "master" : "replica");
    Put(o, {"spec", "nodeName"}, node);
    o["status"] = JsonLiteral(
        R"({"phase":"Running","containerStatuses":[{"name":"database","state":{"running":{}}}]})");
    Json status = Json::object();
    status["state"] = "running";
    status["role"] = role;
    status["version"] = "4.0.7";
    status["xlog_location"] = lsn;
    status["timeline"] = timeline;
    Put(o, {"metadata", "annotations", "status"}, DumpJson(status));
    return o;
  }
  void Member(const std::string& letter, const std::string& node, const std::string& role,
              std::uint64_t lsn, int timeline = 1) {
    Observe("Pod", Pod(letter), MemberObject(letter, node, role, lsn, timeline));
  }
  void Stopped(const std::string& letter, const std::string& node, const std::string& at) {
    Json o = MemberObject(letter, node, "primary", 0x5000100);
    Json& state = o["status"]["containerStatuses"][0]["state"];
    state = Json::object();
    Put(state, {"terminated", "exitCode"}, 137);
    Put(state, {"terminated", "finishedAt"}, at);
    Observe("Pod", Pod(letter), o);
  }
  void Lock(const std::string& letter, const std::string& renew) {
    Endpoints("hippo-ha", {{"leader", letter.empty() ? "" : Pod(letter)},
                           {"renewTime", renew},
                           {"ttl", "30"},
                           {"optime", "83886336"}});
  }
  void Sync(const std::string& leader, const std::string& standby) {
    Endpoints("hippo-ha-sync", {{"leader", Pod(leader)}, {"sync_standby", Pod(standby)}});
  }
  // Later observations of this pod are of another one with the same name.
  void Reincarnate(const std::string& letter) { incarnation_[Pod(letter)] = "-again"; }
  void ContactLost() { Fold(Contact{false, "GET /readyz"}); }
  void ContactBack() { Fold(Contact{true, "GET /readyz"}); }

  std::vector<Proposal> Ask() {
    view_ = cluster::Project(world_, kKey);
    return PlanFailover({view_, memory, ledger, context_, now_}).proposals;
  }
  std::optional<std::int64_t> Wake() {
    view_ = cluster::Project(world_, kKey);
    return PlanFailover({view_, memory, ledger, context_, now_}).wake_at_us;
  }
  // Takes what the arbiter would let through, as the engine does; answers Ok at once unless told.
  std::vector<std::string> Take(Outcome outcome = Outcome::kOk) {
    std::vector<std::string> said;
    for (const Proposal& p : Ask()) {
      const auto ruling = arbiter::Rule(ledger, arbiter::GoalKey(kRoom, p.goal), now_);
      if (ruling.verdict != arbiter::Verdict::kGo) continue;
      Action a;
      a.id = ActionId("id" + std::to_string(++seq_));
      a.room = kRoom;
      a.reason = p.reason;
      a.goal = p.goal;
      a.once = p.once;
      a.attempt = ruling.attempt;
      a.retry_after_us = p.retry_after_us;
      a.facts = p.facts;
      a.command = p.command;
      for (const auto cause : p.causes) EXPECT_LT(cause, seq_) << p.sentence;
      arbiter::FoldAction(ledger, a, Seq(seq_));
      FoldAction(memory, a, Seq(seq_), now_);
      said.push_back(std::string(NameOf(p.reason)) + " " + p.goal.substr(0, p.goal.find('/')));
      sentences.push_back(p.sentence);
      Done done{a.id, outcome, "", {}};
      const auto* exec = std::get_if<Exec>(&a.command);
      if (exec != nullptr && exec->probe) done.result = probe_answers[exec->ref.name];
      const Event event{Seq(++seq_), now_, done};
      FoldDone(memory, arbiter::FoldDone(ledger, done, now_), done, event);
    }
    return said;
  }
  void Endpoints(const std::string& name, const std::map<std::string, std::string>& annotations) {
    Json o = Object("Endpoints", name);
    for (const auto& [key, value] : annotations) Put(o, {"metadata", "annotations", key}, value);
    Observe("Endpoints", name, o);
  }

  Memory memory;
  bool paused = false;
  std::string startup;  // status.startupInstance
  arbiter::Ledger ledger;
  std::vector<std::string> sentences;
  std::map<std::string, Json> probe_answers;

 private:
  static Json Object(const std::string& kind, const std::string& name) {
    Json o = Json::object();
    o["kind"] = kind;
    Put(o, {"metadata", "name"}, name);
    Put(o, {"metadata", "labels", kube::kLabelCluster}, kKey.name);
    return o;
  }
  void Observe(const std::string& kind, const std::string& name, Json object,
               const std::string& ns = kKey.ns) {
    Fold(Observed{{kind, ns, name},
                  "uid-" + name + incarnation_[name],
                  std::to_string(seq_ + 1),
                  std::move(object)});
    keys_[kind].push_back(ns + "/" + name);
  }
  void FoldListed(const std::string& kind) { Fold(pgo::Listed{kind, "1", false, keys_[kind]}); }
  void Fold(Payload payload) {
    const Event event{Seq(++seq_), now_, std::move(payload)};
    if (std::holds_alternative<Started>(event.payload)) context_.live_since_us = now_.elapsed_us;
    if (const auto* contact = std::get_if<Contact>(&event.payload)) {
      context_.contact = contact->ok;
      context_.live_since_us = now_.elapsed_us;
      context_.live_seq = seq_;
    }
    world_.Fold(event);
    FoldEvent(memory, event, kKey, world_);
  }

  const bool synchronous_;
  cluster::World world_;
  cluster::ClusterView view_;
  Context context_;
  Now now_{1'700'000'000 * kSecond, 100 * kSecond};
  std::uint64_t seq_ = 0;
  std::map<std::string, std::vector<std::string>> keys_;
  std::map<std::string, std::string> incarnation_;
};

using Said = std::vector<std::string>;

}  // namespace pgo::rooms::failover
