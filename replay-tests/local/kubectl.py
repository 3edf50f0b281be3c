#!/usr/bin/env python3
"""A real kubectl against pgo-local: what people type in the first hour, and what it must answer.

    replay-tests/local/kubectl.py [--binaries DIR] [--kubectl PATH] [NAME...]

Ends with `N passed, N failed`. Without a kubectl it says so and skips (exit status 77).
"""

import argparse
import contextlib
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
import traceback

import lab as L

OUT = os.path.join(L.ROOT, "build", "kubectl")
PLACES = ("/usr/bin/kubectl", os.path.expanduser("~/.cache/pgo-testbed/bin/kubectl"))

WEB = """
apiVersion: v1
kind: ConfigMap
metadata: {name: page, labels: {app: web}}
data: {text: "hello"}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8000}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  serviceName: web
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: web:1
        command: [sh, -c, "trap 'exit 0' TERM; n=0; while :; do n=$((n+1)); echo line $n; sleep 0.2; done"]
        ports: [{name: http, containerPort: 8000}]
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 64Mi}}}
"""

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: %(name)s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %(name)s}}
  template:
    metadata: {labels: {app: %(name)s}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: i, command: [sleep, "1000"]}]
"""

# A cluster that no operator looks at.
CLUSTER = """
apiVersion: postgres-operator.crunchydata.com/v1beta1
kind: PostgresCluster
metadata: {name: hippo}
spec:
  postgresVersion: 17
  instances:
  - name: one
    replicas: 1
    dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


class Said(Exception):
    """kubectl ended with a status that was not expected."""


