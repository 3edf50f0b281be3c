// `pgo update cluster`: stops clusters and starts them again, holds and resumes what is done about
// them.
#include "adapters/cli/instances.h"
#include "adapters/cli/operation.h"
#include "adapters/cli/verbs.h"

namespace pgo::cli {
namespace {

// Exactly one of the flags, as the field of the manifest that it stands for.
struct Wish {
  const char* field;
  bool value;
  const char* warning;  // asked about on a terminal; "" if there is nothing to lose
  const char* done;
};

Result<Wish> WishOf(const UpdateCluster& o) {
  const Wish wishes[] = {{"shutdown", true, "this stops all instances of", "shut down"},
                         {"shutdown", false, "", "started"},
                         {"paused", true, "", "paused"},
                         {"paused", false, "", "resumed"}};
  const bool asked[] = {o.shutdown, o.startup, o.pause, o.resume};
  const Wish* found = nullptr;
  for (std::size_t i = 0; i < std::size(asked); ++i) {
    if (asked[i]) found = &wishes[i];
  }
  if (o.shutdown + o.startup + o.pause + o.resume != 1) {
    return Fail(
        Code::kInvalid,
        "update cluster: takes one of --shutdown, --startup, --pause, --resume; other fields "
        "of the manifest are changed with pgo apply -f or kubectl edit");
  }
  return *found;
}

// As `wish` has it, as far as can be seen. Ready is written by the operator for this generation.
bool IsSo(const Snapshot& snapshot, const Wish& wish) {
  const Json& object = snapshot.view.subject->object;
  if (GetInt(object, {"status", "observedGeneration"}) < snapshot.view.generation) return false;
  const std::string field = wish.field;
  for (const Json& condition : GetArray(object, {"status", "conditions"})) {
    const std::string type = GetString(condition, {"type"});
    const std::string reason = GetString(condition, {"reason"});
    if (field == "shutdown" && type == "Ready") {
      return wish.value ? reason == "Shutdown" : GetString(condition, {"status"}) == "True";
    }
    if (field == "paused" && type == "Progressing" && reason == "Paused") return wish.value;
  }
  return field == "paused" && !wish.value;
}

Status UpdateOne(Kube& kube, const UpdateCluster& options, const Wish& wish, const ClusterKey& key,
                 Output& out) {
  const std::int64_t since = WallNow();
  auto changed = Change(kube, key, [&](const Json&) -> Result<Json> {
    Json patch = Json::object();
    Put(patch, {"spec", wish.field}, wish.value);
    return patch;
  });
  if (!changed) return Fail(changed.error());
  if (options.wait) {
    const Waiting waiting{key, since, options.timeout_s, key.name + " is not " + wish.done, ""};
    Status done = WaitShowing(kube, waiting, out,
                              [&](const Snapshot& s) -> Result<bool> { return IsSo(s, wish); });
    if (!done) return done;
  }
  out.Line((options.wait ? "" : "asked: ") + key.name + " " + wish.done);
  return {};
}

}  // namespace

Status Run(const UpdateCluster& options, const Common& common, Console& console) {
  auto wish = WishOf(options);
  if (!wish) return Fail(wish.error());
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  std::string names;
  for (const Json& cluster : *clusters) names += " " + GetString(cluster, {"metadata", "name"});
  if (wish->warning[0] != 0) {
    auto sure = AskFirst(wish->warning + names, options.no_prompt, console);
    if (!sure) return sure;
  }
  const bool json = common.output == "json";
  Output& out = json ? console.err : console.out;
  Json updated = Json::array();
  for (const Json& cluster : *clusters) {
    const ClusterKey key{GetString(cluster, {"metadata", "namespace"}),
                         GetString(cluster, {"metadata", "name"})};
    if (auto done = UpdateOne(**kube, options, *wish, key, out); !done) return done;
    updated.push_back(key.name);
  }
  if (json) console.out.Print(Pretty({{"updated", updated}, {wish->field, wish->value}}));
  return {};
}

}  // namespace pgo::cli
