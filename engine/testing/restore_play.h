// A play of a restore in place: the world of OperationsPlay with backups, and Jobs that end at
// once.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/testing/operations_play.h"

namespace pgo::testing {

inline constexpr const char* kJob = "hippo-pgbackrest-restore";

class RestorePlay : public OperationsPlay {
 protected:
  RestorePlay() {
    Edit([](Json& c) {
      c["spec"]["backups"] = JsonLiteral(R"({"pgbackrest": {"repos": [{"name": "repo1", "volume":
        {"volumeClaimSpec": {"accessModes": ["ReadWriteOnce"],
         "resources": {"requests": {"storage": "1Gi"}}}}}]}})");
    });
    Play();
    loop.actions.clear();
    base_ = loop;
  }
  // A restore of that name; `options` as a manifest has them.
  void AskRestore(const std::string& id, const std::string& options = "[]",
                  const std::string& repository = "repo1") {
    Edit([&](Json& c) {
      Json restore = JsonLiteral(R"({"enabled": true})");
      restore["repoName"] = repository;
      restore["options"] = JsonLiteral(options);
      c["spec"]["backups"]["pgbackrest"]["restore"] = std::move(restore);
      Put(c, {"metadata", "annotations", kube::kRestoreAsked}, id);
    });
  }
  Json Ran(const Exec& exec) override {
    const std::string all = DumpJson(Json(exec.argv));
    if (all.find("CheckScript") != std::string::npos ||
        all.find("\"chosen\"") != std::string::npos || all.find("info") != std::string::npos) {
      ++checks;
      return found;
    }
    if (all.find("pg_switch_wal") != std::string::npos) return safety;
    return OperationsPlay::Ran(exec);
  }
  void TurnJob(const kube::ObjectRef& ref, std::vector<Payload>& seen) override {
    Json job = *loop.kube.Find(ref);
    if (Find(job, {"metadata", "creationTimestamp"}) == nullptr) {
      Put(job, {"metadata", "creationTimestamp"}, WallSeconds(++made_ * kSecond));
      Change(ref, job, seen);
    }
    jobs[ref.name].insert(GetString(job, {"metadata", "uid"}));
    if (ref.name == kJob && !fails.empty()) {
      Json failed = job;
      Put(failed, {"status", "conditions"},
          JsonLiteral(R"([{"type": "Failed", "status": "True"}])"));
      Change(ref, std::move(failed), seen);
      return;
    }
    OperationsPlay::TurnJob(ref, seen);
  }
  bool Ended(const kube::ObjectRef& ref) {
    return Find(*loop.kube.Find(ref), {"status", "conditions"}) != nullptr;
  }
  // Nobody uses a volume that a Job writes to, and Patroni's state of before is gone by then.
  void Watch() override {
    const kube::ObjectRef job{"Job", "postgres", kJob};
    if (loop.kube.Find(job) == nullptr || Ended(job)) return;
    ++watched;
    for (const auto& pod : loop.kube.All("Pod")) EXPECT_FALSE(IsInstance(pod)) << pod.name;
    EXPECT_EQ(loop.kube.Find({"Endpoints", "postgres", "hippo-ha"}), nullptr);
  }
  void Turn() override {
    Watch();
    OperationsPlay::Turn();
  }
  Json Condition(const std::string& type) {
    for (const Json& c : GetArray(*loop.kube.Find(kHippo), {"status", "conditions"})) {
      if (GetString(c, {"type"}) == type) return c;
    }
    return Json::object();
  }
  std::string Told() { return GetString(Condition("PGBackRestoreProgressing"), {"reason"}); }
  std::string Message() { return GetString(Condition("PGBackRestoreProgressing"), {"message"}); }
  Json Place() {
    const Json* place = loop.kube.Find({"ConfigMap", "postgres", "hippo-intent"});
    return place == nullptr ? Json::object() : GetObject(*place, {"data"});
  }
  std::size_t Instances() {
    auto pods = loop.kube.All("Pod");
    return static_cast<std::size_t>(std::ranges::count_if(pods, IsInstance));
  }
  void ExpectRestoredOnce(const std::map<std::string, std::string>& uids) {
    EXPECT_EQ(Told(), "RestoreComplete") << Message();
    EXPECT_EQ(jobs[kJob].size(), 1U);
    for (const auto& [name, made] : jobs) EXPECT_EQ(made.size(), 1U) << name;
    EXPECT_EQ(Instances(), 3U);
    for (const auto& [pod, uid] : Uids()) {
      if (pod.find("repo-host") != std::string::npos) continue;
      EXPECT_NE(uid, uids.at(pod)) << pod;
    }
    const Json& status = GetObject(*loop.kube.Find(kHippo), {"status", "pgbackrest", "restore"});
    EXPECT_TRUE(GetBool(status, {"finished"}));
    EXPECT_EQ(GetInt(status, {"succeeded"}), 1);
    EXPECT_EQ(GetString(Place(), {"backup"}), "Complete") << "a full backup since";
    EXPECT_EQ(GetString(Condition("PostgresDataInitialized"), {"reason"}),
              "PGBackRestRestoreComplete");
  }
  // An order that may or may not have been sent is given again after half a minute.
  void PlayOut() {
    Play();
    if (GetString(Place(), {"backup"}) == "Complete") return;
    loop.Wait(60 * kSecond);
    loop.Post({Ticked{}});
    Play();
  }
  void Reset() {
    loop = base_;
    loop.kube.on_exec = [this](const Exec& exec) { return Ran(exec); };
    jobs.clear();
    leader_ = GetString(*loop.kube.Find({"Endpoints", "postgres", "hippo-ha"}),
                        {"metadata", "annotations", "leader"});
  }

  Json found = JsonLiteral(R"({"error": "", "backups": 2, "oldest": 1700000000,
    "newest": 1770000000, "newest_label": "20260101-000000F", "chosen": "20260101-000000F"})");
  Json safety = JsonLiteral(R"({"archived": true, "wal": "000000010000000000000007",
    "timeline": 1, "failed": ""})");
  std::string fails;  // "yes": the restore's Job fails
  int checks = 0, watched = 0;
  std::map<std::string, std::set<std::string>> jobs;  // by name, uids
  Loop base_;

 private:
  std::int64_t made_ = 0;
};

}  // namespace pgo::testing
