#!/usr/bin/env python3
"""End to end on a real Kubernetes: what the user does in the first hour, and a node that dies.

    KUBECONFIG=… replay-tests/kubernetes/suite.py [--image NAME] [--binaries DIR] [TEST...]

Works on any cluster of version 1.28 or later with three schedulable nodes, a default or named storage
class, and the image loaded or pullable; needs kubectl (or PGO_KUBECTL). The operator runs on this
machine against that cluster. Everything happens in a namespace of its own, which is deleted at the
end; the definition of PostgresCluster stays if it was there before. With PGO_TESTBED_NODE (a command
`node kill|start NAME`) the primary's node is also powered off. Ends with `N passed, N failed`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "replay-tests", "local"))
import faults as F  # noqa: E402
import lab as L  # noqa: E402

OUT = os.path.join(ROOT, "build", "kubernetes")
CRD = "postgresclusters.postgres-operator.crunchydata.com"
CLUSTER = "hippo"


class KubectlApi:
    """The same questions as to pgo-local, asked through kubectl, which knows every way to log in."""

    def __init__(self, lab):
        self.lab = lab

    def get(self, path):
        done = self.lab.run(self.lab.kubectl, "get", "--raw", path, check=False, seconds=30)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def ask(self, method, path, body=None, **_):
        if method != "GET":
            raise L.Failed(f"{method} {path}: not asked through kubectl")
        return self.lab.run(self.lab.kubectl, "get", "--raw", path, seconds=30).stdout


class KubeLab(L.Lab):
    """An operator on this machine, a client pod, and a namespace, on the cluster of KUBECONFIG."""

    def __init__(self, directory, binaries, image, storage_class):
        super().__init__(directory, binaries, "")
        self.image = image
        self.storage_class = storage_class
        self.kubectl = os.environ.get("PGO_KUBECTL") or shutil.which("kubectl") or L.die(
            "kubernetes: kubectl is missing; mend: install kubernetes-client or set PGO_KUBECTL")
        self.kubeconfig = os.environ.get("KUBECONFIG") or L.die("kubernetes: set KUBECONFIG to a cluster for tests")
        self.ns = f"pgo-test-{os.getpid()}"
        self.api = KubectlApi(self)
        self.crd_was_there = True

    def environment(self):
        return {**super().environment(), "RELATED_IMAGE_POSTGRES_17": self.image, "PGO_NAMESPACE": self.ns,
                "PGO_TARGET_NAMESPACE": self.ns}

    def kube(self, *arguments, **options):
        return self.run(self.kubectl, "-n", self.ns, *arguments, **options)

    def pgo(self, *arguments, **options):
        return self.run(self.program("pgo"), "-n", self.ns, *arguments, **options)

    def client(self, *command):
        return [self.kubectl, "-n", self.ns, "exec", "-i", "client", "--", *command]

    def delete_pod(self, name, grace=None):
        force = ["--force", f"--grace-period={grace}"] if grace is not None else []
        self.kube("delete", "pod", name, "--wait=false", *force)

    def up(self):
        self.crd_was_there = self.run(self.kubectl, "get", "crd", CRD, check=False).returncode == 0
        self.run(self.kubectl, "create", "namespace", self.ns)
        self.pgo("apply", "-f", os.path.join(ROOT, "crds", "postgrescluster.yaml"))
        L.wait_for("PostgresCluster is served", lambda: self.api.get(
            f"{L.GROUP}/namespaces/{self.ns}/postgresclusters") is not None, 30)
        self.start_operator()
        self.kube("apply", "-f", "-", text_in=json.dumps(self.client_pod()))
        self.kube("wait", "--for=condition=Ready", "pod/client", "--timeout=120s", seconds=130)

    def client_pod(self):
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client"}, "spec": {
            "terminationGracePeriodSeconds": 0,
            # Where no instance is, if there is such a place: the node that dies is not this one.
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {
                    "matchExpressions": [{"key": L.LABEL + "cluster", "operator": "Exists"}]}}}]}},
            "containers": [{"name": "client", "image": self.image, "command": ["sleep", "infinity"]}]}}

    def down(self):
        for writer in self.writers:
            writer.stop()
        if self.cluster(CLUSTER):
            self.pgo("delete", "cluster", CLUSTER, "--no-prompt", check=False, seconds=120)
        self.stop_operator()
        self.run(self.kubectl, "delete", "namespace", self.ns, "--timeout=90s", check=False, seconds=100)
        if not self.crd_was_there:
            self.run(self.kubectl, "delete", "crd", CRD, "--timeout=60s", check=False, seconds=70)


# -- what is tried; in order, each on what the one before left ------------------------------------------
def create(lab):
    """pgo create: the first accepted write, then everybody streams."""
    began = time.time()
    storage = [f"--storage-class={lab.storage_class}"] if lab.storage_class else []
    lab.pgo("create", "cluster", CLUSTER, "--replica-count=2", "--sync-replication", *storage, "--no-wait")
    L.wait_for("a primary", lambda: lab.primary(CLUSTER), 120)
    primary = time.time() - began
    F.Fault(lab, CLUSTER).settle()
    return {"primary_seconds": round(primary, 1), "streaming_seconds": round(time.time() - began, 1)}


def table(lab):
    """kubectl get pgc shows the printer columns."""
    text = lab.kube("get", "pgc").stdout
    if CLUSTER not in text or "True" not in text:
        raise L.Failed(f"kubectl get pgc does not show a ready cluster:\n{text}")
    return {}


def refusal(lab):
    """A wrong manifest is refused by the API server itself."""
    manifest = json.dumps({"apiVersion": "postgres-operator.crunchydata.com/v1beta1", "kind": "PostgresCluster",
                           "metadata": {"name": "wrong"}, "spec": {"postgresVersion": 17, "port": 80, "instances": [
                               {"dataVolumeClaimSpec": {"accessModes": ["ReadWriteOnce"],
                                                        "resources": {"requests": {"storage": "1Gi"}}}}]}})
    done = lab.kube("apply", "-f", "-", text_in=manifest, check=False)
    if done.returncode == 0 or "spec.port" not in done.stderr:
        raise L.Failed(f"port 80 was not refused with its field: {done.stdout}{done.stderr}")
    return {}


def with_writer(lab, inflict, gap_max):
    fault = F.Fault(lab, CLUSTER)
    fault.settle()
    writer = lab.start_writer(CLUSTER)
    L.wait_for("the client writes", lambda: len(writer.acks) > 20, 60)
    since = time.time()
    inflict(fault)
    fault.writes_again(writer, since, 120)
    gap = writer.longest_gap(since - 1)
    acked = set(writer.stop())
    lab.writers.remove(writer)
    lost = len(acked - lab.rows(CLUSTER))
    if lost or gap > gap_max:
        raise L.Failed(f"{lost} of {len(acked)} acknowledged rows lost, gap {gap:.1f} s of at most {gap_max} s")
    return {"gap_seconds": round(gap, 2), "acknowledged": len(acked), "lost": lost}


def switch_over(lab):
    def ask(fault):
        old = fault.primary()
        lab.pgo("failover", CLUSTER, "--no-prompt", seconds=150)
        fault.another_primary(old, 60)
    return with_writer(lab, ask, 30)


def force_delete(lab):
    """A forced deletion proves nothing; the member comes back or another takes over; nothing is lost."""
    return with_writer(lab, lambda fault: lab.delete_pod(fault.primary(), grace=0), 60)


def node_dies(lab):
    """The primary's node loses its power and its cloud says so (class F)."""
    command = os.environ.get("PGO_TESTBED_NODE")
    if not command:
        return {"skipped": "PGO_TESTBED_NODE is not set"}
    dead = []

    def kill(fault):
        old = fault.primary()
        dead.append(fault.node_of(old))
        lab.run(*command.split(), "kill", dead[0])
        lab.run(lab.kubectl, "taint", "node", dead[0], "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
        fault.another_primary(old, 90)
    client = lab.api.get(f"/api/v1/namespaces/{lab.ns}/pods/client")["spec"]["nodeName"]
    if lab.pods(CLUSTER)[F.Fault(lab, CLUSTER).primary()]["node"] == client:
        lab.pgo("failover", CLUSTER, "--no-prompt", seconds=150)  # the client must outlive the node
    try:
        found = with_writer(lab, kill, 30)
    finally:
        for node in dead:
            lab.run(lab.kubectl, "taint", "node", node, "node.kubernetes.io/out-of-service-", check=False)
            lab.run(*command.split(), "start", node, check=False, seconds=120)
    F.Fault(lab, CLUSTER).settle()
    if "class F" not in lab.pgo("why", CLUSTER).stdout:
        raise L.Failed("pgo why does not name class F")
    return found


def scale(lab):
    """Up by one and down again; kubectl scale and pgo agree."""
    def up_and_down(_):
        for wanted in (4, 3):
            patch = [{"op": "replace", "path": "/spec/instances/0/replicas", "value": wanted}]
            lab.kube("patch", "postgrescluster", CLUSTER, "--type=json", "-p", json.dumps(patch))
            L.wait_for(f"{wanted} instances", lambda wanted=wanted: len(lab.pods(CLUSTER)) == wanted and
                       len(lab.streaming(CLUSTER)) == wanted - 1, 180)
    return with_writer(lab, up_and_down, 30)


def journal(lab):
    bundle = os.path.join(OUT, "suite.pgoj")
    lab.pgo("incident", "export", CLUSTER, "-o", bundle)
    lab.pgo("verify", bundle)
    lab.pgo("replay", "--verify", bundle)
    return {"bytes": os.path.getsize(bundle)}


def delete(lab):
    """Nothing of the cluster stays behind."""
    began = time.time()
    lab.pgo("delete", "cluster", CLUSTER, "--no-prompt", seconds=150)
    kinds = "statefulsets,pods,services,endpoints,configmaps,secrets,persistentvolumeclaims,serviceaccounts,roles," \
        "rolebindings,poddisruptionbudgets"
    selector = f"-l{L.LABEL}cluster={CLUSTER}"
    L.wait_for("everything of the cluster to go", lambda: not json.loads(
        lab.kube("get", kinds, selector, "-o", "json").stdout)["items"], 90)
    return {"seconds": round(time.time() - began, 1)}


TESTS = [("create", create), ("table", table), ("refusal", refusal), ("switch-over", switch_over),
         ("scale", scale), ("force-delete", force_delete), ("node-dies", node_dies), ("journal", journal),
         ("delete", delete)]


def run_tests(lab, tests, wanted, out):
    """In order, in a laboratory that comes up before and goes after; ends the program."""
    results, failed = {}, 0
    try:
        lab.up()
        for name, test in tests:
            if wanted and name not in wanted and name != "create":
                continue
            failed += not F.attempt(results, name, lambda test=test: test(lab), lambda: lab.diagnosis(CLUSTER))
            if failed and name == "create":
                break
    except (L.Failed, OSError, subprocess.SubprocessError, KeyboardInterrupt) as failure:
        print(f"FAILED set-up: {failure}")
        failed += 1
    finally:
        lab.down()
    L.conclude(out, results, failed)


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(ROOT, "build", "dev", "bin"))
    parser.add_argument("--image", default=os.environ.get("PGO_TEST_IMAGE", "localhost/pgo/postgres:17"))
    parser.add_argument("--storage-class", default=os.environ.get("PGO_TEST_STORAGE_CLASS", ""))
    parser.add_argument("tests", nargs="*", help=", ".join(name for name, _ in TESTS) + "; create always runs")
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    lab = KubeLab(OUT, options.binaries, options.image, options.storage_class)
    run_tests(lab, TESTS, options.tests, OUT)


if __name__ == "__main__":
    main()
