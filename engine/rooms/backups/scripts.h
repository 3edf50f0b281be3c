// The shell of backup Jobs and of the repository host.
#pragma once

#include <string>

namespace pgo::rooms::backups {

// Of a Job, in Python 3: runs a command in container `pgbackrest` of the repository host's pod and
// shows what it prints.  argv: namespace, selector of the pod, COMMAND…
//
// Ends with the command's exit status. A stream that breaks is opened again, for the command goes
// on where it is when it is called anew; 10 minutes without contact end it with 75.
// https://kubernetes.io/docs/reference/using-api/api-concepts (WebSockets: v5.channel.k8s.io, v4)
std::string RemoteScript();

// In the repository host.  $1 configuration hash that must have arrived, $2 name of the Job, $3
// pod, $4 number of the repository, then the command.
//
// Once per Job: a second call follows what the first began, also after that has ended. Of another
// pod of the same Job it begins anew if the earlier failed, and is done if the repository has a
// backup with annotation pgo-job of that name.
std::string BackupScript();

// $1 hash that must have arrived, then the command: exit status 75 while it has not.
std::string WithHashScript();

}  // namespace pgo::rooms::backups
