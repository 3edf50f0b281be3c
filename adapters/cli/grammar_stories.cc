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

void AddBlame(Grammar& grammar) {
  grammar.Verb<BlameCluster>(
      "blame", "Show who set each field of a cluster, when, from what, through which manager",
      "  pgo blame hippo\n  pgo blame hippo 'spec.instances[0].replicas'\n"
      "  pgo blame hippo spec.config --at='2026-05-04 03:12:05'\n"
      "  pgo blame incident.pgoj spec.image -o json",
      [](CLI::App& verb, BlameCluster& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster, or a bundle FILE.pgoj");
        verb.add_option("field", o.field,
                        "a field, or what it stands below: spec.instances[0].replicas, "
                        "metadata.labels (default: all of spec and metadata)");
        verb.add_option("--bundle", o.bundle, "read a bundle instead of asking the operator");
        verb.add_option("--at", o.at, "as of this moment: a time, an age, the number of a record");
      });
}

void AddReplays(Grammar& grammar) {
  grammar.Verb<Replay>(
      "replay",
      "Step through a bundle, list its frames, or prove that its decisions can be made again",
      "  pgo replay incident.pgoj               # on a terminal: type help\n"
      "  pgo replay incident.pgoj | head        # a line per frame\n"
      "  pgo replay incident.pgoj --command='break failover' --command=run --command=why\n"
      "  pgo replay incident.pgoj --interactive < commands\n"
      "  pgo replay --verify incident.pgoj",
      [](CLI::App& verb, Replay& o) {
        verb.add_option("file,--bundle", o.bundle, "bundle")->required();
        verb.add_option("which", o.which, "cluster to step through (default: the only one)");
        verb.add_flag("--verify", o.verify,
                      "make every decision again and compare it byte for byte");
        verb.add_flag("-i,--interactive", o.interactive,
                      "step by commands from standard input, also where that is no terminal");
        verb.add_option("-c,--command", o.commands, "a command instead of asking for one; repeated")
            ->allow_extra_args(false);
      });
  grammar.Verb<Rehearse>(
      "rehearse", "Let this build, another one, or other settings decide in an old journal",
      "  pgo rehearse incident.pgoj\n"
      "  pgo rehearse fleet.pgoj --with=./pgo-1.3.0\n"
      "  pgo rehearse incident.pgoj --set=patroni.leaderLeaseDurationSeconds=15\n"
      "  pgo rehearse incident.pgoj --from=03:10 --to=03:20 -o json\n"
      "Exit status: 0 no action differs, 1 some do, 2 an error.",
      [](CLI::App& verb, Rehearse& o) {
        verb.add_option("file,--bundle", o.bundle, "bundle")->required();
        verb.add_option("--with", o.with,
                        "another build: its pgo, or a directory with that (default: this build)");
        verb.add_option("--set", o.settings,
                        "FIELD=VALUE in the spec of every cluster; RELATED_IMAGE_…=… of the "
                        "operator; repeated")
            ->allow_extra_args(false);
        verb.add_option("--from", o.from, "compare decisions from this moment on");
        verb.add_option("--to", o.to, "compare decisions up to this moment");
        verb.add_flag("--all", o.all, "show every difference, also those of words alone");
      });
}

void AddBundleVerbs(Grammar& grammar) {
  AddReplays(grammar);
  grammar.Verb<Report>(
      "report", "Write a bundle as one HTML page: lanes per instance, decisions and their causes",
      "  pgo report incident.pgoj --file=incident.html\n"
      "  pgo report hippo --bundle=fleet.pgoj --file=hippo.html --force",
      [](CLI::App& verb, Report& o) {
        verb.add_option("cluster", o.cluster, "a bundle FILE.pgoj, or the cluster in it");
        verb.add_option("--bundle", o.bundle, "bundle");
        verb.add_option("-o,--file", o.file, "page to write (default: the bundle's name .html)");
        verb.add_flag("--force", o.force, "replace the file if it exists");
      });
  grammar.Verb<VerifyFile>(
      "verify", "Prove that a bundle, or the operator's journal, is whole: every frame, every link",
      "  pgo verify incident.pgoj\n"
      "  pgo verify --anchor=lease              # the running operator's, against its Lease\n"
      "  pgo verify incident.pgoj --anchor=1f…/3/4711/9c…",
      [](CLI::App& verb, VerifyFile& o) {
        verb.add_option("file,--bundle", o.bundle, "bundle (default: all that the operator has)");
        verb.add_option(
            "--anchor", o.anchor,
            "compare with a head that was kept elsewhere: lease (the operator's Lease in "
            "Kubernetes), or ID/EPOCH/SEQ/CHAIN");
      });
  grammar.Verb<ShowJournal>(
      "journal status", "Show what the operator's journal consists of, and which replicas have it",
      "  pgo journal status\n  pgo journal status -o json", [](CLI::App&, ShowJournal&) {});
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
  AddBlame(grammar);
  AddPast(grammar);
  AddBundleVerbs(grammar);
}

}  // namespace pgo::cli
