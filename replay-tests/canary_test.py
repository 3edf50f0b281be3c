#!/usr/bin/env python3
"""No secret leaves the operator by any door: the real operator against a server full of canaries.

    replay-tests/canary_test.py PGO_OPERATOR PGO

Canaries, each with the place it was put into, stand in every kind that is watched: annotations,
values of environment and arguments, data of Secrets and ConfigMaps, inline credentials of a
PostgresCluster, members that no definition names, messages of pods and conditions; and in whatever the
server says: errors, which repeat the request as well, answers to probes, output of commands. What the
operator itself made up and sent (passwords, keys, verifiers) counts as well. Not one of them may be in
what comes out: the journal's files, its records, the log, the metrics, the API's answers, a bundle, the
report, the output of pgo.
"""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundle_records import records  # noqa: E402
from hostile_api import World, serve, wait_for  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MARK = "Q7kanary"  # every canary begins so
PREFIX = "postgres-operator.crunchydata.com/"
# Keyed by the user and needed as they are: docs/operating/security.md names them.
KEYED = {"labels", "matchLabels", "selector", "limits", "requests", "capacity", "nodeSelector", "parameters",
         "dynamicConfiguration", "global", "annotations", "data", "options"}
PLURALS = {"Endpoints": "endpoints", "PersistentVolumeClaim": "persistentvolumeclaims"}
PATIENCE_S = 90
places = []


def canary(place):
    places.append(place)
    return f"{MARK}{len(places):06d}x"


def plural_of(kind):
    return PLURALS.get(kind, kind.lower() + "s")


def plant_members(value, path):
    """A member that no definition names, in every object; messages."""
    if isinstance(value, list):
        for item in value:
            plant_members(item, path + "[]")
    if not isinstance(value, dict):
        return
    for key in list(value):
        if key not in KEYED:
            plant_members(value[key], f"{path}.{key}")
    value["oddMember"] = {"deep": canary(path + ".oddMember")}
    if "reason" in value or path.endswith(("status", "conditions[]", "running", "terminated", "waiting")):
        value["message"] = canary(path + ".message")


def plant_container(container, path):
    container["env"] = [{"name": "A", "value": canary(path + " env")}]
    container["args"] = [canary(path + " args")]
    container["command"] = ["sh", "-c", canary(path + " command")]
    container["livenessProbe"] = {
        "exec": {"command": [canary(path + " probe")]},
        "httpGet": {"path": "/", "port": 1, "httpHeaders": [
            {"name": "Authorization", "value": canary(path + " header")}]}}
    container["lifecycle"] = {"preStop": {"exec": {"command": [canary(path + " lifecycle")]}}}


def plant_pod(spec, path):
    for name in ("containers", "initContainers"):
        for container in spec.get(name, []):
            plant_container(container, path)
    spec["securityContext"] = {"sysctls": [{"name": "kernel.x", "value": canary(path + " sysctl")}]}
    spec["hostAliases"] = [{"ip": "10.0.0.1", "oddMember": canary(path + " alias")}]
    spec.setdefault("volumes", []).append(
        {"name": "v", "csi": {"driver": "d", "volumeAttributes": {"x": canary(path + " volumeAttributes")}}})


def plant_credentials(spec):
    """Inline credentials, which the operator refuses to act on."""
    spec.setdefault("backups", {}).setdefault("pgbackrest", {})["global"] = {
        name: canary("global " + name) for name in (
            "repo1-s3-key", "repo1-s3-key-secret", "repo1-s3-token", "repo1-cipher-pass", "repo1-gcs-key",
            "repo1-azure-key", "repo1-azure-account-secret", "repo1-sftp-private-key-passphrase")}
    spec["backups"]["pgbackrest"]["manual"] = {
        "repoName": "repo1", "options": ["--type=full --repo1-cipher-pass=" + canary("manual options")]}
    spec["dataSource"] = {"pgbackrest": {
        "stanza": "db", "repo": {"name": "repo1"}, "global": {"repo1-s3-key": canary("dataSource global")},
        "options": ["--type=time", "--repo1-s3-key-secret=" + canary("dataSource options")]}}
    spec["patroni"] = {"dynamicConfiguration": {"postgresql": {
        "parameters": {"primary_conninfo": "host=a password=" + canary("primary_conninfo"),
                       "archive_command": f"curl https://u:{canary('URL in archive_command')}@store/x",
                       "ssl_passphrase_command": canary("ssl_passphrase_command")},
        "authentication": {"superuser": {"password": canary("authentication")}}}}}
    spec["config"] = {"parameters": {"primary_conninfo": "password=" + canary("parameters"),
                                     "my.secret": canary("my.secret")}}
    spec["authentication"] = {"rules": [
        {"connection": "host", "method": "ldap", "options": {"ldapbindpasswd": canary("ldapbindpasswd")}},
        {"connection": "host", "method": "radius", "options": {"radiussecrets": canary("radiussecrets")}}]}
    spec["users"] = [{"name": "rhino", "options": f"PASSWORD '{canary('options of a user')}'"}]


