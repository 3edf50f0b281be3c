#!/usr/bin/env python3
"""Every fault that pgo-local can inflict, on real processes: what stops, what goes on, what comes back.

    replay-tests/local/verbs.py [--binaries DIR] [NAME...]

Ends with `N passed, N failed`. No PostgreSQL: pods that ping each other and the API server (beacon.py)
and write down on their volumes whom they reach, which is read from outside whatever is cut.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request

import lab as L

OUT = os.path.join(L.ROOT, "build", "verbs")
PORT = 8000
GRACE, EVICTION = 3, 60  # seconds; Kubernetes has 40 and 300


def pod(name, node):
    """A pod on a node that pings the two others, directly and through their Services, and the API."""
    others = [n for n in ("p1", "p2", "p3") if n != name]
    targets = [f"{n}={n}.pods.default.svc:{PORT}" for n in others]
    targets += [f"svc-{n}={n}.default.svc:80" for n in others] + ["api=10.202.0.1:443"]
    with open(os.path.join(os.path.dirname(__file__), "beacon.py"), encoding="utf-8") as f:
        program = f.read()
    return {"metadata": {"name": name, "labels": {"app": "beacon", "beacon": name}},
            "spec": {"hostname": name, "subdomain": "pods", "terminationGracePeriodSeconds": 1,
                     "nodeSelector": {"kubernetes.io/hostname": node},
                     "containers": [{"name": "main", "image": "i",
                                     "command": ["python3", "-uc", program, name, str(PORT), *targets],
                                     "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
                     "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}],
                     "securityContext": {"fsGroup": 26}}}


class Field(L.Lab):
    """pgo-local alone, with three pods on three nodes."""

    def up(self):
        self.local("down", "--purge", check=False)
        out = self.local("up", "--nodes", "3", "--image", self.image, "--node-grace", str(GRACE),
                         "--eviction", str(EVICTION)).stdout
        self.kubeconfig = out.strip().splitlines()[-1]
        self.api = L.Api(self.kubeconfig)
        L.wait_for("all nodes are ready", lambda: self.ready_nodes() == self.nodes, 30)
        self.create("services", {"metadata": {"name": "pods"}, "spec": {
            "clusterIP": "None", "publishNotReadyAddresses": True, "selector": {"app": "beacon"}}})
        for i in (1, 2, 3):
            self.create("persistentvolumeclaims", {"metadata": {"name": f"p{i}"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}}})
            self.create("services", {"metadata": {"name": f"p{i}"}, "spec": {
                "selector": {"beacon": f"p{i}"}, "ports": [{"port": 80, "targetPort": PORT}]}})
            self.create("pods", pod(f"p{i}", f"node{i}"))
        self.everyone_hears_everyone()

    def create(self, plural, body):
        return self.api.ask("POST", f"/api/v1/namespaces/default/{plural}", body)

    def pod(self, name):
        return self.api.get(f"/api/v1/namespaces/default/pods/{name}")

    def node_condition(self, name):
        node = self.api.get(f"/api/v1/nodes/{name}") or {}
        return next((c["status"] for c in node.get("status", {}).get("conditions", [])
                     if c["type"] == "Ready"), None)

    def taints(self, name):
        node = self.api.get(f"/api/v1/nodes/{name}") or {}
        return {(t["key"], t["effect"]) for t in node.get("spec", {}).get("taints", [])}

    def ready(self, name):
        found = self.pod(name) or {}
        return any(c["type"] == "Ready" and c["status"] == "True"
                   for c in found.get("status", {}).get("conditions", []))

    def state(self, name):
        """What the pod wrote last, read from its node's disk."""
        claim = self.api.get(f"/api/v1/namespaces/default/persistentvolumeclaims/{name}")
        if claim:
            self.volumes = getattr(self, "volumes", {})
            self.volumes[name] = claim["spec"].get("volumeName")
        path = os.path.join(self.directory, "local", "nodes", f"node{name[1:]}", "volumes",
                            self.volumes[name] or "none", "state")
        try:
            with open(path, encoding="utf-8") as f:
                return json.load(f)
        except (OSError, ValueError):
            return {"tick": 0, "t": 0, "seen": {}, "line": {}}

    def log(self, name, lines):
        request = urllib.request.Request(
            f"{self.api.server}/api/v1/namespaces/default/pods/{name}/log?tailLines={lines}")
        request.add_header("Authorization", "Bearer " + self.api.token)
        with urllib.request.urlopen(request, context=self.api.tls, timeout=10) as answer:
            return answer.read().decode()

    def goes_on(self, name):
        before = self.state(name)["tick"]
        L.wait_for(f"{name} goes on", lambda: self.state(name)["tick"] > before + 5, 15)

    def stands_still(self, name):
        before = self.state(name)["tick"]
        time.sleep(1)
        assert self.state(name)["tick"] <= before + 1, f"{name} goes on"

    def reaches(self, name, target, seconds=20):
        since = time.time()
        L.wait_for(f"{name} reaches {target}",
                   lambda: self.state(name)["seen"].get(target, 0) > since, seconds)

    def reaches_not(self, name, target):
        """No answer for two seconds in which the asker goes on."""
        L.wait_for(f"{name} does not reach {target}", lambda: (
            lambda s: s["t"] - s["seen"].get(target, 0) > 2)(self.state(name)), 15)

    def everyone_hears_everyone(self):
        for name in ("p1", "p2", "p3"):
            L.wait_for(f"{name} runs", lambda n=name: self.ready(n), 60)
        for name in ("p1", "p2", "p3"):
            for target in ("p1", "p2", "p3"):
                if target != name:
                    self.reaches(name, target)
                    self.reaches(name, "svc-" + target)
            self.reaches(name, "api")

    def mend(self):
        """Everything is as in the beginning, whatever a fault left."""
        self.local("api", "start")
        nodes = [f"node{i}" for i in (1, 2, 3)]
        for node in nodes:
            self.local("node", "power-on", node)
            for verb in ("thaw", "heal"):
                self.local("node", verb, node)
            self.local("api", "heal", node)
        for a, b in zip(nodes, nodes[1:] + nodes[:1]):
            self.local("link", "heal", a, b)
        for i in (1, 2, 3):
            found = self.pod(f"p{i}")
            if found and "deletionTimestamp" in found["metadata"]:
                L.wait_for(f"p{i} is gone", lambda n=i: self.pod(f"p{n}") is None, 20)
                found = None
            if not found:
                self.create("pods", pod(f"p{i}", f"node{i}"))
        self.everyone_hears_everyone()

    def refused(self, *arguments):
        """What pgo-local says when it refuses."""
        done = self.local(*arguments, check=False)
        assert done.returncode == 2, f"{arguments}: exit status {done.returncode}, not 2"
        return done.stderr


