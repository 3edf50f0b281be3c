#!/usr/bin/env python3
"""The Helm chart on a real Kubernetes: installed, used, its pod killed, upgraded, taken away.

    KUBECONFIG=… replay-tests/kubernetes/chart.py [--image NAME] [--operator-image NAME:TAG] [TEST...]

Needs kubectl and helm (or PGO_KUBECTL, PGO_HELM), a storage class, and both images loaded or pullable.
Namespaces and the release are its own and are deleted at the end; the operator's account gets rights in
the one namespace of the test alone, where pods must keep to the `restricted` standard. Ends with
`N passed, N failed`.
"""

import argparse
import json
import os
import re
import shutil
import sys

import suite as S

F, L = S.F, S.L
OUT = os.path.join(L.ROOT, "build", "kubernetes-chart")
CHART = os.path.join(L.ROOT, "charts", "pgo")
CLUSTER = S.CLUSTER


class ChartLab(S.KubeLab):
    """The operator runs in the cluster, as the chart installs it."""

    def __init__(self, directory, binaries, image, operator_image, storage_class):
        super().__init__(directory, binaries, image, storage_class)
        self.helm = os.environ.get("PGO_HELM") or shutil.which("helm") or L.die(
            "kubernetes: helm is missing; mend: install it or set PGO_HELM")
        self.operator_image = operator_image
        self.operator_ns = self.ns + "-operator"
        self.database_image = image
        self.logs = ""

    def environment(self):
        """From outside the operator is found by its Lease, in the namespace of its release."""
        return {**{k: v for k, v in super().environment().items() if k != "PGO_CONFIG"},
                "HOME": self.directory, "PGO_OPERATOR_NAMESPACE": self.operator_ns}

    def account(self, name, roles=(), in_all=False):
        """Somebody with these roles, [(kind, role, namespace)]; gives the path of a kubeconfig with his token."""
        self.run(self.kubectl, "-n", self.ns, "create", "serviceaccount", name)
        for index, (kind, role, namespace) in enumerate(roles):
            verb, where = ("clusterrolebinding", []) if in_all else ("rolebinding", ["-n", namespace])
            self.run(self.kubectl, *where, "create", verb, f"{self.ns}-{name}-{index}", f"--{kind}={role}",
                     f"--serviceaccount={self.ns}:{name}")
        token = self.run(self.kubectl, "-n", self.ns, "create", "token", name).stdout.strip()
        config = json.loads(self.run(self.kubectl, "config", "view", "--raw", "--minify", "-o", "json").stdout)
        config["users"][0]["user"] = {"token": token}
        path = os.path.join(self.directory, f"{name}.kubeconfig")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            json.dump(config, f)
        return path

    def keep_log(self):
        """Before its pod goes."""
        self.logs += self.run(self.kubectl, "-n", self.operator_ns, "logs", "pgo-0", check=False).stdout

    def terms(self):
        """How often somebody took the lead, by the journal that the operator has now; all of it decided again."""
        self.inside("incident", "export", CLUSTER, "-o", "/tmp/all.pgoj", seconds=60)
        told = self.inside("replay", "--verify", "/tmp/all.pgoj", seconds=60).stdout
        found = re.search(r"(\d+) leader terms?: every decision reproduced", told)
        if not found:
            raise L.Failed(f"the journal is not as it was decided:\n{told}")
        return int(found[1])

    replicas = 1

    def release(self, verb):
        repository, tag = self.operator_image.rsplit(":", 1)
        values = {"replicas": self.replicas, "image.repository": repository, "image.tag": tag, "namespaces": "{" + self.ns + "}",
                  "relatedImages.postgres_17": self.database_image, "journal.storageClassName": self.storage_class}
        flags = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
        self.run(self.helm, verb, "pgo", CHART, "-n", self.operator_ns, "--wait", "--timeout", "120s", *flags,
                 seconds=150)

    def start_operator(self):
        for namespace in (self.operator_ns, self.ns):
            self.run(self.kubectl, "create", "namespace", namespace, check=False)
            self.run(self.kubectl, "label", "namespace", namespace, "--overwrite",
                     "pod-security.kubernetes.io/enforce=restricted")
        self.release("install")

    def inside(self, *arguments, pod="pgo-0", **options):
        """pgo in the operator's own container: what needs the journal."""
        return self.run(self.kubectl, "-n", self.operator_ns, "exec", pod, "--", "pgo", "-n", self.ns,
                        *arguments, **options)

    def standing(self, pod):
        """What a replica says of itself and the others."""
        done = self.inside("journal", "status", "-o", "json", pod=pod, check=False, seconds=30)
        return json.loads(done.stdout)["replication"] if done.returncode == 0 else {}

    def head(self, pod):
        told = json.loads(self.inside("verify", "-o", "json", pod=pod, seconds=60).stdout)
        return told["journal_id"], told["last_seq"], told["chain"]

    def client_pod(self):
        pod = super().client_pod()
        pod["spec"]["securityContext"] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        pod["spec"]["containers"][0]["securityContext"] = {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        return pod

    def stop_operator(self, how=None):
        self.keep_log()
        self.run(self.helm, "uninstall", "pgo", "-n", self.operator_ns, "--wait", "--timeout", "60s", check=False,
                 seconds=80)

    def down(self):
        super().down()
        self.run(self.kubectl, "delete", "namespace", self.operator_ns, "--timeout=90s", check=False, seconds=100)


def uids(lab):
    return {name: pod["uid"] for name, pod in lab.pods(CLUSTER).items()}


def helm_test(lab):
    """helm test: the operator's account may read what it keeps."""
    lab.run(lab.helm, "test", "pgo", "-n", lab.operator_ns, "--timeout", "60s", seconds=80)
    return {}


def why(lab):
    """A switchover, and the story of it from inside the operator's pod."""
    found = S.switch_over(lab)
    story = lab.inside("why", CLUSTER).stdout
    if "SWITCHOVER" not in story:
        raise L.Failed(f"pgo why does not tell of the switchover:\n{story}")
    return found


def refused(lab, words, *arguments, ns=None):
    done = lab.run(lab.program("pgo"), "-n", ns or lab.ns, *arguments, check=False)
    if done.returncode == 0 or not all(word in done.stderr for word in words):
        raise L.Failed(f"pgo {' '.join(arguments)}: {done.returncode}, {done.stdout[-500:]}{done.stderr}: "
                       f"it does not say {words}")


def who_may_ask(lab):
    """From outside: an administrator by his certificate is told all, others what Kubernetes lets them see."""
    for verb in (["why", CLUSTER], ["state", CLUSTER], ["history", CLUSTER], ["journal", "status"], ["verify"]):
        lab.pgo(*verb, seconds=60)
    viewer = f"pgo-{lab.operator_ns}-viewer"
    ask, view = ("role", "pgo-ask", lab.operator_ns), ("clusterrole", viewer, lab.ns)
    ana, eve, bob = lab.account("ana", [ask, view]), lab.account("eve", [ask]), lab.account("bob", [view])
    told = lab.pgo("why", CLUSTER, "--kubeconfig", ana).stdout
    if "SWITCHOVER" not in told:
        raise L.Failed(f"ana may see this namespace and is not told why:\n{told}")
    for verb in (["history", CLUSTER], ["blame", CLUSTER], ["journal", "status"]):
        lab.pgo(*verb, "--kubeconfig", ana)
    bundle = os.path.join(OUT, "ana.pgoj")
    lab.pgo("incident", "export", CLUSTER, "--only-cluster", "-o", bundle, "--kubeconfig", ana)
    lab.pgo("verify", bundle)
    for verb in (["state", CLUSTER], ["verify"], ["incident", "export", CLUSTER, "-o", bundle + "2"]):
        refused(lab, ["403", "in all namespaces", "mend:"], *verb, "--kubeconfig", ana)
    refused(lab, ["403", "in namespace kube-system"], "why", CLUSTER, "--kubeconfig", ana, ns="kube-system")
    refused(lab, ["leases", "pgo-ask"], "why", CLUSTER, "--kubeconfig", bob)
    mend = ["create", "rolebinding", "NAME", "-n", lab.ns, f"--clusterrole={viewer}", f"--serviceaccount={lab.ns}:eve"]
    refused(lab, ["403", "kubectl " + " ".join(mend)], "history", CLUSTER, "--kubeconfig", eve)
    lab.run(lab.kubectl, *[word.replace("NAME", "eve-views") for word in mend])
    L.wait_for("what the refusal said mends it", lambda: lab.pgo(
        "history", CLUSTER, "--kubeconfig", eve, check=False).returncode == 0, 30, 1)
    return scrape(lab)


SCRAPE = """import ssl, sys, urllib.request, urllib.error
for url, token in zip(sys.argv[1::2], sys.argv[2::2]):
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + sys.stdin.readline().strip()}
                                     if token == "token" else {})
    try:
        body = urllib.request.urlopen(request, context=ssl._create_unverified_context()
                                      if url.startswith("https") else None).read()
        print(200, b"pgo_build_info" in body)
    except urllib.error.HTTPError as answer:
        print(answer.code, answer.read()[:60])
"""


def scrape(lab):
    """/metrics: over TLS, for who may get it; the probes stay open."""
    lab.account("scraper", [("clusterrole", f"pgo-{lab.operator_ns}-metrics", "")], in_all=True)
    tokens = "".join(lab.run(lab.kubectl, "-n", lab.ns, "create", "token", name).stdout.strip() + "\n"
                     for name in ("ana", "scraper"))
    at = json.loads(lab.run(lab.kubectl, "-n", lab.operator_ns, "get", "pod", "pgo-0", "-o", "json").stdout)[
        "status"]["podIP"]
    guarded = f"https://{at}:8445/metrics"
    try:
        told = lab.run(*lab.client("python3", "-c", SCRAPE, f"http://{at}:8081/metrics", "none", guarded, "none",
                                   guarded, "token", guarded, "token"), text_in=tokens).stdout
    finally:
        lab.run(lab.kubectl, "delete", "clusterrolebinding", f"{lab.ns}-scraper-0")
    if [line[:3] for line in told.splitlines()] != ["403", "401", "403", "200"] or not told.strip().endswith("True"):
        raise L.Failed(f"metrics are not given as they should be:\n{told}")
    return {"scrapes": told.splitlines()}


def operator_dies(lab):
    """The operator's pod and the primary's are deleted by force at once; the journal goes on."""
    def both(fault):
        lab.run(lab.kubectl, "-n", lab.operator_ns, "delete", "pod", "pgo-0", "--force", "--grace-period=0")
        lab.delete_pod(fault.primary(), grace=0)
    lab.keep_log()
    found = S.with_writer(lab, both, 60)
    lab.run(lab.kubectl, "-n", lab.operator_ns, "rollout", "status", "statefulset/pgo", "--timeout=90s", seconds=100)
    if lab.terms() < 2:
        raise L.Failed("the journal does not go on from before the operator died")
    return found


def upgrade_restarts_nothing(lab):
    """helm upgrade to another default image: no pod is replaced, PodsCurrent names those that wait."""
    before = uids(lab)
    lab.keep_log()
    lab.database_image = lab.image.rsplit(":", 1)[0] + ":next"
    lab.release("upgrade")
    L.wait_for("the pods that wait are named", lambda: (
        lab.condition(CLUSTER, "PodsCurrent") or {}).get("status") == "False", 90)
    if uids(lab) != before:
        raise L.Failed(f"pods were replaced unasked: {before} became {uids(lab)}")
    lab.keep_log()
    lab.database_image = lab.image
    lab.release("upgrade")
    L.wait_for("nothing waits any more", lambda: lab.condition(CLUSTER, "PodsCurrent") is None, 90)
    return {}


def uninstall_and_back(lab):
    """Without the operator the cluster runs on; installed anew it goes on with its journal."""
    before = uids(lab)
    terms = lab.terms()
    lab.stop_operator()
    writer = lab.start_writer(CLUSTER)
    L.wait_for("the client writes", lambda: len(writer.acks) > 20, 60)
    writer.stop()
    lab.writers.remove(writer)
    lab.release("install")
    L.wait_for("Ready", lambda: (lab.condition(CLUSTER, "Ready") or {}).get("status") == "True", 60)
    if uids(lab) != before:
        raise L.Failed(f"pods were replaced: {before} became {uids(lab)}")
    now = lab.terms()
    if now <= terms:
        raise L.Failed(f"the journal does not go on: {terms} terms, then {now}")
    return {"terms": now}


def two_replicas(lab):
    """One replica becomes two by an upgrade; the leader's pod is deleted by force, and then its successor's. Both
    journals are one history, and no pod of a database is replaced."""
    before = uids(lab)
    lab.keep_log()
    lab.replicas = 2
    lab.release("upgrade")
    pods = ["pgo-0", "pgo-1"]

    def roles():
        return {pod: lab.standing(pod).get("role") for pod in pods}

    def in_step():
        found = roles()
        return sorted(map(str, found.values())) == ["follower", "leader"] and lab.head(pods[0]) == lab.head(pods[1])
    L.wait_for("one leads, the other is in step", in_step, 120, 1)
    for _ in pods:
        leader = next(pod for pod, role in roles().items() if role == "leader")
        lab.run(lab.kubectl, "-n", lab.operator_ns, "delete", "pod", leader, "--force", "--grace-period=0")
        other = next(pod for pod in pods if pod != leader)
        # The pod comes back under another name in the Lease only if its volume was lost: either may lead.
        L.wait_for("somebody leads", lambda: "leader" in roles().values(), 60, 1)
        lab.run(lab.kubectl, "-n", lab.operator_ns, "rollout", "status", "statefulset/pgo", "--timeout=90s", seconds=100)
        L.wait_for(f"{leader} and {other} are in step", in_step, 90, 1)
    terms = lab.terms()
    if uids(lab) != before:
        raise L.Failed(f"pods were replaced: {before} became {uids(lab)}")
    return {"terms": terms, "roles": roles()}


def nothing_forbidden(lab):
    """The rights of the chart are enough: no request was refused."""
    lab.keep_log()
    log = lab.logs
    if "orbidden" in log or " 403" in log:
        raise L.Failed("the operator was refused something:\n" + "\n".join(
            line for line in log.splitlines() if "orbidden" in line or " 403" in line)[:2000])
    return {"lines": log.count("\n")}


TESTS = [("create", S.create), ("helm-test", helm_test), ("why", why), ("who-may-ask", who_may_ask), ("operator-dies", operator_dies),
         ("upgrade-restarts-nothing", upgrade_restarts_nothing), ("uninstall-and-back", uninstall_and_back),
         ("two-replicas", two_replicas), ("nothing-forbidden", nothing_forbidden), ("delete", S.delete)]


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("--image", default=os.environ.get("PGO_TEST_IMAGE", "localhost/pgo/postgres:17"))
    parser.add_argument("--operator-image",
                        default=os.environ.get("PGO_TEST_OPERATOR_IMAGE", "localhost/pgo/operator:test"))
    parser.add_argument("--storage-class", default=os.environ.get("PGO_TEST_STORAGE_CLASS", ""))
    parser.add_argument("tests", nargs="*", help=", ".join(name for name, _ in TESTS) + "; create always runs")
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    lab = ChartLab(OUT, options.binaries, options.image, options.operator_image, options.storage_class)
    S.run_tests(lab, TESTS, options.tests, OUT)


if __name__ == "__main__":
    main()
