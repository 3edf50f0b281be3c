// Parts that the pods of a cluster have in common. Containers hold to Kubernetes's `restricted`
// level: no root, no capability, a root file system that cannot be written.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "engine/cluster/view.h"

namespace pgo::cluster {

Json NewContainer(const Spec& spec, const std::string& image, std::string_view name);
// Init container `nss-wrapper-init`: a name for whatever user ID the pod runs with, in /tmp.
Json NameContainer(const Spec& spec, const std::string& image);
// Lets a container use that name: a user ID without one (as OpenShift gives) would stop libpq,
// initdb and pgBackRest.
void AddUserName(Json& container);

// A command: bash FLAGS -- SCRIPT NAME ARGUMENTS…
Json Bash(std::string_view flags, const std::string& script, std::string_view name,
          std::initializer_list<std::string> arguments);
void Env(Json& container, std::string_view name, const std::string& value);
void EnvField(Json& container, std::string_view name, std::string_view field);
void Mount(Json& container, std::string_view volume, std::string_view path, bool read_only);

// One source of a projected volume: a "secret" or "configMap" of that name; items are {key, path}
// pairs. Private keys are readable by their user alone.
Json Source(std::string_view kind, const std::string& name,
            std::initializer_list<std::pair<std::string_view, std::string_view>> items);
Json Projected(std::string_view name, std::initializer_list<Json> sources);

// Constraint: pods with data of one cluster lie apart from each other over `topology` where that is
// possible, next to each other where not.
Json Spread(const ClusterView& cluster, std::string_view topology);

// securityContext of a pod: not root; user, group and group of its volumes 26 unless the platform
// gives its own (OpenShift).
Json PodSecurity(const Spec& spec, bool openshift);

}  // namespace pgo::cluster