def plant_cluster(spec):
    spec["proxy"] = {"pgBouncer": {"config": {"global": {"auth_query": canary("pgBouncer")},
                                              "databases": {"x": canary("pgBouncer databases")}}}}
    spec["userInterface"] = {"pgAdmin": {"dataVolumeClaimSpec": {"accessModes": ["ReadWriteOnce"], "resources": {
        "requests": {"storage": "1Gi"}}}, "config": {"settings": {"MAIL_SERVER": canary("pgAdmin")}}}}
    spec["instrumentation"] = {"config": {"exporters": {"otlp": {"headers": {"x-team": canary("exporters")}}}}}
    for instance in spec["instances"]:
        instance["containers"] = [{"name": "side", "image": "i"}]
        plant_container(instance["containers"][0], "PostgresCluster sidecar")


def plant(plural, obj):
    """Canaries into every place of an object that is not meant to be journaled."""
    for part in ("spec", "status", "subsets", "rules", "roleRef"):
        if part in obj:
            if part != "status" or plural != "postgresclusters":
                plant_members(obj[part], f"{plural} {part}")
    obj["oddTop"] = canary(plural + " oddTop")
    meta = obj.setdefault("metadata", {})
    notes = meta.setdefault("annotations", {})
    for name in ("example.com/note", PREFIX + "note", "vault.hashicorp.com/secret"):
        notes[name] = canary(f"{plural} annotation {name}")
    notes["kubectl.kubernetes.io/last-applied-configuration"] = json.dumps({"x": canary(plural + " last-applied")})
    meta["managedFields"] = [{"manager": "m", "operation": "Update", "fieldsV1": {
        "f:data": {"f:x": {}, "v:\"%s\"" % canary(plural + " managedFields"): {}}}}]
    if plural == "postgresclusters":
        plant_cluster(obj["spec"])
    if plural == "pods":
        plant_pod(obj["spec"], "Pod")
        for status in obj["status"].get("containerStatuses", []) + obj["status"].get("initContainerStatuses", []):
            status["lastState"] = {"terminated": {"exitCode": 1, "reason": "Error", "message": canary("last words")}}
            if status["name"] == "postgres-startup":
                status["state"] = {"terminated": {"exitCode": 0, "message": json.dumps(
                    {"timeline": 1, "end": "0/5000148", "note": canary("last words of postgres-startup")})}}
    if plural in ("statefulsets", "jobs"):
        plant_pod(obj["spec"]["template"]["spec"], plural)
        obj["spec"]["template"].setdefault("metadata", {}).setdefault("annotations", {})["x/y"] = canary("template")
    if plural == "nodes":
        obj["spec"]["taints"] = [{"key": "k", "effect": "NoSchedule", "value": canary("taint")}]
    if plural == "secrets":
        for name in obj.get("data", {}):
            obj["data"][name] = base64.b64encode(canary("Secret " + name).encode()).decode()
    if plural == "configmaps":
        for name in obj.get("data", {}):
            obj["data"][name] = canary("ConfigMap " + name)


