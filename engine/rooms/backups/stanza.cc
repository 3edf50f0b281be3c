// A repository takes nothing before its stanza was made in it.
// https://pgbackrest.org/command.html#command-stanza-create
#include "engine/base/digest.h"
#include "engine/kube/names.h"
#include "engine/rooms/backups/backups.h"
#include "engine/rooms/backups/scripts.h"

namespace pgo::rooms::backups {
namespace {

// All repositories at once: stanza-create takes no single one, and is done with those that have it.
std::string Goal(const Input& in, const pgbackrest::Settings& settings) {
  std::string all;
  for (const auto& r : settings.repositories) {
    all += r.number + "=" + pgbackrest::RepositoryHash(r) + "\n";
  }
  return "stanza/" + in.view.system_identifier + "/" + Sha256Hex(all).substr(0, 16);
}

// Where pgBackRest is to run: the repository host, which has every repository in its configuration,
// or, when all are in the cloud, the primary.
const cluster::Subject* Place(const Input& in) {
  const cluster::ClusterView& view = in.view;
  if (!view.spec().backups.HasVolume()) return view.Primary()->pod->subject;
  return HostIsReady(view) ? view.Find("Pod", kube::RepoHostPodName(view.key.name)) : nullptr;
}

void Make(const Input& in, const std::string& missing, const cluster::Subject& pod, Plan& plan) {
  const auto settings = SettingsOf(in.view);
  const bool host = in.view.spec().backups.HasVolume();
  Exec exec;
  exec.ref = pod.ref;
  exec.uid = pod.uid;
  exec.container = host ? kube::kBackrestContainer : kube::kDatabaseContainer;
  exec.argv = {"bash", "-c", WithHashScript(), "stanza", pgbackrest::HashOf(settings)};
  for (const std::string& word :
       {std::string("pgbackrest"), std::string("stanza-create"),
        "--stanza=" + std::string(pgbackrest::kStanza), std::string("--log-level-console=off"),
        std::string("--log-level-stderr=warn")}) {
    exec.argv.push_back(word);
  }
  Proposal p;
  p.reason = Reason::kBackup;
  p.sentence = missing + ": no stanza yet: make it, so that WAL and backups can go there";
  p.causes = {in.view.subject->seq.value(), pod.seq.value()};
  p.goal = Goal(in, settings);
  p.command = std::move(exec);
  p.once = true;
  p.retry_after_us = 2 * kSecond;
  p.timeout_ms = 60'000;
  plan.Do(std::move(p));
}

}  // namespace

const Json* InStatus(const cluster::ClusterView& cluster, const std::string& repository) {
  for (const Json& repo : GetArray(cluster.subject->object, {"status", "pgbackrest", "repos"})) {
    if (GetString(repo, {"name"}) == repository) return &repo;
  }
  return nullptr;
}

bool StanzaIsMade(const Input& in, const cluster::Repository& repository) {
  const auto settings = SettingsOf(in.view);
  const auto* entry = arbiter::Look(in.ledger, kRoom, Goal(in, settings));
  if (entry != nullptr && !entry->in_flight && entry->outcome == Outcome::kOk) return true;
  const Json* status = InStatus(in.view, repository.name);
  if (status == nullptr || !GetBool(*status, {"stanzaCreated"})) return false;
  const std::string known = GetString(*status, {"repoOptionsHash"});
  for (const auto& r : settings.repositories) {
    if (r.number == repository.Number()) return known == pgbackrest::RepositoryHash(r);
  }
  return false;
}

void MakeStanzas(const Input& in, Plan& plan) {
  const bool able = in.view.Primary() != nullptr && in.view.bootstrapped;
  std::string missing;
  for (const auto& repo : in.view.spec().backups.repositories) {
    if (StanzaIsMade(in, repo)) continue;
    missing += (missing.empty() ? "" : ", ") + repo.name;
  }
  const auto* pod = able && !missing.empty() ? Place(in) : nullptr;
  if (pod != nullptr) Make(in, missing, *pod, plan);
  plan.conditions.push_back({"PGBackRestReplicaRepoReady", missing.empty(),
                             missing.empty() ? "StanzaCreated" : "StanzaNotCreated",
                             missing.empty() ? "every repository takes WAL and backups"
                                             : "not yet ready for WAL and backups: " + missing});
}

}  // namespace pgo::rooms::backups
