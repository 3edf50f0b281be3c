#include "adapters/cli/kube_access.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "adapters/cli/refusal.h"
#include "adapters/kube/client.h"
#include "adapters/kube/credentials.h"
#include "adapters/kube/exec.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;
void Interrupt(int) { g_interrupted = 1; }

constexpr auto kLookEvery = std::chrono::milliseconds(300);
constexpr std::int64_t kExecTimeoutMs = 15'000;
constexpr const char* kUserAgent = "pgo/0.1.0";

std::string NamespaceOf(const Common& common, const std::string& of_context) {
  if (!common.ns.empty()) return common.ns;
  if (of_context != "default" && !of_context.empty()) return of_context;
  const char* named = std::getenv("PGO_NAMESPACE");
  return named != nullptr && *named != '\0' ? named : "default";
}

std::string What(const Json& object) {
  return GetString(object, {"kind"}, "object") + " " + GetString(object, {"metadata", "name"});
}

kube::ObjectRef RefOf(const Json& object) {
  return {GetString(object, {"kind"}), GetString(object, {"metadata", "namespace"}),
          GetString(object, {"metadata", "name"})};
}

}  // namespace

std::int64_t WallNow() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::string DefaultNamespace(const Common& common) {
  if (!common.ns.empty()) return common.ns;
  const auto config = kube::LoadConfig({common.kubeconfig, common.context});
  return NamespaceOf(common, config ? config->ns : "");
}

std::vector<std::string> KubeconfigFiles(const Common& common) {
  const char* named = std::getenv("KUBECONFIG");
  const char* home = std::getenv("HOME");
  if (!common.kubeconfig.empty()) return {common.kubeconfig};
  if (named == nullptr || *named == '\0') {
    return {std::string(home == nullptr ? "" : home) + "/.kube/config"};
  }
  std::vector<std::string> out;
  const std::string list = named;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(':', at), list.size());
    if (end > at) out.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Kube::Kube(std::unique_ptr<kube::Client> client, std::string ns)
    : client_(std::move(client)), ns_(std::move(ns)) {}
Kube::~Kube() = default;

Result<std::unique_ptr<Kube>> Kube::Connect(const Common& common) {
  auto config = kube::LoadConfig({common.kubeconfig, common.context});
  if (!config) return Fail(config.error());
  std::string ns = NamespaceOf(common, config->ns);
  auto credentials = std::make_shared<kube::Credentials>(*std::move(config));
  return std::unique_ptr<Kube>(
      new Kube(std::make_unique<kube::Client>(std::move(credentials), kUserAgent), std::move(ns)));
}

const std::string& Kube::server() const { return client_->config().server; }

kube::Reply Kube::Ask(kube::Request request) {
  request.timeout_ms = timeout_ms_;
  request.verbatim = true;
  return client_->Do(std::move(request));
}

Result<CommandOutput> Kube::Exec(const PodCommand& command) {
  kube::ExecCall call{command.ns, command.pod, command.container, command.argv, "", kExecTimeoutMs};
  auto ran = kube::RunExec(*client_->credentials(), client_->user_agent(), call);
  if (ran) return CommandOutput{ran->code, std::move(ran->out), std::move(ran->err)};
  Error error = ran.error().In("command in pod " + command.pod);
  if (error.code == Code::kDenied) {
    error.message += "; ask for the right to create pods/exec in namespace " + command.ns;
  }
  return Fail(std::move(error));
}

Result<std::string> Kube::Log(const std::string& ns, const std::string& pod,
                              std::string_view container, int lines) {
  kube::Request request;
  request.path = kube::PathOf(*kube::FindKind("Pod"), ns, pod, "log") +
                 "?container=" + std::string(container) + "&tailLines=" + std::to_string(lines);
  kube::Reply reply = Ask(std::move(request));
  if (!reply.ok()) return Fail(reply.error->code, reply.error->message);
  // A log that happens to be JSON was read as such.
  return reply.text.empty() && reply.body.is_structured() ? DumpJson(reply.body) : reply.text;
}

Result<Json> Kube::Answer(kube::Reply reply, const std::string& what) {
  if (reply.ok()) return std::move(reply.body);
  Error error = *reply.error;
  const auto problems = ProblemsOf(reply.body);
  if (!problems.empty()) {
    return Fail(error.code, RefusalText(what.empty() ? "the request" : what, problems));
  }
  const bool no_kind = error.message.find("requested resource") != std::string::npos ||
                       error.message.find("page not found") != std::string::npos;
  if (no_kind && error.message.find("/postgresclusters") != std::string::npos) {
    error.code = Code::kInvalid;  // not the object is missing but its kind
    error.message +=
        "; the server does not know PostgresClusters: install crds/postgrescluster.yaml first";
  }
  if (reply.http == 0) {
    error.message +=
        "; check that " + server() + " is the right server (--kubeconfig, --context) and reachable";
  }
  return Fail(std::move(error));
}

