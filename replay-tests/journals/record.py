#!/usr/bin/env python3
"""Records the golden journals: one bundle per capability, of the real operator on pgo-local.

    replay-tests/journals/record.py [--binaries DIR] [--out DIR] [--keep] [NAME...]

Each scene has a laboratory of its own, so a bundle holds its story from the first record on. What is
kept in this directory is never recorded again: journals_test reads it with every later build. A new
capability adds a scene here and its bundle there. Existing files are refused, not replaced.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "local"))

import lab as L  # noqa: E402

CLUSTER = "hippo"


class Scene:
    def __init__(self, lab):
        self.lab = lab

    def create(self, replicas, *flags):
        self.lab.pgo("create", "cluster", CLUSTER, f"--replica-count={replicas}", *flags, seconds=300)
        self.settle(replicas + 1)

    def settle(self, instances):
        def steady():
            return (len(self.lab.pods(CLUSTER)) == instances and self.lab.primary(CLUSTER)
                    and len(self.lab.streaming(CLUSTER)) == instances - 1
                    and (self.lab.condition(CLUSTER, "Ready") or {}).get("status") == "True")
        L.wait_for(f"a primary and {instances - 1} streaming replicas, ready", steady, 180)

    def synchronous(self):
        def standby():
            key = self.lab.api.get(f"/api/v1/namespaces/{self.lab.ns}/endpoints/{CLUSTER}-ha-sync")
            notes = (key or {}).get("metadata", {}).get("annotations") or {}
            return notes.get("sync_standby") and notes.get("leader") == self.lab.primary(CLUSTER)
        L.wait_for("a synchronous standby", standby, 60)

    def patch(self, change, manager="kubectl-edit"):
        path = f"{L.GROUP}/namespaces/{self.lab.ns}/postgresclusters/{CLUSTER}?fieldManager={manager}"
        self.lab.api.ask("PATCH", path, change, "application/merge-patch+json")

    def another_primary(self, old, seconds=90):
        L.wait_for("another primary", lambda: self.lab.primary(CLUSTER) not in (None, old), seconds)

    def power_off(self):
        """The primary's node is off and its cloud says so; gives the node."""
        old = self.lab.primary(CLUSTER)
        node = self.lab.pods(CLUSTER)[old]["node"]
        self.lab.power_off(node)
        self.lab.report_off(node)
        self.another_primary(old)
        return node

    def power_on(self, node):
        self.lab.power_on(node)
        self.lab.report_on(node)
        self.settle(3)


def create(s):
    """A cluster of two comes up."""
    s.create(1)


def scale(s):
    """One instance more, then one less."""
    s.create(1)
    s.lab.pgo("scale", CLUSTER, "--no-prompt", seconds=300)
    s.settle(3)
    s.lab.pgo("scaledown", CLUSTER, "--no-prompt", seconds=300)
    s.settle(2)


def switchover(s):
    """A person asks for another primary."""
    s.create(1)
    old = s.lab.primary(CLUSTER)
    s.lab.pgo("failover", CLUSTER, "--no-prompt", seconds=120)
    s.another_primary(old)
    s.settle(2)


def failover_power_off(s):
    """The primary's node loses its power, in synchronous mode, and comes back."""
    s.create(2, "--sync-replication")
    s.synchronous()
    s.power_on(s.power_off())


def failover_silent(s):
    """The same and nobody says so: Patroni's own lease decides."""
    s.create(2, "--sync-replication")
    s.synchronous()
    old = s.lab.primary(CLUSTER)
    node = s.lab.pods(CLUSTER)[old]["node"]
    s.lab.power_off(node)
    s.another_primary(old)
    s.lab.power_on(node)
    s.settle(3)


def failover_operator_killed(s):
    """The operator is killed in the middle of a failover, and started again."""
    s.create(2, "--sync-replication")
    s.synchronous()
    killer = threading.Timer(1, s.lab.restart_operator)
    killer.start()
    node = s.power_off()
    killer.join(60)
    s.power_on(node)


def rollout(s):
    """Another template: pods are replaced one at a time."""
    s.create(1)
    uids = {name: pod["uid"] for name, pod in s.lab.pods(CLUSTER).items()}
    s.patch({"spec": {"metadata": {"annotations": {"restarted": "yes"}}}})
    L.wait_for("every pod is another", lambda: {n: p["uid"] for n, p in s.lab.pods(CLUSTER).items()}.keys() ==
               uids.keys() and all(p["uid"] != uids[n] for n, p in s.lab.pods(CLUSTER).items()), 300)
    s.settle(2)


def restart(s):
    """Restarts in place, on request and for a setting; a reload."""
    s.create(1)
    s.lab.pgo("restart", CLUSTER, "--no-prompt", seconds=300)
    s.settle(2)
    starts = {name: s.lab.postmaster(name) for name in s.lab.pods(CLUSTER)}
    s.patch({"spec": {"config": {"parameters": {"max_worker_processes": 11}}}})
    L.wait_for("every PostgreSQL is restarted", lambda: all(
        s.lab.postmaster(name) not in (None, starts[name]) for name in starts), 300, 1)
    s.settle(2)
    s.lab.pgo("reload", CLUSTER, "--no-prompt", seconds=60)