def freeze(f):
    """A frozen node stands still and is found dead; thawed, the same processes and connections go on."""
    line = f.state("p1")["line"]["p2"]
    started = f.pod("p2")["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
    f.local("node", "freeze", "node2")
    f.stands_still("p2")
    f.goes_on("p1")
    assert "frozen" in f.local("status").stdout
    assert "thaw" in f.refused("pod", "kill-container", "p2", "main")
    L.wait_for("the node is not ready", lambda: f.node_condition("node2") == "Unknown", GRACE + 10)
    f.local("node", "thaw", "node2")
    f.goes_on("p2")
    L.wait_for("the node is ready", lambda: f.node_condition("node2") == "True", 20)
    if f.pod("p2")["status"]["containerStatuses"][0]["state"]["running"]["startedAt"] != started:
        raise L.Failed("its container was started again")
    L.wait_for("the old connection goes on", lambda: f.state("p1")["line"]["p2"] > line + 5, 10)


def cut(f):
    """A node cut off goes on alone, its Node becomes Unknown and tainted; nothing on it is lost."""
    f.local("node", "cut", "node2")
    f.goes_on("p2")
    f.reaches_not("p2", "p1")
    f.reaches_not("p2", "api")
    f.reaches_not("p1", "p2")
    f.reaches_not("p1", "svc-p2")
    f.reaches("p1", "p3")
    L.wait_for("the node is not ready", lambda: f.node_condition("node2") == "Unknown", GRACE + 10)
    L.wait_for("its taints", lambda: f.taints("node2") == {
        ("node.kubernetes.io/unreachable", "NoSchedule"),
        ("node.kubernetes.io/unreachable", "NoExecute")}, 5)
    L.wait_for("its pod is not ready", lambda: not f.ready("p2"), 5)
    f.local("node", "heal", "node2")
    L.wait_for("the node is ready", lambda: f.node_condition("node2") == "True", 20)
    L.wait_for("its taints are gone", lambda: not f.taints("node2"), 5)


def evicted(f):
    """After a pod's toleration it is asked to end; a cut-off node hears of it when it is back."""
    seconds = {t["tolerationSeconds"] for t in f.pod("p1")["spec"]["tolerations"]}
    assert seconds == {EVICTION}, seconds
    body = pod("p3", "node3")
    body["spec"]["tolerations"] = [{"key": "node.kubernetes.io/unreachable", "operator": "Exists",
                                    "effect": "NoExecute", "tolerationSeconds": 1}]
    f.api.ask("DELETE", "/api/v1/namespaces/default/pods/p3")
    L.wait_for("p3 is gone", lambda: f.pod("p3") is None, 20)
    f.create("pods", body)
    L.wait_for("p3 runs", lambda: f.ready("p3"), 30)
    f.local("node", "cut", "node3")
    L.wait_for("its pod is asked to end", lambda: "deletionTimestamp" in f.pod("p3")["metadata"], GRACE + 15)
    f.goes_on("p3")
    f.local("node", "heal", "node3")
    L.wait_for("its pod is gone", lambda: f.pod("p3") is None, 20)
    f.stands_still("p3")


def force_delete(f):
    """A force-deleted pod has no object at once; its node, cut off, runs it until it hears of that."""
    f.local("node", "cut", "node3")
    f.api.ask("DELETE", "/api/v1/namespaces/default/pods/p3",
              {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})
    assert f.pod("p3") is None, "its object is still there"
    f.goes_on("p3")
    f.local("node", "heal", "node3")
    L.wait_for("its processes end", lambda: f.state("p3")["t"] < time.time() - 2, 20)


def link(f):
    """Two nodes do not hear each other, directly or through a Service; both hear all others."""
    before = f.state("p1")["line"]
    f.local("link", "cut", "node1", "node2")
    for a, b in (("p1", "p2"), ("p2", "p1")):
        f.reaches_not(a, b)
        f.reaches_not(a, "svc-" + b)
        f.reaches(a, "p3")
        f.reaches(a, "svc-p3")
        f.reaches(a, "api")
    assert "cut from node2" in f.local("status").stdout
    assert f.ready("p1") and f.ready("p2") and f.node_condition("node1") == "True"
    f.local("link", "heal", "node1", "node2")
    for target in ("p2", "svc-p2"):
        f.reaches("p1", target)
        L.wait_for("the old connection goes on",
                   lambda t=target: f.state("p1")["line"][t] > before[t] + 5, 20)
    assert "two different nodes" in f.refused("link", "cut", "node1", "node1")
    assert '"node9"' in f.refused("link", "cut", "node1", "node9")


def api_cut(f):
    """A node without the API server: its pods reach each other; it is found dead; an exec hangs."""
    talk = subprocess.Popen(
        [f.program("pgo-local"), "--directory", os.path.join(f.directory, "local"), "run", "--",
         "true"], stdout=subprocess.DEVNULL)
    assert talk.wait(20) == 0
    f.local("api", "cut", "node1")
    f.reaches_not("p1", "api")
    for target in ("p2", "svc-p2", "p3"):
        f.reaches("p1", target)
    f.reaches("p2", "p1")  # its Service forgets it as soon as the node is found dead
    f.reaches("p2", "api")
    L.wait_for("the node is not ready", lambda: f.node_condition("node1") == "Unknown", GRACE + 10)
    try:
        f.api.ask("GET", "/api/v1/namespaces/default/pods/p1/log")
        raise L.Failed("the API server still reaches the kubelet")
    except urllib.error.HTTPError as error:
        assert error.code == 500, error.code
    f.local("api", "heal", "node1")
    f.reaches("p1", "api")
    L.wait_for("the node is ready", lambda: f.node_condition("node1") == "True", 20)
    assert "needs a node" in f.refused("api", "cut")
    assert "leave out" in f.refused("api", "stop", "node1")


def api_stop(f):
    """Without the API server everything goes on; no node is blamed for the silence afterwards."""
    f.local("api", "stop")
    f.reaches_not("p1", "api")
    f.reaches("p1", "svc-p2")
    time.sleep(GRACE + 1)
    f.local("api", "start")
    f.reaches("p1", "api")
    end = time.monotonic() + GRACE + 1
    while time.monotonic() < end:
        assert [f.node_condition(f"node{i}") for i in (1, 2, 3)] == ["True"] * 3
        time.sleep(0.2)


def kill_container(f):
    """A killed container is started again by its kubelet, in the same pod."""
    uid = f.pod("p1")["metadata"]["uid"]
    restarts = f.pod("p1")["status"]["containerStatuses"][0]["restartCount"]
    f.local("pod", "kill-container", "p1", "main")
    L.wait_for("it runs again", lambda: f.ready("p1") and
               f.pod("p1")["status"]["containerStatuses"][0]["restartCount"] == restarts + 1, 20)
    last = f.pod("p1")["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert last["exitCode"] == 137, last
    assert f.pod("p1")["metadata"]["uid"] == uid
    assert '"nope"' in f.refused("pod", "kill-container", "p1", "nope")
    assert '"nobody"' in f.refused("pod", "kill-container", "nobody", "main")


def power_cut_stays_cut(f):
    """A cable that was pulled before a power loss is still out after it."""
    f.local("link", "cut", "node1", "node3")
    f.local("node", "power-off", "node1")
    f.local("node", "power-on", "node1")
    L.wait_for("its pod runs", lambda: f.ready("p1"), 30)
    f.reaches("p1", "p2")
    f.reaches_not("p1", "p3")
    f.local("link", "heal", "node1", "node3")
    f.reaches("p1", "p3")


def disk(f):
    """A limited volume runs full for whoever writes, has room again, and grows with its claim."""
    f.create("persistentvolumeclaims", {"metadata": {"name": "small"}, "spec": {
        "storageClassName": "limited", "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "8Mi"}}}})
    # It appends: what it gave back itself it could take again. A line is one attempt and the disk's size.
    program = ("while :; do "
               "if dd if=/dev/zero of=/data/f bs=4k count=1 oflag=append conv=notrunc 2>/tmp/why; then did=wrote; "
               "else did=$(grep -o 'No space left on device' /tmp/why); fi; "
               "echo $did $(df --output=size -m /data | tail -1)M; sleep 0.2; done")
    f.create("pods", {"metadata": {"name": "filler"}, "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": "i", "command": ["sh", "-c", program],
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "small"}}]}})

    def says(word):
        L.wait_for(f'its container says "{word}"', lambda: word in f.log("filler", 1), 20)
    try:
        L.wait_for("it runs", lambda: f.ready("filler"), 30)
        says("wrote")
        f.local("disk", "fill", "small")
        says("No space left on device")
        f.local("disk", "free", "small")
        says("wrote")
        f.local("disk", "fill", "small", "--leave", "2097152")
        time.sleep(0.5)
        says("wrote")
        f.local("disk", "free", "small")
        f.api.ask("PATCH", "/api/v1/namespaces/default/persistentvolumeclaims/small",
                  {"spec": {"resources": {"requests": {"storage": "16Mi"}}}}, "application/merge-patch+json")
        says("wrote 16M")
        assert "limited" in f.refused("disk", "fill", "p1")
        assert '"nope"' in f.refused("disk", "fill", "nope")
    finally:
        for plural, name in (("pods", "filler"), ("persistentvolumeclaims", "small")):
            with contextlib.suppress(OSError):
                f.api.ask("DELETE", f"/api/v1/namespaces/default/{plural}/{name}")


def namesake(f):
    """A pod deleted by force has two seconds from SIGTERM to SIGKILL; its namesake starts meanwhile."""
    def pod(program, grace=30):
        f.create("pods", {"metadata": {"name": "twin"}, "spec": {
            "terminationGracePeriodSeconds": grace, "containers": [{
                "name": "main", "image": "i", "command": ["sh", "-c", program],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "twin"}}]}})

    def delete(seconds):
        f.api.ask("DELETE", "/api/v1/namespaces/default/pods/twin",
                  {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": seconds})

    def seen():
        return f.log("twin", 1).split()
    stubborn = ("trap 'date +%s.%N >/data/term' TERM; rm -f /data/*; echo up; "
                "while :; do date +%s.%N >/data/new; mv /data/new /data/last; sleep 0.1; done")
    watcher = ("first=$(cat /data/last); while :; do "
               "echo $first $(cat /data/term) $(cat /data/last) $(date +%s.%N); sleep 0.2; done")
    f.create("persistentvolumeclaims", {"metadata": {"name": "twin"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Mi"}}}})
    try:
        for asked_before, least, most in ((False, 1.5, 3.5), (True, 4.5, 7)):
            pod(stubborn, grace=6)
            L.wait_for("it runs", lambda: f.ready("twin") and "up" in f.log("twin", 1), 30)
            if asked_before:
                delete(6)
            delete(0)
            pod(watcher, grace=1)
            L.wait_for("its namesake runs", lambda: f.ready("twin") and len(seen()) == 4, 30)
            L.wait_for("the old one ended", lambda: float(seen()[3]) - float(seen()[2]) > 1, 20)
            first, term, last, _ = map(float, seen())
            assert last > first + 0.2, "its namesake had to wait for it"
            assert least < last - term < most, f"it ended {last - term:.1f} s after SIGTERM"
            delete(1)
            L.wait_for("its namesake is gone", lambda: f.pod("twin") is None, 20)
    finally:
        for plural in ("pods", "persistentvolumeclaims"):
            with contextlib.suppress(OSError):
                f.api.ask("DELETE", f"/api/v1/namespaces/default/{plural}/twin")


FAULTS = [kill_container, namesake, disk, link, api_cut, api_stop, cut, freeze, force_delete, evicted, power_cut_stays_cut]


def run_one(field, fault):
    began = time.monotonic()
    try:
        try:
            fault(field)
        finally:
            field.mend()
    except (L.Failed, AssertionError, KeyError, TypeError, OSError) as error:
        where = traceback.extract_tb(error.__traceback__)[1]
        print(f"FAIL {fault.__name__}: {error or where.line} ({os.path.basename(where.filename)}:"
              f"{where.lineno})", flush=True)
        return False
    print(f"ok   {fault.__name__:22} {time.monotonic() - began:5.1f} s  {fault.__doc__}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("names", nargs="*", help="of the faults; all if none is given")
    arguments = parser.parse_args()
    known = {fault.__name__: fault for fault in FAULTS}
    for name in arguments.names:
        if name not in known:
            L.die(f"there is no \"{name}\"; these are: {', '.join(known)}")
    L.interruptible()
    shutil.rmtree(OUT, ignore_errors=True)
    field = Field(OUT, arguments.binaries, os.path.join(L.ROOT, "build", "image", "rootfs"))
    passed = failed = 0
    try:
        field.up()
        for name in arguments.names or known:
            good = run_one(field, known[name])
            passed, failed = passed + good, failed + (not good)
    except L.Failed as error:
        failed += 1
        print(f"FAIL {error}")
    except KeyboardInterrupt:
        failed += 1
        print("interrupted")
    finally:
        with contextlib.suppress(Exception):
            field.down()
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed else 1


if __name__ == "__main__":
    sys.exit(main())
