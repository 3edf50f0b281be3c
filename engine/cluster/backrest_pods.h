// What pods that run pgBackRest have in common: its server, which other pods reach by TLS, a
// sidecar that has it read its files again, and the volume with these.
// https://pgbackrest.org/command.html#command-server
#pragma once

#include <optional>
#include <string>

#include "engine/cluster/view.h"
#include "engine/pgbackrest/config.h"

namespace pgo::cluster {

// The manifest's, else the operator's own, else that of the instances, which has it too.
std::string BackrestImage(const Spec& spec, const std::string& own, const std::string& postgres);

// Container `pgbackrest`. `data`: the volumes of the pod whose files it serves, mounted by the
// caller. `directories`: made at its start, with blanks between.
Json BackrestServer(const Spec& spec, const std::string& image, const std::string& directories);
// Container `pgbackrest-config`.
Json BackrestReloader(const Spec& spec, const std::string& image);

// Volume `pgbackrest-config` of an instance; its server shows the certificate in Secret `i-certs`.
Json BackrestVolumeOfInstance(const ClusterView& cluster, const std::string& instance);
Json BackrestVolumeOfHost(const ClusterView& cluster);
// Of a job that writes to a store in the cloud: no server.
Json BackrestVolumeOfJob(const ClusterView& cluster);
// A cluster that begins as a copy has volumes `source`: where the copy comes from and the
// certificate of the source's client; and `source-keys`, if it has any: the files that the source's
// `configuration` names. Nothing of them has to exist: once the copy is made it needs them no more.
void AddSource(const ClusterView& cluster, Json& pod, Json& container);
// The same for the command that makes the copy. None without a data source.
std::optional<pgbackrest::CloneFrom> CloneFrom(const ClusterView& cluster);
// Key of ConfigMap c-config with what BucketConf says.
inline constexpr std::string_view kBucketKey = "pgbackrest_source.conf";
// For formats that know nothing of manifests.
pgbackrest::Repository Plain(const Repository& repository);
// Mounts it where pgBackRest looks.
void MountBackrest(Json& container);

}  // namespace pgo::cluster
