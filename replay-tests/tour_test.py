#!/usr/bin/env python3
"""Runs every command of a page and compares what it prints with what the page shows.

    replay-tests/tour_test.py PGO PAGE.md BUNDLE...

In blocks ```console a line `$ COMMAND` is run by a shell, in an empty directory that holds copies of
the bundles; `pgo` is the program given. The lines below are its output: each stands there as it is,
in this order. A line `…` is for any lines, an `…` within a line for any text. `(exit status N)` as
the last line is for N other than 0.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile


def commands(page):
    """(line number, command, expected lines) of the page."""
    found, block = [], None
    with open(page, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if line.startswith("```"):
                block = None if block is not None else line[3:].strip()
            elif block == "console" and line.startswith("$ "):
                found.append((number, line[2:], []))
            elif block == "console" and found:
                if found[-1][1].endswith("\\"):
                    found[-1] = (found[-1][0], found[-1][1][:-1] + line.lstrip("> "), [])
                else:
                    found[-1][2].append(line)
    return found


def pattern(line):
    return re.compile(".*".join(re.escape(part) for part in line.split("…")) + r"\s*")


def mismatch(expected, printed):
    """What of the page is not in the output; None if all is."""
    at, free = 0, False
    for line in expected:
        if line.strip() == "…":
            free = True
            continue
        found = next((i for i in range(at, len(printed)) if pattern(line).fullmatch(printed[i])), None)
        if found is None or (found != at and not free):
            return f"the page shows\n    {line}\nbut it printed\n    " + "\n    ".join(printed[at:at + 12])
        at, free = found + 1, False
    if at < len(printed) and not free:
        return "it printed more than the page shows:\n    " + "\n    ".join(printed[at:at + 5])
    return None


def main():
    pgo, page, *bundles = sys.argv[1:]
    failed, all_of_it = 0, commands(page)
    with tempfile.TemporaryDirectory() as directory:
        for bundle in bundles:
            shutil.copy(bundle, directory)
        os.mkdir(os.path.join(directory, "bin"))
        os.symlink(os.path.abspath(pgo), os.path.join(directory, "bin", "pgo"))
        # No cluster: a command that asks for one fails.
        env = {"PATH": os.path.join(directory, "bin") + ":/usr/bin:/bin", "HOME": directory, "LANG": "C.UTF-8",
               "KUBECONFIG": "/nonexistent"}
        for number, command, expected in all_of_it:
            done = subprocess.run(["/bin/sh", "-c", command], cwd=directory, env=env, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=300, check=False)
            status = 0
            while expected and not expected[-1].strip():
                expected.pop()
            if expected and (said := re.fullmatch(r"\(exit status (\d+)\)", expected[-1])):
                status = int(said.group(1))
                expected.pop()
            wrong = mismatch(expected, done.stdout.rstrip("\n").split("\n") if done.stdout else [])
            if done.returncode != status:
                wrong = f"exit status {done.returncode}, not {status}\n    {done.stdout[-500:]}"
            if wrong:
                failed += 1
                print(f"{page}:{number}: $ {command}\n{wrong}")
    print(f"{len(all_of_it)} commands, {failed} failed")
    sys.exit(1 if failed or len(all_of_it) < 5 else 0)


if __name__ == "__main__":
    main()
