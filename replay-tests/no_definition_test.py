#!/usr/bin/env python3
"""An operator that is started before its definition is installed says so, is not ready, and goes on by
itself once it is there.

    replay-tests/no_definition_test.py PGO_OPERATOR
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from canary_test import canary, fetch, free_port, read  # noqa: E402
from hostile_api import World, serve, wait_for  # noqa: E402


def ready(port):
    """(status, text) of /readyz; (0, …) while nobody listens."""
    try:
        return 200, fetch(f"http://127.0.0.1:{port}/readyz").decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def main(operator):
    folder = tempfile.mkdtemp(prefix="pgo-no-definition-")
    world = World(canary, lambda plural, obj: None)
    world.missing.add("postgresclusters")
    server = serve(world, folder)
    health = free_port()
    env = {**os.environ, "PGO_NAMESPACE": "default"}
    try:
        with open(f"{folder}/log", "wb") as log:
            process = subprocess.Popen(
                [operator, "--data-dir", f"{folder}/data", "--kubeconfig", f"{folder}/kubeconfig",
                 "--listen", "127.0.0.1:0", "--health-listen", f"127.0.0.1:{health}"], env=env, stderr=log)
        try:
            words = "knows no PostgresCluster: install its definition"
            wait_for("not ready, with the reason", lambda: ready(health)[0] == 503 and words in ready(health)[1], 30)
            wait_for("the same in the log", lambda: words.encode() in read(f"{folder}/log"), 10)
            world.missing.clear()
            wait_for("ready by itself", lambda: ready(health)[0] == 200, 30)
            wait_for("told", lambda: b"knows PostgresCluster now" in read(f"{folder}/log"), 10)
            assert read(f"{folder}/log").count(words.encode()) == 1, "it is told once"
        finally:
            process.send_signal(signal.SIGTERM)
            world.stopping = True
            process.wait(30)
        server.shutdown()
        print("said, not ready, and ready once it was there")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
