// `pgo restore`: asks the operator for a restore in place, and shows how it gets on.
#include <algorithm>
#include <iostream>

#include "adapters/cli/backup_text.h"
#include "adapters/cli/operation.h"
#include "adapters/cli/verbs.h"
#include "engine/kube/names.h"
#include "engine/pgbackrest/config.h"
#include "engine/pgbackrest/target.h"

namespace pgo::cli {
namespace {

constexpr const char* kCondition = "PGBackRestoreProgressing";
constexpr int kLogLines = 40;

struct Asked {
  ClusterKey key;
  std::string id, repository;
  std::vector<std::string> words;
  pgbackrest::Target target;
  std::int64_t since_us = 0;
};

std::string Names(const std::vector<cluster::Repository>& repositories) {
  std::string out;
  for (const auto& repo : repositories) {
    out += (out.empty() ? "" : ", ") + repo.name + " (" + repo.Type() + ")";
  }
  return out;
}

Result<std::string> Choose(const cluster::Backups& backups, const RestoreCluster& options) {
  if (!backups.any) return Fail(NoBackups(options.cluster));
  const auto& all = backups.repositories;
  const std::string of = "\": must be of a repository of cluster " + options.cluster +
                         "; choose one of: " + Names(all);
  if (!options.storage_type.empty()) {
    const auto it = std::ranges::find_if(
        all, [&](const auto& repo) { return repo.Type() == options.storage_type; });
    if (it != all.end()) return it->name;
    return Fail(Code::kInvalid, "--pgbackrest-storage-type: \"" + options.storage_type + of);
  }
  if (!options.repository.empty()) {
    if (backups.Find(options.repository) != nullptr) return options.repository;
    return Fail(Code::kInvalid, "--repo-name: \"" + options.repository + of);
  }
  const bool known = backups.Find(backups.restore_repository) != nullptr;
  return known ? backups.restore_repository : all.front().name;
}

bool Has(const std::vector<std::string>& words, std::string_view start) {
  return std::ranges::any_of(words, [&](const auto& word) { return word.starts_with(start); });
}

// As 4.7 spells it: --pitr-target beside --backup-opts="--type=time".
Result<std::vector<std::string>> WordsOf(const RestoreCluster& options) {
  auto words = pgbackrest::SplitOptions({options.options});
  const std::string bad = pgbackrest::ForbiddenRestoreOption(words);
  if (!bad.empty()) {
    return Fail(Code::kInvalid, "--backup-opts: \"" + bad +
                                    "\": must be an option of `pgbackrest restore` that the "
                                    "operator does not set itself, written --name=value; leave it "
                                    "out" +
                                    (bad.starts_with("--repo") ? " and give --repo-name" : ""));
  }
  if (options.pitr_target.empty()) return words;
  if (Has(words, "--target=")) {
    return Fail(Code::kInvalid, "--pitr-target: \"" + options.pitr_target +
                                    "\": must not stand beside --target in --backup-opts; leave "
                                    "one of the two out");
  }
  if (!Has(words, "--type=")) words.emplace_back("--type=time");
  words.push_back("--target=" + options.pitr_target);
  return words;
}

Status Confirm(const Asked& asked, const RestoreCluster& options, Console& console) {
  const std::string what = "this overwrites all data of " + asked.key.name + " with a backup in " +
                           asked.repository + ", up to " + pgbackrest::TargetText(asked.target) +
                           ", and interrupts its service";
  if (!options.no_prompt && !console.err.terminal()) {
    return Fail(Code::kInvalid, what +
                                    ", and there is no terminal to ask on; nothing was changed; if "
                                    "it is meant, add --no-prompt");
  }
  return AskFirst(what, options.no_prompt, console);
}

Json PatchFor(const Asked& asked, const RestoreCluster& options) {
  Json patch = Json::object();
  Put(patch, {"metadata", "annotations", kube::kRestoreAsked}, asked.id);
  Put(patch, {"metadata", "annotations", kube::kRestoreSafety},
      options.no_safety ? Json("None") : Json(nullptr));
  Json restore = {{"enabled", true}, {"repoName", asked.repository}};
  restore["options"] = asked.words.empty() ? Json(nullptr) : Json(asked.words);
  // Options go on as they are written: with blanks in them they need quotes.
  if (!asked.words.empty()) {
    restore["options"] = Json::array();
    for (const std::string& word : asked.words) {
      const auto at = word.find('=');
      const bool plain = word.find_first_of(" \t") == std::string::npos;
      const char quote = word.find('"') == std::string::npos ? '"' : '\'';
      restore["options"].push_back(plain || at == std::string::npos
                                       ? word
                                       : word.substr(0, at + 1) + quote + word.substr(at + 1) +
                                             quote);
    }
  }
  Put(patch, {"spec", "backups", "pgbackrest", "restore"}, std::move(restore));
  return patch;
}

Json Withdrawal() {
  Json patch = Json::object();
  Put(patch, {"metadata", "annotations", kube::kRestoreAsked}, nullptr);
  Put(patch, {"metadata", "annotations", kube::kRestoreSafety}, nullptr);
  Put(patch, {"spec", "backups", "pgbackrest", "restore"}, nullptr);
  return patch;
}

std::string AskedNow(const Json& cluster) {
  return GetString(cluster, {"metadata", "annotations", kube::kRestoreAsked});
}

// What was refused must not begin by itself once its obstacle is gone.
void Withdraw(Kube& kube, const Asked& asked) {
  static_cast<void>(Change(kube, asked.key, [&](const Json& cluster) -> Result<Json> {
    if (AskedNow(cluster) != asked.id) return Fail(Code::kConflict, "somebody else asks");
    return Withdrawal();
  }));
}

struct Told {
  std::string reason, message;
};

// The operator's word about this restore; empty while it speaks of another.
Told ToldOf(const Json& cluster, const std::string& id) {
  for (const Json& condition : GetArray(cluster, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) != kCondition) continue;
    const std::string message = GetString(condition, {"message"});
    if (message.starts_with("restore " + id)) return {GetString(condition, {"reason"}), message};
  }
  return {};
}

std::string Percent(Kube& kube, const Asked& asked) {
  const auto pods = kube.List("Pod", asked.key.ns,
                              std::string(kube::kLabelCluster) + "=" + asked.key.name + "," +
                                  std::string(kube::kLabelRestore));
  if (!pods) return "";
  for (const Json& pod : *pods) {
    const std::string name = KeyOf(pod).name;
    if (!name.starts_with(kube::RestoreJobName(asked.key.name))) continue;
    if (GetString(pod, {"status", "phase"}) != "Running") continue;
    const auto log = kube.Log(asked.key.ns, name, kube::kBackrestContainer, kLogLines);
    const std::string percent = log ? PercentOfLog(*log) : "";
    if (!percent.empty()) return ", " + percent;
  }
  return "";
}

// The operator's last word about it.
Result<Told> WaitEnd(Kube& kube, const Asked& asked, std::int64_t timeout_s, Output& out) {
  Progress progress(out);
  Told last;
  const std::string late = "the restore of " + asked.key.name + " is not complete after " +
                           std::to_string(timeout_s) +
                           " s; it goes on, look with `pgo show cluster " + asked.key.name + "`";
  Status waited = WaitUntil(timeout_s, late, [&]() -> Result<bool> {
    auto cluster = kube.Get({"PostgresCluster", asked.key.ns, asked.key.name});
    if (!cluster) return Fail(cluster.error());
    const Told told = ToldOf(*cluster, asked.id);
    if (!told.reason.empty()) last = told;
    if (last.reason == "RestoreRefused" || last.reason == "RestoreUnsafe") {
      Withdraw(kube, asked);
      return Fail(Code::kConflict, last.message + "; nothing was changed");
    }
    if (last.reason == "RestoreFailed" || last.reason == "RestoreCancelled") {
      return Fail(Code::kConflict, asked.key.name + ": " + last.message);
    }
    const bool begun = GetString(*cluster, {"status", "pgbackrest", "restore", "id"}) == asked.id;
    if (!begun && AskedNow(*cluster) != asked.id) {
      return Fail(Code::kConflict, "the restore of " + asked.key.name +
                                       " is no longer asked for, and did not begin");
    }
    const std::string about = "restore " + asked.id + ": ";
    const std::string text =
        last.message.starts_with(about) ? last.message.substr(about.size()) : last.message;
    progress.Set(asked.key.name,
                 Pad(asked.key.name, 20) + "  " + (text.empty() ? "asked for" : text) +
                     (last.reason == "ReadyForRestore" ? Percent(kube, asked) : ""));
    progress.Draw();
    return last.reason == "RestoreComplete";
  });
  progress.End();
  if (!waited) return Fail(waited.error());
  return last;
}

Status Cancel(Kube& kube, const ClusterKey& key, const Common& common, Console& console) {
  std::string id;
  bool late = false;
  auto changed = Change(kube, key, [&](const Json& cluster) -> Result<Json> {
    id = AskedNow(cluster);
    if (id.empty()) {
      return Fail(Code::kConflict,
                  "no restore of " + key.name + " is asked for; nothing was changed");
    }
    const std::string reason = ToldOf(cluster, id).reason;
    late = reason == "ReadyForRestore" || reason == "RestoredInstanceStarts" ||
           reason == "ReplicasAreRebuilt";
    return Withdrawal();
  });
  if (!changed) return Fail(changed.error());
  if (late) {
    return Fail(Code::kConflict, "restore " + id + " of " + key.name +
                                     " overwrites data already, so it goes on to its end");
  }
  if (common.output == "json") {
    console.out.Print(Pretty({{"cluster", key.name}, {"cancelled", id}}));
  } else {
    console.out.Line("restore " + id + " of " + key.name + " is no longer asked for");
  }
  return {};
}

Result<Asked> Prepare(Kube& kube, const RestoreCluster& options) {
  Asked asked{{kube.ns(), options.cluster}, "", "", {}, {}, WallNow()};
  asked.id = WallText(asked.since_us);
  auto cluster = kube.Get({"PostgresCluster", asked.key.ns, asked.key.name});
  if (!cluster) return Fail(cluster.error());
  auto repository = Choose(cluster::ParseSpec(*cluster).spec.backups, options);
  if (!repository) return Fail(repository.error());
  asked.repository = *repository;
  auto words = WordsOf(options);
  if (!words) return Fail(words.error());
  asked.words = *std::move(words);
  auto target = pgbackrest::ReadTarget(asked.words);
  if (!target) {
    return Fail(Code::kInvalid,
                (options.pitr_target.empty() ? "--backup-opts: " : "--pitr-target: ") +
                    target.error().message);
  }
  asked.target = *std::move(target);
  return asked;
}

}  // namespace

