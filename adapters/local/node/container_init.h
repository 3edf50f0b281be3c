// The last steps of a container's first process, in its own namespaces already: root file system,
// mounts, user, program. Called in a forked child; never returns.
#pragma once

#include "adapters/local/node/container_spec.h"

namespace pgo::local {

// Where the child's standard streams come from and where it complains.
struct ChildFiles {
  int in = -1, out = -1, err = -1;  // -1: /dev/null
  int error = -1;  // close-on-exec; gets one line if the program could not be started
};

// Needs a mount namespace of its own and the network namespace it will have.
[[noreturn]] void RunContainer(const ContainerSpec& spec, const ChildFiles& files);
// In a container that runs already, known by its first process.
[[noreturn]] void RunInContainer(int container_pidfd, const ProcessSpec& spec,
                                 const ChildFiles& files);

}  // namespace pgo::local
