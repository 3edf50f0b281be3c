#!/usr/bin/env python3
"""Backups in object stores, with real PostgreSQL, pgBackRest and a store that speaks the cloud's protocol.

    replay-tests/local/stores.py [--binaries DIR] [STORE...]

Stores are Versity's S3 gateway and fake-gcs-server (from the Go module proxy) and Azurite (from npm). Each runs
with TLS in the network of pgo-local, is built once into build/stores, and is skipped, by name, where its tool
chain is missing. Ends with `N passed, N failed`; figures go to build/stores/summary.json. Exit status 77 if
there is no store at all.
"""

import argparse
import json
import os
import shutil
import sys
import time

import faults as F
import lab as L
import recovery as R
from object_stores import OUT, STORES, TOOLS, Absent, Network, certificate


class Scene(R.Scene):
    """The life of a cluster whose only repository is in a store."""

    def __init__(self, lab, store, crt):
        super().__init__(lab)
        self.store, self.name = store, "hippo-" + store.name
        self.copy, self.heir = "rhino-" + store.name, "zebra-" + store.name
        with open(crt, encoding="utf-8") as f:
            self.certificate = f.read()

    def secret(self, name):
        """The file of pgBackRest options with the keys; the operator never reads it."""
        lines = ["[global]", "repo1-storage-ca-file=/etc/pgbackrest/conf.d/store-ca.crt"]
        lines += [f"repo1-{key}={value}" for key, value in self.store.options.items()]
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
                "stringData": {"store.conf": "\n".join(lines) + "\n", "store-ca.crt": self.certificate}}

    def apply_secret(self, name):
        path = os.path.join(OUT, self.store.name, "keys.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(self.secret(name), f)
        self.lab.run("kubectl", "apply", "-n", self.lab.ns, "-f", path)

    def create(self):
        self.apply_secret(self.name + "-keys")
        body = R.manifest(self.name)
        body["spec"]["backups"]["pgbackrest"] = self.backrest()
        self.apply_in(body)

    def backrest(self):
        return {"repos": [{"name": "repo1", **self.store.repo}],
                "configuration": [{"secret": {"name": self.name + "-keys"}}]}

    def apply_in(self, body):
        path = os.path.join(OUT, self.store.name, body["metadata"]["name"] + ".json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(body, f)
        self.lab.pgo("apply", "-f", path)

    def info(self):
        return self.info_of(self.name)

    def archived(self):
        """All that was written so far is in the store."""
        last = self.sql("select pg_walfile_name(pg_current_wal_lsn())", self.name)
        self.sql("select pg_switch_wal()", self.name)
        L.wait_for("the WAL is archived", lambda: self.sql(
            "select coalesce(last_archived_wal, '') from pg_stat_archiver", self.name)[:24] >= last, 60)

    def begin_from(self, name, source, path):
        """A cluster that begins as a copy and backs up into the same bucket, at another path."""
        body = R.manifest(name, dataSource=source)
        body["spec"]["backups"]["pgbackrest"] = {**self.backrest(), "global": {"repo1-path": path}}
        self.apply_in(body)

    def info_of(self, name):
        pod = L.wait_for("a primary", lambda: self.lab.primary(name), 60)
        out = self.command(pod, "pgbackrest", "pgbackrest", "info", "--output=json")
        return [b for stanza in json.loads(out) for b in stanza["backup"] if not b["error"]]

    def has_begun(self, name, rows):
        """It has these rows, accepts writes, has its replica, and backs up into a repository of its own."""
        self.wait_condition("PostgresDataInitialized", 180, name)
        L.wait_for("it accepts writes", lambda: self.lab.primary(name), 60)
        found = self.sql("select count(*) from copied", name)
        if found != rows:
            raise L.Failed(f"{rows} rows are wanted, not {found}")
        self.sql("insert into copied values (0)", name)
        self.wait_condition("Ready", 180, name)
        self.wait_condition("PGBackRestReplicaCreate", 180, name)
        self.lab.pgo("backup", name, "-n", self.lab.ns, "--backup-opts=--type=incr", seconds=180)
        kinds = [b["type"] for b in self.info_of(name)]
        if kinds != ["full", "incr"]:
            raise L.Failed(f"two backups of its own are wanted: {kinds}")
        condition = self.lab.condition(name, "FieldsNotImplemented") or {}
        if "dataSource" in condition.get("message", ""):
            raise L.Failed(f"the data source is acted on: {condition}")

    def manual_of(self):
        return ((self.lab.cluster(self.name) or {}).get("status", {}).get("pgbackrest", {})
                .get("manualBackup", {}))


def first_backup(scene):
    scene.create()
    scene.wait_condition("PGBackRestReplicaCreate", 240, scene.name)
    if [b["type"] for b in scene.info()] != ["full"]:
        raise L.Failed(f"one full backup is wanted: {scene.info()}")
    host = scene.lab.objects("pods", f"{L.LABEL}cluster={scene.name},{L.LABEL}pgbackrest-dedicated")
    if host:
        raise L.Failed("a repository in a store needs no host")


def by_hand(scene):
    scene.lab.pgo("backup", scene.name, "-n", scene.lab.ns, "--backup-opts=--type=incr", seconds=180)
    L.wait_for("the backup has ended", lambda: scene.manual_of().get("finished"), 120)
    if [b["type"] for b in scene.info()] != ["full", "incr"]:
        raise L.Failed(f"an incremental backup is wanted: {scene.info()}")


def restore(scene):
    """In place, out of the store, to a moment."""
    scene.sql("create table kept (i int); insert into kept select generate_series(1, 1000)", scene.name)
    moment = scene.sql("select clock_timestamp()", scene.name)
    time.sleep(0.05)  # the clock must go on before the rows go
    scene.sql("delete from kept", scene.name)
    scene.lab.pgo("restore", scene.name, "-n", scene.lab.ns, f"--pitr-target={moment}", "--no-prompt", seconds=400)
    rows = scene.sql("select count(*) from kept", scene.name)
    if rows != "1000":
        raise L.Failed(f"1000 rows are wanted, not {rows}")
    scene.wait_condition("Ready", 180, scene.name)


def copy_to_a_moment(scene):
    """A new cluster out of this one's repository, with keys that only this one's manifest names."""
    scene.sql("create table copied (i int); insert into copied select generate_series(1, 1000)", scene.name)
    moment = scene.sql("select clock_timestamp()", scene.name)
    time.sleep(0.05)  # the clock must go on before the rows go
    scene.sql("delete from copied where i > 300", scene.name)
    scene.archived()
    source = {"postgresCluster": {"clusterName": scene.name, "repoName": "repo1",
                                  "options": ["--type=time", f'--target="{moment}"']}}
    # Into the repository that it comes from it must not write.
    scene.begin_from(scene.copy, source, "/pgbackrest/repo1")
    L.wait_for("the repository of the source is refused", lambda: "set another repo1-path" in (
        scene.lab.condition(scene.copy, "PostgresDataInitialized") or {}).get("message", ""), 60)
    if scene.lab.pods(scene.copy):
        raise L.Failed("no instance is to begin")
    scene.patch({"spec": {"backups": {"pgbackrest": {"global": {
        "repo1-path": "/copies/" + scene.copy}}}}}, scene.copy)
    scene.has_begun(scene.copy, "1000")
    if scene.sql("select count(*) from copied", scene.name) != "300":
        raise L.Failed("the source is to stay as it is")
    jobs = [(b.get("annotation") or {}).get("pgo-job", "") for b in scene.info()]
    if not all(job.startswith(scene.name + "-backup-") for job in jobs):
        raise L.Failed(f"only the source's own backups are to be in its repository: {jobs}")


def from_a_bucket(scene):
    """A new cluster out of the bucket of one that is gone."""
    scene.archived()
    scene.lab.pgo("delete", "cluster", scene.name, "-n", scene.lab.ns, "--no-prompt", seconds=180)
    scene.apply_secret("bucket-keys")
    scene.begin_from(scene.heir, {"pgbackrest": {
        "stanza": "db", "repo": {"name": "repo1", **scene.store.repo},
        "configuration": [{"secret": {"name": "bucket-keys"}}]}}, "/copies/" + scene.heir)
    scene.has_begun(scene.heir, "300")
    # Keys of the bucket may go once the copy is made: no pod waits for them.
    scene.lab.run("kubectl", "delete", "secret", "-n", scene.lab.ns, "bucket-keys")
    primary = scene.lab.primary(scene.heir)
    old = scene.lab.pods(scene.heir)[primary]["uid"]
    scene.lab.delete_pod(primary)
    L.wait_for("its pod is another and ready", lambda: (
        scene.lab.pods(scene.heir).get(primary, {}).get("uid", old) != old and
        len(scene.lab.streaming(scene.heir)) == 1 and scene.condition("Ready", scene.heir)), 180)


def no_key_anywhere(scene):
    """No key of a store in the journal's bundle, a log or an argument vector."""
    words = [v.encode() for k, v in scene.store.options.items() if "key" in k and len(v) > 10]
    places = [os.path.join(OUT, "operator.log")]
    for name in (scene.name, scene.copy, scene.heir):
        bundle = os.path.join(OUT, scene.store.name, name + ".pgoj")
        scene.lab.pgo("incident", "export", name, "-n", scene.lab.ns, "-o", bundle)
        scene.lab.pgo("verify", bundle)
        scene.lab.pgo("replay", "--verify", bundle)
        places.append(bundle)
    for folder, _, files in os.walk(os.path.join(OUT, "operator")):
        places += [os.path.join(folder, file) for file in files]
    places += [f"/proc/{pid}/cmdline" for pid in filter(str.isdigit, os.listdir("/proc"))]
    for place in places:
        try:
            with open(place, "rb") as f:
                data = f.read()
        except OSError:
            continue  # a process that has ended
        if any(word in data for word in words):
            raise L.Failed(f"a key stands in {place}")


STEPS = [("first-backup", first_backup), ("by-hand", by_hand), ("restore-in-place", restore),
         ("copy-to-a-moment", copy_to_a_moment), ("from-a-bucket", from_a_bucket),
         ("no-key-anywhere", no_key_anywhere)]


def try_store(lab, network, results, name, make):
    """Number of failed steps; None if the store is not to be had."""
    os.makedirs(os.path.join(OUT, name))
    crt, key = certificate(os.path.join(OUT, name))
    try:
        store = make(network, crt, key)
    except Absent as why:
        print(f"skipped {name}: {why}", flush=True)
        return None
    try:
        scene = Scene(lab, store, crt)
        for step, play in STEPS:
            since = time.monotonic()

            def timed(play=play, since=since):
                play(scene)
                return {"seconds": round(time.monotonic() - since, 1)}
            if not F.attempt(results, f"{name}/{step}", timed, lambda: "\n".join(
                    map(lab.diagnosis, (scene.name, scene.copy, scene.heir)))):
                return 1
        for left in (scene.name, scene.copy, scene.heir):
            lab.pgo("delete", "cluster", left, "-n", lab.ns, "--no-prompt", check=False)
        return 0
    finally:
        store.close()


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("stores", nargs="*", help=", ".join(name for name, _ in STORES))
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    lab = L.Lab(OUT, options.binaries, os.path.join(L.ROOT, "build", "image", "rootfs"))
    results, failed, tried, network = {}, 0, 0, None
    try:
        lab.up()
        network = Network(lab)
        for name, make in STORES:
            if options.stores and name not in options.stores:
                continue
            status = try_store(lab, network, results, name, make)
            tried += status is not None
            failed += status or 0
    except (L.Failed, KeyboardInterrupt) as failure:
        print(f"FAILED set-up: {failure}")
        failed += 1
    finally:
        if network:
            network.close()
        lab.down()
    with open(os.path.join(TOOLS, "summary.json"), "w", encoding="utf-8") as f:
        json.dump(results, f, indent=2)
    if not tried and not failed:
        print("no object store can be had here")
        sys.exit(77)
    print(f"{sum('error' not in r for r in results.values())} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
