// `pgo create cluster`: sends the manifest, then follows each instance until the cluster is ready.
#include "adapters/cli/documents.h"
#include "adapters/cli/instances.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/manifest.h"
#include "adapters/cli/verbs.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

// Why there is none to start, or "": nothing else would happen until somebody mends it.
std::string ImageProblem(const Json& cluster) {
  for (const Json& condition : GetArray(cluster, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == "ImageAvailable" &&
        GetString(condition, {"status"}) == "False") {
      return GetString(condition, {"message"});
    }
  }
  return "";
}

// Follows a cluster that comes up: what to print of each instance, and when each became ready.
class Birth {
 public:
  Birth(Kube& kube, ClusterKey key, Output& output)
      : kube_(kube), key_(std::move(key)), output_(output), progress_(output), since_(WallNow()) {}

  Status Wait(std::int64_t timeout_s) {
    const std::string late =
        "cluster " + key_.name + " is not ready after " + std::to_string(timeout_s) + " s";
    Status waited = WaitUntil(timeout_s, late, [this] { return Look(); });
    progress_.End();
    if (waited || waited.error().code != Code::kUnavailable) return waited;
    return Fail(Code::kUnavailable,
                waited.error().message + (ready_.message.empty() ? "" : ": " + ready_.message) +
                    "; it goes on by itself: look with `pgo show cluster " + key_.name + "`");
  }
  [[nodiscard]] Json Report() const {
    Json out = Json::object();
    out["ready"] = ready_.ok();
    out["message"] = ready_.message;
    out["seconds"] = static_cast<double>((WallNow() - since_) / 1000) / 1000.0;
    out["instances"] = Json::array();
    for (const auto& line : lines_) {
      Json instance = InstanceJson(line);
      const auto at = ready_at_.find(line.instance);
      if (at != ready_at_.end()) {
        instance["ready_after_seconds"] =
            static_cast<double>((at->second - since_) / 1000) / 1000.0;
      }
      out["instances"].push_back(std::move(instance));
    }
    return out;
  }

 private:
  Result<bool> Look() {
    auto snapshot = ReadCluster(kube_, key_);
    if (!snapshot) return Fail(snapshot.error());
    if ((*snapshot)->view.subject == nullptr || (*snapshot)->view.deleting) {
      return Fail(Code::kConflict, "cluster " + key_.name + " was deleted meanwhile");
    }
    ready_ = ReadyOf((*snapshot)->view.subject->object);
    if (ready_.reason == "InvalidSpec") return Fail(Code::kInvalid, ready_.message);
    if (const auto image = ImageProblem((*snapshot)->view.subject->object); !image.empty()) {
      return Fail(Code::kInvalid, "cluster " + key_.name + " waits for an image: " + image +
                                      "; it goes on by itself then");
    }
    lines_ = InstanceLines((*snapshot)->view);
    for (const InstanceLine& line : lines_) Show(line);
    if (!ready_.ok() && !ready_.message.empty() && output_.terminal()) {
      progress_.Set("~", output_.Styled(Style::kDim, ready_.message));
    }
    if (ready_.ok()) progress_.Remove("~");
    progress_.Draw();
    return ready_.ok();
  }

  // The lag changes all the time: no news by itself.
  void Show(const InstanceLine& line) {
    std::string after;
    if (line.settled) {
      const auto at = ready_at_.try_emplace(line.instance, WallNow()).first->second;
      after = "ready in " + DurationText(at - since_);
    }
    const bool streams = line.state.starts_with("streaming");
    const std::string text =
        Pad(line.instance, 20) + "  " + Pad(line.role.empty() ? "-" : line.role, 7) + "  " +
        Pad(line.node.empty() ? "" : "on " + line.node, 12) + "  " +
        (streams ? "streaming" : line.state) + (after.empty() ? "" : "  " + after);
    std::string detail = streams ? line.state.substr(line.state.find(',') + 1) : "";
    if (!line.settled) detail = DurationText(WallNow() - since_);
    progress_.Set(line.instance, text, detail);
  }

  Kube& kube_;
  const ClusterKey key_;
  Output& output_;
  Progress progress_;
  const std::int64_t since_;
  ReadyCondition ready_;
  std::vector<InstanceLine> lines_;
  std::map<std::string, std::int64_t> ready_at_;
};

std::string UserText(const Json& manifest, const std::string& name) {
  const Json& users = GetArray(manifest, {"spec", "users"});
  const std::string user = users.empty() ? name : GetString(users[0], {"name"});
  const Json* databases = users.empty() ? nullptr : Find(users[0], "databases");
  const std::string database =
      databases == nullptr || databases->empty() ? name : AsString((*databases)[0]);
  return "database name: " + database + "\nusers:\n\tusername: " + user + "\tpassword: in Secret " +
         kube::UserSecretName(name, user) + "\n";
}

Status RefuseExisting(Kube& kube, const std::string& name) {
  auto there = kube.Get({"PostgresCluster", kube.ns(), name});
  if (there) {
    return Fail(Code::kConflict, "cluster " + name + " exists already in namespace " + kube.ns() +
                                     "; change it with `pgo apply`, or choose another name");
  }
  if (there.error().code != Code::kNotFound) return Fail(there.error());
  return {};
}

}  // namespace

Status Run(const CreateCluster& options, const Common& common, Console& console) {
  const bool json = common.output == "json";
  if (options.dry_run && !common.ns.empty()) {  // needs no server
    auto manifest = ManifestOf(options, common.ns);
    if (!manifest) return Fail(manifest.error());
    console.out.Print(json ? Pretty(*manifest) : YamlText(*manifest));
    return {};
  }
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto manifest = ManifestOf(options, (*kube)->ns());
  if (!manifest) return Fail(manifest.error());
  if (options.dry_run) {
    console.out.Print(json ? Pretty(*manifest) : YamlText(*manifest));
    return {};
  }
  if (auto free = RefuseExisting(**kube, options.name); !free) return free;
  auto made = (*kube)->Apply(*manifest, {});
  if (!made) return Fail(made.error());
  Output& out = json ? console.err : console.out;
  out.Print("created cluster: " + options.name + " in namespace " + (*kube)->ns() + "\n" +
            UserText(*manifest, options.name));
  if (!options.wait) {
    if (json) console.out.Print(Pretty(*made));
    return {};
  }
  Birth birth(**kube, {(*kube)->ns(), options.name}, out);
  Status waited = birth.Wait(options.timeout_s);
  const Json report = birth.Report();
  if (json) console.out.Print(Pretty(report));
  if (waited && !json) out.Line("ready: " + GetString(report, {"message"}));
  return waited;
}

}  // namespace pgo::cli
