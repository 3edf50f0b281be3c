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

}  // namespace

void AddBackupVerbs(Grammar& grammar) {
  AddBackup(grammar);
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
