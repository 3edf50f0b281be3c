"""A laboratory: pgo-local, the operator and a client that counts what it was promised.

Everything that is started here is ended here, by its process id, also on Ctrl-C. Nothing but the
standard library. All waiting is for a condition, with a deadline.
"""

import base64
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
GROUP = "/apis/postgres-operator.crunchydata.com/v1beta1"
LABEL = "postgres-operator.crunchydata.com/"


class Failed(Exception):
    """Something did not come true; the message says what, and what to do."""


def wait_for(what, condition, seconds, pause=0.1):
    """The first true value of condition(); Failed after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(pause)


def conclude(directory, results, failed):
    """Ends the program: the results by name as summary.json, a last line that counts, the exit status."""
    with open(os.path.join(directory, "summary.json"), "w", encoding="utf-8") as f:
        json.dump(results, f, indent=2)
    print(f"{sum('error' not in r for r in results.values())} passed, {failed} failed")
    sys.exit(1 if failed else 0)


class Api:
    """The API server of a kubeconfig that carries a token, as pgo-local writes it."""

    def __init__(self, kubeconfig):
        with open(kubeconfig, encoding="utf-8") as f:
            text = f.read()
        self.server = re.search(r"server: (\S+)", text).group(1)
        self.token = re.search(r"token: (\S+)", text).group(1)
        ca = base64.b64decode(re.search(r"certificate-authority-data: (\S+)", text).group(1))
        self.tls = ssl.create_default_context(cadata=ca.decode())

    def ask(self, method, path, body=None, content_type="application/json", timeout=10,
            parse=lambda data: json.loads(data or b"null")):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data, method=method)
        request.add_header("Authorization", "Bearer " + self.token)
        request.add_header("Content-Type", content_type)
        with urllib.request.urlopen(request, context=self.tls, timeout=timeout) as answer:
            return parse(answer.read())

    def get(self, path):
        """The object, or None if it is not there or the server does not answer."""
        try:
            return self.ask("GET", path)
        except (urllib.error.URLError, OSError, ValueError):
            return None


class Writer:
    """The client: one row every few milliseconds through the primary's Service.

    It counts a row only when its COMMIT was answered. `acks` are (id, seconds) of those.
    """

    def __init__(self, command, settings):
        self.acks = []
        self.errors = 0
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.process.stdin.write(json.dumps(settings) + "\n")  # never as an argument: a password
        self.process.stdin.flush()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if "ack" in said:
                self.acks.append((said["ack"], said["t"]))
            else:
                self.errors += 1

    def longest_gap(self, since):
        """Longest time between two acknowledged writes, of those after `since` (and the one before)."""
        times = [t for _, t in self.acks]
        before = [t for t in times if t < since][-1:]
        times = before + [t for t in times if t >= since]
        return max((b - a for a, b in zip(times, times[1:])), default=0.0)

    def stop(self):
        """Ends the client and gives the ids that were acknowledged."""
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.thread.join(5)
        return [i for i, _ in self.acks]


class Lab:
    def __init__(self, directory, binaries, image, nodes=3, say=print):
        self.directory = os.path.abspath(directory)
        self.binaries = os.path.abspath(binaries)
        self.image = os.path.abspath(image)
        self.nodes = nodes
        self.say = say
        self.ns = "default"
        self.operator = None
        self.writers = []
        self.kubeconfig = None
        self.postgres_image = "localhost/pgo/postgres:17"
        self.api = None
        os.makedirs(self.directory, exist_ok=True)

    # -- programs -------------------------------------------------------------------------------
    def program(self, name):
        return os.path.join(self.binaries, name)

    def environment(self):
        env = dict(os.environ)
        for name in ("PGO_APISERVER_URL", "PGO_TOKEN_FILE", "PGO_CA_CERT", "PGO_NAMESPACE"):
            env.pop(name, None)
        env["KUBECONFIG"] = self.kubeconfig or ""
        env["PGO_CONFIG"] = os.path.join(self.directory, "operator", "operator.json")
        env["RELATED_IMAGE_POSTGRES_17"] = self.postgres_image
        return env

    def run(self, *command, seconds=120, check=True, text_in=None):
        done = subprocess.run(command, env=self.environment(), input=text_in, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds)
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr[-2000:]}")
        return done

    def local(self, *arguments, **options):
        return self.run(self.program("pgo-local"), "--directory", os.path.join(self.directory, "local"),
                        *arguments, **options)

    def pgo(self, *arguments, **options):
        return self.run(self.program("pgo"), *arguments, **options)

    # -- up and down ------------------------------------------------------------------------------
    def up(self):
        self.local("down", check=False)
        out = self.local("up", "--nodes", str(self.nodes), "--image", self.image, "--detach").stdout
        self.kubeconfig = out.strip().splitlines()[-1]
        self.api = Api(self.kubeconfig)
        wait_for("the API server answers", lambda: self.api.get("/readyz?verbose=0") is not None or
                 self.api.get("/api/v1/nodes"), 20)
        wait_for("all nodes are ready", lambda: self.ready_nodes() == self.nodes, 30)
        self.pgo("apply", "-f", os.path.join(ROOT, "crds", "postgrescluster.yaml"))
        self.start_operator()

    def start_operator(self):
        log = open(os.path.join(self.directory, "operator.log"), "a", encoding="utf-8")
        self.operator = subprocess.Popen(
            [self.program("pgo-operator"), "--data-dir", os.path.join(self.directory, "operator"),
             "--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0", "--debug"],
            env=self.environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True)
        log.close()

    def stop_operator(self, how=signal.SIGTERM):
        if self.operator is None:
            return
        if self.operator.poll() is None:
            self.operator.send_signal(how)
            try:
                self.operator.wait(20)
            except subprocess.TimeoutExpired:
                self.operator.kill()
                self.operator.wait()
        self.operator = None

    def down(self):
        for writer in self.writers:
            writer.stop()
        self.stop_operator()
        try:
            self.local("down", check=False)
        except (OSError, subprocess.SubprocessError):
            pass

    def ready_nodes(self):
        found = self.api.get("/api/v1/nodes") or {"items": []}
        return sum(any(c["type"] == "Ready" and c["status"] == "True"
                       for c in node.get("status", {}).get("conditions", [])) for node in found["items"])

    # -- looking ------------------------------------------------------------------------------------
    def objects(self, plural, selector="", group="/api/v1"):
        query = f"?labelSelector={selector}" if selector else ""
        found = self.api.get(f"{group}/namespaces/{self.ns}/{plural}{query}")
        return found["items"] if found else []

    def node_states(self):
        """{node: {ready, off}}: its Ready condition, and whether its cloud says that it is off."""
        return {node["metadata"]["name"]: {
            "ready": next((c["status"] for c in node.get("status", {}).get("conditions", [])
                           if c["type"] == "Ready"), "Unknown"),
            "off": any(t["key"] == "node.kubernetes.io/out-of-service"
                       for t in node.get("spec", {}).get("taints", []))}
                for node in (self.api.get("/api/v1/nodes") or {"items": []})["items"]}

    def cluster(self, name):
        return self.api.get(f"{GROUP}/namespaces/{self.ns}/postgresclusters/{name}")

    def condition(self, name, kind):
        cluster = self.cluster(name) or {}
        for condition in cluster.get("status", {}).get("conditions", []):
            if condition["type"] == kind:
                return condition
        return None

    def pods(self, cluster):
        """{pod name: {node, role, member}} of the instances."""
        found = {}
        for pod in self.objects("pods", f"{LABEL}cluster={cluster}"):
            meta = pod["metadata"]
            if LABEL + "instance" not in meta.get("labels", {}):
                continue
            try:
                member = json.loads(meta.get("annotations", {}).get("status", "{}"))
            except ValueError:
                member = {}
            found[meta["name"]] = {
                "node": pod["spec"].get("nodeName", ""), "uid": meta["uid"],
                "role": meta["labels"].get(LABEL + "role", ""), "member": member,
                "phase": pod.get("status", {}).get("phase", "")}
        return found

    def primary(self, cluster):
        """Name of the pod that holds the lock and says it accepts writes, else None."""
        lock = self.api.get(f"/api/v1/namespaces/{self.ns}/endpoints/{cluster}-ha")
        leader = ((lock or {}).get("metadata", {}).get("annotations") or {}).get("leader")
        pod = self.pods(cluster).get(leader)
        if pod and pod["member"].get("role") == "primary" and pod["member"].get("state") == "running":
            return leader
        return None

    def streaming(self, cluster):
        return [name for name, pod in self.pods(cluster).items()
                if pod["member"].get("replication_state") == "streaming"]

    def secret(self, name):
        found = self.api.get(f"/api/v1/namespaces/{self.ns}/secrets/{name}")
        if not found:
            return None
        return {k: base64.b64decode(v).decode() for k, v in found.get("data", {}).items()}

    def request_counts(self):
        return self.api.ask("GET", "/pgo-local/requests")

    def diagnosis(self, cluster):
        """What a person would look at first when the cluster is not as expected; no credentials."""
        lines = []
        for key in ("ha", "ha-sync", "ha-failover"):
            found = self.api.get(f"/api/v1/namespaces/{self.ns}/endpoints/{cluster}-{key}") or {}
            lines.append(f"{cluster}-{key}: {json.dumps(found.get('metadata', {}).get('annotations'))}")
        for node in (self.api.get("/api/v1/nodes") or {"items": []})["items"]:
            ready = [c["status"] for c in node["status"].get("conditions", []) if c["type"] == "Ready"]
            taints = [t["key"] for t in node.get("spec", {}).get("taints", [])]
            lines.append(f"{node['metadata']['name']}: ready {ready} taints {taints}")
        for name, pod in sorted(self.pods(cluster).items()):
            lines.append(f"{name}: {json.dumps(pod)}")
            log = self.text(f"/api/v1/namespaces/{self.ns}/pods/{name}/log?container=database&tailLines=12")
            lines += ["    " + line for line in log.splitlines()]
        return "\n".join(lines)

    def text(self, path):
        try:
            return self.api.ask("GET", path, parse=lambda data: data.decode(errors="replace"))
        except (urllib.error.URLError, OSError) as failure:
            return f"(not to be had: {failure})"

    # -- the client -----------------------------------------------------------------------------------
    def client(self, *command):
        """A command line that runs `command` where Services and their names work."""
        return [self.program("pgo-local"), "--directory", os.path.join(self.directory, "local"), "run", "--",
                *command]

    def start_writer(self, cluster, pause_ms=50):
        settings = {**self.connection(cluster), "pause_ms": pause_ms}
        with open(os.path.join(os.path.dirname(__file__), "writer.py"), encoding="utf-8") as f:
            program = f.read()
        writer = Writer(self.client("python3", "-uc", program), settings)
        self.writers.append(writer)
        return writer

    def connection(self, cluster):
        secret = wait_for("the user's Secret", lambda: self.secret(f"{cluster}-pguser-{cluster}"), 30)
        return {"host": f"{cluster}-primary.{self.ns}.svc", "port": 5432, "dbname": secret["dbname"],
                "user": secret["user"], "password": secret["password"]}

    def rows(self, cluster):
        """The ids that the primary has."""
        program = ("import json, sys, psycopg2\n"
                   "c = psycopg2.connect(sslmode='require', **json.loads(sys.stdin.readline())).cursor()\n"
                   "c.execute('select id from rows')\n"
                   "print(*[r[0] for r in c.fetchall()])\n")
        wait_for("a primary", lambda: self.primary(cluster), 60)
        out = self.run(*self.client("python3", "-c", program), seconds=60,
                       text_in=json.dumps(self.connection(cluster)) + "\n").stdout
        return {int(word) for word in out.split()}

    def deleting(self, pod):
        found = self.api.get(f"/api/v1/namespaces/{self.ns}/pods/{pod}")
        return found is None or "deletionTimestamp" in found["metadata"]

    def log(self, pod, container):
        return self.text(f"/api/v1/namespaces/{self.ns}/pods/{pod}/log?container={container}")

    def postmaster(self, pod):
        """The process id, seen from this machine, of the pod's PostgreSQL."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    command = f.read().split(b"\0")
                if b"-D" not in command or not command[0].endswith(b"postgres"):
                    continue
                name = subprocess.run(["nsenter", "--uts", "--target", pid, "hostname"], text=True,
                                      capture_output=True, check=False).stdout.strip()
            except OSError:
                continue
            if name == pod:
                return int(pid)
        return None

    # -- faults -----------------------------------------------------------------------------------------
    def delete_pod(self, name, grace=None):
        body = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        self.api.ask("DELETE", f"/api/v1/namespaces/{self.ns}/pods/{name}", body)

    def restart_operator(self):
        self.stop_operator(signal.SIGKILL)
        self.start_operator()

    def power_off(self, node):
        self.local("node", "power-off", node)

    def power_on(self, node):
        self.local("node", "power-on", node)

    def report_off(self, node):
        self.local("node", "report-off", node)

    def report_on(self, node):
        self.local("node", "report-on", node)


def interruptible():
    """SIGTERM ends like Ctrl-C, so that everything is cleaned up."""
    def stop(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, stop)


def die(message):
    print(message, file=sys.stderr)
    sys.exit(1)
