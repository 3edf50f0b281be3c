// The Kubernetes side of `pgo`: a connection for one run of the program, and what is known of one
// cluster. Not for several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/cli/arguments.h"
#include "engine/base/result.h"
#include "engine/cluster/view.h"

namespace pgo::kube {
class Client;
struct Reply;
struct Request;
}  // namespace pgo::kube

namespace pgo::cli {

// Fields that `pgo` writes are owned by this manager, so that they can be told from the operator's.
inline constexpr const char* kManager = "pgo";

struct ApplyHow {
  bool force = false;
  bool dry_run = false;
};

// A command in a container of a pod, and what came of it. Output beyond 1 MiB each is cut off.
struct PodCommand {
  std::string ns, pod, container;
  std::vector<std::string> argv;  // never a credential: argv can be seen by others
};
struct CommandOutput {
  int code = 0;  // its exit status
  std::string out, err;
};

class Kube {
 public:
  static Result<std::unique_ptr<Kube>> Connect(const Common& common);
  ~Kube();

  // Of -n, else of the context, else PGO_NAMESPACE, else "default".
  [[nodiscard]] const std::string& ns() const { return ns_; }
  [[nodiscard]] const std::string& server() const;

  Result<Json> Get(const kube::ObjectRef& ref);
  Result<std::vector<Json>> List(std::string_view kind, const std::string& ns,
                                 const std::string& selector = {});
  // Server-side apply of any kind that the server knows. A refusal names field, value, rule, mend.
  Result<Json> Apply(const Json& object, const ApplyHow& how);
  Result<Json> MergePatch(const kube::ObjectRef& ref, const Json& patch);
  Status Delete(const kube::ObjectRef& ref, const std::string& uid);
  // Any path of the API: "/version".
  Result<Json> GetPath(const std::string& path);
  // Runs a command with the user's own right to do so; at most 15 s. Several threads may call this
  // at the same time. An error: it did not run, or what became of it is not known.
  Result<CommandOutput> Exec(const PodCommand& command);
  // The newest lines, at most so many, of what a container has written; it may be anything.
  Result<std::string> Log(const std::string& ns, const std::string& pod, std::string_view container,
                          int lines);
  // Of each later request; 10 s at first.
  void SetTimeout(std::int64_t milliseconds) { timeout_ms_ = milliseconds; }

 private:
  Kube(std::unique_ptr<kube::Client> client, std::string ns);
  Result<Json> Answer(kube::Reply reply, const std::string& what);
  Result<std::string> PathFor(const Json& object);

  kube::Reply Ask(kube::Request request);

  std::unique_ptr<kube::Client> client_;
  std::string ns_;
  std::int64_t timeout_ms_ = 10'000;
};

// All that belongs to one cluster, read now. The view points into the world beside it.
struct Snapshot {
  cluster::World world;
  std::vector<Json> services;
  cluster::ClusterView view;
};
// `cluster`: the PostgresCluster if it was read already, else null. kNotFound if there is no such
// cluster and nothing of it is left.
Result<std::unique_ptr<Snapshot>> ReadCluster(Kube& kube, const ClusterKey& key,
                                              const Json* cluster = nullptr);
// The same from objects, for tests. Nodes have no namespace.
std::unique_ptr<Snapshot> SnapshotOf(const ClusterKey& key, const std::vector<Json>& objects);

// Clusters named, selected, or all of the namespace. kInvalid if none of the three was said.
Result<std::vector<Json>> FindClusters(Kube& kube, const std::vector<std::string>& names,
                                       const std::string& selector, bool all);

// {namespace, name} of an object.
ClusterKey KeyOf(const Json& object);

// Calls `look` every 300 ms until it says true, fails, the time is over (kUnavailable with `late`
// as message) or the user interrupts (kUnavailable "interrupted").
Status WaitUntil(std::int64_t timeout_s, const std::string& late,
                 const std::function<Result<bool>()>& look);

std::int64_t WallNow();  // microseconds
// The namespace that Kube::ns() would give, without a connection.
std::string DefaultNamespace(const Common& common);
// The kubeconfig files that are read: of --kubeconfig, else KUBECONFIG, else ~/.kube/config.
std::vector<std::string> KubeconfigFiles(const Common& common);

}  // namespace pgo::cli
