"""Object stores that run here, with TLS, in the network of pgo-local: what stores.py backs up into."""

import base64
import os
import shutil
import signal
import subprocess
import sys
import uuid

import lab as L

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
