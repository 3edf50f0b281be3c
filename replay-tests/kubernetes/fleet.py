#!/usr/bin/env python3
"""Many clusters on an API server without nodes: what the operator alone asks of it, and needs itself.

    KUBECONFIG=… replay-tests/kubernetes/fleet.py [--clusters 200] [--audit FILE] [--binaries DIR] [TEST...]

For a control plane of version 1.28 or later without nodes: pods stay pending, so that nothing but the
operator and the controllers is at work. The operator runs on this machine. Requests are counted in the
API server's audit log (JSON lines, level Metadata) where one is given, else by the operator itself;
Leases and Events apart. Everything happens in a namespace of its own, which is deleted at the end.
Ends with `N passed, N failed`; figures go to build/kubernetes/fleet.json.
"""

import argparse
import collections
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "replay-tests", "local"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L  # noqa: E402
import suite as S  # noqa: E402

OUT = os.path.join(ROOT, "build", "kubernetes")
KINDS = "pods,persistentvolumeclaims,secrets,configmaps,services,endpoints,serviceaccounts,roles,rolebindings," \
        "statefulsets,controllerrevisions,poddisruptionbudgets"
QUIET = 15  # seconds without a request: it has caught up
# PGO v6.0.3 with 200 such clusters on two cores: what there is to be measured against.
PEER = {"requests_per_cluster": 125, "cpu_seconds": 32.44, "rss_mb": 203.4, "objects_per_cluster": 39,
        "restart_writes": 6600, "restart_cpu_seconds": 9.98, "delete_writes": 804}


def cluster_of(name, storage_class):
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    if storage_class:
        claim["storageClassName"] = storage_class
    return {"apiVersion": "postgres-operator.crunchydata.com/v1beta1", "kind": "PostgresCluster",
            "metadata": {"name": name}, "spec": {
                "postgresVersion": 17, "instances": [{"replicas": 2, "dataVolumeClaimSpec": claim}],
                "backups": {"pgbackrest": {"repos": [{"name": "repo1", "volume": {"volumeClaimSpec": claim}}]}}}}


class Requests:
    """The operator's requests: how many of each verb and resource until now, and when the last one was."""

    def __init__(self, lab, audit):
        self.lab = lab
        self.audit = open(audit, encoding="utf-8") if audit else None
        if self.audit:
            self.audit.seek(0, os.SEEK_END)
        self.counts = collections.Counter()
        self.kept = collections.Counter()  # of operators that were stopped; without an audit log
        self.changed = time.monotonic()

    def look(self):
        before = sum(self.counts.values())
        if self.audit:
            self.read_audit()
        else:
            self.counts = self.kept + self.own()
        if sum(self.counts.values()) != before:
            self.changed = time.monotonic()
        return collections.Counter(self.counts)

    def read_audit(self):
        while True:
            line = self.audit.readline()
            if not line.endswith("\n"):
                self.audit.seek(self.audit.tell() - len(line.encode()))
                return
            said = json.loads(line)
            if said.get("stage") != "ResponseComplete" or not said.get("userAgent", "").startswith("pgo-operator"):
                continue
            self.add(self.counts, said["verb"], said.get("objectRef", {}).get("resource", "other"), 1)

    def own(self):
        found = collections.Counter()
        for labels, count in re.findall(r"^pgo_kube_requests_total\{(.*)\} (\d+)$", self.lab.metrics(), re.M):
            words = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            self.add(found, words["verb"].lower(), words["resource"], int(count))
        return found

    @staticmethod
    def add(counts, verb, resource, count):
        if resource not in ("leases", "events", "other") and verb != "watch":
            counts["reads" if verb in ("get", "list") else "writes"] += count

    def keep(self):
        """The operator is about to be stopped: its own count would begin anew."""
        self.kept = self.look()


