#!/usr/bin/env python3
"""Backups in object stores, with real PostgreSQL, pgBackRest and a store that speaks the cloud's protocol.

    replay-tests/local/stores.py [--binaries DIR] [STORE...]

Stores are Versity's S3 gateway and fake-gcs-server (from the Go module proxy) and Azurite (from npm). Each runs
with TLS in the network of pgo-local, is built once into build/stores, and is skipped, by name, where its tool
chain is missing. Ends with `N passed, N failed`; figures go to build/stores/summary.json. Exit status 77 if
there is no store at all.
"""

import argparse
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid

import faults as F
import lab as L
import recovery as R

OUT = os.path.join(L.ROOT, "build", "stores", "run")
TOOLS = os.path.join(L.ROOT, "build", "stores")
ADDRESS = "10.200.0.10"  # the node `client` of pgo-local, where the stores run
# Versions that were tried.
VERSITY = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
FAKE_GCS = "github.com/fsouza/fake-gcs-server@v1.54.0"
AZURITE = "azurite@3.37.0"


class Absent(Exception):
    """The store cannot be had here; the message says why."""


class Network:
    """Runs programs of this machine in the network of pgo-local's node `client`."""

    def __init__(self, lab):
        self.mark = "pgo-stores-" + uuid.uuid4().hex
        self.holder = subprocess.Popen(
            lab.client("python3", "-c", "import time; time.sleep(7200)", self.mark), env=lab.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        self.pid = L.wait_for("a process in the network", self._find, 20)

    def _find(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"python3") and self.mark.encode() in words and len(words) < 7:
                return pid
        return None

    def command(self, *words):
        user = ["--user", "--preserve-credentials"] if os.geteuid() else []
        return ["nsenter", "--target", self.pid, *user, "--net", "--", *words]

    def close(self):
        if self.holder.poll() is None:
            self.holder.terminate()
            self.holder.wait()


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificate(directory):
    """A certificate for ADDRESS: (certificate, key)."""
    crt, key = os.path.join(directory, "store.crt"), os.path.join(directory, "store.key")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", "/CN=store", "-addext", f"subjectAltName=IP:{ADDRESS}", "-keyout", key, "-out", crt)
    return crt, key


def go_program(name, module):
    """The program of a Go module, built once."""
    path = os.path.join(TOOLS, "bin", name)
    if os.path.exists(path):
        return path
    if not shutil.which("go"):
        raise Absent("there is no Go tool chain")
    print(f"stores: building {module}", flush=True)
    done = subprocess.run(["go", "install", module], env={**os.environ, "GOBIN": os.path.dirname(path)},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
    if done.returncode != 0:
        raise Absent(f"go install {module}: {done.stdout[-500:]}")
    return path


class Store:
    """A running store. `options` are its repository's of pgBackRest, with keys; `repo` is the manifest's."""

    def __init__(self, name, network, command, settings):
        self.name, self.repo, self.options = name, settings["repo"], settings["options"]
        self.directory = os.path.join(OUT, name)
        self.log = open(os.path.join(self.directory, "store.log"), "a", encoding="utf-8")
        self.process = subprocess.Popen(network.command(*command), stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env={**os.environ, **settings.get("environment", {})},
                                        start_new_session=True)
        L.wait_for(f"{name} listens", lambda: self.listens(network, settings["port"]), 60)

    def listens(self, network, port):
        if self.process.poll() is not None:
            raise L.Failed(f"{self.name} ended: see {self.log.name}")
        probe = f"import socket; socket.create_connection(('{ADDRESS}', {port}), 1)"
        return subprocess.run(network.command(sys.executable, "-c", probe), check=False,
                              stderr=subprocess.DEVNULL).returncode == 0

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.log.close()


def s3(network, crt, key):
    program = go_program("versitygw", VERSITY)
    data = os.path.join(OUT, "s3", "data")
    for folder in (os.path.join(data, "backups"), os.path.join(OUT, "s3", "meta")):
        os.makedirs(folder)
    return Store("s3", network, [program, "--port", f"{ADDRESS}:7070", "--cert", crt, "--key", key, "posix",
                                 "--sidecar", os.path.join(OUT, "s3", "meta"), data], {
        "port": 7070, "environment": {"ROOT_ACCESS_KEY": "access", "ROOT_SECRET_KEY": "canary-s3-secret"},
        "repo": {"s3": {"bucket": "backups", "endpoint": ADDRESS, "region": "us-east-1"}},
        "options": {"s3-key": "access", "s3-key-secret": "canary-s3-secret", "s3-uri-style": "path",
                    "storage-port": "7070"}})


def gcs(network, crt, key):
    program = go_program("fake-gcs-server", FAKE_GCS)
    data = os.path.join(OUT, "gcs", "data")
    os.makedirs(os.path.join(data, "backups"))
    return Store("gcs", network, [program, "-scheme", "https", "-host", ADDRESS, "-port", "4443", "-backend",
                                  "filesystem", "-filesystem-root", data, "-cert-location", crt,
                                  "-private-key-location", key, "-public-host", f"{ADDRESS}:4443",
                                  "-external-url", f"https://{ADDRESS}:4443"], {
        "port": 4443, "repo": {"gcs": {"bucket": "backups"}},
        "options": {"gcs-endpoint": f"{ADDRESS}:4443", "gcs-key-type": "token", "gcs-key": "canary-gcs-token"}})


def azure(network, crt, key):
    if not shutil.which("npm"):
        raise Absent("there is no npm")
    program = os.path.join(TOOLS, "azurite", "node_modules", ".bin", "azurite-blob")
    if not os.path.exists(program):
        print(f"stores: installing {AZURITE}", flush=True)
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix",
                               os.path.join(TOOLS, "azurite"), AZURITE], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=600)
        if done.returncode != 0:
            raise Absent(f"npm install {AZURITE}: {done.stdout[-500:]}")
    secret = base64.b64encode(b"canary-azure-key").decode()
    store = Store("azure", network, [program, "--blobHost", ADDRESS, "--blobPort", "10000", "--cert", crt, "--key",
                                     key, "--location", os.path.join(OUT, "azure", "data"), "--silent",
                                     "--disableTelemetry", "--skipApiVersionCheck"], {
        "port": 10000, "environment": {"AZURITE_ACCOUNTS": f"pgoaccount:{secret}"},
        "repo": {"azure": {"container": "backups"}},
        "options": {"azure-account": "pgoaccount", "azure-key": secret, "azure-uri-style": "path",
                    "storage-host": ADDRESS, "storage-port": "10000"}})
    return store


