// Where a cluster lives: one user namespace, and in it network, mount, process, IPC and host-name
// namespaces of the daemon's own, so that the end of its first process ends everything.
#pragma once

#include <functional>
#include <string>

#include "engine/base/result.h"

namespace pgo::local {

// What this machine lacks to run pgo-local, each with its mend; empty if nothing. `image` is the
// root file system's directory.
std::string MissingRequirements(const std::string& image);

// Runs `body` as the first process of new namespaces, as root there; returns its exit status when
// it and all it started are gone. SIGTERM and SIGINT to the caller become SIGTERM for it. The
// caller must have one thread.
Result<int> RunInNewSpace(const std::function<int()>& body);

}  // namespace pgo::local
