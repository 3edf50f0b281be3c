#!/usr/bin/env python3
"""Faults on real PostgreSQL: what must hold after each, with a client that counts what it was promised.

    replay-tests/local/faults.py [--binaries DIR] [FAULT...]

Ends with `N passed, N failed`. After each fault: no acknowledged row lost in synchronous mode (in
asynchronous mode the loss is told with its WAL range), the journal's chain is intact, every decision
replays, and `pgo why` names the class that the evidence allows.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import threading
import time

import inflict as I
import lab as L

SYNC, ASYNC = "hippo", "rhino"
OUT = os.path.join(L.ROOT, "build", "faults")


class Fault:
    """One fault on one cluster; `inflict` gives what is to be reported."""

    def __init__(self, lab, cluster):
        self.lab, self.cluster = lab, cluster
        self.off = None  # the node whose power was cut

    def settle(self):
        lab, cluster = self.lab, self.cluster
        L.wait_for("a primary and two streaming replicas",
                   lambda: lab.primary(cluster) and len(lab.streaming(cluster)) == 2, 180)
        nodes = {name: pod["node"] for name, pod in lab.pods(cluster).items()}
        if len(set(nodes.values())) < 3:
            raise L.Failed(f"two instances share a node, so a power cut would be another fault: {nodes}")
        if cluster == SYNC:
            L.wait_for("a synchronous standby", lambda: self.sync_standby(), 60)

    def primary(self):
        return L.wait_for("a primary", lambda: self.lab.primary(self.cluster), 60)

    def sync_standby(self):
        key = self.lab.api.get(f"/api/v1/namespaces/{self.lab.ns}/endpoints/{self.cluster}-ha-sync")
        notes = ((key or {}).get("metadata", {}).get("annotations") or {})
        return notes.get("sync_standby") and notes.get("leader") == self.lab.primary(self.cluster)

    def another_primary(self, old, seconds):
        return L.wait_for(f"another primary than {old}", lambda: (
            lambda p: p if p and p != old else None)(self.lab.primary(self.cluster)), seconds)

    def writes_again(self, writer, since, seconds=60):
        L.wait_for("the client writes again", lambda: sum(t > since + 0.5 for _, t in writer.acks) > 20, seconds)

    def no_second_primary(self, old):
        """The old primary is back and says that it is none."""
        L.wait_for(f"{old} says that it is a replica", lambda: (
            lambda pod: pod and pod["member"].get("role") == "replica" and pod["role"] != "master")(
                self.lab.pods(self.cluster).get(old)), 120)

    def node_of(self, pod):
        return self.lab.pods(self.cluster)[pod]["node"]


FAULTS = [
    ("kill-postgres", SYNC, I.kill_postgres), ("kill-container", SYNC, I.kill_container),
    ("switch-over", SYNC, I.switch_over), ("delete-pod", SYNC, I.delete_pod),
    ("force-delete-pod", SYNC, I.force_delete_pod), ("namesakes", SYNC, I.namesakes),
    ("power-off-reported", SYNC, I.power_off_reported),
    # For a lease after its primary went without the API server Patroni promotes nobody (failsafe mode): what
    # follows cut-api and api-stall must take that long itself.
    ("cut-api", SYNC, I.cut_api), ("api-stall", SYNC, I.api_stall), ("power-off-silent", SYNC, I.power_off_silent),
    ("freeze-node", SYNC, I.freeze_node), ("cut-node", SYNC, I.cut_node),
    ("power-off-reported-async", ASYNC, I.power_off_reported), ("lost-writes-async", ASYNC, I.lose_writes)]
# With the operator killed meanwhile. In the soak: every fault, at many moments.
KILLED = ["power-off-reported@0", "kill-container@0.2", "force-delete-pod@1", "switch-over@0.5"]
MOMENTS = [0, 0.2, 0.5, 1, 2, 4, 8, 16, 31]


def check_journal(lab, name, cluster, wanted_class):
    bundle = os.path.join(OUT, f"{name}.pgoj")
    lab.pgo("incident", "export", cluster, "-n", lab.ns, "-o", bundle)
    lab.pgo("verify", bundle)
    said = lab.pgo("replay", "--verify", bundle).stdout
    why = lab.pgo("why", cluster).stdout
    if wanted_class and f"class {wanted_class}" not in why:
        raise L.Failed(f"pgo why does not name class {wanted_class}:\n{why}")
    return said, why


def run(lab, name, cluster, inflict, killed_after=None):
    """`killed_after`: the operator is killed so many seconds into the fault, and started again."""
    fault = Fault(lab, cluster)
    fault.settle()
    losses_before = len(re.findall(r"lost: .*", lab.pgo("history", cluster).stdout))
    writer = lab.start_writer(cluster)
    L.wait_for("the client writes", lambda: len(writer.acks) > 20, 60)
    killer = threading.Timer(killed_after or 0, lab.restart_operator)
    try:
        if killed_after is not None:
            killer.start()
        found = inflict(fault, writer)
    except L.Failed:
        if fault.off:
            lab.power_on(fault.off)
            lab.report_on(fault.off)
        raise
    if killed_after is not None:
        killer.join(found["since"] + killed_after + 30 - time.time())
        L.wait_for("the new operator answers", lambda: lab.pgo(
            "journal", "status", check=False).returncode == 0, 30)
        found["gap_max"] += 20
    gap = writer.longest_gap(found["since"] - 1)
    acked = set(writer.stop())
    lab.writers.remove(writer)
    lost = len(acked - lab.rows(cluster))
    if found.get("restore"):
        lab.power_on(found["restore"])
        lab.report_on(found["restore"])
    fault.settle()
    # A class is certain only if nobody stood between the evidence and the decision.
    check_journal(lab, name, cluster, found.get("class") if killed_after is None else None)
    if lost and cluster == SYNC:
        raise L.Failed(f"{lost} of {len(acked)} acknowledged rows are lost")
    told = re.findall(r"lost: .*", lab.pgo("history", cluster).stdout)
    if lost and len(told) <= losses_before:
        raise L.Failed(f"{lost} rows are lost and the journal does not tell the range")
    if found.get("must_lose") and not lost:
        raise L.Failed("no row was lost, so nothing was proven")
    if gap > found["gap_max"]:
        raise L.Failed(f"gap {gap:.1f} s, at most {found['gap_max']} s are promised")
    report = {"gap_seconds": round(gap, 2), "acknowledged": len(acked), "lost": lost}
    return {**report, "told": told[-1]} if lost else report


def canary(lab):
    """No password in the journal, a log or an argument vector."""
    words = [lab.secret(f"{c}-pguser-{c}")[k] for c in (SYNC, ASYNC) for k in ("password", "verifier")
             if lab.secret(f"{c}-pguser-{c}")]
    for folder, _, files in os.walk(OUT):
        if os.sep + "local" in folder.replace(OUT, "", 1):
            continue  # the API server's own store holds Secrets, as etcd does
        for file in files:
            with open(os.path.join(folder, file), "rb") as f:
                data = f.read()
            for word in words:
                if word.encode() in data:
                    raise L.Failed(f"a credential stands in {os.path.join(folder, file)}")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read()
        except OSError:
            continue
        if any(word.encode() in line for word in words):
            raise L.Failed(f"a credential stands in the arguments of process {pid}")


def idle_writes(lab):
    """With nothing happening the operator writes its Lease and nothing else, also over a restart."""
    def writes():
        return {k: v for k, v in operator_requests(lab).items()
                if not k.startswith(("get ", "watch ", "list ")) and "leases" not in k}
    for cluster in (SYNC, ASYNC):
        Fault(lab, cluster).settle()
    L.wait_for("the conditions have settled", lambda: all(
        (lab.condition(c, "Ready") or {}).get("status") == "True" for c in (SYNC, ASYNC)), 60)
    end = time.monotonic() + 15
    L.wait_for("15 s to pass", lambda: time.monotonic() > end, 30)
    before = writes()
    if not any("leases" in k for k in operator_requests(lab)):
        raise L.Failed("the operator's renewals of its Lease were not counted: nothing can be told")
    lab.stop_operator()
    lab.start_operator()
    seconds = float(os.environ.get("PGO_TEST_IDLE_SECONDS", "25"))
    end = time.monotonic() + seconds
    L.wait_for(f"{seconds} s to pass", lambda: time.monotonic() > end, seconds + 15)
    after = writes()
    if after != before:
        changed = {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)}
        raise L.Failed(f"the idle operator wrote: {changed}")


def operator_requests(lab):
    counts = {}
    for row in lab.request_counts()["requests"]:
        if "pgo-operator" in row.get("userAgent", ""):
            key = f"{row['verb']} {row['resource']}"
            counts[key] = counts.get(key, 0) + row["count"]
    return counts


CHECKS = {"idle-writes-nothing": idle_writes, "no-credential-anywhere": canary}


def chosen(options):
    """(name, cluster, inflict, seconds after which the operator is killed or None) of what is to run."""
    names = options.faults or [name for name, _, _ in FAULTS] + KILLED
    if options.soak:
        names = [f"{name}@{moment}" for name, _, _ in FAULTS for moment in MOMENTS]
    known = {name: (cluster, inflict) for name, cluster, inflict in FAULTS}
    for name in names:
        fault, _, moment = name.partition("@")
        if fault in known:
            yield (name, *known[fault], float(moment) if moment else None)
        elif name not in CHECKS:
            L.die(f"faults: no such fault: {name}; there are {', '.join([*known, *CHECKS])}")


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("--soak", action="store_true", help="every fault, the operator killed at many moments")
    parser.add_argument("faults", nargs="*", metavar="FAULT[@SECONDS]", help=", ".join(CHECKS) + ", " +
                        ", ".join(name for name, _, _ in FAULTS) + "; with @SECONDS the operator is killed then")
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    lab = L.Lab(OUT, options.binaries, os.path.join(L.ROOT, "build", "image", "rootfs"))
    results, failed = {}, 0
    wanted = list(chosen(options))
    try:
        lab.up()
        named_check = not options.faults or CHECKS.keys() & set(options.faults)
        clusters = [SYNC, ASYNC] if named_check else sorted({c for _, c, _, _ in wanted})
        for cluster in clusters:
            flags = ["--sync-replication"] if cluster == SYNC else []
            lab.pgo("create", "cluster", cluster, "--replica-count=2", *flags, seconds=180)
        # All of them, before the first fault: a pod that finds a node off is placed beside another.
        for cluster in clusters:
            Fault(lab, cluster).settle()
        for name, cluster, inflict, killed_after in wanted:
            failed += not attempt(results, name, lambda: run(lab, name, cluster, inflict, killed_after),
                                  lambda cluster=cluster: lab.diagnosis(cluster))
        for name, check in CHECKS.items():
            if not options.faults or name in options.faults:
                failed += not attempt(results, name, lambda check=check: check(lab) or {},
                                      lambda: "\n".join(map(lab.diagnosis, (SYNC, ASYNC))))
    except (L.Failed, KeyboardInterrupt) as failure:
        print(f"FAILED set-up: {failure}\n{lab.diagnosis(SYNC)}")
        failed += 1
    finally:
        lab.down()
    L.conclude(OUT, results, failed)


def attempt(results, name, work, diagnosis):
    began = time.monotonic()
    try:
        results[name] = work() or {}
        print(f"ok     {name} {json.dumps(results[name])} ({time.monotonic() - began:.0f} s)", flush=True)
        return True
    except (L.Failed, OSError, subprocess.SubprocessError) as failure:
        results[name] = {"error": str(failure)}
        print(f"FAILED {name}: {failure}\n{diagnosis()}", flush=True)
        return False


if __name__ == "__main__":
    main()
