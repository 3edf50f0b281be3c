// What the operator may do. An action is journaled as a fact before it is sent, and its outcome
// (Done) after. Every action carries why: the sequence numbers it rests on, a Reason, a sentence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/action/reason.h"
#include "engine/base/fields.h"
#include "engine/base/ids.h"
#include "engine/kube/kinds.h"

namespace pgo {

// Server-side apply, forced, as field manager kFieldManager.
struct Apply {
  static constexpr std::string_view kName = "Apply";
  kube::ObjectRef ref;
  Json object;  // complete applied configuration, with apiVersion, kind and metadata.name
  PGO_FIELDS(Apply, ref, object)
};

// Deletes exactly the object that was observed: the uid is a precondition, always.
struct Delete {
  static constexpr std::string_view kName = "Delete";
  kube::ObjectRef ref;
  std::string uid, rv;                  // rv may be empty
  std::optional<std::int64_t> grace_s;  // 0 removes a pod at once
  PGO_FIELDS(Delete, ref, uid, rv, grace_s)
};

// A JSON merge patch (RFC 7396). uid and rv, when not empty, go into it as preconditions.
struct Patch {
  static constexpr std::string_view kName = "Patch";
  kube::ObjectRef ref;
  std::string uid, rv;
  std::string subresource;  // "" or "status"
  Json patch;
  PGO_FIELDS(Patch, ref, uid, rv, subresource, patch)
};

// One entry of a Secret, made by the adapter at dispatch; the engine never sees a value.
// Existing values are kept if they still fit; `regenerate` in the Secret's absence of a key.
struct Part {
  std::string key;  // the Secret's key: "password"
  // literal  value as it stands: text
  // generate random text: length, alphabet "AlphaNumeric" or "ASCII"
  // scram    SCRAM-SHA-256 verifier of the key named by text
  // template text with {key} (as it is) and {key:url} (percent-encoded) filled from this Secret
  // ca       self-signed certificate authority: key = certificate, key_of = private key, cn
  // leaf     certificate signed by issuer: key = certificate, key_of = private key, cn, sans
  // issuer   the issuer's certificate
  // concat   the keys named in sans, joined in order
  std::string from;
  std::string text;
  std::string key_of;
  std::string cn;
  std::vector<std::string> sans;
  std::string issuer;  // "namespace/name" of the Secret with root.crt and root.key
  std::int64_t length = 0;
  std::string alphabet;
  PGO_FIELDS(Part, key, from, text, key_of, cn, sans, issuer, length, alphabet)
};

// Makes a Secret what its recipe says. The adapter writes kRecipeAnnotation (digest of the recipe)
// and kNotAfterAnnotation (RFC 3339, earliest end of a certificate in it) onto it.
struct Provision {
  static constexpr std::string_view kName = "Provision";
  kube::ObjectRef ref;
  Json object;  // metadata: labels, ownerReferences; without data
  std::vector<Part> parts;
  std::string recipe;  // digest of parts
  PGO_FIELDS(Provision, ref, object, parts, recipe)
};

struct SecretRef {
  std::string placeholder;  // "{verifier}" in the input
  std::string ns, name, key;
  PGO_FIELDS(SecretRef, placeholder, ns, name, key)
};

// Runs a command in a container of exactly this pod. The input is a template: placeholders are
// replaced by Secret values at dispatch, and appear in no argument vector.
struct Exec {
  static constexpr std::string_view kName = "Exec";
  kube::ObjectRef ref;  // the Pod
  std::string uid, container;
  std::vector<std::string> argv;
  std::string input;
  std::vector<SecretRef> secrets;
  bool probe = false;  // only looks: its output (JSON) comes back in Done.result
  PGO_FIELDS(Exec, ref, uid, container, argv, input, secrets, probe)
};

// A Kubernetes Event object about an object of ours.
struct Notice {
  static constexpr std::string_view kName = "Notice";
  kube::ObjectRef about;
  std::string uid;
  bool warning = false;
  PGO_FIELDS(Notice, about, uid, warning)
};

using Command = std::variant<Apply, Delete, Patch, Provision, Exec, Notice>;

struct Action {
  // H(cluster uid, room, goal, kind, attempt, time of the decision): one attempt of one goal, never
  // met again in a journal. That a goal is not pursued twice at once is the ledger's affair.
  ActionId id;
  std::string ns, cluster;  // whom it concerns
  std::string room;         // who decided
  Reason reason = Reason::kNone;
  std::string sentence;  // for people; the same in conditions, Events, logs and `pgo why`
  std::vector<std::uint64_t> causes;  // sequence numbers, ascending
  std::string goal;                   // what it is for; the same goal is not pursued twice at once
  std::int64_t attempt = 1;
  bool once = false;                // an Ok outcome reaches the goal for good
  std::int64_t retry_after_us = 0;  // after any other outcome, doubled with each attempt
  std::int64_t timeout_ms = 10'000;
  Json facts;  // what the decision rests on, structured, for `pgo why` and the fold
  Command command;
};

Json ActionToJson(const Action& action);
// Nothing if it is not an action of a kind known here.
std::optional<Action> ActionFromJson(const Json& json);
// "Apply", "Delete", …
std::string_view CommandName(const Command& command);
// The object it is about.
const kube::ObjectRef& TargetOf(const Command& command);

inline constexpr const char* kFieldManager = "postgrescluster-controller";

}  // namespace pgo