def seed(world, bundle):
    """The objects of a healthy cluster, as a journal of the past left them, with canaries."""
    last = {}
    for _, kind, _, payload in records(read(bundle)):
        if kind in (3, 4):
            event = json.loads(payload)
            key = (event["ref"]["kind"], event["ref"].get("ns", ""), event["ref"]["name"])
            last[key] = event.get("object")
    last["Job", "default", "hippo-backup"] = {
        "metadata": {"labels": {PREFIX + "cluster": "hippo"}}, "status": {"failed": 1, "conditions": [
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]},
        "spec": {"template": {"spec": {"containers": [{"name": "pgbackrest", "image": "i"}]}}}}
    # The operator makes these again.
    for name in ("hippo-pguser-hippo", "hippo-cluster-cert"):
        last["Secret", "default", name] = None
    # One cluster that is acted on, and one full of inline credentials.
    last["PostgresCluster", "default", "rhino"] = json.loads(json.dumps(last["PostgresCluster", "default", "hippo"]))
    last["PostgresCluster", "default", "rhino"]["metadata"]["uid"] = "uid-rhino"
    plant_credentials(last["PostgresCluster", "default", "rhino"]["spec"])
    for (kind, ns, name), obj in last.items():
        if obj is None:
            continue
        obj["metadata"].pop("managers", None)
        if "redacted" in obj:
            obj["data"] = {key: "" for key in obj.pop("redacted")}
        plant(plural_of(kind), obj)
        world.put(plural_of(kind), ns, name, obj)
    return sorted({key[0] for key, obj in last.items() if obj is not None})


def own_secrets(world):
    """What the operator made and sent: passwords, verifiers, keys; in SQL too."""
    found = {}
    for plural, _, sent in world.sent:
        texts = []
        if plural == "secrets" and isinstance(sent, dict):
            for source, decode in (("data", lambda v: base64.b64decode(v).decode()), ("stringData", str)):
                for name, value in (sent.get(source) or {}).items():
                    if not name.endswith(".crt") and name not in ("user", "host", "port", "dbname"):
                        texts += [(name, line) for line in decode(value).splitlines()]
        for match in re.findall(r"SCRAM-SHA-256\$[^'\"\\ ]+", sent if isinstance(sent, str) else ""):
            texts.append(("verifier in SQL", match))
        for name, text in texts:
            if len(text) >= 12 and "-----" not in text:
                found[text] = "made by the operator: " + name
    return found


def forms(text):
    """Ways in which a secret might stand somewhere."""
    raw = text.encode()
    yield raw
    yield raw.hex().encode()
    for lead in range(3):  # base64 wherever it begins
        coded = base64.b64encode(b"\0" * lead + raw)
        yield coded[(0, 2, 3)[lead]:len(coded) - 4]


def leaks(name, data, secrets):
    problems = []
    for match in set(re.findall(MARK.encode() + rb"(\d{6})x", data)):
        problems.append(f"{name} holds the canary of: {places[int(match) - 1]}")
    for form in list(forms(MARK))[1:]:
        if form in data:
            problems.append(f"{name} holds an encoded canary: {data[max(0, data.index(form) - 80):][:200]!r}")
    for secret, what in secrets.items():
        if any(form in data for form in forms(secret)):
            problems.append(f"{name} holds what was {what}")
    return problems


def read(path):
    with open(path, "rb") as f:
        return f.read()


def fetch(url, token=""):
    import ssl
    context = ssl._create_unverified_context()
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token} if token else {})
    with urllib.request.urlopen(request, context=context if url.startswith("https") else None, timeout=20) as answer:
        return answer.read()


