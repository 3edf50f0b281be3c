// What the failover room sends: each with the precondition that keeps it from harming a cluster
// that has moved on meanwhile.
#pragma once

#include <string>

#include "engine/rooms/failover/failover.h"

namespace pgo::rooms::failover {

// A Kubernetes Event about the cluster that is also the journal's record of the moment.
Proposal Say(const Input& in, Reason reason, std::string sentence, std::string goal);
// Endpoints c-ha-failover {leader: old, member: candidate}: harmless if the old one is alive after
// all, for then it can only become a graceful switchover.
Proposal NameIn(const Input& in, const Operation& operation);
bool HasFailoverKey(const Input& in);
Proposal ClearKey(const Input& in, const std::string& id);
// Endpoints c-ha without leader and addresses, only if it is still the version that was judged.
Proposal Release(const Input& in, const std::string& id);
// Any change of c-ha wakes every member that is not leader.
Proposal NudgeLock(const Input& in, const std::string& id);
// Asks a replica for its position and timeline.
Proposal ProbeOf(const Input& in, const cluster::InstanceView& instance, const std::string& id);
// The new primary accepts writes: ends the operation and tells what it took.
Proposal Complete(const Input& in, const cluster::InstanceView& primary);

// Class A: annotation trigger-switchover with spec.patroni.switchover.
void PlanSwitchover(const Input& in, Plan& plan);
// At most one pod carries role=master; a dead node's pod cannot be relabelled by its own Patroni.
void RelabelDemoted(const Input& in, Plan& plan);
// Once the old primary's disk is read again: which WAL never reached the new one.
void ReportLost(const Input& in, Plan& plan);

}  // namespace pgo::rooms::failover
