// What of a Kubernetes object may be journaled. An allow-list per kind: what is not known to be
// needed is left out, and no secret value is ever kept. It runs before anything else sees an
// object, so everything above the adapter knows redacted objects alone.
//
//   metadata          name, namespace, uid, versions, times, finalizers, owners, labels; of the
//                     annotations those of engine/kube/names.h and Patroni's; `managers` in place
//                     of managedFields (adapters/kube/managers.h)
//   Secret            redacted: {key: {hmac, size}} in place of data
//   ConfigMap         data: {key: "hmac:…"}; whole for a cluster's own `-intent`
//   Pod               where it runs, images, claims, status without messages; of the words that
//                     `postgres-startup` leaves the timeline and the end of the WAL
//   Node              known labels, taints, unschedulable, conditions without times, addresses
//   PostgresCluster   spec and status, with "***" where a credential stands or seems to, for
//                     members that its definition does not know (adapters/kube/members.h), and for
//                     sections that are passed on to other programs
//   other known kinds known members of spec and status, without messages; values of env, args,
//                     command, headers and annotations as "hmac:…"
//   unknown kinds     metadata
#pragma once

#include <string>
#include <string_view>

#include "engine/base/json.h"

namespace pgo::kube {

class Redactor {
 public:
  // `key` must be the same over restarts, or everything that is digested seems to have changed.
  explicit Redactor(std::string key) : key_(std::move(key)) {}

  // `object` may be malformed: then less is kept. `kind` wins over what it says of itself.
  Json Redact(std::string_view kind, const Json& object) const;
  // Keyed digest (HMAC-SHA-256, 64 hexadecimal digits) of a value that must not be kept.
  std::string Digest(std::string_view value) const;

 private:
  Json Secret(const Json& object) const;
  Json ConfigMap(const Json& object) const;
  // Of kinds that are Kubernetes' own.
  void Builtin(Json& kept) const;
  // Digests in place of literal values of containers.
  void DigestContainers(Json& value) const;
  bool DigestMember(const std::string& name, Json& value) const;

  std::string key_;
};

// The same but for the resourceVersion: nothing that the engine can see has changed.
bool Unchanged(const Json& previous, const Json& current);

// Puts "***" where a credential stands or seems to: members with telling names, connection strings
// and URLs with a password, private keys. In place.
void MaskCredentials(Json& value);
bool LooksLikeCredential(std::string_view text);

// Whether an annotation of an object of this kind is journaled.
bool KeepsAnnotation(std::string_view kind, std::string_view name);

}  // namespace pgo::kube
