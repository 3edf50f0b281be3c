// The files of ConfigMap, Secret, projected and downward-API volumes. Pure.
#pragma once

#include <map>
#include <string>

#include "adapters/local/node/pod_fields.h"

namespace pgo::local {

struct VolumeFile {
  std::string bytes;
  int mode = 0644;
  bool operator==(const VolumeFile&) const = default;
};
using VolumeFiles = std::map<std::string, VolumeFile>;  // by path inside the volume

// What the token source of a projected volume, and every pod's own, is made of.
struct ServiceAccountFiles {
  std::string token;
  std::string ca_pem;
};

// Whether a volume has files made from objects.
bool HasContent(const Json& volume);
// kUnavailable, in the kubelet's words, while an object or key that is not optional is missing.
Result<VolumeFiles> BuildVolume(const Json& pod, const Json& volume, const ObjectLookup& lookup,
                                const ServiceAccountFiles& account, const NodeCapacity& node);
// /var/run/secrets/kubernetes.io/serviceaccount.
VolumeFiles AccountVolume(const Json& pod, const ServiceAccountFiles& account);

}  // namespace pgo::local