Status Run(const RestoreCluster& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  const ClusterKey key{(*kube)->ns(), options.cluster};
  if (options.cancel) return Cancel(**kube, key, common, console);
  auto asked = Prepare(**kube, options);
  if (!asked) return Fail(asked.error());
  if (auto sure = Confirm(*asked, options, console); !sure) return sure;
  const Json patch = PatchFor(*asked, options);
  auto changed = Change(**kube, key, [&](const Json&) -> Result<Json> { return patch; });
  if (!changed) return Fail(changed.error());
  const bool json = common.output == "json";
  Output& out = json ? console.err : console.out;
  out.Line("asked for a restore of " + key.name + " from " + asked->repository + " to " +
           pgbackrest::TargetText(asked->target));
  Json row = {{"cluster", key.name}, {"id", asked->id}, {"repository", asked->repository}};
  row["target"] = pgbackrest::TargetText(asked->target);
  if (options.wait) {
    auto told = WaitEnd(**kube, *asked, options.timeout_s, out);
    if (!told) return Fail(told.error());
    out.Line("restore of " + key.name + " is complete after " +
             DurationText(WallNow() - asked->since_us));
    row["message"] = told->message;
  }
  if (json) console.out.Print(Pretty(row));
  return {};
}

}  // namespace pgo::cli
