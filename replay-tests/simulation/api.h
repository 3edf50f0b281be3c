// The API server: objects with versions, preconditions, server-side apply as far as the operator
// uses it, and the log of changes that watches are served from.
//
// Objects are kept as the operator's redactor would show them: a Secret is {redacted: {key:
// {hmac}}}, a pod has no environment. Simplifications are listed in docs/simulation.md.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/action/action.h"
#include "engine/event/event.h"

namespace pgo::simulation {

using Object = std::shared_ptr<const Json>;

struct Change {
  std::uint64_t version = 0;
  kube::ObjectRef ref;
  Object object;  // the last state of one that is gone
  bool gone = false;
};

struct Reply {
  Outcome outcome = Outcome::kOk;
  std::string message;
  Object object;  // after a write; null otherwise
};

struct Preconditions {
  std::string uid, rv;
};

class ApiServer {
 public:
  // Told of each change, in order, at the moment it is committed.
  void SetOnChange(std::function<void(const Change&)> on_change) {
    on_change_ = std::move(on_change);
  }
  // Wall time for creationTimestamp and deletionTimestamp.
  void SetClock(std::function<std::int64_t()> wall_us) { wall_us_ = std::move(wall_us); }

  // As server-side apply, forced, by one manager: what it applied before and does not now is
  // removed.
  Reply Apply(const kube::ObjectRef& ref, const Json& object);
  // RFC 7396.
  Reply Patch(const kube::ObjectRef& ref, const Preconditions& when, const Json& patch);
  Reply Create(const kube::ObjectRef& ref, Json object);
  // With finalizers, and a pod with a grace period, it is only marked.
  Reply Delete(const kube::ObjectRef& ref, const Preconditions& when, bool at_once);
  // As a controller that retries on conflict. `change` returns false to leave it.
  bool Mutate(const kube::ObjectRef& ref, const std::function<bool(Json&)>& change);
  // Without any ceremony: the object is no more.
  void Remove(const kube::ObjectRef& ref);

  [[nodiscard]] const Json* Find(const kube::ObjectRef& ref) const;
  [[nodiscard]] Object Get(const kube::ObjectRef& ref) const;
  [[nodiscard]] std::vector<std::pair<kube::ObjectRef, Object>> All(std::string_view kind) const;
  [[nodiscard]] std::uint64_t version() const { return version_; }
  // Changes after a version; false if some of them are forgotten already (410).
  bool Since(std::uint64_t version, std::vector<Change>& out, std::string_view kind) const;
  // Forgets changes up to now: watches that are behind get 410.
  void Compact() { log_.clear(); }

 private:
  Reply Commit(const kube::ObjectRef& ref, Json object);
  Outcome Check(const kube::ObjectRef& ref, const Preconditions& when) const;

  std::map<kube::ObjectRef, Object> objects_;
  std::map<kube::ObjectRef, Json> applied_;  // configuration of the one manager
  std::deque<Change> log_;
  std::uint64_t version_ = 1000;
  std::uint64_t created_ = 0, addresses_ = 0;
  std::function<void(const Change&)> on_change_;
  std::function<std::int64_t()> wall_us_;
};

}  // namespace pgo::simulation
