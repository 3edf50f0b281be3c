// The Kubernetes types that the operator reads and writes, in one table.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/base/fields.h"

namespace pgo::kube {

struct KindInfo {
  std::string_view kind;     // "StatefulSet"; unique in this table, so it names the type alone
  std::string_view group;    // "apps"; "" is core
  std::string_view version;  // "v1"
  std::string_view plural;   // "statefulsets"
  bool namespaced = true;
  // How the operator watches it: not at all, only objects that carry the cluster label, or all.
  enum class Watch { kNone, kLabelled, kAll } watch = Watch::kNone;
  // Nothing is decided before it was listed. Kinds that came later stand apart: a journal that was
  // written before knows none of their lists, and the rooms that need them look themselves.
  bool required = true;
};

std::span<const KindInfo> Kinds();
// Null for a kind that is not in the table.
const KindInfo* FindKind(std::string_view kind);
// "apps/v1", or "v1" for the core group.
std::string ApiVersion(const KindInfo& info);

// An object by kind, namespace ("" for cluster-scoped) and name. Orders by kind, then namespace.
struct ObjectRef {
  std::string kind, ns, name;
  auto operator<=>(const ObjectRef&) const = default;
  // "Pod postgres/hippo-00-abcd-0"
  [[nodiscard]] std::string Text() const;
  PGO_FIELDS(ObjectRef, kind, ns, name)
};

}  // namespace pgo::kube
