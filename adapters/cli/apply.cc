// `pgo apply`: server-side apply of manifests, PostgresCluster or any other kind.
#include "adapters/cli/documents.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/verbs.h"

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
    auto applied = (*kube)->Apply(Clean(object), {options.force_conflicts, options.dry_run});
    if (!applied) return Fail(applied.error());
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
