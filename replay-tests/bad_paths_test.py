#!/usr/bin/env python3
"""Whatever a path leads to, every command that takes one ends soon, with status 1 or 2 and one line
that says what is wrong.

    replay-tests/bad_paths_test.py PGO PGO_OPERATOR BUNDLE
"""

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile

LIMIT_S = 20
SEED = 20260421


def commands(pgo, operator, bundle, out):
    """(name, argv with PATH where the path goes)."""
    read = [["why", "hippo"], ["history", "hippo"], ["state", "hippo"], ["diff", "hippo", "--from", "5"],
            ["blame", "hippo"], ["verify"], ["replay"], ["report", "hippo", "-o", f"{out}/page.html", "--force"],
            ["rehearse", "hippo"]]
    for words in read:
        yield f"pgo {words[0]} --bundle", [pgo, *words, "--bundle", "PATH"]
    for verb in ("why", "history", "state", "verify", "report", "rehearse", "replay"):
        yield f"pgo {verb} FILE", [pgo, verb, "PATH"]
    yield "pgo replay --verify FILE", [pgo, "replay", "--verify", "PATH"]
    yield "pgo apply -f", [pgo, "apply", "-f", "PATH"]
    yield "pgo --kubeconfig", [pgo, "--kubeconfig", "PATH", "show", "cluster", "hippo"]
    yield "pgo --config", [pgo, "--config", "PATH", "history", "hippo"]
    yield "pgo rehearse --with", [pgo, "rehearse", bundle, "--with", "PATH"]
    for words in (["status"], ["retention", "--journal-max-age", "1d"], ["compact"],
                  ["export", "-o", f"{out}/all.pgoj"], ["salvage"]):
        yield f"pgo-operator journal {words[0]}", [operator, "journal", *words, "--data-dir", "PATH"]
    yield "pgo-operator --kubeconfig", [operator, "--data-dir", f"{out}/data", "--kubeconfig", "PATH"]


def paths(folder, bundle):
    """(what it is, path): none of them is what any command wants."""
    def file(name, data):
        path = f"{folder}/{name}"
        with open(path, "wb") as f:
            f.write(data)
        return path
    chance = random.Random(SEED)
    with open(bundle, "rb") as f:
        good = f.read()
    yield "nothing there", f"{folder}/nothing.pgoj"
    yield "an empty file", file("empty.pgoj", b"")
    yield "a folder", os.path.join(folder, "folder")
    yield "/dev/null", "/dev/null"
    yield "/dev/zero", "/dev/zero"
    yield "a socket", f"{folder}/socket"
    yield "a pipe without a writer", f"{folder}/pipe"
    yield "a link to itself", f"{folder}/loop"
    yield "a path below a file", file("file.pgoj", b"x") + "/below"
    yield "a name too long", f"{folder}/" + "n" * 300
    yield "a database of something else", f"{folder}/other"
    yield "random bytes", file("random.pgoj", chance.randbytes(5000))
    yield "text", file("text.pgoj", b"{[\x00 \xff: - 'x\n" * 50)
    for size in (1, 8, 12, 13, 40, 200, len(good) // 2, len(good) - 40, len(good) - 1):
        yield f"a bundle cut at {size}", file(f"cut{size}.pgoj", good[:size])
    for _ in range(6):
        at = chance.randrange(len(good))
        flipped = bytearray(good)
        flipped[at] ^= 1 << chance.randrange(8)
        yield f"a bundle with byte {at} flipped", file(f"flip{at}.pgoj", bytes(flipped))


def prepare(folder):
    os.mkdir(f"{folder}/folder")
    os.mkfifo(f"{folder}/pipe")
    os.symlink("loop", f"{folder}/loop")
    for path in (f"{folder}/other", f"{folder}/other/journal"):
        os.mkdir(path)
        for name, data in (("CURRENT", b"MANIFEST-000001\n"), ("MANIFEST-000001", b"not one of ours"),
                           ("IDENTITY", b"x"), ("000003.log", b"\0" * 100)):
            with open(f"{path}/{name}", "wb") as f:
                f.write(data)
    with open(f"{folder}/hidden.pgoj", "wb") as f:
        f.write(b"secret")
    os.chmod(f"{folder}/hidden.pgoj", 0)
    heard = socket.socket(socket.AF_UNIX)
    heard.bind(f"{folder}/socket")
    heard.listen()
    return heard


def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def judge(argv, env, nobody=False):
    """What is wrong with how the command took it; None: nothing."""
    try:
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S,
                              check=False, preexec_fn=as_nobody if nobody else None)
    except subprocess.TimeoutExpired:
        return f"did not end within {LIMIT_S} s"
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode not in (1, 2):
        return f"ended with {done.returncode}: {(said or done.stdout.decode(errors='replace'))[-300:]!r}"
    if not said or "\n" in said:
        return f"said not one line but: {said[-400:]!r}"
    if len(said) > 1300 or any(ord(c) < 32 for c in said):
        return f"said what nobody can read: {said[:200]!r}"
    return None


def main(pgo, operator, bundle):
    folder = tempfile.mkdtemp(prefix="pgo-paths-")
    out = tempfile.mkdtemp(prefix="pgo-paths-out-")
    env = {"PATH": os.environ["PATH"], "HOME": out}
    problems, tried = [], 0
    try:
        heard = prepare(folder)
        for name, argv in commands(pgo, operator, bundle, out):
            for what, path in paths(folder, bundle):
                tried += 1
                problem = judge([path if word == "PATH" else word for word in argv], env)
                if problem:
                    problems.append(f"{name}, {what}: {problem}")
            if os.getuid() == 0:
                os.chmod(folder, 0o755)
                os.chmod(out, 0o777)
                tried += 1
                hidden = [f"{folder}/hidden.pgoj" if word == "PATH" else word for word in argv]
                problem = judge(hidden, env, nobody=True)
                if problem:
                    problems.append(f"{name}, a file that may not be read: {problem}")
        heard.close()
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(out)
    for problem in problems:
        print(problem)
    print(f"{tried} tries, {len(problems)} not taken well")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*(os.path.abspath(path) for path in sys.argv[1:])))
