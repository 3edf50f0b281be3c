#include "engine/rooms/backups/scripts.h"

namespace pgo::rooms::backups {
namespace {

constexpr const char* kRemote = R"python(
import base64, json, os, socket, ssl, struct, sys, time, urllib.parse, urllib.request

NS, SELECTOR, COMMAND = sys.argv[1], sys.argv[2], sys.argv[3:]
TRUST = "/var/run/secrets/kubernetes.io/serviceaccount/"
HOST, PORT = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ.get("KUBERNETES_SERVICE_PORT", 443))
TLS = ssl.create_default_context(cafile=TRUST + "ca.crt")
SILENCE = 600  # seconds

def token():
    with open(TRUST + "token") as f:
        return f.read().strip()

def find_pod():
    server = "https://%s:%d" % ("[%s]" % HOST if ":" in HOST else HOST, PORT)
    path = "/api/v1/namespaces/%s/pods?labelSelector=%s" % (NS, urllib.parse.quote(SELECTOR))
    request = urllib.request.Request(server + path, headers={"Authorization": "Bearer " + token()})
    with urllib.request.urlopen(request, context=TLS, timeout=15) as answer:
        pods = json.load(answer)["items"]
    for pod in pods:
        states = pod.get("status", {}).get("containerStatuses", [])
        if any(c["name"] == "pgbackrest" and "running" in c.get("state", {}) for c in states):
            if not pod["metadata"].get("deletionTimestamp"):
                return pod["metadata"]["name"]
    raise OSError("the repository host does not run")

class Stream:
    """The server's side of a WebSocket, frame by frame (RFC 6455)."""
    def __init__(self, pod):
        query = [("container", "pgbackrest"), ("stdout", "1"), ("stderr", "1")]
        query += [("command", word) for word in COMMAND]
        raw = socket.create_connection((HOST, PORT), timeout=15)
        self.socket = TLS.wrap_socket(raw, server_hostname=HOST)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(("\r\n".join([
            "GET /api/v1/namespaces/%s/pods/%s/exec?%s HTTP/1.1" % (NS, pod, urllib.parse.urlencode(query)),
            "Host: %s:%d" % (HOST, PORT), "Authorization: Bearer " + token(),
            "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: " + key,
            "Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io", "", ""])).encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise OSError("exec: " + head.split(b"\r\n")[0].decode(errors="replace"))
        self.socket.settimeout(60)

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise OSError("the connection ended")
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def send(self, opcode, data=b""):
        mask = os.urandom(4)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        self.socket.sendall(bytes([0x80 | opcode, 0x80 | len(data)]) + mask + masked)

    def frame(self):
        first, second = self.take(2)
        size = second & 0x7f
        if size == 126:
            size = struct.unpack(">H", self.take(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.take(8))[0]
        return first & 0x0f, self.take(size)

    def follow(self):
        """The command's exit status; None if the stream ended without one."""
        while True:
            try:
                opcode, data = self.frame()
            except socket.timeout:
                self.send(9)  # a ping: whoever is dead does not answer, and the next wait says so
                continue
            if opcode == 8:
                return None
            if opcode == 9:
                self.send(10, data[:125])
            if opcode not in (0, 1, 2) or len(data) < 2:
                continue
            if data[0] in (1, 2):
                os.write(data[0], data[1:])
            if data[0] == 3:
                status = json.loads(data[1:])
                if status.get("status") == "Success":
                    return 0
                causes = status.get("details", {}).get("causes", [])
                codes = [c["message"] for c in causes if c.get("reason") == "ExitCode"]
                if codes:
                    return int(codes[0])
                raise OSError(status.get("message", "exec failed"))

heard = time.monotonic()
while True:
    try:
        stream = Stream(find_pod())
        heard = time.monotonic()
        status = stream.follow()
        if status is not None and status != 75:
            sys.exit(status)
        heard = time.monotonic() if status is None else heard
    except (OSError, ValueError, KeyError) as error:
        print("backup: %s" % error, file=sys.stderr, flush=True)
    if time.monotonic() - heard > SILENCE:
        print("backup: no contact for %d s" % SILENCE, file=sys.stderr)
        sys.exit(75)
    time.sleep(2)
)python";

}  // namespace

std::string RemoteScript() { return kRemote; }

}  // namespace pgo::rooms::backups
