// The store of pgo-local: every object in memory, every change appended to one file of its
// directory before it is acknowledged, so that stopping the process loses nothing (the file is not
// synced: a power cut of the real machine may lose the tail).
//
// Besides Store it serves what the API server needs: the table of types, watches from a version,
// and admission rules by kind. Threads and errors as store.h says.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/local/store.h"
#include "adapters/local/store/types.h"
#include "engine/base/result.h"

namespace pgo::local {

// One broken rule of an object, as Kubernetes words it: field "spec.replicas", reason
// "FieldValueInvalid", message "Invalid value: -1: must be greater than or equal to 0".
struct FieldError {
  std::string field;
  std::string reason = "FieldValueInvalid";
  std::string message;
};
// Rules that a schema cannot say (CEL in a CRD), natively. `old` is null on create. It is called
// under the store's lock: it must be pure.
using Admission = std::function<std::vector<FieldError>(const Json& object, const Json* old)>;

struct StoreOptions {
  std::string directory;                       // "" keeps nothing on disk
  std::size_t window = 10'000;                 // past changes kept for watches
  std::map<std::string, Admission> admission;  // by kind: "PostgresCluster"
  std::string service_prefix = "10.202.";  // ClusterIPs are PREFIX + "x.y"; x.y = 0.1 is the API's
  int eviction_s = 300;  // for how long pods tolerate a node that is not ready, unless they say so
};

// A change as a watcher sees it. `initial` marks the objects that existed when the watch began;
// the last of them is followed by one with a null object, at the version of that moment.
struct WatchItem {
  Change change;
  bool initial = false;
};

class MemoryStore : public Store {
 public:
  // Reads what an earlier process left; makes the namespaces every cluster has.
  static Result<std::unique_ptr<MemoryStore>> Open(StoreOptions options);

  // What the API serves; changes when a CustomResourceDefinition does. By plural and group.
  virtual std::shared_ptr<const TypeTable> Types() const = 0;
  // The newest version given out.
  virtual std::uint64_t Version() const = 0;
  // Calls `on_item` for each change after version `since`, in order, without a gap; a resource with
  // plural "" stands for all of them. Without `since`
  // the present objects come first. "Expired" (410) if the window no longer reaches back.
  virtual Answer<std::shared_ptr<void>> Watch(const Resource& resource, const std::string& ns,
                                              std::optional<std::uint64_t> since,
                                              std::function<void(const WatchItem&)> on_item) = 0;
  // Every change up to this version has been handed to its watchers: what a bookmark may say.
  virtual std::uint64_t Settled() const = 0;
};

}  // namespace pgo::local
