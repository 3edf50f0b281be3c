// What may be changed of a PersistentVolumeClaim. Of its expansion:
// https://kubernetes.io/docs/concepts/storage/persistent-volumes/
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "adapters/local/store/memory_store.h"
#include "adapters/local/store/types.h"

namespace pgo::local {

// A claim never asks for less; of one that is bound nothing else changes.
void CheckClaim(const Json& object, const Json& old, std::vector<FieldError>& errors);
// Its storage class must be one whose volumes may be enlarged.
Answer<void> JudgeExpansion(const TypeInfo& type, const Json& old, const Json& object,
                            const std::function<bool(const std::string&)>& can_expand);

}  // namespace pgo::local