class Kubectl(L.Lab):
    def __init__(self, program, *arguments):
        super().__init__(*arguments, nodes=2)
        self.kubectl = program

    def up(self):
        self.local("down", "--purge", check=False)
        out = self.local("up", "--nodes", "2", "--image", self.image).stdout
        self.kubeconfig = out.strip().splitlines()[-1]
        self.api = L.Api(self.kubeconfig)
        L.wait_for("all nodes are ready", lambda: self.ready_nodes() == 2, 30)
        self.k("apply", "--server-side", "-f", os.path.join(L.ROOT, "crds", "postgrescluster.yaml"))
        self.k("wait", "--for=condition=Established", "--timeout=20s",
               "crd/postgresclusters.postgres-operator.crunchydata.com")
        self.k("apply", "-f", "-", text=WEB)
        self.k("apply", "-f", "-", text=CLUSTER)
        self.k("wait", "--for=condition=Ready", "--timeout=60s", "pod/web-0")

    def environment(self):
        return {**super().environment(), "HOME": self.directory}  # its cache of discovery

    def k(self, *arguments, text=None, status=0, seconds=60):
        """Standard output; Said if the exit status is another one."""
        done = subprocess.run([self.kubectl, *arguments], env=self.environment(), input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds)
        if done.returncode != status:
            raise Said(f"kubectl {' '.join(arguments)}: exit status {done.returncode}: "
                       f"{(done.stderr or done.stdout).strip()[-600:]}")
        return done.stdout if status == 0 else done.stdout + done.stderr

    def start(self, *arguments, **options):
        return subprocess.Popen([self.kubectl, *arguments], env=self.environment(), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def version(self):
        said = json.loads(self.k("version", "-o", "json"))
        return tuple(int(re.sub(r"\D", "", said["clientVersion"][n])) for n in ("major", "minor"))


def header(out):
    return re.split(r"\s{2,}", out.splitlines()[0].strip())


def has(out, *words):
    for word in words:
        assert word in out, f"no \"{word}\" in:\n{out[:1500]}"


def tables(k):
    """get: tables with the columns of Kubernetes, narrow and wide, of several kinds at once."""
    assert header(k.k("get", "pods")) == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert header(k.k("get", "pods", "-o", "wide"))[5:] == ["IP", "NODE", "NOMINATED NODE", "READINESS GATES"]
    has(k.k("get", "pods"), "web-0   1/1     Running   0")
    assert header(k.k("get", "svc", "-o", "wide")) == [
        "NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"]
    has(k.k("get", "svc", "web"), "ClusterIP", "<none>", "80/TCP")
    assert header(k.k("get", "nodes", "-o", "wide")) == [
        "NAME", "STATUS", "ROLES", "AGE", "VERSION", "INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE",
        "KERNEL-VERSION", "CONTAINER-RUNTIME"]
    has(k.k("get", "nodes"), "node1   Ready    <none>")
    assert header(k.k("get", "sts", "-o", "wide")) == ["NAME", "READY", "AGE", "CONTAINERS", "IMAGES"]
    has(k.k("get", "sts"), "web    1/1")
    assert header(k.k("get", "pvc"))[:6] == ["NAME", "STATUS", "VOLUME", "CAPACITY", "ACCESS MODES", "STORAGECLASS"]
    has(k.k("get", "pvc"), "data-web-0   Bound", "64Mi", "RWO", "standard")
    has(k.k("get", "pv"), "default/data-web-0", "Delete")
    has(k.k("get", "sc"), "standard (default)", "WaitForFirstConsumer")
    has(k.k("get", "cm", "page"), "NAME", "DATA", "page   1")
    has(k.k("get", "ep", "web"), ":8000")
    has(k.k("get", "pgc"), "NAME", "hippo")
    has(k.k("get", "pods,svc,nodes,pgc"), "pod/web-0", "service/web", "node/node1",
        "postgrescluster.postgres-operator.crunchydata.com/hippo")
    has(k.k("get", "all"), "pod/web-0", "service/web", "statefulset.apps/web")
    has(k.k("get", "pods", "-A", "-l", "app=web", "--show-labels"), "default", "app=web")
    has(k.k("get", "pods", "-A", "--field-selector", "spec.nodeName!=none", "--sort-by", ".metadata.name"), "web-0")
    has(k.k("get", "pods", "nope", status=1), 'pods "nope" not found')


def formats(k):
    """get: yaml, json, jsonpath, names, custom columns."""
    pod = json.loads(k.k("get", "pod", "web-0", "-o", "json"))
    assert pod["kind"] == "Pod" and pod["apiVersion"] == "v1" and "managedFields" not in pod["metadata"]
    has(k.k("get", "pod", "web-0", "-o", "yaml"), "apiVersion: v1", "kind: Pod", "nodeName: node")
    assert k.k("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}") == "web-0"
    assert k.k("get", "pods", "-l", "app=web", "-o", "name") == "pod/web-0\n"
    has(k.k("get", "pods", "-o", "custom-columns=N:.metadata.name,P:.status.phase"), "web-0   Running")


def watch(k):
    """get -w: rows come as things change."""
    with k.start("get", "cm", "-w", "--output-watch-events") as process:
        try:
            L.wait_for("the first row", lambda: select.select([process.stdout], [], [], 0)[0], 10)
            k.k("apply", "-f", "-", text="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\n")
            k.k("delete", "configmap", "seen")
            seen = ""
            end = time.monotonic() + 10
            while "DELETED" not in seen and time.monotonic() < end:
                if select.select([process.stdout], [], [], 0.2)[0]:
                    seen += os.read(process.stdout.fileno(), 4096).decode()
            assert re.search(r"ADDED\s+seen", seen) and re.search(r"DELETED\s+seen", seen), seen
        finally:
            process.terminate()


def describe(k):
    """describe: pods, nodes, services, claims, sets and custom resources, with their events."""
    has(k.k("describe", "pod", "web-0"), "Node:", "Controlled By:", "StatefulSet/web", "State:          Running",
        "/data from data", "Tolerations:")
    has(k.k("describe", "node", "node1"), "Conditions:", "KubeletReady", "Non-terminated Pods:", "Lease:")
    has(k.k("describe", "svc", "web"), "Selector:", "app=web", "8000/TCP")
    has(k.k("describe", "pvc", "data-web-0"), "Used By:", "web-0")
    has(k.k("describe", "sts", "web"), "Pods Status:        1 Running")
    has(k.k("describe", "pgc", "hippo"), "Kind:", "PostgresCluster", "Postgres Version:")


def apply_client_side(k):
    """apply: three-way, of a built-in and a custom type; diff shows what it would do."""
    changed = WEB.replace('"hello"', '"bye"')
    has(k.k("diff", "-f", "-", text=changed, status=1), "-  text: hello", "+  text: bye")
    has(k.k("apply", "-f", "-", "--dry-run=server", text=changed), "configmap/page configured (server dry run)")
    assert k.k("get", "cm", "page", "-o", "jsonpath={.data.text}") == "hello"
    out = k.k("apply", "-f", "-", text=changed)
    has(out, "configmap/page configured", "service/web unchanged")
    assert k.k("get", "cm", "page", "-o", "jsonpath={.data.text}") == "bye"
    has(k.k("apply", "-f", "-", text=CLUSTER.replace("replicas: 1", "replicas: 2")), "hippo configured")
    assert k.k("get", "pgc", "hippo", "-o", "jsonpath={.spec.instances[0].replicas}") == "2"
    has(k.k("apply", "-f", "-", text=CLUSTER), "hippo configured")
    k.k("apply", "-f", "-", text=WEB)


def apply_server_side(k):
    """apply --server-side: conflicts name the manager, --force-conflicts takes the field."""
    mine = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: '%s'}\n"
    has(k.k("apply", "--server-side", "-f", "-", text=mine % 1), "configmap/shared serverside-applied")
    other = ("apply", "--server-side", "--field-manager=other", "-f", "-")
    has(k.k(*other, text=mine % 2, status=1), 'conflict with "kubectl"', ".data.a")
    has(k.k(*other, "--force-conflicts", text=mine % 2), "serverside-applied")
    assert k.k("get", "cm", "shared", "-o", "jsonpath={.data.a}") == "2"
    managers = k.k("get", "cm", "shared", "--show-managed-fields", "-o", "jsonpath={.metadata.managedFields[*].manager}")
    assert "other" in managers, managers
    has(k.k(*other, "--dry-run=server", text=mine % 3), "server dry run")
    assert k.k("get", "cm", "shared", "-o", "jsonpath={.data.a}") == "2"


