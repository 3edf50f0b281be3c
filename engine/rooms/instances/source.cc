#include "engine/rooms/instances/source.h"

#include "engine/cluster/backrest_pods.h"
#include "engine/pgbackrest/config.h"

namespace pgo::rooms::instances {
namespace {

using cluster::ClusterView;
using cluster::DataSource;
using cluster::Repository;

std::string At(const DataSource& source) {
  return source.in_bucket ? "spec.dataSource.pgbackrest." : "spec.dataSource.postgresCluster.";
}

std::string OptionRefusal(const DataSource& source) {
  const auto words = pgbackrest::SplitOptions(source.options);
  for (const std::string& word : words) {
    // A copy is promoted: a recovery without an end would never be.
    if (word != "--type=standby" && word != "--type=preserve" && word != "--type=none") continue;
    return At(source) + "options: " + word +
           ": must be a recovery that ends (default, immediate, lsn, name, time, xid); remove it";
  }
  const std::string option = pgbackrest::ForbiddenRestoreOption(words);
  if (option.empty()) return "";
  return At(source) + "options: " + option.substr(0, 60) +
         ": must be an option that the operator does not set itself, written --name=value; "
         "remove it";
}

// Two that archive into one repository spoil it for each other: a copy has its source's system
// identifier, so pgBackRest could not tell them apart.
std::string OverlapRefusal(const ClusterView& cluster, const Repository& theirs,
                           const std::map<std::string, std::string>& global) {
  const auto& backups = cluster.spec().backups;
  const std::string place = pgbackrest::PlaceOf(cluster::Plain(theirs), global);
  if (place.empty()) return "";
  std::size_t index = 0;
  for (const Repository& own : backups.repositories) {
    const std::string at = "spec.backups.pgbackrest.repos[" + std::to_string(index++) + "]: ";
    if (pgbackrest::PlaceOf(cluster::Plain(own), backups.global) != place) continue;
    return at + own.name +
           ": must lie elsewhere than the repository that the data comes from, or both clusters "
           "would archive into one; set another " +
           own.name + "-path in spec.backups.pgbackrest.global";
  }
  return "";
}

std::string BucketRefusal(const ClusterView& cluster) {
  const DataSource& source = cluster.spec().source;
  const std::string at = At(source);
  if (source.repository.size() != 5) {
    return at + "repo.name: \"" + source.repository.substr(0, 20) +
           "\": must be repo1, repo2, repo3 or repo4; write one of them";
  }
  if (source.bucket.store == Repository::Store::kVolume) {
    return at + "repo: must be in a store; add s3, gcs or azure";
  }
  if (!pgbackrest::IsStanza(source.stanza)) {
    return at +
           "stanza: must be letters, digits, '.', '_' and '-', beginning with a letter or "
           "digit; write the stanza's name (\"db\" for PGO's)";
  }
  if (!source.masked.empty()) {
    return at + "global." + source.masked.front().substr(0, 60) +
           ": must not hold a credential; put it into a Secret that " + at + "configuration names";
  }
  // Another stanza lies beside this cluster's own, whatever the path.
  if (source.stanza != pgbackrest::kStanza) return "";
  return OverlapRefusal(cluster, source.bucket, source.global);
}

std::string ClusterRefusal(const ClusterView& cluster) {
  const DataSource& source = cluster.spec().source;
  const std::string at = At(source);
  if (source.cluster.empty() || source.cluster == cluster.key.name) {
    return at + "clusterName: \"" + source.cluster + "\": must be another cluster; name one";
  }
  if (!source.ns.empty() && source.ns != cluster.key.ns) {
    return at + "clusterNamespace: " + source.ns + ": must be this cluster's namespace, " +
           cluster.key.ns + ", in this version; make the copy there";
  }
  if (cluster.source == nullptr) {
    return at + "clusterName: " + source.cluster +
           ": must be a cluster of this namespace, and none is there; create it, or if only its "
           "bucket is left name that in spec.dataSource.pgbackrest";
  }
  const auto& theirs = cluster.source->parsed.spec.backups;
  std::string names, overlap;
  for (const Repository& repo : theirs.repositories) {
    names += (names.empty() ? "" : ", ") + repo.name;
    if (overlap.empty()) overlap = OverlapRefusal(cluster, repo, theirs.global);
  }
  if (theirs.Find(source.repository) == nullptr) {
    return at + "repoName: " + source.repository.substr(0, 20) + ": must be a repository of " +
           source.cluster + "; " +
           (names.empty() ? "it has none: give it one first" : "choose one of: " + names);
  }
  return overlap;
}

// Why the cluster cannot begin as a copy of that; "" if it can.
std::string Refusal(const ClusterView& cluster) {
  const DataSource& source = cluster.spec().source;
  if (source.both) {
    return "spec.dataSource: must be either postgresCluster or pgbackrest; remove one of them";
  }
  std::string refusal = source.in_bucket ? BucketRefusal(cluster) : ClusterRefusal(cluster);
  return refusal.empty() ? OptionRefusal(source) : refusal;
}

std::string FromText(const DataSource& source) {
  if (!source.in_bucket) return source.repository + " of cluster " + source.cluster;
  std::string where;
  for (const auto& [name, value] : source.bucket.options) {
    if (name.ends_with("-bucket") || name.ends_with("-container")) where = " " + value;
  }
  return "stanza " + source.stanza + " in " + source.repository + " (" + source.bucket.Type() +
         where + ")";
}

}  // namespace

bool SaySource(const ClusterView& cluster, Plan& plan) {
  const DataSource& source = cluster.spec().source;
  if (!source.any) return true;
  const auto say = [&](bool ok, const char* reason, std::string message) {
    plan.conditions.push_back({"PostgresDataInitialized", ok, reason, std::move(message)});
  };
  // A restore in place takes `bootstrapped` away for a while; the data is there.
  if (cluster.bootstrapped || cluster.restore.Stops()) {
    say(true, "PGBackRestRestoreComplete", "made from " + FromText(source));
    return true;
  }
  std::string refusal = Refusal(cluster);
  const bool fine = refusal.empty();
  say(false, fine ? "PGBackRestRestoreProgressing" : "InvalidDataSource",
      fine ? "is being made from " + FromText(source) +
                 "; what pgBackRest says is in the log of container database"
           : std::move(refusal));
  return fine;
}

}  // namespace pgo::rooms::instances
