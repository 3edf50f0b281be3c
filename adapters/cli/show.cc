// `pgo show cluster`: a tree as 4.7 draws it, a table, or the objects.
#include "adapters/cli/cluster_text.h"
#include "adapters/cli/documents.h"
#include "adapters/cli/verbs.h"

namespace pgo::cli {

Status Run(const ShowCluster& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  const bool machine = common.output == "json" || common.output == "yaml";
  const bool table = common.output == "table" || common.output == "wide";
  Table rows(ClusterHeader(common.output == "wide"));
  Json all = Json::array();
  std::string text;
  for (const Json& object : *clusters) {
    auto snapshot = ReadCluster(**kube, KeyOf(object), &object);
    if (!snapshot) return Fail(snapshot.error());
    if (machine) all.push_back(ClusterJson(**snapshot));
    if (table) AddClusterRows(rows, **snapshot, common.output == "wide");
    if (!machine && !table)
      text += (text.empty() ? "" : "\n") + ClusterTree(console.out, **snapshot);
  }
  if (clusters->empty()) console.err.Line("pgo: no cluster in namespace " + (*kube)->ns());
  if (common.output == "json") console.out.Print(Pretty(all));
  if (common.output == "yaml") console.out.Print(YamlText(all));
  if (table && !clusters->empty()) console.out.Print(rows.Text());
  if (!text.empty()) console.out.Print(text);
  return {};
}

}  // namespace pgo::cli
