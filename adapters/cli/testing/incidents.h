// Incidents as the failover room records them, made by hand for tests.
#pragma once

#include "adapters/cli/testing/book.h"

namespace pgo::cli::testing {

inline Json Annotated(std::initializer_list<std::pair<std::string, std::string>> annotations) {
  Json object = Json::object();
  for (const auto& [name, value] : annotations) object["metadata"]["annotations"][name] = value;
  return object;
}

inline Json NodeObject(bool off) {
  Json object =
      JsonLiteral(off ? R"({"status":{"conditions":[{"type":"Ready","status":"Unknown"}]},
                "spec":{"taints":[{"key":"node.kubernetes.io/out-of-service"}]}})"
                      : R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
  return object;
}

inline Json MemberObject(const std::string& role, std::int64_t lsn, int timeline,
                         const std::string& node) {
  Json status = {
      {"role", role}, {"state", "running"}, {"xlog_location", lsn}, {"timeline", timeline}};
  if (role == "replica") status["replication_state"] = "streaming";
  Json pod = Annotated({{"status", DumpJson(status)}});
  pod["spec"]["nodeName"] = node;
  pod["status"]["phase"] = "Running";
  return pod;
}

inline Action Said(Reason reason, std::string sentence, std::vector<std::uint64_t> causes,
                   std::string goal) {
  Action action;
  action.room = "failover";
  action.reason = reason;
  action.sentence = std::move(sentence);
  action.causes = std::move(causes);
  action.goal = std::move(goal);
  action.facts = Json::object();
  action.command = Notice{{"PostgresCluster", kHippo.ns, kHippo.name}, "u", false};
  return action;
}

// Class F in synchronous mode: power off of node1, hippo-00-a-0 → hippo-00-b-0. In three parts;
// each goes on where the one before ended.
struct FencedSeqs {
  std::uint64_t pod = 0, lock = 0, node = 0, named = 0, released = 0;
};

inline void ObserveFenced(Book& book, FencedSeqs& seqs) {
  book.Write(Started{"0.1.0", 1, "op-1", {}}, std::nullopt);
  book.Write(Leading{true, 1, ""}, std::nullopt);
  book.Observe("Node", "node1", NodeObject(false));
  seqs.pod = book.Observe("Pod", "hippo-00-a-0", MemberObject("primary", 0x5000148, 1, "node1"));
  book.Observe("Pod", "hippo-00-b-0", MemberObject("replica", 0x5000148, 1, "node2"));
  book.Observe("Endpoints", "hippo-ha",
               Annotated({{"leader", "hippo-00-a-0"}, {"renewTime", "2026-11-21T12:03:26+00:00"}}));
  book.Wait(1000);
  seqs.lock = book.Observe(
      "Endpoints", "hippo-ha",
      Annotated({{"leader", "hippo-00-a-0"}, {"renewTime", "2026-11-21T12:03:36+00:00"}}));
  book.Wait(4000);
  seqs.node = book.Observe("Node", "node1", NodeObject(true));
}

inline void ReplaceFenced(Book& book, FencedSeqs& seqs) {
  Json op = {{"evidence", "F"},
             {"phase", "Naming"},
             {"from", "hippo-00-a-0"},
             {"to", "hippo-00-b-0"},
             {"timeline", 1},
             {"synchronous", true},
             {"last_sign_us", *ParseWall("2026-11-21T12:03:37.000Z")}};
  Action name =
      Said(Reason::kFenced,
           "primary hippo-00-a-0 is fenced (class F): its node node1 is confirmed off by "
           "the taint node.kubernetes.io/out-of-service, its lock was last renewed 4.0 s "
           "ago; chosen hippo-00-b-0: at LSN 0/5000148, not behind what was last heard of "
           "the old primary, synchronous",
           {seqs.pod, seqs.lock, seqs.node}, "name/" + std::to_string(seqs.lock));
  name.facts["operation"] = op;
  name.command = Apply{{"Endpoints", kHippo.ns, "hippo-ha-failover"}, {}};
  seqs.named = book.Do(name);
  book.Wait(20);
  book.Outcome(Outcome::kOk);
  Action release = Said(Reason::kReleased,
                        "release the leader lock of hippo-00-a-0 so that hippo-00-b-0 takes it, "
                        "unless it was renewed meanwhile",
                        {seqs.lock, seqs.named}, "release/" + std::to_string(seqs.named));
  op["phase"] = "Releasing";
  op["seq"] = seqs.named;
  release.facts["operation"] = op;
  release.command = Patch{{"Endpoints", kHippo.ns, "hippo-ha"}, "u", "1", "", {}};
  seqs.released = book.Do(release);
  book.Wait(30);
  book.Outcome(Outcome::kOk);
}

inline Book Fenced() {
  Book book("2026-11-21T12:03:36.000Z");
  FencedSeqs seqs;
  ObserveFenced(book, seqs);
  ReplaceFenced(book, seqs);
  book.Wait(600);
  const auto taken = book.Observe(
      "Endpoints", "hippo-ha",
      Annotated({{"leader", "hippo-00-b-0"}, {"renewTime", "2026-11-21T12:03:42+00:00"}}));
  book.Wait(150);
  const auto says =
      book.Observe("Pod", "hippo-00-b-0", MemberObject("primary", 0x50001C0, 2, "node2"));
  Action complete =
      Said(Reason::kFailoverComplete,
           "hippo-00-a-0 → hippo-00-b-0, timeline 1 → 2, after class F; 4.8 s from "
           "the last renewal seen of the old primary's lock to the new primary's word "
           "that it accepts writes; synchronous: it held every acknowledged write",
           {seqs.named, seqs.released, taken, says}, "say/primary/hippo-00-b-0/2");
  complete.facts = {{"ended", true},      {"primary", "hippo-00-b-0"}, {"timeline", 2},
                    {"timeline_from", 1}, {"from", "hippo-00-a-0"},    {"class", "F"},
                    {"took_ms", 4800}};
  book.Do(complete);
  book.Wait(10);
  book.Outcome(Outcome::kOk);
  book.Wait(60'000);
  book.Observe("Pod", "hippo-00-a-0", MemberObject("replica", 0x50001C0, 2, "node1"), "u2");
  return book;
}

}  // namespace pgo::cli::testing