def patches(k):
    """patch: strategic, merge, json; label and annotate; edit with an editor of ours."""
    k.k("patch", "sts", "web", "-p", '{"spec":{"template":{"spec":{"containers":[{"name":"main","imagePullPolicy":"Never"}]}}}}',
        "--dry-run=server")
    k.k("patch", "svc", "web", "--type=merge", "-p", '{"metadata":{"annotations":{"x":"1"}}}')
    k.k("patch", "svc", "web", "--type=json", "-p", '[{"op":"replace","path":"/metadata/annotations/x","value":"2"}]')
    assert k.k("get", "svc", "web", "-o", "jsonpath={.metadata.annotations.x}") == "2"
    has(k.k("patch", "svc", "web", "--type=json", "-p", '[{"op":"test","path":"/metadata/annotations/x","value":"9"}]',
            status=1), "test")
    has(k.k("label", "svc", "web", "tier=front"), "labeled")
    has(k.k("label", "svc", "web", "tier=back", status=1), "--overwrite")
    has(k.k("annotate", "svc", "web", "x-"), "annotated")
    assert k.k("get", "svc", "web", "-o", "jsonpath={.metadata.labels.tier}{.metadata.annotations.x}") == "front"
    editor = os.path.join(k.directory, "editor")
    with open(editor, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\nsed -i 's/tier: front/tier: edited/' \"$1\"\n")
    os.chmod(editor, 0o755)
    done = subprocess.run([k.kubectl, "edit", "svc", "web"], env={**k.environment(), "EDITOR": editor}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
    has(done.stdout, "service/web edited")
    has(k.k("patch", "pgc", "hippo", "--type=merge", "-p", '{"spec":{"postgresVersion":"x"}}', status=1), "postgresVersion")


def scale_and_rollout(k):
    """scale, rollout status, rollout restart, wait for a condition, a path and an end."""
    has(k.k("scale", "sts/web", "--replicas=2"), "scaled")
    has(k.k("rollout", "status", "sts/web", "--timeout=40s"), "")
    k.k("wait", "--for=condition=Ready", "pod/web-1", "--timeout=40s")
    has(k.k("get", "sts", "web"), "2/2")
    has(k.k("scale", "sts/web", "--replicas=1", "--current-replicas=5", status=1), "Expected replicas to be 5")
    k.k("scale", "sts/web", "--replicas=1")
    k.k("wait", "--for=delete", "pod/web-1", "--timeout=40s")
    k.k("wait", "--for=jsonpath={.status.phase}=Running", "pod/web-0", "--timeout=20s")
    k.k("apply", "-f", "-", text=DEPLOYMENT % {"name": "lazy"})
    has(k.k("rollout", "status", "deploy/lazy", "--timeout=40s"), "successfully rolled out")
    has(k.k("get", "deploy", "lazy"), "UP-TO-DATE", "1/1")
    k.k("rollout", "restart", "deploy/lazy")
    has(k.k("rollout", "status", "deploy/lazy", "--timeout=60s"), "successfully rolled out")
    k.k("delete", "deploy", "lazy", "--grace-period=1")


def logs(k):
    """logs: all, the tail, with -f as they come, the incarnation before."""
    has(k.k("logs", "web-0"), "line 1\nline 2\n")
    assert len(k.k("logs", "web-0", "--tail=2").splitlines()) == 2
    assert len(k.k("logs", "web-0", "--limit-bytes=5")) == 5
    assert re.match(r"\d{4}-\d\d-\d\dT\S+Z line \d+\n", k.k("logs", "web-0", "--timestamps", "--tail=1"))
    assert len(k.k("logs", "web-0", "--since=2s").splitlines()) < 15
    with k.start("logs", "-f", "--tail=1", "web-0") as process:
        try:
            first = int(process.stdout.readline().split()[1])
            assert int(process.stdout.readline().split()[1]) == first + 1
            k.local("pod", "kill-container", "web-0", "main")
            process.communicate(timeout=20)  # it ends with the container
        finally:
            process.kill()
    L.wait_for("it runs again", lambda: k.k(
        "get", "pod", "web-0", "-o", "jsonpath={.status.containerStatuses[0].restartCount}") == "1", 20)
    k.k("wait", "--for=condition=Ready", "pod/web-0", "--timeout=20s")
    before = k.k("logs", "web-0", "--previous").splitlines()
    assert before[0] == "line 1" and len(before) > first, before[:3]
    has(k.k("get", "pod", "web-0"), "1 (", "ago)")
    has(k.k("logs", "web-0", "-c", "nope", status=1), "nope")


def exec_and_copy(k):
    """exec: exit status, input; cp both ways."""
    assert k.k("exec", "web-0", "--", "sh", "-c", "echo out; echo err >&2; exit 0") == "out\n"
    k.k("exec", "web-0", "--", "sh", "-c", "exit 3", status=3)
    assert k.k("exec", "-i", "web-0", "--", "cat", text="through") == "through"
    k.k("exec", "web-0", "--", "no-such-program", status=126)
    here = os.path.join(k.directory, "file")
    with open(here, "wb") as f:
        f.write(bytes(range(256)) * 2000)
    k.k("cp", here, "web-0:/data/there")
    k.k("cp", "web-0:/data/there", here + ".back")
    with open(here, "rb") as a, open(here + ".back", "rb") as b:
        assert a.read() == b.read(), "the file came back changed"


def terminal(k):
    """exec -it: a terminal with a size, echo and Ctrl-C."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(k.kubectl, [k.kubectl, "exec", "-it", "web-0", "--", "bash", "--norc"], k.environment())
    seen = b""

    def until(word, seconds=15):
        nonlocal seen
        end = time.monotonic() + seconds
        while word not in seen:
            assert time.monotonic() < end, f"no {word!r} in {seen!r}"
            if select.select([fd], [], [], 0.2)[0]:
                seen += os.read(fd, 4096)
        seen = b""
    try:
        until(b"$ ")
        os.write(fd, b"test -t 0 && stty size && echo it-is-$((40 + 2))\n")
        until(b"it-is-42")
        os.write(fd, b"sleep 1000\n")
        time.sleep(0.5)
        os.write(fd, b"\x03")
        os.write(fd, b"echo after-$((1 + 1))\n")
        until(b"after-2")
        os.write(fd, b"exit 7\n")
        end = time.monotonic() + 15
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if select.select([fd], [], [], 0.1)[0]:
                    os.read(fd, 4096)
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                assert os.waitstatus_to_exitcode(status) == 7, status
                return
        raise AssertionError("it does not end")
    finally:
        os.close(fd)


def delete(k):
    """delete: by file, selector and force; waits for the end; dependents go in the ordered way."""
    k.k("run", "slow", "--image=i", "--restart=Never", "--labels=kind=slow", "--command", "--",
        "sh", "-c", "trap '' TERM; while :; do sleep 1; done")
    k.k("wait", "--for=condition=Ready", "pod/slow", "--timeout=30s")
    began = time.monotonic()
    has(k.k("delete", "pod", "slow", "--force", "--grace-period=0"), "force deleted")
    assert time.monotonic() - began < 5
    has(k.k("get", "pod", "slow", status=1), "not found")
    for cascade in ("background", "foreground", "orphan"):
        k.k("apply", "-f", "-", text=DEPLOYMENT % {"name": "owner"})
        k.k("rollout", "status", "deploy/owner", "--timeout=40s")
        k.k("delete", "deploy", "owner", f"--cascade={cascade}", "--timeout=60s")
        left = k.k("get", "pods,rs", "-l", "app=owner", "-o", "name").split()
        if cascade == "foreground":
            assert not left, left
        if cascade == "orphan":
            assert left, "its dependents went too"
        k.k("delete", "rs,pods", "-l", "app=owner", "--grace-period=1", "--timeout=40s")
    has(k.k("delete", "cm", "shared", "--dry-run=server"), "dry run")
    k.k("get", "cm", "shared")
    has(k.k("delete", "cm", "shared", "nope", status=1), "not found")


def about_the_server(k):
    """api-resources, api-versions, explain, auth can-i, events, version, cluster-info."""
    has(k.k("api-resources"), "postgresclusters", "pgc", "statefulsets", "sts")
    has(k.k("api-resources", "--namespaced=false", "-o", "name"), "nodes")
    has(k.k("api-versions"), "apps/v1", "postgres-operator.crunchydata.com/v1beta1")
    if k.version() >= (1, 27):
        has(k.k("explain", "pgc.spec.instances"), "dataVolumeClaimSpec", "<Object> -required-")
        has(k.k("explain", "pgc", "--recursive"), "postgresVersion")
    assert k.k("auth", "can-i", "create", "pods").strip() == "yes"
    if k.version() >= (1, 27):
        has(k.k("auth", "whoami"), "admin")
    k.k("get", "events")
    has(k.k("version", "-o", "json"), '"gitVersion": "v1.34')
    has(k.k("cluster-info"), "is running at")
    has(k.k("get", "--raw", "/readyz"), "ok")
    k.k("cordon", "node2")
    has(k.k("get", "nodes"), "Ready,SchedulingDisabled")
    k.k("uncordon", "node2")
    k.k("taint", "nodes", "node2", "a=b:NoSchedule")
    k.k("taint", "nodes", "node2", "a-")


CASES = [tables, formats, watch, describe, apply_client_side, apply_server_side, patches, scale_and_rollout,
         exec_and_copy, terminal, logs, delete, about_the_server]


def run_one(k, case):
    began = time.monotonic()
    try:
        case(k)
    except (L.Failed, Said, AssertionError, OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        where = traceback.extract_tb(error.__traceback__)[1]
        print(f"FAIL {case.__name__}: {error or where.line} (kubectl.py:{where.lineno})", flush=True)
        return False
    print(f"ok   {case.__name__:18} {time.monotonic() - began:5.1f} s  {case.__doc__}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("--kubectl", help="the program; else " + " or ".join(PLACES))
    parser.add_argument("names", nargs="*", help="of the cases; all if none is given")
    arguments = parser.parse_args()
    program = arguments.kubectl or shutil.which("kubectl") or next(filter(os.path.exists, PLACES), None)
    if program is None:
        print("SKIPPED: there is no kubectl; install one (Debian: apt-get install kubernetes-client)")
        return 77
    known = {case.__name__: case for case in CASES}
    for name in arguments.names:
        if name not in known:
            L.die(f"there is no \"{name}\"; these are: {', '.join(known)}")
    L.interruptible()
    shutil.rmtree(OUT, ignore_errors=True)
    k = Kubectl(program, OUT, arguments.binaries, os.path.join(L.ROOT, "build", "image", "rootfs"))
    passed = failed = 0
    try:
        k.up()
        print(f"{program} {'.'.join(map(str, k.version()))}")
        for name in arguments.names or known:
            good = run_one(k, known[name])
            passed, failed = passed + good, failed + (not good)
    except (L.Failed, Said) as error:
        failed += 1
        print(f"FAIL {error}")
    except KeyboardInterrupt:
        failed += 1
        print("interrupted")
    finally:
        with contextlib.suppress(Exception):
            k.down()
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed else 1


if __name__ == "__main__":
    sys.exit(main())
