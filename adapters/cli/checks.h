// What `pgo test` asks and how it judges the answers. Pure: the questions are put by the caller.
//
// A cluster passes if
//   services   the primary's Service leads to the holder of the leader lock and to nobody else, the
//              replicas' Service to every ready replica and to nobody else, and both answer;
//   instances  every instance that ought to be there is: the holder of the lock is out of recovery
//              and commits a write (a logical message: no row, no table, but WAL that is confirmed
//              by the cluster's own rules of synchronous replication), the others stream;
//   volumes    every volume claim is bound.
#pragma once

#include <string>
#include <vector>

#include "adapters/cli/pod_commands.h"

namespace pgo::cli {

struct Check {
  std::string type;  // "primary", "replica"; of a volume "data", "wal", …
  std::string what;  // "10.96.0.7:5432", pod or instance, claim
  bool up = false;
  std::string detail;  // what was found
};

struct Checks {
  std::vector<Check> services, instances, volumes;
  [[nodiscard]] std::size_t all() const {
    return services.size() + instances.size() + volumes.size();
  }
  [[nodiscard]] std::size_t failed() const;
};

// By name: "instance/POD", "service/primary", "service/replica".
std::map<std::string, PodCommand> QuestionsFor(const Snapshot& snapshot);
Checks Judge(const Snapshot& snapshot, const Answers& answers);

// "data", "wal", "tablespace" or "pgbackrest", by the labels of a volume claim.
std::string VolumeType(const Json& claim);

}  // namespace pgo::cli
