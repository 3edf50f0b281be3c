#!/usr/bin/env python3
"""Several replicas of the operator on one Lease: killed, ended, set back, with real PostgreSQL.

    replay-tests/local/replicas.py [--binaries DIR] [--replicas N] [SCENE...]

Ends with `N passed, N failed`; figures go to build/replicas/summary.json. After each scene the journals of
all replicas are the same, chain for chain, every decision replays across the changes of leader, and no pod
was replaced that no fault asked for.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time

import faults as F
import lab as L

CLUSTER = "hippo"
OUT = os.path.join(L.ROOT, "build", "replicas")
LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases/cpk-leader-election-lease"
SECRET = "cpk-leader-election-lease-replicas"


class ReplicaLab(L.Lab):
    """Operators a, b, … with a journal each. `operators`: those that run, by name."""

    def __init__(self, directory, binaries, image, count):
        super().__init__(directory, binaries, image)
        self.names = "abc"[:count]
        self.operators = {}
        self.asked = self.names[0]

    def environment(self):
        return {**super().environment(), "PGO_CONFIG": os.path.join(self.data(self.asked), "operator.json")}

    def data(self, name):
        return os.path.join(self.directory, "operator-" + name)

    def start_operator(self):
        for name in self.names:
            self.start(name)

    def start(self, name):
        announced = os.path.join(self.data(name), "operator.json")
        if os.path.exists(announced):
            os.unlink(announced)
        with open(os.path.join(self.directory, f"operator-{name}.log"), "a", encoding="utf-8") as log:
            self.operators[name] = subprocess.Popen(
                [self.program("pgo-operator"), "--data-dir", self.data(name), "--listen", "127.0.0.1:0",
                 "--health-listen", "127.0.0.1:0", "--replica-listen", "127.0.0.1:0", "--debug"],
                env=self.environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        L.wait_for(f"{name} says where it is", lambda: os.path.exists(announced), 30)

    def end(self, name, how):
        process = self.operators.pop(name)
        process.send_signal(how)
        process.wait(30)

    def stop_operator(self, how=signal.SIGTERM):
        for name in list(self.operators):
            self.end(name, how)

    def ask(self, name, *verb):
        """`pgo` with what this replica has."""
        self.asked = name
        return self.pgo(*verb, check=False)

    def status(self, name):
        done = self.ask(name, "journal", "status", "-o", "json")
        return json.loads(done.stdout)["replication"] if done.returncode == 0 else {}

    def lease(self):
        return self.api.get(LEASE) or {"metadata": {}, "spec": {}}

    def epoch(self):
        notes = self.lease()["metadata"].get("annotations") or {}
        return int(notes.get(L.LABEL + "epoch", 0))

    def leader(self):
        """The name of who leads and says so, else None."""
        return next((n for n in self.operators if self.status(n).get("role") == "leader"), None)

    def followers(self):
        return [n for n in self.operators if self.status(n).get("role") == "follower"]


class Scene:
    def __init__(self, lab):
        self.lab = lab

    def another_leader(self, old, seconds):
        return L.wait_for(f"another leader than {old}", lambda: (
            lambda n: n if n and n != old else None)(self.lab.leader()), seconds)

    def ready(self, seconds=180):
        def is_ready():
            return (self.lab.condition(CLUSTER, "Ready") or {}).get("status") == "True"
        L.wait_for("a primary and two streaming replicas",
                   lambda: self.lab.primary(CLUSTER) and len(self.lab.streaming(CLUSTER)) == 2, seconds)
        L.wait_for("condition Ready", is_ready, 60)

    def kill_leader(self):
        old = L.wait_for("a leader", self.lab.leader, 30)
        self.lab.end(old, signal.SIGKILL)
        return old

    def uids(self):
        return {name: pod["uid"] for name, pod in self.lab.pods(CLUSTER).items()}

    def heads(self):
        """What each journal proves of itself: (id, last record, chain) by replica."""
        found = {}
        for name in self.lab.operators:
            done = self.lab.ask(name, "verify", "-o", "json")
            if done.returncode != 0:
                raise L.Failed(f"the journal of {name}: {done.stderr}")
            told = json.loads(done.stdout)
            found[name] = (told["journal_id"], told["last_seq"], told["chain"])
        return found

    def one_history(self):
        L.wait_for("a leader", self.lab.leader, 60)
        L.wait_for("everybody follows", lambda: len(self.lab.followers()) == len(self.lab.operators) - 1, 60)
        L.wait_for("all journals end alike", lambda: len(set(self.heads().values())) == 1, 60)

    def replays(self, name):
        """Every decision, by the journal of a replica; how often somebody took the lead in it."""
        self.lab.asked = self.lab.leader()
        bundle = os.path.join(OUT, f"{name}.pgoj")
        self.lab.pgo("incident", "export", CLUSTER, "-n", self.lab.ns, "-o", bundle)
        self.lab.pgo("verify", bundle)
        return self.lab.pgo("replay", "--verify", bundle).stdout


def create_killed(scene):
    """The leader is killed while it creates a cluster; another one ends what it began."""
    lab = scene.lab
    L.wait_for("everybody follows", lambda: len(lab.followers()) == len(lab.names) - 1, 60)
    lab.asked = lab.leader()
    manifest = os.path.join(OUT, "hippo.yaml")
    with open(manifest, "w", encoding="utf-8") as f:
        f.write(lab.pgo("create", "cluster", CLUSTER, "--replica-count=2", "--sync-replication", "--dry-run").stdout)
    lab.pgo("apply", "-f", manifest)
    L.wait_for("a first StatefulSet", lambda: lab.objects("statefulsets", group="/apis/apps/v1"), 30, 0.02)
    old = scene.kill_leader()
    since = time.time()
    new = scene.another_leader(old, 40)
    took = time.time() - since
    scene.ready()
    sets = lab.objects("statefulsets", group="/apis/apps/v1")
    if len(sets) != 3:
        raise L.Failed(f"three instances are wanted, not {[s['metadata']['name'] for s in sets]}")
    lab.start(old)
    return {"leaderless_seconds": round(took, 1), "leader": new}


def failover_killed(scene):
    """A node loses its power; the leader is killed while it fails over, and its successor right after it leads."""
    lab = scene.lab
    fault = F.Fault(lab, CLUSTER)
    fault.settle()
    old_primary = fault.primary()
    timeline = lab.pods(CLUSTER)[old_primary]["member"].get("timeline")
    writer = lab.start_writer(CLUSTER)
    L.wait_for("the client writes", lambda: len(writer.acks) > 20, 60)
    node = fault.node_of(old_primary)
    first = L.wait_for("a leader", lab.leader, 30)
    since = time.time()
    lab.power_off(node)
    lab.report_off(node)
    lab.end(first, signal.SIGKILL)  # at once: it has seen the report, or is about to
    second = scene.another_leader(first, 40)
    lab.start(first)
    lab.end(second, signal.SIGKILL)
    fault.another_primary(old_primary, 120)
    fault.writes_again(writer, since)
    scene.another_leader(second, 40)
    lab.start(second)
    gap = writer.longest_gap(since - 1)
    acked = set(writer.stop())
    lab.writers.remove(writer)
    lost = len(acked - lab.rows(CLUSTER))
    lab.power_on(node)
    lab.report_on(node)
    scene.ready()
    now = lab.pods(CLUSTER)[lab.primary(CLUSTER)]["member"].get("timeline")
    if now != timeline + 1:
        raise L.Failed(f"one failover is wanted: timeline {timeline} became {now}")
    if lost:
        raise L.Failed(f"{lost} of {len(acked)} acknowledged rows are lost")
    return {"gap_seconds": round(gap, 2), "acknowledged": len(acked), "lost": lost}


def ended_in_order(scene):
    """SIGTERM hands the lead over at once, nothing is lost of the history, and no pod is touched."""
    lab = scene.lab
    scene.ready()
    scene.one_history()
    before, gaps = scene.uids(), []
    for _ in range(3):
        old = L.wait_for("a leader", lab.leader, 30)
        holder = lab.lease()["spec"]["holderIdentity"]
        since = time.time()
        lab.operators[old].send_signal(signal.SIGTERM)
        L.wait_for("another holder", lambda holder=holder: lab.lease()["spec"].get("holderIdentity") not in (
            "", holder), 30, 0.05)
        gaps.append(round(time.time() - since, 2))
        lab.operators.pop(old).wait(30)
        new = scene.another_leader(old, 20)
        told = [line for line in lab.ask(new, "history", CLUSTER).stdout.splitlines() if "operator leads, " in line]
        if not told or "amnesia" in told[-1]:
            raise L.Failed(f"a handover in order began with amnesia: {told[-1:]}")
        lab.start(old)
        scene.one_history()
    if max(gaps) > 5:
        raise L.Failed(f"a handover in order takes about a second: {gaps}")
    if scene.uids() != before:
        raise L.Failed(f"pods were replaced: {before} became {scene.uids()}")
    return {"handover_seconds": gaps}


def tail_that_nobody_had(scene):
    """A leader dies with records that nobody fetched: they are kept beside its journal, and the history says so."""
    lab = scene.lab
    scene.one_history()
    old = lab.leader()
    others = [n for n in lab.operators if n != old]
    for name in others:  # they stand still, and what is written now is on the leader's volume alone
        lab.operators[name].send_signal(signal.SIGSTOP)
    head = scene_head(lab, old)
    lab.api.ask("PATCH", f"{L.GROUP}/namespaces/{lab.ns}/postgresclusters/{CLUSTER}",
                {"metadata": {"annotations": {"tail": str(time.time())}}}, "application/merge-patch+json")
    L.wait_for("the leader has more", lambda: scene_head(lab, old) > head, 20)
    lab.end(old, signal.SIGKILL)
    for name in others:
        lab.operators[name].send_signal(signal.SIGCONT)
    scene.another_leader(old, 60)
    lab.start(old)
    scene.one_history()
    kept = os.listdir(os.path.join(lab.data(old), "orphan"))
    told = lab.ask(lab.leader(), "history", CLUSTER).stdout
    for name in kept:
        if f"which nobody else had, as orphan/{name}" not in told:
            raise L.Failed(f"the history does not tell of orphan/{name}")
        lab.pgo("verify", os.path.join(lab.data(old), "orphan", name))
    if not kept:
        raise L.Failed(f"{old} kept nothing of what it alone had")
    return {"kept": kept}


def stood_still(scene):
    """The leader is frozen past its Lease and goes on: it finds that another one leads, and follows."""
    lab = scene.lab
    scene.ready()
    scene.one_history()
    before, old = scene.uids(), lab.leader()
    frozen = lab.operators.pop(old)  # not asked meanwhile
    frozen.send_signal(signal.SIGSTOP)
    try:
        scene.another_leader(old, 60)
    finally:
        frozen.send_signal(signal.SIGCONT)
        lab.operators[old] = frozen
    L.wait_for(f"{old} follows", lambda: lab.status(old).get("role") == "follower", 60)
    scene.one_history()
    if scene.uids() != before:
        raise L.Failed(f"pods were replaced: {before} became {scene.uids()}")
    return {}


def scene_head(lab, name):
    lab.asked = name
    return json.loads(lab.pgo("journal", "status", "-o", "json").stdout)["seq"]


def set_aside(scene):
    """A follower's volume is replaced by an empty one: it takes the whole history anew and never leads before."""
    lab = scene.lab
    scene.one_history()
    name = lab.followers()[0]
    lab.end(name, signal.SIGKILL)
    shutil.rmtree(lab.data(name))
    epoch = lab.epoch()
    lab.start(name)
    scene.one_history()
    if lab.epoch() != epoch:
        raise L.Failed("the lead changed hands for a follower's empty volume")
    return {}


