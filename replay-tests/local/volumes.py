#!/usr/bin/env python3
"""Volumes of a cluster, on real PostgreSQL with a client that counts what it was promised.

    replay-tests/local/volumes.py [--binaries DIR] [SCENE...]

Claims grow, refuse to shrink, grow by themselves when they fill up, and stop at their limit; WAL moves to
a volume of its own and back, with the operator killed on both ways. After each scene: no acknowledged row
lost, the journal's chain is intact, every decision replays. Volumes of limited size are mounts and need
root; without, it ends with status 77.
"""

import argparse
import os
import shutil
import sys
import time

import faults as F
import lab as L

CLUSTER = "hippo"
OUT = os.path.join(L.ROOT, "build", "volumes")
CLUSTERS = f"{L.GROUP}/namespaces/default/postgresclusters"
JSON_PATCH = "application/json-patch+json"


def claim(size, storage_class="limited"):
    return {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class,
            "resources": {"requests": {"storage": size}}}


def manifest(name, replicas, data):
    return {"apiVersion": "postgres-operator.crunchydata.com/v1beta1", "kind": "PostgresCluster",
            "metadata": {"name": name}, "spec": {
                "postgresVersion": 17, "instances": [{"replicas": replicas, "dataVolumeClaimSpec": data}],
                "config": {"parameters": {"max_wal_size": "64MB", "min_wal_size": "32MB"}}}}


def inside(pid, path):
    """A path of the container of a process, from here."""
    return os.path.join("/proc", str(pid), "root", path)


class Scene:
    def __init__(self, lab):
        self.lab = lab

    def settle(self, instances=2):
        L.wait_for(f"a primary and {instances - 1} streaming replicas", lambda: (
            self.lab.primary(CLUSTER) and len(self.lab.pods(CLUSTER)) == instances and
            len(self.lab.streaming(CLUSTER)) == instances - 1), 180)

    def patch(self, *operations, cluster=CLUSTER):
        self.lab.api.ask("PATCH", f"{CLUSTERS}/{cluster}", list(operations), JSON_PATCH)

    def set_data(self, path, value, cluster=CLUSTER):
        self.patch({"op": "add", "path": "/spec/instances/0/dataVolumeClaimSpec" + path, "value": value},
                   cluster=cluster)

    def claims(self, role="pgdata", cluster=CLUSTER):
        return {c["metadata"]["name"]: c for c in self.lab.objects(
            "persistentvolumeclaims", f"{L.LABEL}cluster={cluster},{L.LABEL}role={role}")}

    def sizes(self, role="pgdata"):
        return {name: c.get("status", {}).get("capacity", {}).get("storage") for name, c in self.claims(role).items()}

    def says(self, kind, reason, cluster=CLUSTER):
        found = self.lab.condition(cluster, kind)
        return found if found and found["reason"] == reason else None

    def silent(self, kind, cluster=CLUSTER):
        L.wait_for(f"condition {kind} is gone", lambda: self.lab.condition(cluster, kind) is None, 60)

    def seen(self, pod, path):
        """Size of the file system of a path in the pod of a postmaster."""
        pid = L.wait_for(f"the postmaster of {pod}", lambda: self.lab.postmaster(pod), 60)
        disk = os.statvfs(inside(pid, path))
        return disk.f_blocks * disk.f_frsize

    def wal_links(self):
        """{pod: where its pg_wal leads}."""
        out = {}
        for pod in self.lab.pods(CLUSTER):
            pid = self.lab.postmaster(pod)
            try:
                out[pod] = os.readlink(inside(pid, "pgdata/pg17/pg_wal")) if pid else None
            except OSError:
                out[pod] = None
        return out

    def why(self, word):
        return word in self.lab.pgo("why", CLUSTER, "--last=5", check=False).stdout


