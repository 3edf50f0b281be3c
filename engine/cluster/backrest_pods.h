// What pods that run pgBackRest have in common: its server, which other pods reach by TLS, a
// sidecar that has it read its files again, and the volume with these.
// https://pgbackrest.org/command.html#command-server
#pragma once

#include <string>

#include "engine/cluster/view.h"

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
// Volume `source` of a cluster that begins as a copy of another: that one's configuration and its
// client's certificate, as far as they exist (once the copy is made it needs them no more).
Json BackrestVolumeOfSource(const ClusterView& cluster);
// Mounts it where pgBackRest looks.
void MountBackrest(Json& container);

}  // namespace pgo::cluster
