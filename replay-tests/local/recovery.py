#!/usr/bin/env python3
"""Backups, schedules and copies from backups, with real PostgreSQL and pgBackRest.

    replay-tests/local/recovery.py [--binaries DIR] [SCENE...]

Ends with `N passed, N failed`; figures go to build/recovery/summary.json. After each scene the journal's
chain is intact and every decision replays.
"""

import argparse
import json
import os
import shutil
import signal
import time

import faults as F
import lab as L

CLUSTER = "hippo"
OUT = os.path.join(L.ROOT, "build", "recovery")
CLAIM = {"volumeClaimSpec": {"accessModes": ["ReadWriteOnce"],
                             "resources": {"requests": {"storage": "1Gi"}}}}


def manifest(name, **spec):
    return {"apiVersion": "postgres-operator.crunchydata.com/v1beta1", "kind": "PostgresCluster",
            "metadata": {"name": name},
            "spec": {"postgresVersion": 17,
                     "instances": [{"replicas": 2, "dataVolumeClaimSpec": CLAIM["volumeClaimSpec"]}],
                     "backups": {"pgbackrest": {"repos": [{"name": "repo1", "volume": CLAIM}]}},
                     **spec}}


class Scene:
    def __init__(self, lab):
        self.lab = lab

    def apply(self, body):
        path = os.path.join(OUT, body["metadata"]["name"] + ".json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(body, f)
        self.lab.pgo("apply", "-f", path)

    def patch(self, patch, name=CLUSTER):
        self.lab.api.ask("PATCH", f"{L.GROUP}/namespaces/{self.lab.ns}/postgresclusters/{name}", patch,
                         "application/merge-patch+json")

    def ask(self, value, options=()):
        self.patch({"metadata": {"annotations": {L.LABEL + "pgbackrest-backup": value}},
                    "spec": {"backups": {"pgbackrest": {"manual": {
                        "repoName": "repo1", "options": list(options)}}}}})

    def restore(self, value, options=()):
        self.patch({"metadata": {"annotations": {L.LABEL + "pgbackrest-restore": value}},
                    "spec": {"backups": {"pgbackrest": {"restore": {
                        "enabled": True, "repoName": "repo1", "options": list(options)}}}}})

    def told(self):
        return self.lab.condition(CLUSTER, "PGBackRestoreProgressing") or {}

    def place(self):
        """The restore's place, as a successor of the operator would find it."""
        found = self.lab.api.get(f"/api/v1/namespaces/{self.lab.ns}/configmaps/{CLUSTER}-intent") or {}
        return found.get("data", {})

    def wait_restored(self, value, seconds=240):
        def ended():
            status = (self.lab.cluster(CLUSTER) or {}).get("status", {}).get("pgbackrest", {}).get("restore", {})
            told = self.told()
            # Until the operator has heard of this restore, the condition tells of the one before.
            if told.get("message", "").startswith((f"restore {value} ", f"restore {value}: ")) and \
                    told.get("reason") in ("RestoreFailed", "RestoreRefused", "RestoreUnsafe"):
                raise L.Failed(json.dumps(told))
            return status.get("id") == value and status.get("finished") and status.get("succeeded")
        L.wait_for(f"restore {value} has ended", ended, seconds)

    def condition(self, kind, name=CLUSTER):
        return (self.lab.condition(name, kind) or {}).get("status") == "True"

    def wait_condition(self, kind, seconds, name=CLUSTER):
        L.wait_for(f"condition {kind} of {name}", lambda: self.condition(kind, name), seconds)

    def manual(self):
        return ((self.lab.cluster(CLUSTER) or {}).get("status", {}).get("pgbackrest", {})
                .get("manualBackup", {}))

    def wait_manual(self, value, seconds=120):
        L.wait_for(f"backup {value} has ended",
                   lambda: self.manual().get("id") == value and self.manual().get("finished"), seconds)
        if not self.manual().get("succeeded"):
            raise L.Failed(f"backup {value} failed: {json.dumps(self.manual())}")

    def jobs(self, kind):
        return self.lab.objects("jobs", f"{L.LABEL}cluster={CLUSTER},{L.LABEL}pgbackrest-backup={kind}",
                                "/apis/batch/v1")

    def command(self, pod, container, *words):
        """What a command in a container prints, by kubectl: the operator has no part in it."""
        return self.lab.run("kubectl", "exec", "-n", self.lab.ns, pod, "-c", container, "--", *words).stdout

    def sql(self, statement, name=CLUSTER):
        pod = L.wait_for(f"a primary of {name}", lambda: self.lab.primary(name), 60)
        return self.command(pod, "database", "psql", "-U", "postgres", "-h", "/tmp/postgres", "-XAtqc",
                            statement).strip()

    def backups(self):
        """pgBackRest's own word: the backups of repository 1."""
        out = self.command(f"{CLUSTER}-repo-host-0", "pgbackrest", "pgbackrest", "info", "--output=json")
        return [b for stanza in json.loads(out) for b in stanza["backup"] if not b["error"]]

    def backups_of(self, job):
        return [b for b in self.backups() if (b.get("annotation") or {}).get("pgo-job") == job]


def first_backup(scene):
    """The stanza and the first backup come by themselves."""
    since = time.time()
    scene.wait_condition("PGBackRestReplicaCreate", 180)
    found = scene.backups()
    if len(found) != 1 or found[0]["type"] != "full":
        raise L.Failed(f"one full backup is wanted, not {found}")
    return {"seconds": round(time.time() - since, 1), "why": "first backup"}


def by_hand(scene):
    """A value of the annotation is one backup."""
    since = time.time()
    scene.ask("one", ["--type=diff"])
    scene.wait_manual("one")
    took = time.time() - since
    if [b["type"] for b in scene.backups()] != ["full", "diff"]:
        raise L.Failed(f"a differential backup is wanted: {scene.backups()}")
    scene.wait_condition("PGBackRestManualBackupSuccessful", 20)
    return {"seconds": round(took, 1), "why": "pgbackrest-backup=one"}


def operator_killed(scene):
    """Killed after each of several moments of a backup: it ends the same, and is one."""
    for number, pause in enumerate([0.0, 0.2, 1.0]):
        value = f"killed-{number}"
        scene.ask(value, ["--type=incr"])
        time.sleep(pause)  # the moment is the scene; nothing is waited for
        scene.lab.stop_operator(signal.SIGKILL)
        scene.lab.start_operator()
        scene.wait_manual(value)
        job = scene.jobs("manual")[-1]["metadata"]["name"]
        names = [j["metadata"]["name"] for j in scene.jobs("manual")
                 if j["metadata"]["annotations"][L.LABEL + "backup-id"] == "manual/" + value]
        if len(names) != 1 or len(scene.backups_of(names[0])) != 1:
            raise L.Failed(f"{value}: one job and one backup are wanted: {names}, {scene.backups()} {job}")
    return {"why": "killed-2"}


def host_killed(scene):
    """The repository host's pod is deleted by force while it takes a backup: the job goes on."""
    # Bytes enough for the backup to last.
    scene.sql("create table if not exists ballast as select i, md5(i::text) || md5((i + 1)::text) as t "
              "from generate_series(1, 600000) i; checkpoint")
    scene.ask("host", ["--type=full"])
    L.wait_for("pgBackRest is at work", lambda: any(
        j.get("status", {}).get("active") for j in scene.jobs("manual")), 60)
    scene.lab.delete_pod(f"{CLUSTER}-repo-host-0", 0)
    scene.wait_manual("host", 180)
    job = next(j for j in scene.jobs("manual")
               if j["metadata"]["annotations"][L.LABEL + "backup-id"] == "manual/host")
    count = len(scene.backups_of(job["metadata"]["name"]))
    if count != 1:
        raise L.Failed(f"one backup is wanted, not {count}")
    return {"why": "pgbackrest-backup=host"}


def schedule(scene):
    """Each minute an incremental backup; the operator is killed around one of them."""
    repos = [{"name": "repo1", "volume": CLAIM, "schedules": {"incremental": "* * * * *"}}]
    scene.patch({"spec": {"backups": {"pgbackrest": {"repos": repos}}}})

    def slots():
        return sorted(j["metadata"]["annotations"][L.LABEL + "backup-slot"] for j in scene.jobs("scheduled")
                      if j.get("status", {}).get("succeeded"))
    L.wait_for("the first moment", lambda: len(slots()) >= 1, 100)
    L.wait_for("the last second of a minute", lambda: time.time() % 60 > 58.5, 70, 0.02)
    scene.lab.stop_operator(signal.SIGKILL)
    L.wait_for("the moment", lambda: 1 < time.time() % 60 < 30, 10, 0.05)
    scene.lab.start_operator()
    L.wait_for("the moment that it was away for", lambda: len(slots()) >= 2, 60)
    found = slots()
    if len(found) != len(set(found)):
        raise L.Failed(f"a moment was run twice: {found}")
    repos[0].pop("schedules")
    scene.patch({"spec": {"backups": {"pgbackrest": {"repos": repos}}}})
    return {"slots": len(found), "why": "schedule repo1/incr names"}


def archived(scene):
    """All that was written so far is in the repository."""
    last = scene.sql("select pg_walfile_name(pg_current_wal_lsn())")
    scene.sql("select pg_switch_wal()")
    L.wait_for("the WAL is archived", lambda: scene.sql(
        "select coalesce(last_archived_wal, '') from pg_stat_archiver")[:24] >= last, 60)


def copy_to_a_moment(scene):
    """A new cluster as the old one was at a moment, replica and backup of its own included."""
    scene.sql("create table if not exists kept (i int); truncate kept; "
              "insert into kept select generate_series(1, 1000)")
    moment = scene.sql("select clock_timestamp()")
    time.sleep(0.05)  # the clock must go on before the rows go
    scene.sql("delete from kept")
    archived(scene)
    since = time.time()
    scene.apply(manifest("rhino", dataSource={"postgresCluster": {
        "clusterName": CLUSTER, "repoName": "repo1",
        "options": ["--type=time", f'--target="{moment}"']}}))
    scene.wait_condition("PostgresDataInitialized", 180, "rhino")
    L.wait_for("it accepts writes", lambda: scene.lab.primary("rhino"), 60)
    took = time.time() - since
    rows = scene.sql("select count(*) from kept", "rhino")
    if rows != "1000" or scene.sql("select count(*) from kept") != "0":
        raise L.Failed(f"1000 rows are wanted, not {rows}")
    scene.sql("insert into kept values (0)", "rhino")
    scene.wait_condition("Ready", 120, "rhino")
    scene.wait_condition("PGBackRestReplicaCreate", 120, "rhino")
    return {"seconds": round(took, 1), "rows": int(rows), "why": "one instance"}


def restore_in_place(scene):
    """As it was at a moment; the operator is killed while the volume is overwritten, and while the replicas
    are made anew."""
    scene.sql("create table if not exists visits (i int); truncate visits; "
              "insert into visits select generate_series(1, 1000)")
    moment = scene.sql("select clock_timestamp()")
    time.sleep(0.05)  # the clock must go on before other rows come
    scene.sql("insert into visits select generate_series(2001, 2500)")
    before = {name: pod["uid"] for name, pod in scene.lab.pods(CLUSTER).items()}
    old = int(scene.sql("select timeline_id from pg_control_checkpoint()"))
    since = time.time()
    scene.restore("one", ["--type=time", f'--target="{moment}"'])
    for step in ("Restoring", "Rebuilding"):
        L.wait_for(f"step {step}", lambda step=step: scene.place().get("step") == step, 120, 0.02)
        scene.lab.stop_operator(signal.SIGKILL)
        scene.lab.start_operator()
    scene.wait_restored("one")
    took = time.time() - since
    rows, late = scene.sql("select count(*) filter (where i <= 1000), count(*) filter (where i > 2000) "
                           "from visits").split("|")
    new = int(scene.sql("select timeline_id from pg_control_checkpoint()"))
    if (rows, late) != ("1000", "0") or new <= old:
        raise L.Failed(f"1000 rows and none of later are wanted, not {rows} and {late}; timeline {old} -> {new}")
    after = {name: pod["uid"] for name, pod in scene.lab.pods(CLUSTER).items()}
    if set(before) != set(after) or set(before.values()) & set(after.values()):
        raise L.Failed(f"the same instances in new pods are wanted: {before} {after}")
    jobs = scene.lab.objects("jobs", f"{L.LABEL}cluster={CLUSTER},{L.LABEL}pgbackrest-restore",
                             "/apis/batch/v1")
    if len([j for j in jobs if j["metadata"]["name"] == f"{CLUSTER}-pgbackrest-restore"]) != 1:
        raise L.Failed(f"one job is wanted: {jobs}")
    scene.sql("insert into visits values (0)")
    for name in scene.lab.streaming(CLUSTER):
        L.wait_for(f"{name} has the newest row", lambda name=name: scene.command(
            name, "database", "psql", "-U", "postgres", "-h", "/tmp/postgres", "-XAtqc",
            "select count(*) from visits").strip() == "1001", 30)
    scene.ask("after-restore", ["--type=incr"])
    scene.wait_manual("after-restore", 180)
    return {"seconds": round(took, 1), "rows": int(rows), "timelines": [old, new], "why": "restored: "}


def restore_bad_target(scene):
    """What cannot be reached stops nothing."""
    before = {name: pod["uid"] for name, pod in scene.lab.pods(CLUSTER).items()}
    for value, options, says in (
            ("early", ["--type=time", '--target="2020-01-01 00:00:00+00"'], "oldest one ends at"),
            ("odd", ["--type=time", "--target=yesterday"], "must be a moment with its time zone"),
            ("set", ["--set=20200101-000000F"], "must be a backup of repo1")):
        scene.restore(value, options)
        L.wait_for(f"{value} is refused", lambda says=says: says in scene.told().get("message", "") and
                   scene.told().get("reason") == "RestoreRefused", 30)
    # pgo does not leave a wish behind that would come true some day.
    done = scene.lab.pgo("restore", CLUSTER, "--pitr-target=2020-01-01 00:00:00+00", "--no-prompt", check=False)
    annotations = scene.lab.cluster(CLUSTER)["metadata"]["annotations"]
    if done.returncode != 2 or "oldest one ends at" not in done.stderr or \
            L.LABEL + "pgbackrest-restore" in annotations:
        raise L.Failed(f"a refusal is wanted: {done.returncode} {done.stderr} {annotations}")
    after = {name: pod["uid"] for name, pod in scene.lab.pods(CLUSTER).items()}
    if before != after or not scene.lab.primary(CLUSTER):
        raise L.Failed(f"nothing is to stop: {before} {after}")
    return {"why": "refused: "}


def restore_fails(scene):
    """A target that only recovery can find missing: everything stays stopped, and the next restore works."""
    scene.sql("create table if not exists stays (i int); truncate stays; insert into stays values (1)")
    scene.restore("nowhere", ["--type=name", "--target=nowhere"])
    L.wait_for("it has failed", lambda: scene.told().get("reason") == "RestoreFailed", 180)
    if "recovery ended before configured recovery target was reached" not in scene.told()["message"]:
        raise L.Failed(f"PostgreSQL's words are wanted: {scene.told()}")
    if scene.lab.pods(CLUSTER):
        raise L.Failed("nobody is to run on half a restore")
    scene.restore("after-nowhere")
    scene.wait_restored("after-nowhere")
    if scene.sql("select count(*) from stays") != "1":
        raise L.Failed("the row that was archived before is wanted")
    return {"why": "RestoreFailed"}


def restore_and_back(scene):
    """By pgo, to a moment, and back to what that overwrote."""
    scene.sql("create table if not exists coins (i int); truncate coins; insert into coins values (1), (2)")
    moment = scene.sql("select clock_timestamp()")
    time.sleep(0.05)  # the clock must go on before the row comes
    scene.sql("insert into coins values (3)")
    since = time.time()
    done = json.loads(scene.lab.pgo("restore", CLUSTER, f"--pitr-target={moment}", "--no-prompt", "-o", "json",
                                    seconds=300).stdout)
    took = time.time() - since
    if scene.sql("select count(*) from coins") != "2":
        raise L.Failed(f"2 coins are wanted: {done}")
    undo = scene.place()["undo"]
    if undo not in done["message"]:
        raise L.Failed(f"the way back is to be told: {done}")
    scene.lab.pgo("restore", CLUSTER, "--backup-opts", undo, "--no-prompt", seconds=300)
    if scene.sql("select count(*) from coins") != "3":
        raise L.Failed(f"3 coins are wanted after {undo}")
    told = scene.lab.pgo("history", CLUSTER, "--kind", "restore", seconds=60).stdout
    why = scene.lab.pgo("why", CLUSTER, seconds=60).stdout
    if "RESTORE" not in why or undo not in told:
        raise L.Failed(f"history and why tell of it: {why} {told}")
    return {"seconds": round(took, 1), "undo": undo, "why": "restored: "}


def replica_of_backup(scene):
    """A new replica is made of the backup; the rest comes from the archive."""
    scene.lab.pgo("scale", CLUSTER, "--replica-count=1", seconds=180)
    newest = max(scene.lab.objects("pods", f"{L.LABEL}cluster={CLUSTER},{L.LABEL}instance"),
                 key=lambda p: p["metadata"]["creationTimestamp"])["metadata"]["name"]
    if "restore command end: completed successfully" not in scene.lab.log(newest, "database"):
        raise L.Failed(f"{newest} was not made of the backup")
    return {"why": "one instance"}


SCENES = [("first-backup", first_backup), ("by-hand", by_hand), ("operator-killed", operator_killed),
          ("host-killed", host_killed), ("schedule", schedule), ("replica-of-backup", replica_of_backup),
          ("copy-to-a-moment", copy_to_a_moment), ("restore-in-place", restore_in_place),
          ("restore-bad-target", restore_bad_target), ("restore-and-back", restore_and_back),
          ("restore-fails", restore_fails)]


def check_journal(lab, name, word):
    bundle = os.path.join(OUT, f"{name}.pgoj")
    lab.pgo("incident", "export", CLUSTER, "-n", lab.ns, "-o", bundle)
    lab.pgo("verify", bundle)
    lab.pgo("replay", "--verify", bundle)
    told = lab.pgo("history", CLUSTER, "-n", lab.ns, "--bundle", bundle).stdout
    if word not in told:
        raise L.Failed(f"pgo history does not tell {word!r}")


def run(lab, name, play):
    found = play(Scene(lab))
    check_journal(lab, name, found.pop("why"))
    return found


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("scenes", nargs="*", help=", ".join(name for name, _ in SCENES))
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    lab = L.Lab(OUT, options.binaries, os.path.join(L.ROOT, "build", "image", "rootfs"))
    results, failed = {}, 0
    try:
        lab.up()
        Scene(lab).apply(manifest(CLUSTER))
        for name, play in SCENES:
            if options.scenes and name not in options.scenes and name != "first-backup":
                continue
            failed += not F.attempt(results, name, lambda play=play, name=name: run(lab, name, play),
                                    lambda: lab.diagnosis(CLUSTER))
    except (L.Failed, KeyboardInterrupt) as failure:
        print(f"FAILED set-up: {failure}")
        failed += 1
    finally:
        lab.down()
    L.conclude(OUT, results, failed)


if __name__ == "__main__":
    main()