def grow(s):
    """A raised request enlarges the file systems in the running pods; a lowered one is refused by name."""
    uids = {name: pod["uid"] for name, pod in s.lab.pods(CLUSTER).items()}
    s.set_data("/resources/requests/storage", "320Mi")
    L.wait_for("every claim has 320Mi", lambda: set(s.sizes().values()) == {"320Mi"}, 60)
    for pod in uids:
        L.wait_for(f"{pod} sees it", lambda pod=pod: s.seen(pod, "pgdata") == 320 << 20, 60)
    s.silent("PersistentVolumeResizing")
    s.set_data("/resources/requests/storage", "200Mi")
    said = L.wait_for("the refusal", lambda: s.says("PersistentVolumeResizeError", "CannotShrink"), 60)["message"]
    for part in ("spec.instances[0].dataVolumeClaimSpec.resources.requests.storage: 200Mi", "has 320Mi",
                 "set it to 320Mi or more"):
        if part not in said:
            raise L.Failed(f'"{part}" is not in: {said}')
    if set(s.sizes().values()) != {"320Mi"}:
        raise L.Failed(f"a claim shrank: {s.sizes()}")
    s.set_data("/resources/requests/storage", "320Mi")
    s.silent("PersistentVolumeResizeError")
    if {name: pod["uid"] for name, pod in s.lab.pods(CLUSTER).items()} != uids:
        raise L.Failed("a pod was replaced for it")
    return {"gap_max": 5}


def rigid(s):
    """A class that cannot expand is named, with the API server's refusal, until the field is set back."""
    s.lab.api.ask("POST", CLUSTERS, manifest("rhino", 1, claim("256Mi", "rigid")))
    try:
        L.wait_for("a bound claim", lambda: any(
            c.get("status", {}).get("phase") == "Bound" for c in s.claims(cluster="rhino").values()), 120)
        s.set_data("/resources/requests/storage", "512Mi", cluster="rhino")
        said = L.wait_for("the refusal", lambda: s.says(
            "PersistentVolumeResizeError", "ExpansionRefused", cluster="rhino"), 60)["message"]
        for part in ("512Mi", "has 256Mi", "class rigid", "allowVolumeExpansion", "resized"):
            if part not in said:
                raise L.Failed(f'"{part}" is not in: {said}')
        s.set_data("/resources/requests/storage", "256Mi", cluster="rhino")
        s.silent("PersistentVolumeResizeError", cluster="rhino")
    finally:
        s.lab.pgo("delete", "cluster", "rhino", "--no-prompt", seconds=120)
    return {"gap_max": 5}


def auto_grow(s):
    """A volume that fills up grows by itself, is told with its reason, and stops at its limit."""
    s.set_data("/resources/requests/storage", "320Mi")
    L.wait_for("every claim has 320Mi", lambda: set(s.sizes().values()) == {"320Mi"}, 60)
    before = s.sizes()
    full = sorted(before)[0]
    s.patch({"op": "add", "path": "/spec/instances/0/dataVolumeClaimSpec/resources/limits",
             "value": {"storage": "512Mi"}},
            {"op": "add", "path": "/spec/instances/0/dataVolumeClaimSpec/autoGrow", "value": {"trigger": 80}})
    s.lab.local("disk", "fill", full, "--leave", str(40 << 20))
    L.wait_for(f"{full} has grown by a half", lambda: s.sizes()[full] == "480Mi", 90)
    s.lab.restart_operator()
    L.wait_for("pgo why tells it", lambda: s.why("VOLUME GROWTH"), 60, 1)
    if {name: size for name, size in s.sizes().items() if name != full} != \
            {name: size for name, size in before.items() if name != full}:
        raise L.Failed(f"another volume grew: {s.sizes()}")
    s.lab.local("disk", "fill", full, "--leave", str(40 << 20))
    L.wait_for(f"{full} is as large as the limit", lambda: s.sizes()[full] == "512Mi", 90)
    s.lab.local("disk", "fill", full, "--leave", str(40 << 20))
    L.wait_for("the limit is told", lambda: s.says("VolumeAutoGrow", "LimitReached"), 90)
    if s.sizes()[full] != "512Mi":
        raise L.Failed(f"beyond its limit: {s.sizes()}")
    s.lab.local("disk", "free", full)
    s.silent("VolumeAutoGrow")
    told = {e.get("reason") for e in s.lab.objects("events", group="/apis/events.k8s.io/v1")}
    if not {"VolumeAutoGrow", "VolumeLimitReached"} <= told:
        raise L.Failed(f"Events: {sorted(told)}")
    desired = s.lab.cluster(CLUSTER)["status"]["instances"][0].get("desiredPGDataVolume", {})
    if desired.get(full.removesuffix("-pgdata")) != "512Mi":
        raise L.Failed(f"status.instances[0].desiredPGDataVolume: {desired}")
    return {"gap_max": 10}


