// The Kubernetes adapter against pgo-local's API server: HTTPS on loopback, real connections, a
// runtime that plays the container.
#include "replay-tests/kube_against_local.h"

#include "adapters/operator/guard.h"
#include "adapters/operator/standing.h"

namespace pgo {
namespace {

TEST_F(KubeAgainstLocal, VerbsAndTheirErrors) {
  auto made = Apply("ConfigMap", "a", [] {
    Json o = Object("ConfigMap", "a");
    o["data"] = {{"x", "1"}};
    return o;
  }());
  ASSERT_TRUE(made.ok()) << made.error->message;
  const std::string uid = GetString(made.body, {"metadata", "uid"});
  EXPECT_EQ(GetString(client->Do(kube::GetRequest(Ref("ConfigMap", "a"))).body, {"data", "x"}),
            "1");
  EXPECT_EQ(client->Do(kube::GetRequest(Ref("ConfigMap", "none"))).error->code, Code::kNotFound);
  EXPECT_EQ(
      client->Do(kube::CreateRequest(Ref("ConfigMap", "a"), Object("ConfigMap", "a"))).error->code,
      Code::kConflict);
  const Json patch = {{"data", {{"x", "2"}}}};
  EXPECT_EQ(client->Do(kube::PatchRequest(Ref("ConfigMap", "a"), patch, "", uid, "1")).error->code,
            Code::kConflict);
  auto patched =
      client->Do(kube::PatchRequest(Ref("ConfigMap", "a"), patch, "", uid,
                                    GetString(made.body, {"metadata", "resourceVersion"})));
  EXPECT_EQ(GetString(patched.body, {"data", "x"}), "2");
  EXPECT_EQ(client->Do(kube::DeleteRequest(Ref("ConfigMap", "a"), {.uid = "other"})).error->code,
            Code::kConflict);
  EXPECT_TRUE(client->Do(kube::DeleteRequest(Ref("ConfigMap", "a"), {.uid = uid})).ok());
  kube::Request wrong = kube::ApplyRequest(Ref("ConfigMap", "a"), Json(7));
  EXPECT_EQ(client->Do(wrong).error->code, Code::kInvalid);
}

TEST_F(KubeAgainstLocal, AWrongTokenOrAuthorityIsToldApart) {
  kube::Config config = credentials->config();
  config.token = "wrong";
  config.token_file = "";
  kube::Client stranger(std::make_shared<kube::Credentials>(config), "pgo/test");
  EXPECT_EQ(stranger.Do(kube::GetRequest(Ref("ConfigMap", "a"))).error->code, Code::kDenied);
  config = credentials->config();
  config.ca_pem = (*local::Credentials::Open(folder + "/other", {}))->ca_pem();
  config.ca_file = "";
  kube::Client distrusting(std::make_shared<kube::Credentials>(config), "pgo/test");
  auto reply = distrusting.Do(kube::ApplyRequest(Ref("ConfigMap", "a"), Object("ConfigMap", "a")));
  EXPECT_EQ(reply.error->code, Code::kUnavailable);
  EXPECT_NE(reply.error->message.find("certificate"), std::string::npos) << reply.error->message;
}

// Who has one of pgo-local's tokens may do everything there, and so ask everything.
TEST_F(KubeAgainstLocal, TheOperatorsGuardKnowsItsUsers) {
  Guard guard({[this](kube::Request request) { return client->Do(std::move(request)); }, "owner",
               "", BootMicros, BootMicros});
  http::Request asked;
  asked.authorization = "Bearer " + secrets_of_server->TokenFor("team-a", "ana");
  const auto who = guard.Who(asked);
  ASSERT_TRUE(who.has_value()) << who.error().why;
  EXPECT_EQ(who->user, "system:serviceaccount:team-a:ana");
  const auto may = guard.MayRead(*who, "");
  ASSERT_TRUE(may.has_value()) << may.error().why;
  EXPECT_TRUE(may->all);
  EXPECT_TRUE(guard.MayScrape(*who).has_value());
  asked.authorization.back() = asked.authorization.back() == '0' ? '1' : '0';
  EXPECT_EQ(guard.Who(asked).error().status, 401U);
  server->Stop(false);
  EXPECT_TRUE(guard.MayRead(*who, "").has_value()) << "an answer holds for ten seconds";
  EXPECT_EQ(guard.Who(asked).error().status, 503U);
}

TEST_F(KubeAgainstLocal, AServerThatIsAwayOrHangs) {
  auto apply = kube::ApplyRequest(Ref("ConfigMap", "a"), Object("ConfigMap", "a"));
  ASSERT_TRUE(client->Do(apply).ok());
  server->Stop(false);
  auto until = std::chrono::steady_clock::now() + kPatience;
  while (client->Do(apply).ok() && std::chrono::steady_clock::now() < until) {
  }
  auto refused = client->Do(apply);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error->code, Code::kUnavailable) << refused.error->message;
  server->Resume();
  until = std::chrono::steady_clock::now() + kPatience;
  while (!client->Do(apply).ok() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(10ms);  // it listens again in its own time
  }
  ASSERT_TRUE(client->Do(apply).ok());
  server->Stop(true);
  apply.timeout_ms = 300;
  EXPECT_EQ(client->Do(apply).error->code, Code::kUnknown);
  server->Resume();
}

TEST_F(KubeAgainstLocal, ManyRequestsAtOnce) {
  Apply("ConfigMap", "a", Object("ConfigMap", "a"));
  std::mutex mu;
  std::condition_variable all;
  int good = 0, ended = 0;
  for (int i = 0; i < 300; ++i) {
    client->Send(kube::GetRequest(Ref("ConfigMap", "a")), [&](kube::RawReply raw) {
      const std::lock_guard lock(mu);
      good += raw.http == 200 ? 1 : 0;
      ++ended;
      all.notify_all();
    });
  }
  std::unique_lock lock(mu);
  EXPECT_TRUE(all.wait_for(lock, kPatience, [&] { return ended == 300; }));
  EXPECT_EQ(good, 300);
}

TEST_F(KubeAgainstLocal, WatchesWhatIsThereAndWhatChanges) {
  Apply("ConfigMap", "before", Object("ConfigMap", "before"));
  kube::Watcher watcher(*client, redactor, gate, {.earlier_history = true});
  auto listed = inbox.Wait<Listed>([](const Listed& l) { return l.kind == "ConfigMap"; });
  ASSERT_TRUE(listed) << inbox.Dump();
  EXPECT_TRUE(listed->gap);
  EXPECT_EQ(listed->keys, (std::vector<std::string>{"default/before"}));
  auto made = Apply("ConfigMap", "after", Object("ConfigMap", "after"));
  auto seen = inbox.Wait<Observed>([](const Observed& o) { return o.ref.name == "after"; });
  ASSERT_TRUE(seen) << inbox.Dump();
  EXPECT_EQ(seen->rv, GetString(made.body, {"metadata", "resourceVersion"}));
  client->Do(kube::DeleteRequest(Ref("ConfigMap", "after"), {}));
  EXPECT_TRUE(inbox.Wait<Gone>([&](const Gone& g) {
    return g.ref.name == "after" && g.uid == seen->uid;
  })) << inbox.Dump();
}

TEST_F(KubeAgainstLocal, AWatchGoesOnAfterAnOutage) {
  kube::Watcher watcher(*client, redactor, gate, {});
  ASSERT_TRUE(inbox.Wait<Listed>([](const Listed& l) { return l.kind == "Secret"; }));
  server->Stop(false);
  Json secret = Object("Secret", "s");
  secret["data"] = {{"password", "Tr0ub4dor"}};
  store->Create({"", "secrets"}, "default", secret, {});
  server->Resume();
  EXPECT_TRUE(inbox.Wait<Observed>([](const Observed& o) { return o.ref.name == "s"; }))
      << inbox.Dump();
  EXPECT_EQ(inbox.Dump().find("Tr0ub4dor"), std::string::npos);
}

TEST_F(KubeAgainstLocal, SeveralNamespacesAreListedAsOne) {
  Json other = Object("ConfigMap", "two");
  Put(other, {"metadata", "namespace"}, "kube-system");
  Apply("ConfigMap", "one", Object("ConfigMap", "one"));
  client->Do(kube::ApplyRequest({"ConfigMap", "kube-system", "two"}, other));
  kube::Watcher watcher(*client, redactor, gate, {.namespaces = {"default", "kube-system"}});
  auto listed = inbox.Wait<Listed>([](const Listed& l) { return l.kind == "ConfigMap"; });
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->keys, (std::vector<std::string>{"default/one", "kube-system/two"}));
}