def operator_upgrade(s):
    """Another version of the operator makes other pods: nothing restarts until somebody asks."""
    s.create(1)
    uids = {name: pod["uid"] for name, pod in s.lab.pods(CLUSTER).items()}
    s.lab.stop_operator()
    s.lab.postgres_image = "localhost/pgo/postgres:17-next"
    s.lab.start_operator()
    L.wait_for("the pods that wait are named", lambda: (
        s.lab.condition(CLUSTER, "PodsCurrent") or {}).get("status") == "False", 60)
    time.sleep(3)  # nothing may come
    now = {name: pod["uid"] for name, pod in s.lab.pods(CLUSTER).items()}
    if now != uids:
        raise L.Failed(f"pods were replaced unasked: {uids} became {now}")
    s.lab.pgo("restart", CLUSTER, "--no-prompt", seconds=300)
    L.wait_for("every pod is another", lambda: all(
        pod["uid"] != uids.get(name) for name, pod in s.lab.pods(CLUSTER).items()), 300)
    s.settle(2)
    L.wait_for("nothing waits any more", lambda: s.lab.condition(CLUSTER, "PodsCurrent") is None, 30)


def delete(s):
    """A cluster is deleted with all that belongs to it."""
    s.create(1)
    s.lab.pgo("delete", "cluster", CLUSTER, "--no-prompt", seconds=300)
    L.wait_for("it is gone", lambda: s.lab.cluster(CLUSTER) is None and not s.lab.pods(CLUSTER), 120)


def two_clusters(s):
    """Two clusters in one journal, one of which changes its primary."""
    s.create(1)
    s.lab.pgo("create", "cluster", "rhino", "--replica-count=0", seconds=300)
    old = s.lab.primary(CLUSTER)
    s.lab.pgo("failover", CLUSTER, "--no-prompt", seconds=120)
    s.another_primary(old)
    s.settle(2)


def incident(s):
    """The tour's: power off in the middle of a schema change, for which somebody had changed a setting."""
    s.create(2, "--sync-replication")
    s.synchronous()
    s.patch({"spec": {"config": {"parameters": {"maintenance_work_mem": "256MB"}}}})
    sql = ("import json, sys, psycopg2\n"
           "c = psycopg2.connect(sslmode='require', **json.loads(sys.stdin.readline()))\n"
           "c.autocommit = True\n"
           "q = c.cursor()\n"
           "q.execute('create table orders as select i as id, md5(i::text) as note from generate_series(1, 400000) i')\n"
           "print('migrating', flush=True)\n"
           "while True:\n"
           "    q.execute('alter table orders alter column note type varchar(64)')\n"
           "    q.execute('alter table orders alter column note type text')\n"
           "    q.execute('create index orders_note on orders (note)')\n"
           "    q.execute('drop index orders_note')\n")
    client = subprocess.Popen(s.lab.client("python3", "-c", sql), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    client.stdin.write(json.dumps(s.lab.connection(CLUSTER)) + "\n")
    client.stdin.flush()
    assert client.stdout.readline().strip() == "migrating", client.stderr.read()
    time.sleep(3)
    node = s.power_off()
    client.kill()
    client.wait()
    s.power_on(node)


SCENES = {f.__name__.replace("_", "-"): f for f in (
    create, scale, switchover, failover_power_off, failover_silent, failover_operator_killed, rollout, restart,
    operator_upgrade, delete, two_clusters, incident)}


def scene_of(name):
    """`rollout-2` is scene `rollout` recorded anew, beside the one that is kept."""
    return re.sub(r"-[0-9]+$", "", name)


def record(name, options):
    out = os.path.join(options.out, name + ".pgoj")
    if os.path.exists(out):
        raise L.Failed(f"{out} is kept for ever; choose another --out or another name")
    work = os.path.join(L.ROOT, "build", "journals", name)
    shutil.rmtree(work, ignore_errors=True)
    lab = L.Lab(work, options.binaries, os.path.join(L.ROOT, "build", "image", "rootfs"))
    try:
        lab.up()
        scene = Scene(lab)
        SCENES[scene_of(name)](scene)
        time.sleep(2)  # for the notices of what ended
        lab.pgo("incident", "export", CLUSTER, "-n", lab.ns, "-o", out)
        print(lab.pgo("verify", out).stdout.strip(), flush=True)
        print(lab.pgo("replay", "--verify", out).stdout.strip(), flush=True)
    except L.Failed:
        print(lab.diagnosis(CLUSTER))
        raise
    finally:
        lab.down()
    if not options.keep:
        shutil.rmtree(work, ignore_errors=True)


def main():
    L.interruptible()
    scenes = "\n".join(f"  {name:26} {f.__doc__}" for name, f in SCENES.items())
    parser = argparse.ArgumentParser(description=__doc__ + "\nscenes:\n" + scenes,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("--out", default=HERE)
    parser.add_argument("--keep", action="store_true", help="keep the laboratory's files")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    failed = 0
    for name in options.names or SCENES:
        if scene_of(name) not in SCENES:
            L.die(f"record: there is no \"{name}\"; scenes: {', '.join(SCENES)}")
        began = time.monotonic()
        try:
            record(name, options)
            print(f"ok     {name} ({time.monotonic() - began:.0f} s)", flush=True)
        except (L.Failed, OSError, subprocess.SubprocessError) as failure:
            failed += 1
            print(f"FAILED {name}: {failure}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
