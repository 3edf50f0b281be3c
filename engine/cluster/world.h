// The newest state of every object the operator watches: what the fold of Observed, Gone and Listed
// leaves. A plain value; the projection of one cluster out of it is engine/cluster/view.h.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/event/event.h"

namespace pgo::cluster {

// One observed object. `object` is redacted.
struct Subject {
  kube::ObjectRef ref;
  std::string uid, rv;
  Json object;
  Seq seq;      // of the newest observation
  Now changed;  // when that was
};

class World {
 public:
  // Fold one event. Returns the clusters it touches, in order. Older observations of an object
  // whose newer one was folded already (a watch runs behind a response) are passed over.
  std::set<ClusterKey> Fold(const Event& event);

  const Subject* Find(const kube::ObjectRef& ref) const;
  const std::map<kube::ObjectRef, Subject>& subjects() const { return subjects_; }
  // Everything that belongs to a cluster, its PostgresCluster included.
  std::vector<const Subject*> Of(const ClusterKey& cluster) const;
  std::vector<const Subject*> Nodes() const;
  std::set<ClusterKey> Clusters() const;
  // True once a complete list of the kind was read since the last Started: only then does absence
  // mean that a thing does not exist (I24).
  bool Listed(std::string_view kind) const;
  bool AllListed() const;  // all kinds that every decision needs

  // The cluster an object belongs to: by label, or itself.
  static std::optional<ClusterKey> ClusterOf(const kube::ObjectRef& ref, const Json& object);

  Json Save() const;
  // The same in parts of about so many bytes (as text) each, at least one; Add takes them one after
  // another. The kinds that were listed are in the first.
  std::vector<Json> SaveParts(std::size_t part_bytes) const;
  void Add(const Json& part);
  static World Load(const Json& json);

 private:
  std::set<ClusterKey> FoldObserved(const Observed& observed, const Event& event);
  std::set<ClusterKey> FoldListed(const pgo::Listed& listed);
  std::set<ClusterKey> Forget(const kube::ObjectRef& ref, const std::string& uid);
  std::set<ClusterKey> Touched(const kube::ObjectRef& ref, const Json& object) const;

  // Clusters that name this one as their data source.
  std::set<ClusterKey> CopiesOf(const kube::ObjectRef& ref) const;
  void NoteCopy(const kube::ObjectRef& ref, const Json& object, bool is_there);

  std::map<kube::ObjectRef, Subject> subjects_;
  std::map<ClusterKey, std::set<kube::ObjectRef>> members_;
  std::map<ClusterKey, std::set<ClusterKey>> copies_;  // by source
  std::set<std::string, std::less<>> listed_;
};

}  // namespace pgo::cluster
