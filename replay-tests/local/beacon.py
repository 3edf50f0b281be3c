"""What runs in the pods of verbs.py: answers pings, and writes down whom it reaches.

    beacon.py NAME PORT TARGET=HOST:PORT...

Every 100 ms it replaces /data/state: {"tick": N, "t": seconds, "seen": {TARGET: seconds of the last answer}}.
An endless connection per target is kept in "line": how many answers came over that one connection.
"""

import json
import os
import socket
import sys
import threading
import time

NAME, PORT, TARGETS = sys.argv[1], int(sys.argv[2]), dict(item.split("=") for item in sys.argv[3:])
seen, line = {}, {}


def answer(connection):
    with connection:
        while True:
            if not connection.recv(1):
                return
            connection.sendall(b"!")


def serve():
    server = socket.create_server(("0.0.0.0", PORT), backlog=64)
    while True:
        threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()


def ping(target, host, port):
    """A new connection each time: can it be made now?"""
    while True:
        try:
            with socket.create_connection((host, port), timeout=1) as s:
                if target != "api":  # it speaks TLS: that it accepts says enough
                    s.sendall(b"?")
                    s.recv(1)
            seen[target] = time.time()
        except OSError:
            pass
        time.sleep(0.1)


def hold(target, host, port):
    """One connection for ever: does it stay open, and go on?"""
    while True:
        try:
            with socket.create_connection((host, port), timeout=2) as s:
                s.settimeout(None)
                line[target] = 0
                while True:
                    s.sendall(b"?")
                    if not s.recv(1):
                        break
                    line[target] += 1
                    time.sleep(0.05)
        except OSError:
            pass
        time.sleep(0.2)


threading.Thread(target=serve, daemon=True).start()
for name, place in TARGETS.items():
    where = place.split(":")
    threading.Thread(target=ping, args=(name, where[0], int(where[1])), daemon=True).start()
    if name != "api":
        threading.Thread(target=hold, args=(name, where[0], int(where[1])), daemon=True).start()
tick = 0
while True:
    tick += 1
    with open("/data/state.new", "w", encoding="utf-8") as f:
        json.dump({"tick": tick, "t": time.time(), "seen": seen, "line": line}, f)
    os.replace("/data/state.new", "/data/state")
    if tick % 10 == 0:
        print("tick", tick, flush=True)
    time.sleep(0.1)
