#include "adapters/kube/elector.h"

#include <gtest/gtest.h>

namespace pgo::kube {
namespace {

// An API server with one Lease, and replicas that talk to it.
struct Server {
  Json lease;  // null: none
  std::int64_t version = 0;
  Reply Answer(const Request& request) {
    Reply reply;
    reply.http = 200;
    if (request.method == "GET") {
      if (lease.is_null()) return Refuse(404);
    } else {
      Json body = *ParseJson(request.body);
      const bool create = request.method == "POST";
      if (create != lease.is_null()) return Refuse(create ? 409 : 404);
      if (!create && GetString(body, {"metadata", "resourceVersion"}) != std::to_string(version))
        return Refuse(409);
      lease = body;
      Put(lease, {"metadata", "resourceVersion"}, std::to_string(++version));
    }
    reply.body = lease;
    return reply;
  }
  static Reply Refuse(int http) {
    Reply reply;
    reply.http = http;
    reply.error = Error{Code::kConflict, "no"};
    return reply;
  }
  std::string Holder() const { return GetString(lease, {"spec", "holderIdentity"}); }
};

struct Replica {
  explicit Replica(const std::string& name, std::int64_t last_epoch = 0,
                   std::function<Candidacy(const std::string&)> candidacy = {},
                   const std::string& address = "", const std::string& api = "")
      : machine({.ns = "pgo",
                 .name = "lead",
                 .identity = name,
                 .last_epoch = last_epoch,
                 .address = address,
                 .api = api,
                 .candidacy = std::move(candidacy)}) {}
  // Ticks and answers until there is nothing more to do; "+7" on leading with epoch 7, "-" on
  // losing.
  std::string Tick(Server* server, double at_s) {
    now = {static_cast<std::int64_t>(at_s * kSecond), static_cast<std::int64_t>(at_s * kSecond)};
    return Carry(server, machine.OnTick(now, "head-1"));
  }
  std::string Carry(Server* server, LeaseMachine::Outputs outputs) {
    std::string said;
    while (!outputs.empty()) {
      LeaseMachine::Outputs next;
      for (auto& output : outputs) {
        if (auto* leading = std::get_if<Leading>(&output)) {
          said += leading->leading ? "+" + std::to_string(leading->epoch) : "-";
        } else {
          Reply reply =
              server != nullptr ? server->Answer(std::get<Request>(output)) : Server::Refuse(0);
          next = machine.OnReply(reply, now);
        }
      }
      outputs = std::move(next);
    }
    return said;
  }
  LeaseMachine machine;
  Now now;
};

TEST(Elector, TakesAFreeLeaseAndRenewsIt) {
  Server server;
  Replica a("a");
  EXPECT_EQ(a.Tick(&server, 1), "+1");
  EXPECT_EQ(a.machine.deadline_us(), 11 * kSecond);
  EXPECT_EQ(a.Tick(&server, 3), "");
  EXPECT_EQ(a.machine.deadline_us(), 13 * kSecond);
  EXPECT_EQ(server.version, 2);
  EXPECT_EQ(GetString(server.lease, {"metadata", "annotations", kAnchorAnnotation}), "head-1");
  EXPECT_EQ(GetString(server.lease, {"spec", "renewTime"}), "1970-01-01T00:00:03.000000Z");
}

TEST(Elector, LeavesTheLastLeadersAnchorUntilItsFirstRenewal) {
  Server server;
  Replica a("a");
  a.Tick(&server, 1);
  EXPECT_EQ(a.machine.found_anchor(), "");
  a.Tick(&server, 3);
  Replica b("b");
  Put(server.lease, {"spec", "holderIdentity"}, "");
  EXPECT_EQ(b.Tick(&server, 10), "+2");
  EXPECT_EQ(b.machine.found_anchor(), "head-1");
  Put(server.lease, {"metadata", "annotations", kAnchorAnnotation}, "head-0");
  Replica c("b");  // it died before it could compare, and starts again
  EXPECT_EQ(c.Tick(&server, 11), "+3");
  EXPECT_EQ(c.machine.found_anchor(), "head-0");
  EXPECT_EQ(GetString(server.lease, {"metadata", "annotations", kAnchorAnnotation}), "head-0");
  c.Tick(&server, 13);
  EXPECT_EQ(GetString(server.lease, {"metadata", "annotations", kAnchorAnnotation}), "head-1");
}

TEST(Elector, WaitsForTheWholeDurationOnItsOwnClock) {
  Server server;
  Replica a("a"), b("b");
  a.Tick(&server, 1);
  for (double t = 100; t < 115; t += 2) EXPECT_EQ(b.Tick(&server, t), "") << t;
  EXPECT_EQ(b.Tick(&server, 115.5), "");
  EXPECT_EQ(b.Tick(&server, 116.5), "+2");
}

TEST(Elector, ARenewedLeaseDoesNotExpire) {
  Server server;
  Replica a("a"), b("b");
  a.Tick(&server, 0);
  for (double t = 2; t < 60; t += 2) {
    a.Tick(&server, t);
    EXPECT_EQ(b.Tick(&server, t + 1), "");
  }
  EXPECT_EQ(server.Holder(), "a");
}

TEST(Elector, StopsAtTheRenewDeadlineBeforeAnotherCanTake) {
  Server server;
  Replica a("a"), b("b");
  a.Tick(&server, 0);
  b.Tick(&server, 0.5);
  std::string said;
  for (double t = 2; t < 10; t += 0.5) said += a.Tick(nullptr, t);
  EXPECT_EQ(said, "");
  EXPECT_EQ(a.Tick(nullptr, 10), "-");
  std::string other;
  for (double t = 2.5; t < 15.5; t += 1) other += b.Tick(&server, t);
  EXPECT_EQ(other, "");
  EXPECT_EQ(b.Tick(&server, 17), "+2");
  EXPECT_EQ(a.Tick(&server, 18), "");
}

TEST(Elector, TheSameIdentityTakesItsLeaseBackAtOnceWithAHigherEpoch) {
  Server server;
  Replica(std::string("a")).Tick(&server, 1);
  Replica again("a");
  EXPECT_EQ(again.Tick(&server, 2), "+2");
}

TEST(Elector, EpochsNeverFallBelowTheJournals) {
  Server server;
  Replica a("a", 41);
  EXPECT_EQ(a.Tick(&server, 1), "+42");
}

TEST(Elector, AWriteThatArrivedUnansweredIsRecognised) {
  Server server;
  Replica a("a");
  a.Tick(&server, 1);
  a.now = {3 * kSecond, 3 * kSecond};
  auto outputs = a.machine.OnTick(a.now, "");
  server.Answer(std::get<Request>(outputs.at(0)));
  a.machine.OnReply(Server::Refuse(0), a.now);
  EXPECT_EQ(a.Tick(&server, 4), "");
  EXPECT_TRUE(a.machine.leading());
  EXPECT_EQ(a.machine.deadline_us(), 14 * kSecond);
}

TEST(Elector, AnotherHolderEndsLeadership) {
  Server server;
  Replica a("a");
  a.Tick(&server, 1);
  Put(server.lease, {"spec", "holderIdentity"}, "b");
  Put(server.lease, {"metadata", "resourceVersion"}, std::to_string(++server.version));
  EXPECT_EQ(a.Tick(&server, 3), "-");
}

TEST(Elector, ReleaseFreesTheLeaseForTheNext) {
  Server server;
  Replica a("a"), b("b");
  a.Tick(&server, 1);
  b.Tick(&server, 1);
  EXPECT_EQ(a.Carry(&server, a.machine.Release(a.now, "bye")), "-");
  EXPECT_EQ(server.Holder(), "");
  EXPECT_EQ(b.Tick(&server, 3), "+2");
}

TEST(Elector, AReplicaThatIsBehindLeavesAFreeLeaseToOthersForAWhile) {
  Server server;
  Replica a("a");
  a.Tick(&server, 1);
  a.Tick(&server, 3);
  std::string asked;
  Replica b("b", 0, [&](const std::string& anchors) {
    asked = anchors;
    return Candidacy{5 * kSecond, 0};
  });
  EXPECT_EQ(b.Tick(&server, 4), "");
  EXPECT_EQ(asked, "") << "nobody is asked about a Lease that is held";
  a.Carry(&server, a.machine.Release(a.now, "bye", "head-2"));
  EXPECT_EQ(b.Tick(&server, 6), "");
  EXPECT_EQ(asked, "head-2");
  EXPECT_TRUE(b.machine.View(b.now).free);
  EXPECT_EQ(b.Tick(&server, 10), "");
  EXPECT_EQ(b.Tick(&server, 12), "+2");
}

TEST(Elector, AReplicaThatMayNotLeadTakesNothing) {
  Server server;
  bool may = false;
  Replica a("a", 0, [&](const std::string&) { return Candidacy{may ? 0 : Candidacy::kNever, 9}; });
  for (double t = 1; t < 100; t += 2) EXPECT_EQ(a.Tick(&server, t), "") << t;
  EXPECT_TRUE(server.lease.is_null());
  may = true;
  EXPECT_EQ(a.Tick(&server, 101), "+10") << "the journal knows epoch 9";
}

TEST(Elector, TheLeaseSaysWhereTheHoldersJournalIs) {
  Server server;
  Replica a("a", 0, {}, "10.0.0.1:8444"), b("b");
  a.Tick(&server, 1);
  b.Tick(&server, 2);
  EXPECT_EQ(b.machine.View(b.now).address, "10.0.0.1:8444");
  EXPECT_EQ(b.machine.View(b.now).holder, "a");
  EXPECT_EQ(b.machine.View(b.now).epoch, 1);
  a.Carry(&server, a.machine.Release(a.now, "bye"));
  b.machine.Hasten();
  b.Tick(&server, 2.5);
  EXPECT_EQ(b.machine.View(b.now).address, "");
}

// People follow it to the leader: nobody may be sent to one that has let go.
TEST(Elector, TheLeaseSaysWhereTheHolderAnswersPeople) {
  Server server;
  Replica a("a", 0, {}, "", R"({"pod":"pgo-0"})"), b("b", 0, {}, "", R"({"pod":"pgo-1"})"), c("c");
  const auto said = [&] {
    return GetString(server.lease, {"metadata", "annotations", kApiAnnotation});
  };
  a.Tick(&server, 1);
  b.Tick(&server, 2);
  EXPECT_EQ(said(), R"({"pod":"pgo-0"})");
  a.Carry(&server, a.machine.Release(a.now, "bye"));
  EXPECT_EQ(said(), "");
  b.machine.Hasten();
  EXPECT_EQ(b.Tick(&server, 2.5), "+2");
  EXPECT_EQ(said(), R"({"pod":"pgo-1"})");
  b.Carry(&server, b.machine.Release(b.now, "bye"));
  EXPECT_EQ(c.Tick(&server, 4), "+3") << "in no pod";
  EXPECT_EQ(said(), "");
}

TEST(Elector, ADeletedLeaseEndsLeadershipAndIsMadeAnew) {
  Server server;
  Replica a("a");
  a.Tick(&server, 1);
  server.lease = nullptr;
  EXPECT_EQ(a.Tick(&server, 3), "-");
  EXPECT_EQ(a.Tick(&server, 5.1), "+1");
}

}  // namespace
}  // namespace pgo::kube
