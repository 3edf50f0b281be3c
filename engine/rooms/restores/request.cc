#include "engine/base/digest.h"
#include "engine/kube/names.h"
#include "engine/pgbackrest/config.h"
#include "engine/rooms/restores/restores.h"

namespace pgo::rooms::restores {
namespace {

constexpr const char* kField = "spec.backups.pgbackrest.restore.";

std::string Annotation(const Input& in, std::string_view name) {
  return GetString(in.view.subject->object, {"metadata", "annotations", name});
}

std::string RefuseRepository(const cluster::Backups& backups) {
  if (backups.Find(backups.restore_repository) != nullptr) return "";
  std::string names;
  for (const auto& repo : backups.repositories) names += (names.empty() ? "" : ", ") + repo.name;
  return std::string(kField) + "repoName: \"" + backups.restore_repository +
         "\": must be one of spec.backups.pgbackrest.repos; choose one of: " + names;
}

std::string RefuseSource(const Input& in, const cluster::Backups& backups) {
  if (!backups.restore_cluster.empty() && backups.restore_cluster != in.view.key.name) {
    return std::string(kField) + "clusterName: " + backups.restore_cluster +
           ": must be this cluster in this version; remove it, or make a new cluster of that one's "
           "backup with spec.dataSource.postgresCluster";
  }
  if (!backups.restore_namespace.empty() && backups.restore_namespace != in.view.key.ns) {
    return std::string(kField) + "clusterNamespace: " + backups.restore_namespace +
           ": must be this cluster's in this version; remove it";
  }
  return "";
}

std::string RefuseOptions(const Input& in, Request& request) {
  const std::string at = std::string(kField) + "options: ";
  const std::string bad = pgbackrest::ForbiddenRestoreOption(request.words);
  if (!bad.empty()) {
    return at + bad.substr(0, 60) +
           ": must be an option that the operator does not set itself, written --name=value; "
           "remove it";
  }
  for (const std::string& word : request.words) {
    // What is journaled instead of a credential.
    if (word.find("***") == std::string::npos) continue;
    return at + word.substr(0, word.find('=')) +
           ": must not hold a credential, which the operator never reads; write it into a Secret "
           "named in spec.backups.pgbackrest.configuration";
  }
  auto target = pgbackrest::ReadTarget(request.words);
  if (!target) return at + target.error().message;
  request.target = *std::move(target);
  if (request.target.type == "time" && request.target.time_us > in.now.wall_us) {
    return at + "--target: \"" + request.target.text +
           "\": must not lie in the future; choose an earlier moment";
  }
  return "";
}

}  // namespace

Request ReadRequest(const Input& in) {
  Request out;
  const auto& backups = in.view.spec().backups;
  out.id = Annotation(in, kube::kRestoreAsked);
  out.enabled = backups.restore_enabled;
  out.repository = backups.restore_repository;
  out.words = pgbackrest::SplitOptions(backups.restore_options);
  const std::string safety = Annotation(in, kube::kRestoreSafety);
  out.safe = safety != "None";
  if (out.id.empty() || !out.enabled) return out;
  out.refusal = RefuseRepository(backups);
  if (out.refusal.empty()) out.refusal = RefuseSource(in, backups);
  if (out.refusal.empty()) out.refusal = RefuseOptions(in, out);
  if (out.refusal.empty() && !safety.empty() && safety != "None" && safety != "Archive") {
    out.refusal = "metadata.annotations[" + std::string(kube::kRestoreSafety) +
                  "]: " + safety.substr(0, 60) +
                  ": must be Archive or None; set one of these or remove it";
  }
  return out;
}

std::string RequestKey(const Request& request) {
  std::string all = request.id + "\n" + request.repository;
  for (const std::string& word : request.words) all += "\n" + word;
  return Sha256Hex(all).substr(0, 16);
}

}  // namespace pgo::rooms::restores
