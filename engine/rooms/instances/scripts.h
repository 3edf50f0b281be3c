// The shell of an instance pod. Constants: what differs between clusters comes in as arguments.
// Bash 5; `[[ a -nt b ]]` and `read -t` keep the loops free of child processes.
#pragma once

#include <string>

namespace pgo::rooms::instances {

// Init container `postgres-startup`.  $1 major version, $2 data directory, $3 WAL directory
std::string StartupScript();
// Continues it in pods with a volume for WAL.  $4 where the WAL may be instead of $3, $5 and $6 the
// words for $3 and $4: "volume" and "data"
//
// The WAL is where the data directory's link pg_wal leads, whatever else is there. It is copied to
// its place, made durable, and then the link is turned; what is left behind goes last. Killed at
// any moment, the link leads to all of the WAL, and the next start goes on. What it cannot move (no
// room) stays where it is, and PostgreSQL starts. It adds {wal, problem} to the last words: where
// the WAL is, and why not in its place. WAL whose data directory is gone is kept under another
// name. Without what the link leads to nothing starts.
std::string MoveWalScript();
// Container `database`.  $1 lock file, on the data volume
//
// Becomes Patroni once no other container, of whatever pod, uses the volume on this node: flock(1)
// works across namespaces of one kernel. A volume that can be mounted on two nodes at once is
// protected only if its file system locks between them.
std::string PatroniScript();
// Container `replication-cert-copy`.  $1 data directory, $2 port of Patroni's REST API
//
// Renewed certificates and changed settings reach the running processes; a postmaster that died is
// reported to Patroni, which would look only at its next loop_wait.
std::string WatchScript();
// Readiness probe of `database`.  $1 port of Patroni's REST API
//
// Ready: the lock's holder once it is out of recovery; another member once it replays. Patroni's
// own /readiness is 200 for a holder in recovery, so the status code alone would send writes there.
std::string ReadyScript();

}  // namespace pgo::rooms::instances
