// A cluster with backups, and pgBackRest's answers, made by hand for tests.
#pragma once

#include <string>

#include "engine/base/json.h"
#include "engine/kube/names.h"

namespace pgo::cli::testing {

// spec.backups of a cluster with one repository on a volume and two schedules.
inline Json BackupsSpec() {
  return JsonLiteral(R"({"pgbackrest":{"repos":[{"name":"repo1",
    "schedules":{"full":"0 1 * * *","incremental":"0 */6 * * *"},
    "volume":{"volumeClaimSpec":{"accessModes":["ReadWriteOnce"],
      "resources":{"requests":{"storage":"1Gi"}}}}}]}})");
}

inline Json ClusterWithBackups() {
  Json out = JsonLiteral(R"({"metadata":{"name":"hippo","namespace":"default"},
    "spec":{"postgresVersion":17},
    "status":{"pgbackrest":{"repoHost":{"ready":true},
      "manualBackup":{"id":"x","finished":true,"succeeded":1,
                      "completionTime":"2026-11-21T22:20:05Z"},
      "scheduledBackups":[{"repo":"repo1","type":"full","succeeded":1,
                           "completionTime":"2026-11-21T01:00:30Z"}],
      "schedules":[{"repo":"repo1","type":"full","cron":"0 1 * * *","result":"Run",
                    "slot":"2026-11-21T01:00:00Z","next":"2026-11-22T01:00:00Z"}]}}})");
  out["spec"]["backups"] = BackupsSpec();
  return out;
}

inline Json ScheduledJob(const std::string& type, const std::string& slot) {
  Json job = JsonLiteral(R"({"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j"}})");
  Put(job, {"metadata", "labels", kube::kLabelRepo}, "repo1");
  Put(job, {"metadata", "labels", kube::kLabelBackupSchedule}, type);
  Put(job, {"metadata", "annotations", kube::kBackupSlot}, slot);
  return job;
}

// A full backup and an incremental one, taken by jobs hippo-backup-1 and -2.
inline Json InfoOfTwo() {
  return JsonLiteral(R"([{"name":"db","cipher":"none",
    "status":{"code":0,"message":"ok","lock":{"backup":{"held":false}}},
    "db":[{"id":1,"repo-key":1,"version":"17"}],
    "repo":[{"key":1,"cipher":"none","status":{"code":0,"message":"ok"}}],
    "archive":[{"id":"17-1","database":{"id":1,"repo-key":1},
      "min":"000000010000000000000001","max":"000000010000000000000007"}],
    "backup":[
      {"label":"20261121-222000F_20261121-222000I","type":"incr","error":false,
       "annotation":{"pgo-job":"hippo-backup-2"},
       "archive":{"start":"000000010000000000000006","stop":"000000010000000000000006"},
       "database":{"id":1,"repo-key":1},"prior":"20261121-220000F",
       "reference":["20261121-220000F"],
       "info":{"size":23068672,"delta":8000,"repository":{"delta":900}},
       "timestamp":{"start":1795299600,"stop":1795299605}},
      {"label":"20261121-220000F","type":"full","error":false,
       "annotation":{"pgo-job":"hippo-backup-1"},
       "archive":{"start":"000000010000000000000003","stop":"000000010000000000000003"},
       "database":{"id":1,"repo-key":1},"prior":null,"reference":null,
       "info":{"size":23068672,"delta":23068672,"repository":{"delta":3000000}},
       "timestamp":{"start":1795298400,"stop":1795298410}}]}])");
}

}  // namespace pgo::cli::testing