def strangers(scene):
    """Who has no certificate of the replicas gets nothing, not even an answer in HTTP."""
    lab = scene.lab
    notes = L.wait_for("the leader's address", lambda: (
        lab.lease()["metadata"].get("annotations") or {}).get(L.LABEL + "replica"), 30)
    host, port = notes.rsplit(":", 1)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    got = b""
    try:
        with socket.create_connection((host, int(port)), 5) as raw, context.wrap_socket(raw) as tls:
            tls.sendall(b"GET /replica/start?epoch=%d HTTP/1.1\r\nHost: x\r\n\r\n" % lab.epoch())
            got = tls.recv(100)
    except (ssl.SSLError, ConnectionError):
        pass
    if got:
        raise L.Failed(f"a stranger was answered: {got}")
    plain = b""
    try:
        with socket.create_connection((host, int(port)), 5) as raw:
            raw.sendall(b"GET /replica/start HTTP/1.1\r\nHost: x\r\n\r\n")
            plain = raw.recv(100)
    except ConnectionError:
        pass
    if plain.startswith(b"HTTP"):
        raise L.Failed(f"a stranger was answered without TLS: {plain}")
    secret = lab.secret(SECRET)
    for name in lab.operators:
        for folder, _, files in os.walk(lab.data(name)):
            for file in files:
                with open(os.path.join(folder, file), "rb") as f:
                    if secret["tls.key"].encode() in f.read():
                        raise L.Failed(f"the replicas' key stands in {os.path.join(folder, file)}")
    return {}


