// The objects of pgo-local's Kubernetes stand-in: what etcd and the API server's registry are to
// Kubernetes. Every reader and writer goes through here: the HTTPS server, the controllers, the
// kubelets. One global integer resourceVersion; a bounded window of past changes for watches.
//
// Threads: all methods may be called from any thread. Subscribers are called in commit order, on
// one internal thread, never under the store's lock; they must not block for long.
// Errors follow Kubernetes' status reasons; see StatusError.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace pgo::local {

using Json = nlohmann::json;

// A resource type, by plural name and API group ("" is core): {"", "pods"}, {"apps",
// "statefulsets"}.
struct Resource {
  std::string group;
  std::string plural;
  auto operator<=>(const Resource&) const = default;
};

struct Key {
  Resource resource;
  std::string ns;  // "" for cluster-scoped
  std::string name;
  auto operator<=>(const Key&) const = default;
};

enum class ChangeType : std::uint8_t { kAdded, kModified, kDeleted };

struct Change {
  ChangeType type = ChangeType::kAdded;
  std::uint64_t resource_version = 0;
  Key key;
  std::shared_ptr<const Json> object;    // the object after the change; the last state if deleted
  std::shared_ptr<const Json> previous;  // null for kAdded
};

// What a failed write looks like on the wire: HTTP code, reason ("Conflict", "NotFound",
// "AlreadyExists", "Invalid", "Expired", "Forbidden") and message of a metav1.Status.
struct StatusError {
  int http_code = 500;
  std::string reason;
  std::string message;
  Json details;  // optional metav1.StatusDetails
};
template <typename T>
using Answer = tl::expected<T, StatusError>;

struct DeletePreconditions {
  std::optional<std::string> uid;
  std::optional<std::string> resource_version;
  std::optional<std::int64_t> grace_period_seconds;  // pods: 0 removes the object at once
  std::string propagation_policy;                    // "", "Background", "Foreground", "Orphan"
};

enum class PatchType : std::uint8_t { kJson, kMerge, kStrategicMerge, kApply };

struct WriteOptions {
  std::string field_manager;
  std::string subresource;  // "", "status", "scale"
  std::string version;      // of the API the request came by, "v1beta1"; "" is the storage version
  bool force = false;       // server-side apply: take conflicting fields
  bool dry_run = false;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual Answer<Json> Get(const Key& key) const = 0;
  // All objects of a type, of one namespace or of all (""), and the store's version at that moment.
  virtual std::pair<std::vector<Json>, std::uint64_t> List(const Resource& resource,
                                                           const std::string& ns) const = 0;
  virtual Answer<Json> Create(const Resource& resource, const std::string& ns, Json object,
                              const WriteOptions& options) = 0;
  // Replaces; a resourceVersion or uid in the object's metadata is a precondition.
  virtual Answer<Json> Update(const Key& key, Json object, const WriteOptions& options) = 0;
  // A resourceVersion or uid in the patch's metadata is a precondition.
  virtual Answer<Json> Patch(const Key& key, PatchType type, const Json& patch,
                             const WriteOptions& options) = 0;
  virtual Answer<Json> Delete(const Key& key, const DeletePreconditions& preconditions) = 0;

  // Calls `on_change` for each later change of the type; the returned token ends it when destroyed.
  virtual std::shared_ptr<void> Subscribe(const Resource& resource,
                                          std::function<void(const Change&)> on_change) = 0;

  // Read-modify-write on the newest version, retried on conflict. `mutate` returns false to leave
  // it.
  virtual Answer<Json> Mutate(const Key& key, const std::string& subresource,
                              const std::function<bool(Json&)>& mutate) = 0;
};

}  // namespace pgo::local
