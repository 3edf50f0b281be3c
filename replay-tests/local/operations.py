#!/usr/bin/env python3
"""Operations on a running cluster, on real PostgreSQL with a client that counts what it was promised.

    replay-tests/local/operations.py [--binaries DIR] [OPERATION...]

Ends with `N passed, N failed`. In synchronous mode; after each operation: no acknowledged row lost,
never two instances down at once, the journal's chain is intact, every decision replays, and `pgo why`
tells the operation.
"""

import argparse
import json
import os
import shutil
import signal
import threading
import time

import faults as F
import lab as L

CLUSTER = "hippo"
OUT = os.path.join(L.ROOT, "build", "operations")
ANNOTATION = L.LABEL


class Watcher(threading.Thread):
    """Looks on while an operation is under way: how many instances do not run at once, at most."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.ended, self.worst, self.waits = lab, threading.Event(), 0, ""

    def run(self):
        while not self.ended.wait(0.1):
            try:
                self.look()
            except (L.Failed, OSError, ValueError, KeyError):
                continue

    def look(self):
        sets = [s["metadata"]["name"] for s in self.lab.objects(
            "statefulsets", f"{L.LABEL}cluster={CLUSTER}", "/apis/apps/v1")
            if s["spec"].get("replicas", 1) and L.LABEL + "leaving" not in s["metadata"].get("annotations", {})]
        pods = {p["metadata"]["name"]: p for p in self.lab.objects("pods", f"{L.LABEL}cluster={CLUSTER}")}
        down = [name for name in sets if not runs(pods.get(name + "-0"))]
        if len(down) > self.worst:
            self.worst, self.waits = len(down), ", ".join(down)

    def stop(self):
        self.ended.set()
        self.join(5)


def runs(pod):
    if pod is None or "deletionTimestamp" in pod["metadata"]:
        return False
    return any(c["name"] == "database" and "running" in c.get("state", {})
               for c in pod.get("status", {}).get("containerStatuses", []))


def ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))


class Scene:
    def __init__(self, lab):
        self.lab = lab

    def settle(self, instances=3):
        def steady():
            pods = [p for p in self.lab.objects("pods", f"{L.LABEL}cluster={CLUSTER}")
                    if L.LABEL + "instance" in p["metadata"].get("labels", {})]
            return (len(pods) == instances and all(runs(p) and ready(p) for p in pods) and self.lab.primary(CLUSTER)
                    and len(self.lab.streaming(CLUSTER)) == instances - 1)
        L.wait_for(f"a primary and {instances - 1} streaming replicas", steady, 180)
        L.wait_for("a synchronous standby", lambda: F.Fault(self.lab, CLUSTER).sync_standby(), 60)

    def patch(self, change):
        self.lab.api.ask("PATCH", f"{L.GROUP}/namespaces/{self.lab.ns}/postgresclusters/{CLUSTER}", change,
                         "application/merge-patch+json")

    def uids(self):
        return {name: pod["uid"] for name, pod in self.lab.pods(CLUSTER).items()}

    def claims(self):
        return {c["metadata"]["name"] for c in
                self.lab.objects("persistentvolumeclaims", f"{L.LABEL}cluster={CLUSTER}")}

    def starts(self):
        """{pod: process id of its postmaster}."""
        return {name: self.lab.postmaster(name) for name in self.lab.pods(CLUSTER)}


def scale_up_and_down(s):
    """3 → 4 → 3: the fourth comes, streams and goes with its data; the primary stays."""
    old, claims = s.lab.primary(CLUSTER), s.claims()
    s.lab.pgo("scale", CLUSTER, "--no-prompt", seconds=300)
    s.settle(4)
    grown = s.claims()
    if len(grown) != 4:
        raise L.Failed(f"four instances have {len(grown)} volumes")
    said = s.lab.pgo("scaledown", CLUSTER, "--no-prompt", "-o", "json", seconds=300)
    if json.loads(said.stdout)["replicas"] != 3:
        raise L.Failed(f"scaledown said {said.stdout}")
    s.settle(3)
    if s.claims() != claims or s.lab.primary(CLUSTER) != old:
        raise L.Failed(f"volumes {s.claims()} instead of {claims}, primary {s.lab.primary(CLUSTER)} after {old}")
    return {"gap_max": 15, "why": "SCALE DOWN"}


def scale_down_target_keeps_data(s):
    """A named replica goes, its volume stays, and the next one finds it."""
    target = sorted(set(s.uids()) - {s.lab.primary(CLUSTER)})[0][:-2]
    refused = s.lab.pgo("scaledown", CLUSTER, "--target=" + s.lab.primary(CLUSTER), "--no-prompt", check=False)
    if refused.returncode != 2 or "must be a replica" not in refused.stderr:
        raise L.Failed(f"the primary as target: exit status {refused.returncode}, {refused.stderr}")
    s.lab.pgo("scaledown", CLUSTER, "--target=" + target, "--keep-data", "--no-prompt", seconds=300)
    s.settle(2)
    if target + "-pgdata" not in s.claims() or target + "-0" in s.uids():
        raise L.Failed(f"{target}: volumes {s.claims()}, pods {list(s.uids())}")
    s.lab.pgo("scale", CLUSTER, "--no-prompt", seconds=300)
    s.settle(3)
    if target + "-0" not in s.uids():
        raise L.Failed(f"{target} did not come back to its volume: {list(s.uids())}")
    return {"gap_max": 25, "why": "SCALE DOWN"}


def restart(s, *flags):
    uids, starts = s.uids(), s.starts()
    s.lab.pgo("restart", CLUSTER, "--no-prompt", *flags, seconds=400)
    s.settle(3)
    if s.uids() != uids:
        raise L.Failed("a restart in place replaced a pod")
    same = [pod for pod, pid in s.starts().items() if pid == starts[pod]]
    if same:
        raise L.Failed(f"not restarted: {same}")


def restart_in_place(s):
    """Every PostgreSQL starts anew in its pod, one at a time; the primary stays the primary."""
    old = s.lab.primary(CLUSTER)
    restart(s)
    if s.lab.primary(CLUSTER) != old:
        raise L.Failed(f"{s.lab.primary(CLUSTER)} is primary instead of {old}")
    return {"gap_max": 15, "why": "RESTART"}


def restart_rolling(s):
    """Replicas first, then a switchover, then the old primary."""
    old = s.lab.primary(CLUSTER)
    restart(s, "--rolling")
    if s.lab.primary(CLUSTER) == old:
        raise L.Failed(f"{old} is still the primary")
    return {"gap_max": 15, "why": "RESTART"}


def rollout(s, meanwhile=lambda: None):
    old, uids = s.lab.primary(CLUSTER), s.uids()
    s.patch({"spec": {"metadata": {"annotations": {"restarted": str(time.time())}}}})
    meanwhile()
    L.wait_for("every pod is another", lambda: set(s.uids()) == set(uids) and
               all(uid != uids[pod] for pod, uid in s.uids().items()), 400)
    s.settle(3)
    L.wait_for("the operation is told as done", lambda: "started anew in" in
               s.lab.pgo("history", CLUSTER, "--kind=rollout").stdout.rsplit("to start anew", 1)[-1], 60, 1)
    if s.lab.primary(CLUSTER) == old:
        raise L.Failed(f"{old} is still the primary")


def rollout_by_annotation(s):
    """spec.metadata.annotations changes: every pod is replaced, replicas first."""
    rollout(s)
    return {"gap_max": 15, "why": "ROLLOUT"}


def rollout_operator_killed(s):
    """The same, with the operator killed three times on the way."""
    def kill():
        for _ in range(3):
            before = s.uids()
            L.wait_for("the next pod is another", lambda: any(
                uid not in before.values() for uid in s.uids().values()), 200)
            s.lab.stop_operator(signal.SIGKILL)
            s.lab.start_operator()
    rollout(s, kill)
    return {"gap_max": 20, "why": "ROLLOUT"}


def settings_restart(s):
    """A parameter that needs a restart gets one, everywhere."""
    starts = s.starts()
    s.patch({"spec": {"config": {"parameters": {"max_worker_processes": 11}}}})
    L.wait_for("every PostgreSQL is restarted", lambda: all(
        pid and pid != starts.get(pod) for pod, pid in s.starts().items()), 300, 1)
    s.settle(3)
    L.wait_for("nothing is pending", lambda: not any(
        pod["member"].get("pending_restart") for pod in s.lab.pods(CLUSTER).values()), 60)
    return {"gap_max": 15, "why": "RESTART"}


def reload(s):
    """Every Patroni reads its configuration again; nothing restarts."""
    starts = s.starts()
    said = s.lab.pgo("reload", CLUSTER, "--no-prompt", seconds=60).stdout
    if "reloaded " + CLUSTER not in said or s.starts() != starts:
        raise L.Failed(f"reload: {said}, postmasters {s.starts()} after {starts}")
    return {"gap_max": 5, "why": "RELOAD"}


def shut_down_and_start(s):
    """The primary stops last and starts first; the operator is killed on both ways."""
    old = s.lab.primary(CLUSTER)

    def update(*flags):
        killer = threading.Timer(1, s.lab.restart_operator)
        killer.start()
        s.lab.pgo("update", "cluster", CLUSTER, *flags, seconds=240)
        killer.join()
    update("--shutdown", "--no-prompt")
    first = s.lab.cluster(CLUSTER)["status"].get("startupInstance")
    if s.lab.pods(CLUSTER) or first + "-0" != old:
        raise L.Failed(f"left after the shutdown: {list(s.lab.pods(CLUSTER))}; {first} starts first, {old} led")
    update("--startup")
    s.settle(3)
    if s.lab.primary(CLUSTER) != old:
        raise L.Failed(f"{s.lab.primary(CLUSTER)} is the primary, {old} led before the shutdown")
    if "is primary again after the shutdown" not in s.lab.pgo("history", CLUSTER).stdout:
        raise L.Failed("pgo history does not tell who was started first")
    return {"gap_max": 180, "down_max": 3, "why": CLUSTER}


def pause_and_resume(s):
    """While paused a change of the manifest is seen and not followed."""
    s.lab.pgo("update", "cluster", CLUSTER, "--pause", seconds=60)

    def sets():
        return len(s.lab.objects("statefulsets", f"{L.LABEL}cluster={CLUSTER},{L.LABEL}instance",
                                 "/apis/apps/v1"))

    def replicas(count):
        s.lab.api.ask("PATCH", f"{L.GROUP}/namespaces/{s.lab.ns}/postgresclusters/{CLUSTER}",
                      [{"op": "replace", "path": "/spec/instances/0/replicas", "value": count}],
                      "application/json-patch+json")
    replicas(4)
    L.wait_for("the change is seen", lambda: (
        lambda c: c["status"].get("observedGeneration") == c["metadata"]["generation"])(s.lab.cluster(CLUSTER)), 30)
    if sets() != 3:
        raise L.Failed("a paused cluster was scaled")
    s.lab.pgo("update", "cluster", CLUSTER, "--resume", seconds=60)
    L.wait_for("the change is followed", lambda: sets() == 4, 30)
    s.settle(4)
    replicas(3)
    s.settle(3)
    return {"gap_max": 5, "why": CLUSTER}


OPERATIONS = [("scale-up-and-down", scale_up_and_down), ("restart-in-place", restart_in_place),
              ("restart-rolling", restart_rolling), ("rollout-by-annotation", rollout_by_annotation),
              ("rollout-operator-killed", rollout_operator_killed), ("reload", reload),
              ("settings-restart", settings_restart),
              ("scaledown-target-keeps-data", scale_down_target_keeps_data),
              ("shut-down-and-start", shut_down_and_start), ("pause-and-resume", pause_and_resume)]


def check_journal(lab, name, word):
    bundle = os.path.join(OUT, f"{name}.pgoj")
    lab.pgo("incident", "export", CLUSTER, "-n", lab.ns, "-o", bundle)
    lab.pgo("verify", bundle)
    lab.pgo("replay", "--verify", bundle)
    why = lab.pgo("why", CLUSTER).stdout
    with open(os.path.join(OUT, f"{name}.why"), "w", encoding="utf-8") as f:
        f.write(why)
    if word not in why:
        raise L.Failed(f"pgo why does not tell {word}:\n{why}")


def run(lab, name, operate):
    scene = Scene(lab)
    scene.settle(3)
    writer = lab.start_writer(CLUSTER)
    L.wait_for("the client writes", lambda: len(writer.acks) > 20, 60)
    watcher = Watcher(lab)
    watcher.start()
    since = time.time()
    try:
        found = operate(scene)
    finally:
        watcher.stop()
    took = time.time() - since
    gap = writer.longest_gap(since - 1)
    acked = set(writer.stop())
    lab.writers.remove(writer)
    lost = len(acked - lab.rows(CLUSTER))
    check_journal(lab, name, found["why"])
    if lost:
        raise L.Failed(f"{lost} of {len(acked)} acknowledged rows are lost")
    if watcher.worst > found.get("down_max", 1):
        raise L.Failed(f"{watcher.worst} instances were down at once: {watcher.waits}")
    if gap > found["gap_max"]:
        raise L.Failed(f"gap {gap:.1f} s, at most {found['gap_max']} s are promised")
    return {"gap_seconds": round(gap, 2), "took_seconds": round(took, 1), "acknowledged": len(acked), "lost": lost}


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("operations", nargs="*", help=", ".join(name for name, _ in OPERATIONS))
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    lab = L.Lab(OUT, options.binaries, os.path.join(L.ROOT, "build", "image", "rootfs"))
    results, failed = {}, 0
    try:
        lab.up()
        lab.pgo("create", "cluster", CLUSTER, "--replica-count=2", "--sync-replication", seconds=300)
        for name, operate in OPERATIONS:
            if options.operations and name not in options.operations:
                continue
            failed += not F.attempt(results, name, lambda operate=operate, name=name: run(lab, name, operate),
                                    lambda: lab.diagnosis(CLUSTER))
    except (L.Failed, KeyboardInterrupt) as failure:
        print(f"FAILED set-up: {failure}")
        failed += 1
    finally:
        lab.down()
    L.conclude(OUT, results, failed)


if __name__ == "__main__":
    main()
