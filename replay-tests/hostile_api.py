"""An API server for the canary test: it tells whatever it was given, and more.

It serves the objects it gets, over HTTPS, lists and watches; writes are merged. The first write to an
object is answered with an error that repeats the request and more, of six kinds in turn; the later
ones succeed. Commands in containers fail, succeed or are refused in turn,
each with words that hold a canary.
"""

import base64
import hashlib
import http.server
import json
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

GROUPS = {"": "v1", "apps": "v1", "batch": "v1", "policy": "v1", "rbac.authorization.k8s.io": "v1",
          "coordination.k8s.io": "v1", "events.k8s.io": "v1",
          "postgres-operator.crunchydata.com": "v1beta1"}
PATH = re.compile(r"^/(?:api|apis/(?P<group>[^/]+))/v[^/]+(?:/namespaces/(?P<ns>[^/]+))?"
                  r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[a-z]+))?$")


def merge(into, patch):
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


class World:
    """Objects by (plural, namespace, name); what came and went."""

    def __init__(self, canary, plant):
        self.canary, self.plant = canary, plant
        self.objects, self.version, self.changed = {}, 1000, threading.Condition()
        self.changes, self.refused, self.sent, self.execs, self.told = [], set(), [], 0, set()
        self.stopping = False
        self.missing = set()  # kinds that it does not know

    def put(self, plural, ns, name, obj):
        with self.changed:
            self.version += 1
            known = (plural, ns, name) in self.objects
            obj.setdefault("metadata", {}).update(name=name, resourceVersion=str(self.version))
            if ns:
                obj["metadata"]["namespace"] = ns
            obj["metadata"].setdefault("uid", f"uid-{self.version}")
            obj["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
            self.objects[plural, ns, name] = obj
            self.changes.append((plural, self.version, "MODIFIED" if known else "ADDED", obj))
            self.changed.notify_all()
        return obj

    def drop(self, key):
        with self.changed:
            obj = self.objects.pop(key, None)
            if obj is not None:
                self.version += 1
                obj["metadata"]["resourceVersion"] = str(self.version)
                self.changes.append((key[0], self.version, "DELETED", obj))
                self.changed.notify_all()
        return obj

    def items(self, plural, ns):
        with self.changed:
            return [o for (p, n, _), o in sorted(self.objects.items()) if p == plural and (not ns or n == ns)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world = None

    def log_message(self, *_):
        pass

    def answer(self, code, body, content_type="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Warning", f'299 - "{self.world.canary("header Warning")}"')
        self.end_headers()
        self.wfile.write(data)

    def status(self, code, reason, where, said=""):
        canary = self.world.canary(f"{where} {code}")
        self.answer(code, {
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code,
            "message": f'object "{canary}" is invalid: data[x]: Invalid value: "{canary}": {canary} {said}',
            "details": {"name": canary, "causes": [{"reason": "FieldValueInvalid", "field": canary,
                                                    "message": canary}]}})

    def refuse(self, key, said):
        """The error that this object's first write gets; Secrets get the one that tells most."""
        which = 0 if key[0] == "secrets" else len(self.world.refused) % 6
        self.world.told.add(which)
        if which == 0:
            self.status(422, "Invalid", "answer", said)
        elif which == 1:
            self.answer(403, (self.world.canary("plain text 403") + " " + said).encode(), "text/plain")
        elif which == 2:
            self.status(409, "Conflict", "answer", said)
        elif which == 3:
            self.answer(500, ("<html>" + self.world.canary("page 500") + said).encode(), "text/html")
        elif which == 4:
            self.answer(200, (self.world.canary("not JSON 200") + said).encode())
        else:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        match = PATH.match(path)
        if not match:
            return self.answer(200, {"canary": self.world.canary("answer to " + path)})
        plural, ns, name, sub = match["plural"], match["ns"] or "", match["name"], match["sub"]
        if plural in self.world.missing:
            return self.answer(404, b"404 page not found\n", "text/plain")
        if sub == "exec":
            return self.exec()
        if name:
            obj = self.world.objects.get((plural, ns, name))
            return self.answer(200, obj) if obj else self.status(404, "NotFound", "GET " + plural)
        if "watch=true" in query:
            return self.watch(plural, int(re.search(r"resourceVersion=(\d+)", query)[1]))
        items = self.world.items(plural, ns)
        self.answer(200, {"kind": "List", "apiVersion": "v1", "items": items,
                          "metadata": {"resourceVersion": str(self.world.version)}})

    def watch(self, plural, since):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

        def line(kind, obj):
            data = json.dumps({"type": kind, "object": obj}).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        try:
            while not self.world.stopping:
                with self.world.changed:
                    news = [c for c in self.world.changes if c[0] == plural and c[1] > since]
                    if not news and not self.world.changed.wait(0.2):
                        continue
                for _, version, kind, obj in news:
                    line(kind, obj)
                    since = version
                if plural == "secrets" and news and "secrets" not in self.world.told:
                    self.world.told.add("secrets")
                    line("ERROR", {"kind": "Status", "code": 500, "message": self.world.canary("ERROR of a watch")})
                    break
        except OSError:
            pass
        self.close_connection = True

    def write(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match = PATH.match(self.path.partition("?")[0])
        plural, ns, name, sub = match["plural"], match["ns"] or "", match["name"], match["sub"]
        sent = json.loads(body) if body else {}
        if plural.endswith("reviews"):
            return self.status(500, "InternalError", "answer", body.decode(errors="replace"))
        name = name or sent["metadata"]["name"]
        key = (plural, ns, name)
        self.world.sent.append((plural, self.command, sent))
        if plural == "leases":
            return self.answer(200, self.world.put(plural, ns, name, sent))
        if key not in self.world.refused:
            self.world.refused.add(key)
            return self.refuse(key, body.decode(errors="replace"))
        if self.command == "DELETE":
            return self.answer(200, self.world.drop(key) or {})
        obj = json.loads(json.dumps(self.world.objects.get(key, {})))
        merge(obj, sent)
        self.world.plant(plural, obj)
        self.answer(200, self.world.put(plural, ns, name, obj))

    do_POST = do_PUT = do_PATCH = do_DELETE = write

    # --- a command in a container, by WebSocket (v5.channel.k8s.io)

    def frame(self, data):
        head = b"\x82" + (bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data)))
        self.connection.sendall(head + data)

    def read_input(self):
        """Until its end, or until nothing came for half a second."""
        self.connection.settimeout(0.5)
        said, buffer = b"", b""
        try:
            while True:
                buffer += self.connection.recv(65536)
                while len(buffer) >= 6:
                    size, at = buffer[1] & 127, 2
                    if size >= 126:
                        size, at = int.from_bytes(buffer[2:4 if size == 126 else 10], "big"), 4 if size == 126 else 10
                    if len(buffer) < at + 4 + size:
                        break
                    mask, data = buffer[at:at + 4], buffer[at + 4:at + 4 + size]
                    data = bytes(c ^ mask[i % 4] for i, c in enumerate(data))
                    buffer = buffer[at + 4 + size:]
                    if data[:1] == b"\xff":
                        return said
                    said += data[1:]
        except OSError:
            return said

    def exec(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.send_header("Sec-WebSocket-Protocol", "v5.channel.k8s.io")
        self.end_headers()
        said = self.read_input()
        self.world.sent.append(("exec", "", said.decode(errors="replace")))
        self.world.execs += 1
        canary, turn = self.world.canary("exec"), self.world.execs % 3
        if turn == 1:
            self.frame(b"\x02LINE 1: %s %s\npsql:<stdin>:3: ERROR: syntax error at or near \"%s\"\n"
                       % (said[-2000:], canary.encode(), canary.encode()))
            status = {"status": "Failure", "reason": "NonZeroExitCode", "message": canary,
                      "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}
        elif turn == 2:
            self.frame(b"\x01" + json.dumps({"lsn": canary, "serving": canary, "note": [canary]}).encode() + b"\n")
            status = {"status": "Success"}
        else:
            status = {"status": "Failure", "message": f"container {canary} not found: {canary}"}
        self.frame(b"\x03" + json.dumps(status).encode())
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # connections that were cut


def serve(world, folder):
    """A server on a free port of loopback; its kubeconfig is written into the folder."""
    certificate, key = f"{folder}/server.crt", f"{folder}/server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    handler = type("Bound", (Handler,), {"world": world})
    server = Server(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    token = world.canary("token of the kubeconfig")
    with open(f"{folder}/kubeconfig", "w", encoding="utf-8") as f:
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c",
                   "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{server.server_port}",
                                                          "certificate-authority": certificate}}],
                   "users": [{"name": "u", "user": {"token": token}}],
                   "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}, f)
    return server


def wait_for(what, condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.05)
