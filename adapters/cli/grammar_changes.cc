// Verbs that change clusters.
#include "adapters/cli/grammar.h"

namespace pgo::cli {

void AddChangeVerbs(Grammar& grammar) {
  grammar.Verb<Failover>(
      "failover", "Make a replica the primary, or show which could be",
      "  pgo failover hippo --query\n  pgo failover hippo --target=hippo-00-m4vz\n"
      "  pgo failover hippo              # the operator chooses the furthest replica",
      [](CLI::App& verb, Failover& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster")->required();
        verb.add_flag("--query", o.query, "list the replicas, change nothing");
        verb.add_option("--target", o.target, "instance or pod to promote");
        verb.add_flag("--force", o.force, "do not wait for a healthy primary (type Failover)");
        verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
        AddWaiting(verb, o.wait, o.timeout_s);
      });
  grammar.Verb<ApplyFiles>(
      "apply", "Create or change what manifests describe (YAML or JSON, several documents)",
      "  pgo apply -f hippo.yaml\n  pgo create cluster hippo --dry-run | pgo apply -f -",
      [](CLI::App& verb, ApplyFiles& o) {
        verb.add_option("-f,--filename", o.files, "file, or - for standard input")->required();
        verb.add_flag("--dry-run", o.dry_run, "let the server check it, store nothing");
        verb.add_flag("--force-conflicts", o.force_conflicts,
                      "take over fields that another manager set");
        verb.add_flag("--wait,!--no-wait", o.wait, "wait until definitions are served (default)");
        verb.add_option("--timeout", o.timeout_s, "seconds to wait for a definition")
            ->check(Between(1, 3600, 30))
            ->capture_default_str();
      });
}

}  // namespace pgo::cli
