#include "adapters/local/api/containers.h"

#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

std::string Names(const Json& containers) {
  std::string out;
  for (const Json& container : containers)
    out += (out.empty() ? "" : " ") + GetString(container, {"name"});
  return out;
}

}  // namespace

Answer<std::string> ContainerOf(const Json& pod, const std::string& asked) {
  const Json& containers = GetArray(pod, {"spec", "containers"});
  const Json& init = GetArray(pod, {"spec", "initContainers"});
  if (asked.empty() && containers.size() == 1) return GetString(containers[0], {"name"});
  if (asked.empty()) {
    std::string text = "a container name must be specified for pod " + NameOf(pod) +
                       ", choose one of: [" + Names(containers) + "]";
    if (!init.empty()) text += " or one of the init containers: [" + Names(init) + "]";
    return tl::unexpected(BadRequest(text));
  }
  for (const Json* list : {&containers, &init}) {
    for (const Json& container : *list) {
      if (GetString(container, {"name"}) == asked) return asked;
    }
  }
  return tl::unexpected(BadRequest("container " + asked + " is not valid for pod " + NameOf(pod)));
}

}  // namespace pgo::local
