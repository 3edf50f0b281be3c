#include "adapters/local/store/claims.h"

#include "adapters/local/store/meta.h"
#include "adapters/local/store/quantity.h"

namespace pgo::local {
namespace {

std::int64_t SizeOf(const Json& claim) {
  return MilliQuantity(GetString(claim, {"spec", "resources", "requests", "storage"})).value_or(0);
}

Json Fixed(const Json& claim) {
  Json spec = GetObject(claim, {"spec"});
  if (spec.contains("resources")) spec["resources"].erase("requests");
  spec.erase("volumeAttributesClassName");
  return spec;
}

}  // namespace

void CheckClaim(const Json& object, const Json& old, std::vector<FieldError>& errors) {
  if (SizeOf(object) < SizeOf(old)) {
    errors.push_back({"spec.resources.requests.storage", "FieldValueForbidden",
                      "Forbidden: field can not be less than previous value"});
  }
  if (GetString(old, {"status", "phase"}) != "Bound" || Fixed(object) == Fixed(old)) return;
  errors.push_back({"spec", "FieldValueForbidden",
                    "Forbidden: spec is immutable after creation except resources.requests and "
                    "volumeAttributesClassName for bound claims"});
}

Answer<void> JudgeExpansion(const TypeInfo& type, const Json& old, const Json& object,
                            const std::function<bool(const std::string&)>& can_expand) {
  if (type.kind != "PersistentVolumeClaim" || SizeOf(object) <= SizeOf(old)) return {};
  if (can_expand(GetString(old, {"spec", "storageClassName"}))) return {};
  return tl::unexpected(StatusError{
      403, "Forbidden",
      "persistentvolumeclaims \"" + NameOf(old) +
          "\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass "
          "that provisions the pvc must support resize",
      nullptr});
}

}  // namespace pgo::local
