#!/usr/bin/env python3
"""The journal's volume runs full, again and again, under the real operator on pgo-local's API server.

    replay-tests/local/full_disk.py [--cycles N] [--binaries DIR] [--directory DIR] [--output FILE]

In each cycle a file fills the volume (a tmpfs of its own) while there is much to journal, until the
operator stands still. Then: the process is up, says why, has given its Lease up, and carries out nothing
that a manifest asks for meanwhile. The file goes: the operator leads again by itself, knows every record
that it had acknowledged, and carries out what waited. The ladder before the end (warning, retention,
ballast) is seen on the way. At the end the journal's chain is whole and every decision replays. Then the
whole journal is set back to an earlier state: the operator notices, once.

Needs root for the mount; without, it ends with status 77.
"""

import argparse
import base64
import errno
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import lab as L

OUT = os.path.join(L.ROOT, "build", "full-disk")
VOLUME_MB = 160
LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
CLUSTERS = f"{L.GROUP}/namespaces/default/postgresclusters"
STILL_SECONDS = 1.5  # so long it must say so without a break: the ballast lets it go on once


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class FullDisk:
    def __init__(self, binaries, out):
        self.out = out
        self.lab = L.Lab(self.out, binaries, os.path.join(L.ROOT, "build", "image", "rootfs"), nodes=1)
        self.data = os.path.join(self.out, "operator")
        self.filler = os.path.join(self.data, "filler")
        self.health = free_port()
        self.lab.start_operator = self.start_operator
        self.seen = {"told": 0, "ballast_released": 0, "longest_wal_mb": 0}

    # -- up and down ------------------------------------------------------------------------------
    def up(self):
        os.makedirs(self.data)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={VOLUME_MB}m,mode=0700", "pgo-full-disk", self.data],
                       check=True)
        self.lab.up()
        # No image for this version: the cluster has objects to keep, and nothing that runs.
        self.lab.api.ask("POST", CLUSTERS, {
            "apiVersion": "postgres-operator.crunchydata.com/v1beta1", "kind": "PostgresCluster",
            "metadata": {"name": "hippo"}, "spec": {"postgresVersion": 16, "instances": [
                {"dataVolumeClaimSpec": {"accessModes": ["ReadWriteOnce"],
                                         "resources": {"requests": {"storage": "1Gi"}}}}]}})
        self.lab.api.ask("POST", "/api/v1/namespaces/default/endpoints", {
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": "rubble", "labels": {L.LABEL + "cluster": "rubble"}}})
        L.wait_for("the cluster's Service", lambda: self.label() is not None, 30)

    def start_operator(self):
        with open(os.path.join(self.out, "operator.log"), "a", encoding="utf-8") as log:
            self.lab.operator = subprocess.Popen(
                [self.lab.program("pgo-operator"), "--data-dir", self.data, "--listen", "127.0.0.1:0",
                 "--health-listen", f"127.0.0.1:{self.health}"],
                env=self.lab.environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def down(self):
        self.lab.down()
        if os.path.ismount(self.data):
            subprocess.run(["umount", self.data], check=True)

    # -- looking ------------------------------------------------------------------------------------
    def ask(self, path):
        """(status, text) of the operator's health server."""
        if self.lab.operator.poll() is not None:
            raise L.Failed(f"the operator ended with status {self.lab.operator.returncode}; see {self.out}/operator.log")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def metrics(self):
        text = self.ask("/metrics")[1]
        return {name: float(value) for name, value in re.findall(r"^(pgo_\w+) (\S+)$", text, re.M)}

    def lease_holder(self):
        leases = self.lab.api.ask("GET", LEASE)["items"]
        return leases[0]["spec"].get("holderIdentity", "") if leases else ""

    def label(self):
        """What the manifest's changing label is on the cluster's Service; None without a Service."""
        service = self.lab.api.get("/api/v1/namespaces/default/services/hippo-primary")
        return service and service["metadata"].get("labels", {}).get("cycle", "")

    def writes(self):
        """How often the operator wrote anything but its Lease."""
        return sum(row["count"] for row in self.lab.request_counts()["requests"]
                   if "pgo-operator" in row.get("userAgent", "") and row["resource"] != "leases"
                   and row["verb"] not in ("get", "list", "watch"))

    def watch_ladder(self):
        now = self.metrics()
        percent = now["pgo_journal_volume_used_bytes"] / max(now["pgo_journal_volume_bytes"], 1) * 100
        self.seen["told"] += percent >= 80
        self.seen["ballast_released"] += now["pgo_journal_ballast"] == 0
        logs = [os.path.join(self.data, "journal", name) for name in os.listdir(os.path.join(self.data, "journal"))]
        wal = sum(os.path.getsize(name) for name in logs if name.endswith(".log"))
        self.seen["longest_wal_mb"] = max(self.seen["longest_wal_mb"], wal >> 20)
        return now

    # -- one cycle ------------------------------------------------------------------------------------
    def rubble(self):
        """Something to journal that no compression makes small."""
        noise = base64.b64encode(os.urandom(400_000)).decode()
        self.lab.api.ask("PATCH", "/api/v1/namespaces/default/endpoints/rubble",
                         {"metadata": {"annotations": {"history": noise}}}, "application/merge-patch+json")

    def take_room(self, filler):
        """What the operator takes meanwhile cannot be taken: then less, at the next call."""
        room = os.statvfs(self.data)
        try:
            if room.f_bavail:
                os.posix_fallocate(filler.fileno(), os.fstat(filler.fileno()).st_size,
                                   room.f_bavail * room.f_frsize)
        except OSError as full:
            if full.errno != errno.ENOSPC:
                raise

    def fill(self):
        """All of the volume, until the operator stands still; gives the newest record it acknowledged."""
        head, still_since, end = 0, None, time.monotonic() + 90
        with open(self.filler, "ab") as filler:
            while time.monotonic() < end:
                self.take_room(filler)
                status, why = self.ask("/readyz")
                if status == 200:
                    still_since = None
                    head = max(head, self.watch_ladder()["pgo_journal_head_seq"])
                    self.rubble()
                elif still_since is None:
                    still_since = time.monotonic()
                elif time.monotonic() - still_since > STILL_SECONDS:
                    return head, why
                else:
                    time.sleep(0.1)
        raise L.Failed("the volume is full and the operator does not stand still within 90 s")

    def cycle(self, number):
        head, why = self.fill()
        if "standing still" not in why or not re.search("No space left|no space|journal", why, re.I):
            raise L.Failed(f"/readyz does not say why: {why}")
        L.wait_for("the Lease is given up", lambda: self.lease_holder() == "", 10)
        before = self.writes()
        self.lab.api.ask("PATCH", f"{CLUSTERS}/hippo", {"spec": {"metadata": {"labels": {"cycle": f"c{number}"}}}},
                         "application/merge-patch+json")
        end = time.monotonic() + 1
        L.wait_for("a second without a decision", lambda: time.monotonic() > end, 5)
        if self.writes() != before or self.label() == f"c{number}" or self.lease_holder():
            raise L.Failed("the operator acted without a journal")
        if self.ask("/healthz")[0] != 200 or self.metrics()["pgo_journal_failed"] != 1:
            raise L.Failed("a journal that refuses must show, and be no reason for a restart")
        os.remove(self.filler)
        freed = time.monotonic()
        try:
            L.wait_for("the operator leads again", lambda: self.ask("/readyz")[0] == 200 and self.lease_holder(), 60)
        except L.Failed as failure:
            raise L.Failed(f"{failure}: {self.condition()}") from failure
        L.wait_for("what waited is carried out", lambda: self.label() == f"c{number}", 60)
        now = self.metrics()
        if now["pgo_journal_head_seq"] < head:
            raise L.Failed(f"record {head:.0f} was acknowledged, the journal ends with {now['pgo_journal_head_seq']}")
        if now.get("pgo_amnesias_total", 0):
            raise L.Failed("the journal lost its end: " + self.ask("/readyz")[1])
        return time.monotonic() - freed

    def condition(self):
        """What a person would look at."""
        disk = os.statvfs(self.data)
        files = {name: os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(self.data)
                 for name in names}
        return f"{self.ready()} {disk.f_bavail} of {disk.f_blocks} blocks are free; {json.dumps(files)}"

    def prove(self):
        """The chain is whole, every decision replays, and what was given up is sealed."""
        self.lab.stop_operator()
        run = lambda *words: self.lab.run(self.lab.program("pgo-operator"), "--data-dir", self.data, *words).stdout
        status = json.loads(run("journal", "status", "-o", "json"))
        bundle = os.path.join(self.out, "journal.pgobndl")
        run("journal", "export", "--output", bundle)
        self.lab.pgo("verify", bundle, seconds=300)
        self.lab.pgo("replay", "--verify", bundle, seconds=300)
        return {"last_seq": status["seq"], "epoch": status["epoch"], "segments": len(status["segments"]),
                "segments_given_up": len(status["seals"])}

    def set_back(self):
        """The journal as it was, under an operator that went on: the anchor on the Lease tells."""
        journal, earlier = os.path.join(self.data, "journal"), os.path.join(self.out, "earlier")
        shutil.copytree(journal, earlier)
        self.lab.start_operator()
        L.wait_for("the operator leads", lambda: self.lease_holder() and self.ready().startswith("200 ok"), 60)
        if "amnesia" in self.ready():
            raise L.Failed("amnesia without a reason: " + self.ready())
        before, ended = self.anchor(), time.monotonic() + 60
        while self.anchor() == before or self.anchor_seq() < self.metrics()["pgo_journal_head_seq"]:
            self.rubble()
            if time.monotonic() > ended:
                raise L.Failed("the anchor on the Lease does not follow the journal")
            time.sleep(2.5)
        self.lab.stop_operator(signal.SIGKILL)
        shutil.rmtree(journal)
        shutil.copytree(earlier, journal)
        self.lab.start_operator()
        L.wait_for("the operator says that its journal was set back", lambda: "amnesia" in self.ready(), 60)
        if "was rolled back or lost its end" not in self.ready() or self.metrics()["pgo_amnesias_total"] != 1:
            raise L.Failed("an amnesia without its reason: " + self.ready())
        waits = self.anchor()
        L.wait_for("the anchor is replaced", lambda: self.anchor() != waits, 30)
        self.lab.restart_operator()
        L.wait_for("the operator leads again", lambda: self.lease_holder() and self.ready().startswith("200 ok"), 60)
        if "amnesia" in self.ready():
            raise L.Failed("it has seen everything afresh, and still: " + self.ready())

    def ready(self):
        """Status and text of /readyz; "" while the process does not listen yet."""
        try:
            return "{} {}".format(*self.ask("/readyz"))
        except OSError:
            return ""

    def anchor(self):
        notes = self.lab.api.ask("GET", LEASE)["items"][0]["metadata"].get("annotations", {})
        return notes.get(L.LABEL + "anchor", "")

    def anchor_seq(self):
        return int(self.anchor().split(" ")[0].split("/")[2])


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("--cycles", type=int, default=int(os.environ.get("PGO_TEST_CYCLES", "10")))
    parser.add_argument("--directory", default=OUT, help="what it keeps; made anew")
    parser.add_argument("--output", help="where the summary goes; default: summary.json there")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("full_disk: SKIPPED: a volume of limited size is a mount, and that needs root")
        sys.exit(77)
    options.directory = os.path.abspath(options.directory)
    shutil.rmtree(options.directory, ignore_errors=True)
    suite, times, began, failure = FullDisk(options.binaries, options.directory), [], time.time(), None
    proof = {}
    try:
        suite.up()
        for number in range(1, options.cycles + 1):
            times.append(suite.cycle(number))
            print(f"cycle {number}: works again {times[-1]:.1f} s after there was room", flush=True)
        proof = suite.prove()
        suite.set_back()
        if not suite.seen["told"] or not suite.seen["ballast_released"]:
            raise L.Failed(f"the ladder was not climbed: {suite.seen}")
    except (L.Failed, OSError, subprocess.SubprocessError) as wrong:
        failure = f"cycle {len(times) + 1}: {wrong}"
    except KeyboardInterrupt:
        failure = "interrupted"
    finally:
        suite.down()
    summary = {"cycles": len(times), "failed": failure, "seconds": round(time.time() - began),
               "works_again_seconds_max": round(max(times, default=0), 1), **suite.seen, **proof}
    with open(options.output or os.path.join(options.directory, "summary.json"), "w", encoding="utf-8") as f:
        json.dump(summary, f, indent=1)
    print(json.dumps(summary))
    print(f"{len(times)} passed, {1 if failure else 0} failed" + (f": {failure}" if failure else ""))
    sys.exit(1 if failure else 0)


if __name__ == "__main__":
    main()
