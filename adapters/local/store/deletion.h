// What a request to delete an object makes of it. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "adapters/local/store/memory_store.h"

namespace pgo::local {

// 409 Conflict if the object is not the one that the request names.
Answer<void> CheckDeletion(const Resource& resource, const Json& object,
                           const DeletePreconditions& preconditions);
// How many seconds an object lingers: pods that run somewhere get their grace, all else goes at
// once.
std::int64_t GraceOf(const TypeInfo& type, const Json& object, std::optional<std::int64_t> asked);
// With propagation Foreground the object stays until what it owns is gone: it gets that finalizer.
void ApplyPropagation(const std::string& policy, Json& object);
inline constexpr const char* kForegroundDeletion = "foregroundDeletion";
// Sets the time of its end. A grace that runs already only ever gets shorter.
void MarkDeleting(const TypeInfo& type, Json& object, std::int64_t grace);

}  // namespace pgo::local
