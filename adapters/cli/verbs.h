// The verbs. Each does its work, prints what there is to see and returns what went wrong, if
// anything; the caller prints that and gives exit status 2.
#pragma once

#include "adapters/cli/arguments.h"
#include "adapters/cli/output.h"
#include "engine/base/result.h"

namespace pgo::cli {

Status Run(const CreateCluster& options, const Common& common, Console& console);
Status Run(const ShowCluster& options, const Common& common, Console& console);
Status Run(const TestCluster& options, const Common& common, Console& console);
Status Run(const ShowStatus& options, const Common& common, Console& console);
Status Run(const Df& options, const Common& common, Console& console);
Status Run(const ShowUser& options, const Common& common, Console& console);
Status Run(const AddLabel& options, const Common& common, Console& console);
Status Run(const DeleteLabel& options, const Common& common, Console& console);
Status Run(const DeleteCluster& options, const Common& common, Console& console);
Status Run(const Failover& options, const Common& common, Console& console);
Status Run(const Scale& options, const Common& common, Console& console);
Status Run(const ScaleDown& options, const Common& common, Console& console);
Status Run(const Restart& options, const Common& common, Console& console);
Status Run(const Reload& options, const Common& common, Console& console);
Status Run(const UpdateCluster& options, const Common& common, Console& console);
Status Run(const TakeBackup& options, const Common& common, Console& console);
Status Run(const RestoreCluster& options, const Common& common, Console& console);
Status Run(const ShowBackup& options, const Common& common, Console& console);
Status Run(const CreateSchedule& options, const Common& common, Console& console);
Status Run(const ShowSchedule& options, const Common& common, Console& console);
Status Run(const DeleteSchedule& options, const Common& common, Console& console);
Status Run(const ApplyFiles& options, const Common& common, Console& console);
Status Run(const Version& options, const Common& common, Console& console);
Status Run(const Why& options, const Common& common, Console& console);
Status Run(const History& options, const Common& common, Console& console);
Status Run(const ShowState& options, const Common& common, Console& console);
Status Run(const Diff& options, const Common& common, Console& console);
Status Run(const BlameCluster& options, const Common& common, Console& console);
Status Run(const Replay& options, const Common& common, Console& console);
Status Run(const Rehearse& options, const Common& common, Console& console);
Status Run(const Report& options, const Common& common, Console& console);
Status Run(const VerifyFile& options, const Common& common, Console& console);
Status Run(const ShowJournal& options, const Common& common, Console& console);
Status Run(const IncidentExport& options, const Common& common, Console& console);
Status Run(const Completion& options, const Common& common, Console& console);
Status Run(const Complete& options, const Common& common, Console& console);

// Exit status of `rehearse` where an action differs; any error is 2.
inline constexpr int kStatusDifferent = 1;

inline constexpr const char* kVersion = "0.1.0";

}  // namespace pgo::cli
