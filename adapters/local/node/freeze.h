// SIGSTOP and SIGCONT to all of a node.
#pragma once

namespace pgo::local {

// For a node's first process: stops every other process of its process namespace, also those in
// namespaces below and those being forked meanwhile, or lets them go on. False if one still runs
// (or stands) after two seconds. Connections stay open: the kernel goes on answering for them.
bool SetAllFrozen(bool frozen);

}  // namespace pgo::local
