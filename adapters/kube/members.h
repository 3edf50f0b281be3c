// The members of manifests that may be journaled. What a newer Kubernetes, somebody's admission
// webhook or a user adds beyond them is not known to be free of credentials, and left out.
#pragma once

#include <string_view>

#include "engine/base/json.h"

namespace pgo::kube {

// In place, at any depth. Members below labels, annotations, requests and the like are keyed by the
// user and stay (values of annotations are another matter: redact.h).
void DropUnknownMembers(Json& value);
// The same, with "***" in place of the value: that it is there is told to the user
// (FieldsNotImplemented).
void MaskUnknownMembers(Json& value);

// Members that hold what people or programs wrote for people, wherever they are below: left out.
void DropMessages(Json& value);

// Of a PostgresCluster: sections passed on to programs that nothing is decided from.
void MaskPassedOn(Json& cluster);

}  // namespace pgo::kube
