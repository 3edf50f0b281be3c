// The three patches that are not server-side apply.
#pragma once

#include "adapters/local/store.h"
#include "adapters/local/store/shape.h"

namespace pgo::local {

Answer<Json> JsonPatch(const Json& object, const Json& patch);  // RFC 6902
Json MergePatch(const Json& object, const Json& patch);         // RFC 7386
// Kubernetes' own: lists merge by key; $patch, $deleteFromPrimitiveList, $setElementOrder,
// $retainKeys. A list item without its merge key is a BadRequest.
Answer<Json> StrategicMergePatch(const Json& object, const Json& patch, const Shape& shape);

}  // namespace pgo::local
