// Who wrote which field: what of metadata.managedFields is journaled. Internal to the redactor.
//
//   managers: [{manager, operation, subresource, time, fields}]
//
// `fields` stands for PostgresCluster alone, which is what people write and `pgo blame` asks about:
// the set of fields in Kubernetes' own form (FieldsV1), cut down to spec, labels, kept annotations
// and finalizers. It names fields, never values; a key of a list or set that seems to hold a
// credential is "***". A set that is too large is left out as a whole, with `fieldsCut: true`.
#pragma once

#include <string_view>

#include "engine/base/json.h"

namespace pgo::kube {

inline constexpr std::size_t kManagersMax = 64;
inline constexpr std::size_t kManagedFieldsMax = 4000;  // of one object, all its managers together
inline constexpr int kManagedDepthMax = 40;

// `metadata` may be malformed: then less is kept.
Json ManagersOf(std::string_view kind, const Json& metadata);

}  // namespace pgo::kube