def move(s, change, there, kills):
    """The manifest changes; every instance's WAL is `there` in the end, and the operator is killed meanwhile."""
    s.patch(change)
    for _ in range(kills):
        uids = {pod["uid"] for pod in s.lab.pods(CLUSTER).values()}
        L.wait_for("the next pod is another", lambda uids=uids: any(
            pod["uid"] not in uids for pod in s.lab.pods(CLUSTER).values()), 240)
        s.lab.restart_operator()
    L.wait_for(f"all WAL is in {there}", lambda: len(s.wal_links()) == 2 and
               set(s.wal_links().values()) == {there}, 300, 1)
    s.settle()


def wal_volume(s):
    """WAL moves to a volume of its own with a rolling replacement of the pods."""
    move(s, {"op": "add", "path": "/spec/instances/0/walVolumeClaimSpec", "value": claim("256Mi")},
         "/pgwal/pg17_wal", 2)
    if len(s.claims("pgwal")) != 2 or set(s.sizes("pgwal").values()) != {"256Mi"}:
        raise L.Failed(f"claims for WAL: {s.sizes('pgwal')}")
    for pod in s.lab.pods(CLUSTER):
        pid = s.lab.postmaster(pod)
        if os.path.exists(inside(pid, "pgdata/pg17_wal")):
            raise L.Failed(f"{pod} still has /pgdata/pg17_wal")
    return {"gap_max": 30}


def wal_new_instance(s):
    """A new instance has its WAL there from the start."""
    s.lab.pgo("scale", CLUSTER, "--no-prompt", seconds=300)
    s.settle(3)
    L.wait_for("its WAL is there", lambda: len(s.wal_links()) == 3 and
               set(s.wal_links().values()) == {"/pgwal/pg17_wal"}, 60, 1)
    s.lab.pgo("scaledown", CLUSTER, "--no-prompt", seconds=300)
    s.settle()
    if len(s.claims("pgwal")) != 2:
        raise L.Failed(f"claims for WAL after the scale-down: {sorted(s.claims('pgwal'))}")
    return {"gap_max": 15}


def wal_back(s):
    """WAL moves back; only then the volumes go."""
    move(s, {"op": "remove", "path": "/spec/instances/0/walVolumeClaimSpec"}, "/pgdata/pg17_wal", 2)
    L.wait_for("the claims for WAL are gone", lambda: not s.claims("pgwal"), 300, 1)
    s.settle()
    return {"gap_max": 30}


SCENES = [("grow", grow), ("rigid", rigid), ("auto-grow", auto_grow), ("wal-volume", wal_volume),
          ("wal-new-instance", wal_new_instance), ("wal-back", wal_back)]


def check_journal(lab, name):
    bundle = os.path.join(OUT, f"{name}.pgoj")
    lab.pgo("incident", "export", CLUSTER, "-n", lab.ns, "-o", bundle)
    lab.pgo("verify", bundle)
    lab.pgo("replay", "--verify", bundle)


def run(lab, play):
    name, scene = play
    s = Scene(lab)
    s.settle()
    writer = lab.start_writer(CLUSTER)
    L.wait_for("the client writes", lambda: len(writer.acks) > 20, 60)
    since = time.time()
    found = scene(s)
    took = time.time() - since
    gap = writer.longest_gap(since - 1)
    acked = set(writer.stop())
    lab.writers.remove(writer)
    lost = len(acked - lab.rows(CLUSTER))
    check_journal(lab, name)
    if lost:
        raise L.Failed(f"{lost} of {len(acked)} acknowledged rows are lost")
    if gap > found["gap_max"]:
        raise L.Failed(f"gap {gap:.1f} s, at most {found['gap_max']} s are promised")
    return {"gap_seconds": round(gap, 2), "took_seconds": round(took, 1), "acknowledged": len(acked), "lost": lost}


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("scenes", nargs="*", help=", ".join(name for name, _ in SCENES))
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("volumes: SKIPPED: a volume of limited size is a mount, and that needs root")
        sys.exit(77)
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    lab = L.Lab(OUT, options.binaries, os.path.join(L.ROOT, "build", "image", "rootfs"))
    results, failed = {}, 0
    try:
        lab.up()
        lab.api.ask("POST", CLUSTERS, manifest(CLUSTER, 2, claim("256Mi")))
        for play in SCENES:
            if options.scenes and play[0] not in options.scenes:
                continue
            failed += not F.attempt(results, play[0], lambda play=play: run(lab, play),
                                    lambda: lab.diagnosis(CLUSTER))
    except (L.Failed, KeyboardInterrupt) as failure:
        print(f"FAILED set-up: {failure}")
        failed += 1
    finally:
        lab.down()
    L.conclude(OUT, results, failed)


if __name__ == "__main__":
    main()
