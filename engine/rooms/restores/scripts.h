// The shell of restores.
#pragma once

#include <string>

namespace pgo::rooms::restores {

// Looks what a repository has, in Python 3.  argv: number, type of the target, time in seconds or
// WAL position in bytes or "", label of the backup that is asked for or ""
// Prints {error, backups, oldest, newest, newest_label, chosen}: moments in seconds; chosen is ""
// if no backup ends before the target.
std::string CheckScript();
// On the primary: begins a transaction, switches WAL and waits for it to be archived.  $1 port,
// $2 seconds. Prints {archived, wal, timeline, failed}.
std::string SafetyScript();
// The Job.  $1 digest of the restore, $2 data directory, $3 WAL directory, $4 port, $5 "archive" if
// WAL that is not in the repository yet must go there first, $6 "all" to copy everything anew; then
// the command of pgBackRest.
//
// Any number of times from anywhere: what it has reached it does not do again. Its last word, also
// on failure, is the container's termination message.
std::string RestoreScript();
// Empties the volume of an instance.  $1 digest of the restore, $2 data, $3 WAL directory; with
// `both` $4 where WAL may be as well
std::string ClearScript(bool both = false);

}  // namespace pgo::rooms::restores
