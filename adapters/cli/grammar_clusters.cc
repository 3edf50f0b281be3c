// Verbs that create, show and delete clusters.
#include "adapters/cli/grammar.h"

namespace pgo::cli {
namespace {

// What each instance is made of.
void AddSizes(CLI::App& verb, CreateCluster& o) {
  verb.add_option("--pvc-size", o.pvc_size, "size of each data volume")->capture_default_str();
  verb.add_option("--storage-class,--storage-config", o.storage_class,
                  "storage class of the volumes");
  verb.add_option("--pg-version", o.pg_version, "major version of PostgreSQL")
      ->check(Between(11, 18, 17))
      ->capture_default_str();
  verb.add_option("--ccp-image-tag", o.ccp_image_tag, "a 4.7 image tag; its major version is used");
  verb.add_option("--image,--ccp-image", o.image, "image (default: the operator's own)");
  verb.add_option("--cpu", o.cpu, "CPU that each instance asks for: 500m");
  verb.add_option("--cpu-limit", o.cpu_limit, "CPU that each instance may use");
  verb.add_option("--memory", o.memory, "memory that each instance asks for: 2Gi");
  verb.add_option("--memory-limit", o.memory_limit, "memory that each instance may use");
}

void AddRecovery(CLI::App& verb, CreateCluster& o) {
  verb.add_option("--pgbackrest-pvc-size", o.backup_size,
                  "keep backups on a volume of this size: 20Gi");
  verb.add_option("--pgbackrest-storage-type", o.backup_storage,
                  "posix: keep backups on a volume (stores in the cloud: write a manifest)");
  verb.add_option("--restore-from", o.restore_from,
                  "begin as a copy of this cluster, made from its backups");
  verb.add_option("--restore-from-namespace", o.restore_namespace, "where that cluster is")
      ->needs("--restore-from");
  verb.add_option("--restore-repo-name", o.restore_repository, "its repository (default repo1)")
      ->needs("--restore-from");
  verb.add_option("--restore-opts", o.restore_options,
                  "options of pgbackrest restore: --type=time --target=\"2026-05-04 03:12+00\"")
      ->needs("--restore-from");
}

void AddCreate(Grammar& grammar) {
  grammar.Verb<CreateCluster>(
      "create cluster", "Create a PostgreSQL cluster and wait until it is ready",
      "  pgo create cluster hippo\n"
      "  pgo create cluster hippo --replica-count=2 --sync-replication --pvc-size=20Gi\n"
      "  pgo create cluster hippo --username=app --database=shop --label=team=a\n"
      "  pgo create cluster hippo --pgbackrest-pvc-size=20Gi\n"
      "  pgo create cluster rhino --restore-from=hippo --restore-opts='--type=time "
      "--target=\"2026-05-04 03:12:05+00\"'\n"
      "  pgo create cluster hippo --replica-count=2 --dry-run > hippo.yaml",
      [](CLI::App& verb, CreateCluster& o) {
        verb.add_option("name", o.name, "name of the cluster")->required();
        verb.add_option("--replica-count", o.replica_count, "replicas besides the primary")
            ->check(Between(0, 99, 2));
        verb.add_option("-d,--database", o.database, "database to create (default: the name)");
        verb.add_option("-u,--username", o.username, "its user (default: the name)");
        verb.add_flag("--sync-replication", o.sync_replication,
                      "a commit waits for a replica: no acknowledged write is lost");
        AddSizes(verb, o);
        AddRecovery(verb, o);
        verb.add_option("--label", o.labels, "key=value[,key=value], on all objects")
            ->delimiter(',');
        AddWaiting(verb, o.wait, o.timeout_s);
        verb.add_flag("--dry-run", o.dry_run, "print the manifest, create nothing");
      });
}

void AddShowAndDelete(Grammar& grammar) {
  grammar.Verb<ShowCluster>(
      "show cluster", "Show clusters, their instances, volumes and services",
      "  pgo show cluster hippo\n  pgo show cluster --all -o wide\n"
      "  pgo show cluster --selector=team=a -o json",
      [](CLI::App& verb, ShowCluster& o) { AddSelection(verb, o.names, o.selector, o.all); });
  grammar.Verb<DeleteCluster>(
      "delete cluster", "Delete a cluster and its volumes, and wait until it is gone",
      "  pgo delete cluster hippo\n  pgo delete cluster hippo --no-prompt",
      [](CLI::App& verb, DeleteCluster& o) {
        AddSelection(verb, o.names, o.selector, o.all);
        verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
        verb.add_flag("--keep-data", o.keep_data, "keep the data volumes");
        verb.add_flag("-d,--delete-data", o.delete_data, "the default")->excludes("--keep-data");
        verb.add_flag("--keep-backups", o.keep_backups, "keep the backups");
        verb.add_flag("-b,--delete-backups", o.delete_backups, "the default")
            ->excludes("--keep-backups");
        AddWaiting(verb, o.wait, o.timeout_s);
      });
}

void AddLooking(Grammar& grammar) {
  grammar.Verb<TestCluster>(
      "test", "Test whether clusters are what they claim to be; exit status 2 if one is not",
      "  pgo test hippo\n  pgo test --selector=env=research -o json\n  pgo test --all",
      [](CLI::App& verb, TestCluster& o) { AddSelection(verb, o.names, o.selector, o.all); });
  grammar.Verb<ShowStatus>("status", "Show the clusters of the namespace in numbers",
                           "  pgo status\n  pgo status -n postgres -o json",
                           [](CLI::App&, ShowStatus&) {});
  grammar.Verb<Df>("df", "Show what the volumes of clusters hold, and the sizes of databases",
                   "  pgo df hippo\n  pgo df --selector=env=research\n  pgo df --all -o json",
                   [](CLI::App& verb, Df& o) { AddSelection(verb, o.names, o.selector, o.all); });
  grammar.Verb<ShowUser>("show user", "Show the users of clusters and when their passwords end",
                         "  pgo show user hippo\n  pgo show user hippo --show-passwords\n"
                         "  pgo show user --all --expired=7 -o json",
                         [](CLI::App& verb, ShowUser& o) {
                           AddSelection(verb, o.names, o.selector, o.all);
                           verb.add_option("--expired", o.expired,
                                           "only those whose password ends within N days")
                               ->check(Between(0, 100'000, 7));
                           verb.add_flag("--show-system-accounts", o.show_system_accounts,
                                         "also accounts of the machinery, such as postgres");
                           verb.add_flag("--show-passwords", o.show_passwords,
                                         "read passwords from the users' Secrets and print them");
                         });
}

void AddLabelVerbs(Grammar& grammar) {
  grammar.Verb<AddLabel>(
      "label", "Label clusters, so that --selector finds them",
      "  pgo label hippo rhino --label=environment=prod,team=a\n"
      "  pgo label --selector=team=a --label=tier=1 --dry-run",
      [](CLI::App& verb, AddLabel& o) {
        AddSelection(verb, o.names, o.selector, o.all);
        verb.add_option("--label", o.labels, "key=value[,key=value]")->delimiter(',')->required();
        verb.add_flag("--dry-run", o.dry_run, "show which, change nothing");
      });
  grammar.Verb<DeleteLabel>(
      "delete label", "Take labels off clusters",
      "  pgo delete label hippo --label=environment=prod\n"
      "  pgo delete label --all --label=environment",
      [](CLI::App& verb, DeleteLabel& o) {
        AddSelection(verb, o.names, o.selector, o.all);
        verb.add_option("--label", o.labels, "key or key=value[,…]")->delimiter(',')->required();
        verb.add_flag("--dry-run", o.dry_run, "show which, change nothing");
      });
}

}  // namespace

void AddClusterVerbs(Grammar& grammar) {
  AddCreate(grammar);
  AddShowAndDelete(grammar);
  AddLooking(grammar);
  AddLabelVerbs(grammar);
}

}  // namespace pgo::cli
