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
import sys
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


def copy_to_a_moment(scene):
    """A new cluster as the old one was at a moment, replica and backup of its own included."""
    scene.sql("create table if not exists kept (i int); truncate kept; "
              "insert into kept select generate_series(1, 1000)")
    moment = scene.sql("select clock_timestamp()")
    time.sleep(0.05)  # the clock must go on before the rows go
    scene.sql("delete from kept")
    last = scene.sql("select pg_walfile_name(pg_current_wal_lsn())")
    scene.sql("select pg_switch_wal()")
    L.wait_for("the WAL is archived", lambda: scene.sql(
        "select coalesce(last_archived_wal, '') from pg_stat_archiver")[:24] >= last, 60)
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
          ("copy-to-a-moment", copy_to_a_moment)]


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
    with open(os.path.join(OUT, "summary.json"), "w", encoding="utf-8") as f:
        json.dump(results, f, indent=2)
    print(f"{sum('error' not in r for r in results.values())} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
