// backup, show backup, and the schedules.
#include "adapters/cli/grammar.h"

namespace pgo::cli {
namespace {

const std::vector<std::string> kRepositories{"repo1", "repo2", "repo3", "repo4"};
const std::vector<std::string> kTypes{"full", "diff", "incr"};

CLI::Validator ScheduleName() {
  std::vector<std::string> all;
  for (const auto& repo : kRepositories) {
    for (const auto& type : kTypes) all.push_back(repo + "-" + type);
  }
  return OneOf(all);
}

void AddBackup(Grammar& grammar) {
  grammar.Verb<TakeBackup>(
      "backup", "Take a backup of clusters now, and wait until it can be restored from",
      "  pgo backup hippo\n  pgo backup hippo --backup-opts=\"--type=full\"\n"
      "  pgo backup hippo --repo-name=repo2 --no-wait\n"
      "  pgo backup --selector=team=a --pgbackrest-storage-type=s3",
      [](CLI::App& verb, TakeBackup& o) {
        AddSelection(verb, o.names, o.selector, o.all);
        verb.add_option("--backup-type", o.backup_type, "what takes it")
            ->check(OneOf({"pgbackrest"}));
        verb.add_option("--backup-opts", o.options,
                        "options of `pgbackrest backup`; without them an incremental backup, or a "
                        "full one if there is none yet");
        auto* repository = verb.add_option("--repo-name", o.repository, "repository to back up to")
                               ->check(OneOf(kRepositories));
        verb.add_option("--pgbackrest-storage-type", o.storage_type,
                        "the first repository of this kind")
            ->check(OneOf({"posix", "s3", "gcs", "azure"}))
            ->excludes(repository);
        AddWaiting(verb, o.wait, o.timeout_s);
      });
  grammar.Verb<ShowBackup>(
      "show backup", "Show the backups of clusters, and to what time they can be restored",
      "  pgo show backup hippo\n  pgo show backup hippo --repo-name=repo1 -o json",
      [](CLI::App& verb, ShowBackup& o) {
        AddSelection(verb, o.names, o.selector, o.all);
        verb.add_option("--repo-name", o.repository, "this repository alone")
            ->check(OneOf(kRepositories));
      });
}

void AddRestore(Grammar& grammar) {
  grammar.Verb<RestoreCluster>(
      "restore", "Overwrite a cluster with a backup of it, up to a moment if one is given",
      "  pgo restore hippo --pitr-target=\"2026-11-21 22:36:36+00\"\n"
      "  pgo restore hippo --backup-opts=\"--type=lsn --target=0/2D0188E0\" --repo-name=repo2\n"
      "  pgo restore hippo                # to the end of the archive\n"
      "  pgo restore hippo --cancel       # while nothing is overwritten yet",
      [](CLI::App& verb, RestoreCluster& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster")->required();
        verb.add_option("--backup-type", o.backup_type, "what took the backup")
            ->check(OneOf({"pgbackrest"}));
        verb.add_option("--pitr-target", o.pitr_target,
                        "moment with its time zone, or what --type in --backup-opts says");
        verb.add_option("--backup-opts", o.options, "options of `pgbackrest restore`");
        auto* repository =
            verb.add_option("--repo-name", o.repository, "repository to restore from")
                ->check(OneOf(kRepositories));
        verb.add_option("--pgbackrest-storage-type", o.storage_type,
                        "the first repository of this kind")
            ->check(OneOf({"posix", "s3", "gcs", "azure"}))
            ->excludes(repository);
        verb.add_flag("--no-safety", o.no_safety,
                      "go on though the newest WAL cannot be archived before it is overwritten");
        verb.add_flag("--cancel", o.cancel, "ask for no restore any more");
        verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
        AddWaiting(verb, o.wait, o.timeout_s);
      });
}

}  // namespace

void AddBackupVerbs(Grammar& grammar) {
  AddBackup(grammar);
  AddRestore(grammar);
  grammar.Verb<CreateSchedule>(
      "create schedule", "Have backups taken by schedule (cron, UTC)",
      "  pgo create schedule hippo --schedule=\"0 1 * * 0\" --pgbackrest-backup-type=full\n"
      "  pgo create schedule hippo --schedule=\"0 */6 * * *\" --schedule-type=pgbackrest "
      "--pgbackrest-backup-type=incr --repo-name=repo2",
      [](CLI::App& verb, CreateSchedule& o) {
        AddSelection(verb, o.names, o.selector, o.all);
        verb.add_option("--schedule", o.schedule, "minute hour day month weekday, or @daily, …")
            ->required();
        verb.add_option("--schedule-type", o.schedule_type, "what takes it")
            ->check(OneOf({"pgbackrest"}));
        verb.add_option("--pgbackrest-backup-type", o.backup_type, "full, diff or incr")
            ->required()
            ->check(OneOf(kTypes));
        verb.add_option("--repo-name", o.repository, "repository (default: the first)")
            ->check(OneOf(kRepositories));
      });
  grammar.Verb<ShowSchedule>(
      "show schedule", "Show when backups are taken, and what became of the last",
      "  pgo show schedule hippo\n  pgo show schedule --all -o json",
      [](CLI::App& verb, ShowSchedule& o) {
        AddSelection(verb, o.names, o.selector, o.all);
        verb.add_option("--schedule-name", o.schedule_name, "this one alone: repo1-full")
            ->check(ScheduleName());
      });
  grammar.Verb<DeleteSchedule>(
      "delete schedule", "Take no more backups by this schedule; those taken stay",
      "  pgo delete schedule hippo --schedule-name=repo1-full",
      [](CLI::App& verb, DeleteSchedule& o) {
        AddSelection(verb, o.names, o.selector, o.all);
        verb.add_option("--schedule-name", o.schedule_name, "repo1-full, repo2-incr, …")
            ->required()
            ->check(ScheduleName());
        verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
      });
}

}  // namespace pgo::cli
