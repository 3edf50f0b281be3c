// What a pod's containers may learn about their pod and its objects. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/local/store/quantity.h"
#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo::local {

// An object of the pod's namespace by plural ("secrets", "configmaps", …) and name; nothing if
// there is none.
using ObjectLookup =
    std::function<std::optional<Json>(const std::string& plural, const std::string& name)>;

// A fieldRef: "metadata.name", "metadata.labels['x']", "status.podIP", "spec.nodeName", …; the maps
// "metadata.labels" and "metadata.annotations" as key="value" lines. kInvalid for an unknown path.
Result<std::string> FieldValue(const Json& pod, const std::string& path);

// What a container gets when it has no limit: the node's.
struct NodeCapacity {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_bytes = 0;
};
// A resourceFieldRef of a container of the pod; divided by its divisor and rounded up.
Result<std::string> ResourceValue(const Json& container, const Json& reference,
                                  const NodeCapacity& node);

// "Guaranteed", "Burstable" or "BestEffort".
std::string QosClass(const Json& pod);

// $(NAME) replaced by known variables, $$(NAME) becomes $(NAME); unknown references stay.
std::string ExpandVariables(std::string_view text,
                            const std::map<std::string, std::string>& variables);

// A container's env and envFrom, in order, over `base`. kUnavailable, in the kubelet's words, for a
// missing object or key that is not optional.
Result<std::map<std::string, std::string>> BuildEnvironment(const Json& pod, const Json& container,
                                                            std::map<std::string, std::string> base,
                                                            const ObjectLookup& lookup,
                                                            const NodeCapacity& node);

std::string DecodeBase64(std::string_view text);  // what cannot be decoded ends it

}  // namespace pgo::local