def idle_writes_nothing(scene):
    """With nothing happening the replicas write the Lease and nothing else, also over a change of leader."""
    lab = scene.lab
    scene.ready()
    scene.one_history()

    def writes():
        return {k: v for k, v in F.operator_requests(lab).items()
                if not k.startswith(("get ", "watch ", "list ")) and "leases" not in k}
    end = time.monotonic() + 10
    L.wait_for("10 s to pass", lambda: time.monotonic() > end, 30)
    before = writes()
    old = scene.kill_leader()
    scene.another_leader(old, 40)
    end = time.monotonic() + 10
    L.wait_for("10 s to pass", lambda: time.monotonic() > end, 30)
    after = writes()
    lab.start(old)
    if after != before:
        changed = {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)}
        raise L.Failed(f"the idle replicas wrote: {changed}")
    return {}


SCENES = [("create-killed", create_killed), ("failover-killed", failover_killed),
          ("ended-in-order", ended_in_order), ("tail-that-nobody-had", tail_that_nobody_had),
          ("stood-still", stood_still), ("set-aside", set_aside), ("strangers", strangers), ("idle-writes-nothing", idle_writes_nothing)]


def run(lab, name, play):
    scene = Scene(lab)
    found = play(scene)
    scene.one_history()
    found["replay"] = scene.replays(name).strip().splitlines()[-1]
    return found


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("--replicas", type=int, default=2, choices=(2, 3))
    parser.add_argument("scenes", nargs="*", help=", ".join(name for name, _ in SCENES) + "; the first always runs")
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    lab = ReplicaLab(OUT, options.binaries, os.path.join(L.ROOT, "build", "image", "rootfs"), options.replicas)
    results, failed = {}, 0
    try:
        lab.up()
        for name, play in SCENES:
            if options.scenes and name not in options.scenes and name != SCENES[0][0]:
                continue
            passed = F.attempt(results, name, lambda play=play, name=name: run(lab, name, play),
                               lambda: lab.diagnosis(CLUSTER))
            failed += not passed
            for missing in set(lab.names) - set(lab.operators):
                lab.start(missing)
    except (L.Failed, KeyboardInterrupt) as failure:
        print(f"FAILED set-up: {failure}")
        failed += 1
    finally:
        lab.down()
    L.conclude(OUT, results, failed)


if __name__ == "__main__":
    main()
