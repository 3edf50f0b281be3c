// Plans that are rendered from the manifest, kept until what they are made from changes: a
// heartbeat renders nothing, and digests nothing.
//
// Whoever renders is shown a view of the manifest and of what its Sight names, and of nothing else.
// So its plan is a function of these, and the one that is kept is the one it would make again. A
// plan with proposals is made anew each time: those name what was observed last. All of it may be
// forgotten at any time; the same plans are made again, only slower.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/rooms/room.h"

namespace pgo::rooms {

// What somebody looks at besides the manifest (without its status) and the cluster's name and uid.
struct Sight {
  std::vector<std::pair<std::string_view, std::string>> objects;  // by kind and name
  bool roster = false;          // instances with their StatefulSets and volumes, without their pods
  bool bootstrapped = false;    // whether the cluster was initialized
  bool backups_status = false;  // status.pgbackrest of the PostgresCluster
  bool restore = false;         // the place of a restore in place
  bool source = false;          // the manifest of the cluster that this one begins as a copy of
  std::string settings;         // what of the operator's own settings is rendered, as text
};

class Renderings {
 public:
  using Render = std::function<Plan(const cluster::ClusterView&)>;

  // The plan of `name`; `view` has a subject.
  std::shared_ptr<const Plan> Get(std::string_view name, const cluster::ClusterView& view,
                                  const Sight& sight, const Render& render);

 private:
  struct Kept {
    std::shared_ptr<const cluster::Manifest> manifest, source;
    std::string seen;
    std::shared_ptr<const Plan> plan;
  };
  std::map<std::string, Kept, std::less<>> kept_;
};

}  // namespace pgo::rooms
