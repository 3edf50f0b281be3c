// Verbs that read journals.
#include "adapters/cli/grammar.h"

namespace pgo::cli {
namespace {

void AddAnswers(Grammar& grammar) {
  grammar.Verb<Why>(
      "why", "Explain the latest change of primary: on what evidence, who was chosen, what it cost",
      "  pgo why hippo\n  pgo why hippo --last=3\n  pgo why hippo --at='2026-05-04 03:12:05'\n"
      "  pgo why hippo --bundle=incident.pgoj -o json",
      [](CLI::App& verb, Why& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster, or a bundle FILE.pgoj");
        verb.add_option("--bundle", o.bundle, "read a bundle instead of asking the operator");
        verb.add_option("--at", o.at,
                        "the one under way at this time (or #seq), or the last before");
        verb.add_option("--last", o.last, "how many, newest first")->check(Between(1, 10'000, 3));
      });
  grammar.Verb<History>(
      "history", "List what happened to a cluster: decisions, outcomes and observations",
      "  pgo history hippo\n  pgo history hippo --kind=failover --since=2026-01-01 -o json\n"
      "  pgo history hippo --bundle=incident.pgoj --kind=Pod,action",
      [](CLI::App& verb, History& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster, or a bundle FILE.pgoj");
        verb.add_option("--bundle", o.bundle, "read a bundle instead of asking the operator");
        verb.add_option("--kind", o.kinds,
                        "only these: a room (failover), an action (Apply), a record (Observed), an "
                        "object's kind (Pod), a reason (Fenced)")
            ->delimiter(',');
        verb.add_option("--since", o.since, "not before: 2026-05-04 03:12:05, 03:12, 2h");
        verb.add_option("--until", o.until, "not after");
        verb.add_option("--last", o.last, "only the newest N")->check(Between(1, 100'000'000, 50));
      });
}

void AddBundleVerbs(Grammar& grammar) {
  grammar.Verb<Replay>(
      "replay", "Show a bundle frame by frame, or prove that its decisions can be reproduced",
      "  pgo replay incident.pgoj\n  pgo replay --verify incident.pgoj",
      [](CLI::App& verb, Replay& o) {
        verb.add_option("file,--bundle", o.bundle, "bundle")->required();
        verb.add_flag("--verify", o.verify,
                      "decide everything again: each decision must be the same bytes");
      });
  grammar.Verb<VerifyFile>("verify", "Prove that a bundle is whole: every frame, every link",
                           "  pgo verify incident.pgoj", [](CLI::App& verb, VerifyFile& o) {
                             verb.add_option("file,--bundle", o.bundle, "bundle")->required();
                           });
  grammar.Verb<IncidentExport>(
      "incident export", "Fetch the operator's records of a time as one file that verifies itself",
      "  pgo incident export hippo --since=03:00 -o hippo.pgoj\n"
      "  pgo incident export hippo --since=2h --until=1h -o hippo.pgoj",
      [](CLI::App& verb, IncidentExport& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster")->required();
        verb.add_option("--since", o.since, "not before: 2026-05-04 03:12:05, 03:12, 2h");
        verb.add_option("--until", o.until, "not after");
        verb.add_option("-o,--file", o.file, "file to write (CLUSTER.pgoj)");
        verb.add_flag("--only-cluster", o.only_cluster,
                      "carry other clusters' records as hashes: smaller, but cannot be replayed");
      });
}

void AddPast(Grammar& grammar) {
  grammar.Verb<ShowState>(
      "state", "Show a cluster as it was at a moment, from the journal",
      "  pgo state hippo --at='2026-05-04 03:12:05'\n  pgo state hippo --at='10 minutes ago'\n"
      "  pgo state incident.pgoj --at=4127 -o json",
      [](CLI::App& verb, ShowState& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster, or a bundle FILE.pgoj");
        verb.add_option("--bundle", o.bundle, "read a bundle instead of asking the operator");
        verb.add_option("--at", o.at,
                        "the moment: a time, an age (2h), the number of a record (default: now, or "
                        "the end of the bundle)");
      });
  grammar.Verb<Diff>(
      "diff", "Show what is different between two moments of a cluster, from the journal",
      "  pgo diff hippo 03:10 03:20\n  pgo diff hippo 1h              # until now\n"
      "  pgo diff incident.pgoj 4098 4142 -o json",
      [](CLI::App& verb, Diff& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster, or a bundle FILE.pgoj")
            ->required();
        verb.add_option("from", o.from, "the first moment: a time, an age, the number of a record")
            ->required();
        verb.add_option("to", o.to, "the second one (default: now, or the end of the bundle)");
        verb.add_option("--bundle", o.bundle, "read a bundle instead of asking the operator");
      });
}

}  // namespace

void AddStoryVerbs(Grammar& grammar) {
  AddAnswers(grammar);
  AddPast(grammar);
  AddBundleVerbs(grammar);
}

}  // namespace pgo::cli