STORES = [("s3", s3), ("gcs", gcs), ("azure", azure)]


class Scene(R.Scene):
    """The life of a cluster whose only repository is in a store."""

    def __init__(self, lab, store, crt):
        super().__init__(lab)
        self.store, self.name = store, "hippo-" + store.name
        with open(crt, encoding="utf-8") as f:
            self.certificate = f.read()

    def secret(self):
        """The file of pgBackRest options with the keys; the operator never reads it."""
        lines = ["[global]", "repo1-storage-ca-file=/etc/pgbackrest/conf.d/store-ca.crt"]
        lines += [f"repo1-{key}={value}" for key, value in self.store.options.items()]
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": self.name + "-keys"},
                "stringData": {"store.conf": "\n".join(lines) + "\n", "store-ca.crt": self.certificate}}

    def create(self):
        path = os.path.join(OUT, self.store.name, "keys.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(self.secret(), f)
        self.lab.run("kubectl", "apply", "-n", self.lab.ns, "-f", path)
        body = R.manifest(self.name)
        body["spec"]["backups"]["pgbackrest"] = self.backrest()
        self.apply_in(body)

    def backrest(self):
        return {"repos": [{"name": "repo1", **self.store.repo}],
                "configuration": [{"secret": {"name": self.name + "-keys"}}]}

    def apply_in(self, body):
        path = os.path.join(OUT, self.store.name, body["metadata"]["name"] + ".json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(body, f)
        self.lab.pgo("apply", "-f", path)

    def info(self):
        pod = L.wait_for("a primary", lambda: self.lab.primary(self.name), 60)
        out = self.command(pod, "pgbackrest", "pgbackrest", "info", "--output=json")
        return [b for stanza in json.loads(out) for b in stanza["backup"] if not b["error"]]

    def manual_of(self):
        return ((self.lab.cluster(self.name) or {}).get("status", {}).get("pgbackrest", {})
                .get("manualBackup", {}))


def first_backup(scene):
    scene.create()
    scene.wait_condition("PGBackRestReplicaCreate", 240, scene.name)
    if [b["type"] for b in scene.info()] != ["full"]:
        raise L.Failed(f"one full backup is wanted: {scene.info()}")
    host = scene.lab.objects("pods", f"{L.LABEL}cluster={scene.name},{L.LABEL}pgbackrest-dedicated")
    if host:
        raise L.Failed("a repository in a store needs no host")


def by_hand(scene):
    scene.lab.pgo("backup", scene.name, "-n", scene.lab.ns, "--backup-opts=--type=incr", seconds=180)
    L.wait_for("the backup has ended", lambda: scene.manual_of().get("finished"), 120)
    if [b["type"] for b in scene.info()] != ["full", "incr"]:
        raise L.Failed(f"an incremental backup is wanted: {scene.info()}")


def restore(scene):
    """In place, out of the store, to a moment."""
    scene.sql("create table kept (i int); insert into kept select generate_series(1, 1000)", scene.name)
    moment = scene.sql("select clock_timestamp()", scene.name)
    time.sleep(0.05)  # the clock must go on before the rows go
    scene.sql("delete from kept", scene.name)
    scene.lab.pgo("restore", scene.name, "-n", scene.lab.ns, f"--pitr-target={moment}", "--no-prompt", seconds=400)
    rows = scene.sql("select count(*) from kept", scene.name)
    if rows != "1000":
        raise L.Failed(f"1000 rows are wanted, not {rows}")
    scene.wait_condition("Ready", 180, scene.name)


def no_key_anywhere(scene):
    """No key of a store in the journal's bundle, a log or an argument vector."""
    words = [v.encode() for k, v in scene.store.options.items() if "key" in k and len(v) > 10]
    bundle = os.path.join(OUT, scene.store.name, "bundle.pgoj")
    scene.lab.pgo("incident", "export", scene.name, "-n", scene.lab.ns, "-o", bundle)
    scene.lab.pgo("verify", bundle)
    scene.lab.pgo("replay", "--verify", bundle)
    places = [bundle, os.path.join(OUT, "operator.log")]
    for folder, _, files in os.walk(os.path.join(OUT, "operator")):
        places += [os.path.join(folder, file) for file in files]
    places += [f"/proc/{pid}/cmdline" for pid in filter(str.isdigit, os.listdir("/proc"))]
    for place in places:
        try:
            with open(place, "rb") as f:
                data = f.read()
        except OSError:
            continue  # a process that has ended
        if any(word in data for word in words):
            raise L.Failed(f"a key stands in {place}")


STEPS = [("first-backup", first_backup), ("by-hand", by_hand), ("restore-in-place", restore),
         ("no-key-anywhere", no_key_anywhere)]


def try_store(lab, network, results, name, make):
    """Number of failed steps; None if the store is not to be had."""
    os.makedirs(os.path.join(OUT, name))
    crt, key = certificate(os.path.join(OUT, name))
    try:
        store = make(network, crt, key)
    except Absent as why:
        print(f"skipped {name}: {why}", flush=True)
        return None
    try:
        scene = Scene(lab, store, crt)
        for step, play in STEPS:
            since = time.monotonic()

            def timed(play=play, since=since):
                play(scene)
                return {"seconds": round(time.monotonic() - since, 1)}
            if not F.attempt(results, f"{name}/{step}", timed, lambda: lab.diagnosis(scene.name)):
                return 1
        lab.pgo("delete", "cluster", scene.name, "-n", lab.ns, "--no-prompt", check=False)
        return 0
    finally:
        store.close()


def main():
    L.interruptible()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", default=os.path.join(L.ROOT, "build", "dev", "bin"))
    parser.add_argument("stores", nargs="*", help=", ".join(name for name, _ in STORES))
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    lab = L.Lab(OUT, options.binaries, os.path.join(L.ROOT, "build", "image", "rootfs"))
    results, failed, tried, network = {}, 0, 0, None
    try:
        lab.up()
        network = Network(lab)
        for name, make in STORES:
            if options.stores and name not in options.stores:
                continue
            status = try_store(lab, network, results, name, make)
            tried += status is not None
            failed += status or 0
    except (L.Failed, KeyboardInterrupt) as failure:
        print(f"FAILED set-up: {failure}")
        failed += 1
    finally:
        if network:
            network.close()
        lab.down()
    with open(os.path.join(TOOLS, "summary.json"), "w", encoding="utf-8") as f:
        json.dump(results, f, indent=2)
    if not tried and not failed:
        print("no object store can be had here")
        sys.exit(77)
    print(f"{sum('error' not in r for r in results.values())} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
