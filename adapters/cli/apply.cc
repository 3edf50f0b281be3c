// `pgo apply`: server-side apply of manifests, PostgresCluster or any other kind.
#include "adapters/cli/documents.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/verbs.h"
#include "engine/cluster/spec.h"

namespace pgo::cli {
namespace {

// Kubernetes' own bookkeeping, as it stands in a manifest that was read from a server.
Json Clean(Json object) {
  object.erase("status");
  if (auto metadata = object.find("metadata"); metadata != object.end() && metadata->is_object()) {
    for (const char* key : {"managedFields", "resourceVersion", "uid", "creationTimestamp",
                            "generation", "selfLink"}) {
      metadata->erase(key);
    }
  }
  return object;
}

constexpr const char* kDefinition = "CustomResourceDefinition";

bool IsTrue(const Json& definition, const std::string& type) {
  for (const Json& condition : GetArray(definition, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == type) return GetString(condition, {"status"}) == "True";
  }
  return false;
}

// Paths under which objects of the definition are served, one a version.
std::vector<std::string> PathsOf(const Json& definition) {
  std::vector<std::string> out;
  for (const Json& version : GetArray(definition, {"spec", "versions"})) {
    if (!GetBool(version, {"served"})) continue;
    out.push_back("/apis/" + GetString(definition, {"spec", "group"}) + "/" +
                  GetString(version, {"name"}) + "/" +
                  GetString(definition, {"spec", "names", "plural"}) + "?limit=1");
  }
  return out;
}

// A server takes a definition before it serves what it defines: what is created in between is
// answered by 404.
Status WaitServed(Kube& kube, const Json& applied, std::int64_t timeout_s) {
  const std::string name = GetString(applied, {"metadata", "name"});
  std::string missing = "its condition Established is not true";
  Status waited = WaitUntil(timeout_s,
                            "CustomResourceDefinition " + name + " is not served after " +
                                std::to_string(timeout_s) + " s",
                            [&]() -> Result<bool> {
                              auto now = kube.Get({kDefinition, "", name});
                              if (!now) return Fail(now.error());
                              if (!IsTrue(*now, "Established")) return false;
                              for (const std::string& path : PathsOf(*now)) {
                                missing = "GET " + path + " is answered by 404";
                                // Not being allowed to list them is an answer, too.
                                if (auto list = kube.GetPath(path);
                                    !list && list.error().code == Code::kNotFound) {
                                  return false;
                                }
                              }
                              return true;
                            });
  if (waited || waited.error().code != Code::kUnavailable) return waited;
  return Fail(Code::kUnavailable, waited.error().message + ": " + missing +
                                      "; look at its conditions, or do not wait: --no-wait");
}

// Fields that are taken and lead to nothing: the server does not say so.
void Warn(const Json& object, Output& err) {
  if (GetString(object, {"kind"}) != "PostgresCluster") return;
  const auto parsed = cluster::ParseSpec(object);
  const std::string name = GetString(object, {"metadata", "name"});
  const auto warn = [&](const std::vector<std::string>& fields, const std::string& why) {
    for (const auto& field : fields) {
      err.Line(err.Styled(Style::kWarn, "warning:") + " " + name + ": " + field + ": " + why);
    }
  };
  warn(parsed.unknown, "no field of PostgresCluster, misspelled perhaps");
  warn(parsed.not_implemented, "this version does not act on it");
}

}  // namespace

Status Run(const ApplyFiles& options, const Common& common, Console& console) {
  std::vector<Json> objects;
  for (const std::string& file : options.files) {
    auto text = ReadInput(file);
    if (!text) return Fail(text.error());
    auto read = ReadDocuments(*text, file == "-" ? "standard input" : file);
    if (!read) return Fail(read.error());
    if (read->empty()) return Fail(Code::kInvalid, file + ": holds no manifest");
    objects.insert(objects.end(), read->begin(), read->end());
  }
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  Json results = Json::array();
  for (const Json& object : objects) {
    Warn(object, console.err);
    auto applied = (*kube)->Apply(Clean(object), {options.force_conflicts, options.dry_run});
    if (!applied) return Fail(applied.error());
    if (GetString(*applied, {"kind"}) == kDefinition && options.wait && !options.dry_run) {
      auto served = WaitServed(**kube, *applied, options.timeout_s);
      if (!served) return served;
    }
    const std::string name =
        GetString(*applied, {"kind"}) + "/" + GetString(*applied, {"metadata", "name"});
    if (common.output.empty()) {
      console.out.Line(name + (options.dry_run ? " would be applied" : " applied"));
    }
    results.push_back(*std::move(applied));
  }
  if (common.output == "json") console.out.Print(Pretty(results));
  if (common.output == "yaml") console.out.Print(YamlText(results));
  return {};
}

}  // namespace pgo::cli
