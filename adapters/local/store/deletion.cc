#include "adapters/local/store/deletion.h"

#include <algorithm>

#include "adapters/local/store/meta.h"
#include "engine/base/ids.h"

namespace pgo::local {

Answer<void> CheckDeletion(const Resource& resource, const Json& object,
                           const DeletePreconditions& preconditions) {
  if (preconditions.uid && *preconditions.uid != UidOf(object)) {
    return tl::unexpected(Conflict(resource, NameOf(object),
                                   "the UID in the precondition (" + *preconditions.uid +
                                       ") does not match the UID in record (" + UidOf(object) +
                                       "). The object might have been deleted and then recreated"));
  }
  const std::string version = GetString(object, {"metadata", "resourceVersion"});
  if (preconditions.resource_version && *preconditions.resource_version != version) {
    return tl::unexpected(Conflict(resource, NameOf(object),
                                   "the ResourceVersion in the precondition (" +
                                       *preconditions.resource_version +
                                       ") does not match the ResourceVersion in record (" +
                                       version + "). The object might have been modified"));
  }
  return {};
}

std::int64_t GraceOf(const TypeInfo& type, const Json& object, std::optional<std::int64_t> asked) {
  if (type.kind != "Pod" || type.custom) return 0;
  const std::string phase = GetString(object, {"status", "phase"});
  if (GetString(object, {"spec", "nodeName"}).empty() || phase == "Succeeded" || phase == "Failed")
    return 0;
  const auto grace = asked.value_or(GetInt(object, {"spec", "terminationGracePeriodSeconds"}, 30));
  return std::max<std::int64_t>(grace, 0);
}

void ApplyPropagation(const std::string& policy, Json& object) {
  if (policy != "Foreground") return;
  Json& finalizers = Meta(object)["finalizers"];
  if (!finalizers.is_array()) finalizers = Json::array();
  if (std::find(finalizers.begin(), finalizers.end(), kForegroundDeletion) == finalizers.end())
    finalizers.push_back(kForegroundDeletion);
}

void MarkDeleting(const TypeInfo& type, Json& object, std::int64_t grace) {
  Json& metadata = Meta(object);
  const bool already = Deleting(object);
  if (already && GetInt(metadata, {"deletionGracePeriodSeconds"}) <= grace) return;
  if (already && GetInt(metadata, {"deletionGracePeriodSeconds"}) == 0) return;
  metadata["deletionTimestamp"] = WallSeconds(NowMicros() + grace * kSecond);
  metadata["deletionGracePeriodSeconds"] = grace;
  if (!already && object.contains("spec")) {
    metadata["generation"] = GetInt(metadata, {"generation"}, 0) + 1;
  }
  if (type.kind == "Namespace") object["status"]["phase"] = "Terminating";
}

}  // namespace pgo::local