Result<Json> Kube::Get(const kube::ObjectRef& ref) {
  return Answer(Ask(kube::GetRequest(ref)), ref.Text());
}

Result<Json> Kube::GetPath(const std::string& path) {
  kube::Request request;
  request.path = path;
  return Answer(Ask(std::move(request)), path);
}

Result<std::vector<Json>> Kube::List(std::string_view kind, const std::string& ns,
                                     const std::string& selector) {
  std::vector<Json> out;
  std::string more;
  const kube::KindInfo* info = kube::FindKind(kind);
  do {
    auto page = Answer(Ask(kube::ListRequest(kind, ns, selector, more)), std::string(kind));
    if (!page) return Fail(page.error());
    more = GetString(*page, {"metadata", "continue"});
    for (const Json& item : GetArray(*page, {"items"})) {
      Json object = item;
      object["kind"] = std::string(kind);  // lists leave it out
      if (info != nullptr) object["apiVersion"] = kube::ApiVersion(*info);
      out.push_back(std::move(object));
    }
  } while (!more.empty());
  return out;
}

// Where objects of this kind live: from the table, else from the server's own discovery.
Result<std::string> Kube::PathFor(const Json& object) {
  const std::string version = GetString(object, {"apiVersion"});
  const kube::ObjectRef ref = RefOf(object);
  if (version.empty() || ref.kind.empty() || ref.name.empty()) {
    return Fail(Code::kInvalid,
                What(object) +
                    ": apiVersion, kind and metadata.name must be set; a manifest names "
                    "what it describes");
  }
  const std::string base = (version.find('/') == std::string::npos ? "/api/" : "/apis/") + version;
  const kube::KindInfo* known = kube::FindKind(ref.kind);
  std::string plural;
  bool namespaced = true;
  const auto group =
      version.substr(0, version.find('/') == std::string::npos ? 0 : version.find('/'));
  if (known != nullptr && known->group == group) {
    plural = known->plural;
    namespaced = known->namespaced;
  } else {
    auto found = GetPath(base);
    if (!found) return Fail(found.error().In("look up " + version + " " + ref.kind));
    for (const Json& resource : GetArray(*found, {"resources"})) {
      const std::string name = GetString(resource, {"name"});
      if (GetString(resource, {"kind"}) != ref.kind || name.find('/') != std::string::npos)
        continue;
      plural = name;
      namespaced = GetBool(resource, {"namespaced"});
    }
    if (plural.empty()) {
      return Fail(Code::kNotFound, "the server has no kind " + ref.kind + " in " + version +
                                       "; install its definition first");
    }
  }
  const std::string ns = ref.ns.empty() ? ns_ : ref.ns;
  return base + (namespaced ? "/namespaces/" + kube::PercentEncode(ns) : "") + "/" + plural + "/" +
         kube::PercentEncode(ref.name);
}

Result<Json> Kube::Apply(const Json& object, const ApplyHow& how) {
  auto path = PathFor(object);
  if (!path) return Fail(path.error());
  kube::Request request;
  request.method = "PATCH";
  request.path = *path + "?fieldManager=" + kManager + "&fieldValidation=Strict" +
                 (how.force ? "&force=true" : "") + (how.dry_run ? "&dryRun=All" : "");
  request.content_type = "application/apply-patch+yaml";
  request.body = DumpJson(object);
  return Answer(Ask(std::move(request)), What(object));
}

Result<Json> Kube::MergePatch(const kube::ObjectRef& ref, const Json& patch) {
  const kube::KindInfo* kind = kube::FindKind(ref.kind);
  if (kind == nullptr) return Fail(Code::kInternal, "kind " + ref.kind + " is not known");
  kube::Request request;
  request.method = "PATCH";
  request.path = kube::PathOf(*kind, ref.ns, ref.name) + "?fieldManager=" + kManager;
  request.content_type = "application/merge-patch+json";
  request.body = DumpJson(patch);
  return Answer(Ask(std::move(request)), ref.Text());
}

Status Kube::Delete(const kube::ObjectRef& ref, const std::string& uid) {
  auto answer =
      Answer(Ask(kube::DeleteRequest(ref, {uid, "", std::nullopt, "Background"})), ref.Text());
  if (!answer) return Fail(answer.error());
  return {};
}

