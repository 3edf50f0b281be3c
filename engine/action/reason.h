// Why an action is taken: one closed list. The same word stands in the condition, the Kubernetes
// Event, the log line, the metric label and `pgo why`. Words are permanent.
#pragma once

#include <cstdint>

#include "engine/base/fields.h"

namespace pgo {

enum class Reason : std::uint8_t {
  kNone,
  // objects
  kCreating,  // it is missing
  kChanged,   // the spec asks for something else than was applied
  kDrifted,   // somebody else changed what we set
  kScaling,
  kDeleting,         // the cluster is being deleted
  kCertificateEnds,  // renewed before it ends
  // users
  kUserMissing,
  kUserChanged,
  // failover classes (docs/capabilities/failover.md)
  kPlanned,   // A: somebody asked
  kReleased,  // R: Patroni gave the lock up itself
  kStopped,   // P: the primary's container has ended
  kFenced,    // F: the primary's node is known to be off
  kSilent,    // X: no renewal for the whole lease, no proof
  kStalled,   // C: the control plane does not answer
  kFailoverComplete,
  kCompletedByOther,
  kFailoverAbandoned,
  kNoCandidate,
  kDemotedLabel,  // a pod that is not primary still carries role=master
  kFirstPrimary,  // the cluster accepts writes for the first time
  kReplicaWaits,  // a replica runs but does not stream yet
  kWalLost,       // what an asynchronous failover left behind, by position
  // status
  kStatus,
  kReady,
  kNotReady,
  kInvalidSpec,
  kFieldsNotImplemented,
  kHeldBy,  // another room's claim is in the way
  // operations on a running cluster
  kRollout,            // the pod was made from another template than the StatefulSet has now
  kRestart,            // somebody asked
  kPendingRestart,     // settings that take effect only when PostgreSQL starts
  kReload,             // somebody asked
  kOperationComplete,  // the operation is done
  kOperationRefused,   // what was asked for cannot be done
  // backups
  kBackup,         // somebody asked, or a schedule
  kBackupFailed,   // its job has given up
  kBackupSkipped,  // a moment of a schedule passes without one
  // restores in place
  kRestore,        // somebody asked
  kRestoreFailed,  // its job has given up, or it cannot be done
  // volumes
  kVolumeAutoGrow,      // it fills up and is to grow by itself
  kVolumeLimitReached,  // it would, and may not
  kVolumeUnused,        // nothing is on it any more
};

}  // namespace pgo

PGO_ENUM_NAMES(pgo::Reason, "None", "Creating", "Changed", "Drifted", "Scaling", "Deleting",
               "CertificateEnds", "UserMissing", "UserChanged", "Planned", "Released", "Stopped",
               "Fenced", "Silent", "Stalled", "FailoverComplete", "CompletedByOther",
               "FailoverAbandoned", "NoCandidate", "DemotedLabel", "FirstPrimary", "ReplicaWaits",
               "WalLost", "Status", "Ready", "NotReady", "InvalidSpec", "FieldsNotImplemented",
               "HeldBy", "Rollout", "Restart", "PendingRestart", "Reload", "OperationComplete",
               "OperationRefused", "Backup", "BackupFailed", "BackupSkipped", "Restore",
               "RestoreFailed", "VolumeAutoGrow", "VolumeLimitReached", "VolumeUnused");