TEST_F(KubeAgainstLocal, ContactIsLostAndFoundAgain) {
  kube::ContactTracker tracker(gate);
  kube::ContactProbe probe(*client, tracker);
  ASSERT_TRUE(inbox.Wait<Contact>([](const Contact& c) { return c.ok; }));
  server->Stop(false);
  probe.Hasten();
  auto lost = inbox.Wait<Contact>([](const Contact& c) { return !c.ok; });
  ASSERT_TRUE(lost);
  EXPECT_NE(lost->what.find("/readyz"), std::string::npos);
  inbox.Clear();
  server->Resume();
  EXPECT_TRUE(inbox.Wait<Contact>([](const Contact& c) { return c.ok; }));
}

TEST_F(KubeAgainstLocal, OneReplicaLeadsAndTheNextTakesOver) {
  kube::ContactTracker tracker(gate);
  const auto options = [](const std::string& identity) {
    kube::ElectorOptions o;
    o.lease = {.ns = "default", .name = "pgo", .identity = identity};
    o.lease.renew_every_us = kSecond / 5;
    o.anchor = [](std::int64_t) { return "head-7"; };
    return o;
  };
  auto a = std::make_unique<kube::Elector>(credentials, "pgo-operator/test", gate, tracker,
                                           options("a"));
  ASSERT_TRUE(inbox.Wait<Leading>([](const Leading& l) { return l.leading && l.epoch == 1; }))
      << inbox.Dump();
  EXPECT_GT(a->RemainingUs(), 8 * kSecond);
  kube::Elector b(credentials, "pgo-operator/test", gate, tracker, options("b"));
  a.reset();
  ASSERT_TRUE(inbox.Wait<Leading>([](const Leading& l) { return l.leading && l.epoch == 2; }))
      << inbox.Dump();
  const auto read = [&](const auto&... path) {
    const Json lease = client->Do(kube::GetRequest(Ref("Lease", "pgo"))).body;
    return GetString(lease, {path...});
  };
  EXPECT_EQ(read("spec", "holderIdentity"), "b");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (read("metadata", "annotations", kube::kAnchorAnnotation) !=
         "head-7") {  // a renewal has it
    ASSERT_LT(std::chrono::steady_clock::now(), end);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

TEST_F(KubeAgainstLocal, TheAnchorIsWrittenAtOnceWhenAskedFor) {
  kube::ContactTracker tracker(gate);
  kube::ElectorOptions options;
  options.lease = {.ns = "default", .name = "pgo", .identity = "a"};
  options.lease.renew_every_us = 5 * kSecond;
  std::atomic<int> head = 0;
  options.anchor = [&](std::int64_t) { return "head-" + std::to_string(head); };
  kube::Elector elector(credentials, "pgo-operator/test", gate, tracker, options);
  EXPECT_FALSE(elector.WriteAnchor(0));
  ASSERT_TRUE(inbox.Wait<Leading>([](const Leading& l) { return l.leading; })) << inbox.Dump();
  for (head = 1; head < 4; ++head) {
    EXPECT_TRUE(elector.WriteAnchor(3000)) << "sooner than the next renewal";
    const Json lease = client->Do(kube::GetRequest(Ref("Lease", "pgo"))).body;
    EXPECT_EQ(GetString(lease, {"metadata", "annotations", kube::kAnchorAnnotation}),
              "head-" + std::to_string(head));
  }
  server->Stop(true);
  EXPECT_FALSE(elector.WriteAnchor(300));
}

TEST_F(KubeAgainstLocal, WhatCannotBeUndoneWaitsForTheAnchor) {
  int asked = 0;
  bool written = false;
  kube::EffectsOptions options = Filling();
  options.write_anchor = [&](std::int64_t timeout_ms) {
    EXPECT_GT(timeout_ms, 0);
    ++asked;
    return written;
  };
  kube::KubeEffects effects(*client, redactor, gate, options);
  const auto ref = Ref("ConfigMap", "a");
  EXPECT_EQ(DoneOf(effects, Act(pgo::Apply{ref, Object("ConfigMap", "a")})).outcome, Outcome::kOk);
  EXPECT_EQ(asked, 0);
  const auto seen = inbox.Wait<Observed>([](const Observed& o) { return o.ref.name == "a"; });
  ASSERT_TRUE(seen) << inbox.Dump();
  const Done refused = DoneOf(effects, Act(Delete{ref, seen->uid, "", {}}));
  EXPECT_EQ(refused.outcome, Outcome::kAbandoned);
  EXPECT_NE(refused.message.find("could not be written to the Lease"), std::string::npos);
  EXPECT_TRUE(client->Do(kube::GetRequest(ref)).ok());
  written = true;
  EXPECT_EQ(DoneOf(effects, Act(Delete{ref, seen->uid, "", {}})).outcome, Outcome::kOk);
  EXPECT_EQ(asked, 2);
}

TEST_F(KubeAgainstLocal, ActionsEndInOneDoneAfterWhatTheyShowed) {
  kube::KubeEffects effects(*client, redactor, gate, Filling());
  EXPECT_EQ(
      DoneOf(effects, Act(pgo::Apply{Ref("ConfigMap", "a"), Object("ConfigMap", "a")})).outcome,
      Outcome::kOk);
  const auto seen = inbox.Wait<Observed>([](const Observed& o) { return o.ref.name == "a"; });
  ASSERT_TRUE(seen) << inbox.Dump();
  const Json patch = {{"data", {{"x", "1"}}}};
  EXPECT_EQ(DoneOf(effects, Act(Patch{Ref("ConfigMap", "a"), seen->uid, "1", "", patch})).outcome,
            Outcome::kConflict);
  EXPECT_EQ(
      DoneOf(effects, Act(Patch{Ref("ConfigMap", "a"), seen->uid, seen->rv, "", patch})).outcome,
      Outcome::kOk);
  EXPECT_EQ(DoneOf(effects, Act(Delete{Ref("ConfigMap", "a"), "other", "", {}})).outcome,
            Outcome::kConflict);
  EXPECT_EQ(DoneOf(effects, Act(Delete{Ref("ConfigMap", "a"), seen->uid, "", {}})).outcome,
            Outcome::kOk);
  EXPECT_EQ(DoneOf(effects, Act(Delete{Ref("ConfigMap", "a"), seen->uid, "", {}})).outcome,
            Outcome::kNotFound);
  Action notice = Act(Notice{Ref("ConfigMap", "a"), seen->uid, false});
  EXPECT_EQ(DoneOf(effects, notice).outcome, Outcome::kOk);
  inbox.Clear();
  EXPECT_EQ(DoneOf(effects, notice).outcome, Outcome::kOk) << "said once already";
  effects.Halt();
  EXPECT_EQ(
      DoneOf(effects, Act(pgo::Apply{Ref("ConfigMap", "b"), Object("ConfigMap", "b")})).outcome,
      Outcome::kAbandoned);
}

TEST_F(KubeAgainstLocal, ProvisionsAndUsesASecretThatNobodySees) {
  Part password;
  password.key = "password";
  password.from = "generate";
  password.length = 24;
  password.alphabet = "AlphaNumeric";
  kube::KubeEffects effects(*client, redactor, gate, Filling());
  ASSERT_EQ(
      DoneOf(effects, Act(Provision{Ref("Secret", "s"), Object("Secret", "s"), {password}, "r1"}))
          .outcome,
      Outcome::kOk)
      << inbox.Dump();
  const Json secret = client->Do(kube::GetRequest(Ref("Secret", "s"))).body;
  const std::string value = *kube::DecodeBase64(GetString(secret, {"data", "password"}));
  ASSERT_EQ(value.size(), 24U);
  auto pod = client->Do(kube::CreateRequest(Ref("Pod", "p"), Pod("p")));
  ASSERT_TRUE(pod.ok()) << pod.error->message;
  const std::string uid = GetString(pod.body, {"metadata", "uid"});
  const auto exec = [&](const char* verb, const std::string& container = "database") {
    return Exec{Ref("Pod", "p"),
                uid,
                container,
                {verb},
                "alter role x password '{p}'",
                {{"{p}", "default", "s", "password"}},
                false};
  };
  EXPECT_EQ(DoneOf(effects, Act(exec("echo"))).outcome, Outcome::kOk);
  const Done failed = DoneOf(effects, Act(exec("fail")));
  EXPECT_EQ(failed.outcome, Outcome::kFailed);
  EXPECT_EQ(failed.message, "exit status 3: refused: alter role … password '…'");
  EXPECT_EQ(GetString(DoneOf(effects, Act(exec("json"))).result, {"lsn"}), "0/5000148");
  EXPECT_EQ(DoneOf(effects, Act(exec("echo", "gone"))).outcome, Outcome::kUnavailable);
  Exec other = exec("echo");
  other.uid = "another";
  EXPECT_EQ(DoneOf(effects, Act(other)).outcome, Outcome::kConflict);
  EXPECT_EQ(inbox.Dump().find(value), std::string::npos);
}

TEST_F(KubeAgainstLocal, ACommandThatDoesNotEndInTimeIsUnknown) {
  kube::KubeEffects effects(*client, redactor, gate, Filling());
  ASSERT_TRUE(client->Do(kube::CreateRequest(Ref("Pod", "p"), Pod("p"))).ok());
  const Exec hang{Ref("Pod", "p"), "", "database", {"hang"}, "", {}, false};
  EXPECT_EQ(DoneOf(effects, Act(hang, 500)).outcome, Outcome::kUnknown);
}

TEST_F(KubeAgainstLocal, ExecCarriesBytesBothWays) {
  ASSERT_TRUE(client->Do(kube::CreateRequest(Ref("Pod", "p"), Pod("p"))).ok());
  const std::string input(300'000, 'x');
  auto result =
      kube::RunExec(*credentials, "t", {"default", "p", "database", {"echo"}, input, 10'000});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->out, input);
  EXPECT_EQ(
      kube::RunExec(*credentials, "t", {"default", "none", "x", {"echo"}, "", 10'000}).error().code,
      Code::kNotFound);
  server->Stop(false);
  EXPECT_EQ(
      kube::RunExec(*credentials, "t", {"default", "p", "x", {"echo"}, "", 1'000}).error().code,
      Code::kUnavailable);
}

}  // namespace
}  // namespace pgo