def refused(url, token, status):
    try:
        fetch(url, token)
    except urllib.error.HTTPError as answer:
        assert answer.code == status, f"{url}: {answer.code} instead of {status}"
        return answer.read()
    raise AssertionError(f"{url} was answered to a stranger")


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run_operator(operator, folder, world):
    """Runs it until it has met everything; (what its doors gave, its log)."""
    health, api = free_port(), free_port()
    env = {**os.environ, "RELATED_IMAGE_POSTGRES_17": "localhost/pgo/postgres:17", "PGO_NAMESPACE": "default"}
    with open(f"{folder}/log", "wb") as log:
        process = subprocess.Popen(
            [operator, "--data-dir", f"{folder}/data", "--kubeconfig", f"{folder}/kubeconfig", "--debug",
             "--listen", f"127.0.0.1:{api}", "--health-listen", f"127.0.0.1:{health}"], env=env, stderr=log)
        try:
            wait_for("every kind of error, and a command's complaint", lambda: (
                process.poll() is not None or
                ({0, 1, 2, 3, 4, 5} <= world.told and b"exit status 3" in read(f"{folder}/log"))), PATIENCE_S)
            token = read(f"{folder}/data/api-token").decode()
            doors = {path: fetch(f"https://127.0.0.1:{api}{path}", token)
                     for path in ("/head", "/journal", "/frames", "/version")}
            stranger = canary("bearer token of a stranger")
            for _ in range(2):
                doors["what a stranger is told"] = refused(f"https://127.0.0.1:{api}/frames", stranger, 503)
            doors |= {path: fetch(f"http://127.0.0.1:{health}{path}") for path in ("/metrics", "/healthz")}
        finally:
            process.send_signal(signal.SIGTERM)
            world.stopping = True
            ended = process.wait(30)
    assert ended == 0, f"the operator ended with {ended}: {read(folder + '/log')[-2000:]}"
    return doors


def outputs(pgo, bundle, folder):
    """What pgo makes of the bundle."""
    page = f"{folder}/page.html"
    verbs = [["report", "hippo", "-o", page], ["history", "hippo"], ["history", "hippo", "-o", "json"],
             ["history", "rhino"], ["why", "hippo"], ["why", "hippo", "-o", "json"], ["state", "hippo"],
             ["state", "hippo", "-o", "json"], ["state", "rhino", "-o", "json"], ["blame", "hippo"]]
    for verb in verbs:
        done = subprocess.run([pgo, *verb, "--bundle", bundle], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, f"pgo {' '.join(verb)}: {done.returncode}: {done.stderr.decode()}"
        yield "pgo " + " ".join(verb[:2]), done.stdout + done.stderr
    yield "the report", read(page)


def main(operator, pgo):
    folder = tempfile.mkdtemp(prefix="pgo-canary-")
    try:
        world = World(canary, plant)
        kinds = seed(world, f"{HERE}/journals/create.pgoj")
        server = serve(world, folder)
        doors = run_operator(operator, folder, world)
        server.shutdown()
        secrets = own_secrets(world)
        bundle = f"{folder}/all.pgoj"
        subprocess.run([operator, "journal", "export", "--data-dir", f"{folder}/data", "-o", bundle], check=True)
        all_records = list(records(read(bundle)))
        problems = []
        for seq, kind, subjects, payload in all_records:
            problems += leaks(f"record {seq} (type {kind})", payload + " ".join(subjects).encode(), secrets)
        for name, data in list(doors.items()) + list(outputs(pgo, bundle, folder)):
            problems += leaks(name, data, secrets)
        for at, _, names in os.walk(f"{folder}/data"):
            for name in names:
                if name not in ("identity.json", "api-token"):
                    path = os.path.join(at, name)
                    problems += leaks(path[len(folder):], read(path), secrets)
        log = read(f"{folder}/log")
        problems += leaks("the log", log, secrets)
        # What was looked through was worth looking through.
        seen = {json.loads(p)["ref"]["kind"] for _, k, _, p in all_records if k == 3}
        failed = [json.loads(p) for _, k, _, p in all_records if k == 7 and b'"message"' in p]
        assert seen >= set(kinds), f"never observed: {set(kinds) - seen}"
        assert any("Invalid value" in d["message"] and "…" in d["message"] for d in failed), failed[:5]
        assert any("syntax error" in d["message"] for d in failed), "no command's complaint was journaled"
        assert b"exit status 3" in log
        assert len(secrets) >= 3, f"the operator made no secrets: {secrets}"
        assert len(places) > 500, f"only {len(places)} canaries"
        for problem in sorted(set(problems))[:40]:
            print(problem)
        print(f"{len(places)} canaries and {len(secrets)} secrets of the operator's own in {len(all_records)} records, "
              f"{len(log)} bytes of log and {len(doors)} answers: {len(set(problems))} leaks")
        return 1 if problems else 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
