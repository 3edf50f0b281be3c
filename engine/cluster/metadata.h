// What every object of a cluster has in common.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "engine/cluster/view.h"

namespace pgo::cluster {

using Label = std::pair<std::string_view, std::string>;

// kind, apiVersion and metadata: name, namespace, the cluster's label and the given ones, what
// spec.metadata asks for (never over ours), and the cluster as controlling owner.
Json NewObject(const ClusterView& cluster, std::string_view kind, std::string_view name,
               std::initializer_list<Label> labels = {});
// The same without an owner: for what outlives or is shared by clusters.
Json NewUnownedObject(const ClusterView& cluster, std::string_view kind, std::string_view name);

// Adds the labels and annotations of `extra` that are not there yet. The second form takes them as
// a manifest has them: {labels, annotations}.
void AddMetadata(Json& metadata, const Metadata& extra);
void AddMetadata(Json& metadata, const Json& extra);

}  // namespace pgo::cluster
