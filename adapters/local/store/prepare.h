// From what a client sends to what is stored: one write, without the store around it.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "adapters/local/store/managed.h"
#include "adapters/local/store/memory_store.h"

namespace pgo::local {

// What a write needs to know besides the object.
struct WriteContext {
  const TypeInfo& type;
  const StoreOptions& options;
  const WriteOptions& write;
  // Whether a ClusterIP is in use.
  std::function<bool(const std::string&)> ip_taken;
  // Whether volumes of a storage class may be enlarged.
  std::function<bool(const std::string&)> can_expand;
};

// A new object, ready to be stored but for its resourceVersion. `applied` says that managedFields
// are set already.
Answer<Json> PrepareCreate(const WriteContext& context, const std::string& ns, Json object,
                           bool applied);
// `proposed` is the whole object as the client wants it. Equal to `old` if nothing changes.
Answer<Json> PrepareUpdate(const WriteContext& context, const Json& old, Json proposed,
                           bool applied);
// Applies a patch to the object; `old` is null only for kApply. `applied` as above.
Answer<Json> PreparePatch(const WriteContext& context, const Key& key, const Json* old,
                          PatchType type, const Json& patch);

// Preconditions in metadata of `sent` against the object.
Answer<void> CheckPreconditions(const Resource& resource, const Json& old, const Json& sent);
// Nothing keeps an object that is being deleted any more.
bool ReadyToGo(const TypeInfo& type, const Json& object);

}  // namespace pgo::local