std::unique_ptr<Snapshot> SnapshotOf(const ClusterKey& key, const std::vector<Json>& objects) {
  auto out = std::make_unique<Snapshot>();
  std::uint64_t seq = 0;
  for (const Json& object : objects) {
    const kube::ObjectRef ref = RefOf(object);
    if (ref.kind == "Service") out->services.push_back(object);
    Observed observed{ref, GetString(object, {"metadata", "uid"}),
                      GetString(object, {"metadata", "resourceVersion"}), object};
    out->world.Fold({Seq(++seq), Now{WallNow(), 0}, std::move(observed)});
  }
  out->view = cluster::Project(out->world, key);
  return out;
}

Result<std::unique_ptr<Snapshot>> ReadCluster(Kube& kube, const ClusterKey& key,
                                              const Json* cluster) {
  std::vector<Json> objects;
  if (cluster != nullptr) {
    objects.push_back(*cluster);
  } else {
    auto read = kube.Get({"PostgresCluster", key.ns, key.name});
    if (!read && read.error().code != Code::kNotFound) return Fail(read.error());
    if (read) objects.push_back(*std::move(read));
  }
  const std::string selector = std::string(kube::kLabelCluster) + "=" + key.name;
  for (const char* kind : {"Pod", "StatefulSet", "PersistentVolumeClaim", "Endpoints", "Service"}) {
    auto list = kube.List(kind, key.ns, selector);
    if (!list) return Fail(list.error());
    objects.insert(objects.end(), std::make_move_iterator(list->begin()),
                   std::make_move_iterator(list->end()));
  }
  if (objects.empty()) {
    return Fail(Code::kNotFound, "cluster " + key.Text() +
                                     " does not exist; `pgo show cluster --all "
                                     "-n " +
                                     key.ns + "` lists those that do");
  }
  // Reading nodes needs a right of its own; without it their state is simply not known.
  if (auto nodes = kube.List("Node", ""); nodes) {
    objects.insert(objects.end(), nodes->begin(), nodes->end());
  }
  return SnapshotOf(key, objects);
}

ClusterKey KeyOf(const Json& object) {
  return {GetString(object, {"metadata", "namespace"}), GetString(object, {"metadata", "name"})};
}

Result<std::vector<Json>> FindClusters(Kube& kube, const std::vector<std::string>& names,
                                       const std::string& selector, bool all) {
  // 4.7 takes the word `all` for the flag.
  const bool everything = all || (names.size() == 1 && names.front() == "all");
  if (!everything && selector.empty() && names.empty()) {
    return Fail(Code::kInvalid, "no cluster is named: give its name, --selector or --all");
  }
  // Names and a selection that does not heed them: one of the two is a slip, and may cost data.
  if (all && !names.empty()) {
    return Fail(Code::kInvalid, "--all: must not be given together with the name " + names.front() +
                                    "; leave one of the two out");
  }
  if (!selector.empty() && !names.empty() && !everything) {
    return Fail(Code::kInvalid, "--selector: must not be given together with the name " +
                                    names.front() + "; leave one of the two out");
  }
  if (everything || !selector.empty()) return kube.List("PostgresCluster", kube.ns(), selector);
  std::vector<Json> out;
  for (const std::string& name : names) {
    auto cluster = kube.Get({"PostgresCluster", kube.ns(), name});
    if (!cluster && cluster.error().code == Code::kNotFound) {
      return Fail(Code::kNotFound, "cluster " + name + " does not exist in namespace " + kube.ns() +
                                       "; `pgo show cluster --all` lists those that do");
    }
    if (!cluster) return Fail(cluster.error());
    out.push_back(*std::move(cluster));
  }
  return out;
}

Status WaitUntil(std::int64_t timeout_s, const std::string& late,
                 const std::function<Result<bool>()>& look) {
  using Clock = std::chrono::steady_clock;
  g_interrupted = 0;
  auto before = std::signal(SIGINT, Interrupt);
  const auto until = Clock::now() + std::chrono::seconds(timeout_s);
  Status out;
  for (;;) {
    auto done = look();
    // The control plane may be away for a while: that is no reason to give up.
    if (!done && done.error().code != Code::kUnavailable) out = Fail(done.error());
    if (!out || (done && *done)) break;
    if (Clock::now() >= until) out = Fail(Code::kUnavailable, late);
    if (g_interrupted != 0) out = Fail(Code::kUnavailable, "interrupted");
    if (!out) break;
    std::this_thread::sleep_for(kLookEvery);
  }
  std::signal(SIGINT, before);
  return out;
}

}  // namespace pgo::cli