class Fleet(S.KubeLab):
    def __init__(self, options):
        super().__init__(OUT, options.binaries, "localhost/pgo/postgres:17", options.storage_class)
        self.options = options
        self.ns = f"pgo-fleet-{os.getpid()}"
        self.health = ""
        self.requests = None

    def up(self):
        self.crd_was_there = self.run(self.kubectl, "get", "crd", S.CRD, check=False).returncode == 0
        self.run(self.kubectl, "create", "namespace", self.ns)
        self.pgo("apply", "-f", os.path.join(ROOT, "crds", "postgrescluster.yaml"))
        self.launch()
        self.requests = Requests(self, self.options.audit)

    def launch(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.health = f"127.0.0.1:{free.getsockname()[1]}"
        with open(os.path.join(self.directory, "operator.log"), "a", encoding="utf-8") as log:
            self.operator = subprocess.Popen(
                [self.program("pgo-operator"), "--data-dir", os.path.join(self.directory, "operator"),
                 "--listen", "127.0.0.1:0", "--health-listen", self.health],
                env=self.environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        L.wait_for("the operator is ready", self.ready, 60)

    def ask(self, path):
        with urllib.request.urlopen(f"http://{self.health}{path}", timeout=10) as answer:
            return answer.read().decode()

    def ready(self):
        try:
            return bool(self.ask("/readyz"))
        except OSError:
            return False

    def metrics(self):
        return self.ask("/metrics")

    def process(self):
        """(processor seconds, highest resident MB) of the operator that runs now."""
        with open(f"/proc/{self.operator.pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        with open(f"/proc/{self.operator.pid}/status", encoding="utf-8") as f:
            peak = int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), round(peak / 1024, 1)

    def catch_up(self, seconds=900):
        """Until nothing was asked for a while; when the last request was."""
        def quiet():
            self.requests.look()
            return time.monotonic() - self.requests.changed > QUIET
        L.wait_for("the operator has caught up", quiet, seconds, 0.5)
        return self.requests.changed

    def objects(self, *_):
        # The authority of a namespace carries the label without a value, and stays.
        told = self.kube("get", KINDS, "-l", f"{L.LABEL}cluster,{L.LABEL}cluster!=", "-o", "name", seconds=120).stdout
        return collections.Counter(line.split("/")[0] for line in told.split())


def difference(after, before):
    return {key: after[key] - before[key] for key in ("reads", "writes")}


def create(lab):
    """All at once, to the last request that follows."""
    before, began = lab.requests.look(), time.monotonic()
    cpu = lab.process()[0]
    items = [cluster_of(f"c{i:04}", lab.options.storage_class) for i in range(lab.options.clusters)]
    lab.kube("create", "-f", "-", text_in=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), seconds=600)
    applied = time.monotonic() - began
    end = lab.catch_up()
    spent, peak = lab.process()
    objects = lab.objects()
    asked = difference(lab.requests.look(), before)
    clusters = lab.options.clusters
    figures = {"applied_seconds": round(applied, 1), "seconds": round(end - began, 1), **asked,
               "requests_per_cluster": round(sum(asked.values()) / clusters, 1),
               "objects_per_cluster": round(sum(objects.values()) / clusters, 1), "kinds": dict(objects),
               "cpu_seconds": round(spent - cpu, 2), "rss_mb": peak}
    if objects["statefulset.apps"] < 3 * clusters:
        raise L.Failed(f"three StatefulSets a cluster are wanted: {figures}")
    if figures["requests_per_cluster"] > 0.5 * PEER["requests_per_cluster"]:
        raise L.Failed(f"at most half of {PEER['requests_per_cluster']} requests a cluster are wanted: {figures}")
    return figures


def idle(lab):
    """A minute in which nothing happens."""
    before, (cpu, _) = lab.requests.look(), lab.process()
    end = time.monotonic() + lab.options.idle
    L.wait_for(f"{lab.options.idle} s to pass", lambda: time.monotonic() > end, lab.options.idle + 10, 1)
    asked = difference(lab.requests.look(), before)
    figures = {"seconds": lab.options.idle, **asked, "cpu_seconds": round(lab.process()[0] - cpu, 2)}
    if asked["writes"]:
        raise L.Failed(f"no write is wanted: {figures}")
    return figures


def restart(lab):
    """Stopped in order and started again: it reads all, and writes nothing."""
    lab.requests.keep()
    before = lab.requests.look()
    lab.stop_operator()
    began = time.monotonic()
    lab.launch()
    ready = time.monotonic() - began
    end = lab.catch_up()
    cpu, peak = lab.process()
    figures = {"ready_seconds": round(ready, 1), "seconds": round(max(end - began, ready), 1),
               **difference(lab.requests.look(), before), "cpu_seconds": round(cpu, 2), "rss_mb": peak}
    if figures["writes"]:
        raise L.Failed(f"no write is wanted: {figures}")
    return figures


def journal(lab):
    """The whole history is intact, and every decision in it can be made again."""
    bundle = os.path.join(OUT, "fleet.pgoj")
    lab.pgo("incident", "export", "c0000", "-o", bundle, seconds=300)
    lab.pgo("verify", bundle, seconds=300)
    began = time.monotonic()
    said = lab.pgo("replay", "--verify", bundle, seconds=600).stdout.strip()
    return {"bytes": os.path.getsize(bundle), "replay_seconds": round(time.monotonic() - began, 1),
            "replay": said.splitlines()[-1]}


def delete(lab):
    """All at once, until nothing of them is left."""
    before, began, cpu = lab.requests.look(), time.monotonic(), lab.process()[0]
    lab.kube("delete", "postgresclusters", "--all", "--wait=false", seconds=600)
    L.wait_for("all is gone", lambda: not lab.objects() and "c0000" not in lab.kube(
        "get", "postgresclusters", "-o", "name").stdout, 600, 1)
    gone = time.monotonic() - began
    lab.catch_up()
    return {"seconds": round(gone, 1), **difference(lab.requests.look(), before),
            "cpu_seconds": round(lab.process()[0] - cpu, 2)}


TESTS = [("create", create), ("idle", idle), ("restart", restart), ("journal", journal), ("delete", delete)]


def told(results):
    """What can be compared, beside what PGO needs."""
    made, again = results.get("create", {}), results.get("restart", {})
    rows = [("requests a cluster", made.get("requests_per_cluster"), PEER["requests_per_cluster"], 0.5),
            ("processor time, s", made.get("cpu_seconds"), PEER["cpu_seconds"], 0.2),
            ("memory, MB", made.get("rss_mb"), PEER["rss_mb"], 0.3),
            ("writes of a restart", again.get("writes"), PEER["restart_writes"], 0)]
    for what, ours, theirs, goal in rows:
        if ours is not None:
            print(f"{what:24} {ours:>9} of {theirs:>8}: {ours / theirs:5.2f}, goal {goal}")


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(ROOT, "build", "release", "bin"))
    parser.add_argument("--clusters", type=int, default=200)
    parser.add_argument("--idle", type=int, default=60, help="seconds (60)")
    parser.add_argument("--audit", default="", help="the API server's audit log")
    parser.add_argument("--storage-class", default=os.environ.get("PGO_TEST_STORAGE_CLASS", ""))
    parser.add_argument("tests", nargs="*", help=", ".join(name for name, _ in TESTS) + "; create always runs")
    options = parser.parse_args()
    shutil.rmtree(os.path.join(OUT, "operator"), ignore_errors=True)
    os.makedirs(OUT, exist_ok=True)
    lab, results, failed = Fleet(options), {}, 0
    try:
        lab.up()
        for name, test in TESTS:
            if options.tests and name not in ("create", *options.tests):
                continue
            failed += not S.F.attempt(results, name, lambda test=test: test(lab), lambda: "")
    except (L.Failed, OSError, KeyboardInterrupt) as failure:
        print(f"FAILED set-up: {failure}")
        failed += 1
    finally:
        lab.down()
    told(results)
    with open(os.path.join(OUT, "fleet.json"), "w", encoding="utf-8") as f:
        json.dump({"clusters": options.clusters, "peer": PEER, **results}, f, indent=2)
    print(f"{sum('error' not in r for r in results.values())} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
