#!/usr/bin/env python3
"""Plants defects in the engine, one at a time, and sees whether the simulation finds them.

    replay-tests/simulation/mutants.py [--build DIR] [--seeds N] [--seconds S] [NAME...]

A mutant is a copy of one source file with one piece of text replaced. It is compiled by itself and
linked in front of the libraries, so that everything else is what was built: no switch, flag or hook
for it exists in the product. build/mutants/summary.json says what was planted and what caught it.
Exit status 1 if one that ought to be caught survives.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))

# name, file, what stands there, what is put in its place, how it is looked for if not by seeds once
MUTANTS = [
    ("release-without-version", "engine/rooms/failover/commands.cc",
     'p.goal = "release/" + id;\n  p.command = Patch{lock.ref, lock.uid, lock.rv, "",',
     'p.goal = "release/" + id;\n  p.command = Patch{lock.ref, lock.uid, "", "",'),
    ("proof-without-times", "engine/rooms/failover/evidence.cc",
     "if (*pod.database_finished_us < renewed_second) return {};", ""),
    ("candidate-not-synchronous", "engine/rooms/failover/candidate.cc",
     "if (operation.synchronous && !InSyncKey(in, instance->pod->name)) continue;", ""),
    ("candidate-furthest-last", "engine/rooms/failover/candidate.cc",
     "return a.timeline != b.timeline ? a.timeline > b.timeline : a.lsn > b.lsn;",
     "return a.timeline != b.timeline ? a.timeline > b.timeline : a.lsn < b.lsn;"),
    ("silence-is-proof", "engine/rooms/failover/failover.cc",
     "const bool proof = evidence.evidence == Class::kFenced ||",
     "const bool proof = evidence.evidence == Class::kSilent ||\n"
     "                     evidence.evidence == Class::kFenced ||"),
    ("acts-while-paused", "engine/rooms/rollout/rollout.cc",
     "if (in.view.spec().paused || in.view.spec().shutdown) {",
     "if (in.view.spec().shutdown) {"),
    ("scales-the-primary-away", "engine/rooms/scaling/candidates.cc",
     "if (!cluster::HoldsLock(cluster, *instance)) seats.push_back(Judge(cluster, member));",
     "seats.insert(seats.begin(), Judge(cluster, member));"),
    ("rollout-does-not-wait", "engine/rooms/rollout/work.cc",
     "std::string WhyNotNow(const ClusterView& view) {",
     "std::string WhyNotNow(const ClusterView& view) {\n  if (view.subject != nullptr) return \"\";"),
    # Either of engine.cc's two guards alone is enough, so both are taken away where they ask.
    ("decides-before-all-is-listed", "engine/cluster/world.cc",
     "if (needed && !listed_.contains(info.kind)) return false;", "static_cast<void>(needed);"),
    ("deletes-by-name", "engine/rooms/rollout/commands.cc",
     'p.command = Delete{{"Pod", in.view.key.ns, instance.pod->name}, instance.pod->uid, "", {}};',
     'p.command = Delete{{"Pod", in.view.key.ns, instance.pod->name}, "", "", {}};'),
    ("retries-without-pause", "engine/arbiter/ledger.cc",
     "if (now.elapsed_us < due) return {Verdict::kNotYet, 0, due};", ""),
    ("says-again-what-was-applied", "engine/decide.cc",
     "if (reason == Reason::kNone) return;\n    Proposal proposal;\n    proposal.reason = reason;\n"
     "    proposal.sentence = Sentence(reason, desired);\n    proposal.causes = CausesOf(live);\n"
     '    proposal.goal = "apply/',
     "Proposal proposal;\n    proposal.reason = reason;\n"
     "    proposal.sentence = Sentence(reason, desired);\n    proposal.causes = CausesOf(live);\n"
     '    proposal.goal = "apply/'),
    ("ready-without-a-primary", "engine/cluster/health.cc",
     "if (primary == nullptr) return WhyNoPrimary(cluster);", "if (primary == nullptr) return {};"),
    ("forgets-the-ledger-at-start", "engine/arbiter/ledger.cc",
     'entry.outcome = Outcome::kUnknown;\n', 'entry.outcome = Outcome::kOk;\n', ["--cuts"]),
    ("chance-in-a-decision", "engine/decide.cc",
     "action.attempt = ruling.attempt;",
     "static int calls = 0;\n    action.attempt = ruling.attempt + (++calls % 97 == 0 ? 1 : 0);", []),  # twice
]


def run(command, **options):
    return subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)


def commands(build):
    """How each source is compiled, and how the program is linked."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        compile_of = {os.path.relpath(e["file"], ROOT): e for e in json.load(file)}
    listed = run(["ninja", "-C", build, "-t", "commands", "pgo-simulate"]).stdout
    link = [line for line in listed.splitlines() if "-o bin/pgo-simulate" in line][-1]
    link = re.sub(r"^.*?&& (?=/\S*c\+\+|\S*ccache)", "", link).removesuffix("&& :").strip()
    return compile_of, link


def build_mutant(build, folder, compile_of, link, mutant):
    name, path, before, after = mutant[:4]
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        source = file.read()
    if source.count(before) != 1:
        sys.exit(f"mutants: {name}: {path} has this text {source.count(before)} times, not once: "
                 f"{before!r}; write the mutant anew")
    copy = os.path.join(folder, name + ".cc")
    with open(copy, "w", encoding="utf-8") as file:
        file.write(source.replace(before, after))
    entry = compile_of[path]
    target = os.path.join(folder, name + ".o")
    command = entry["command"].replace(entry["file"], copy)
    command = re.sub(r" -o \S+", f" -o {target}", command)
    made = run(["bash", "-c", f"cd {entry['directory']} && {command} -w"])
    if made.returncode != 0:
        sys.exit(f"mutants: {name} does not compile:\n{made.stdout}")
    program = os.path.join(folder, name)
    command = link.replace("-o bin/pgo-simulate", f"{target} -o {program}")
    made = run(["bash", "-c", f"cd {build} && {command}"])
    if made.returncode != 0:
        sys.exit(f"mutants: {name} does not link:\n{made.stdout}")
    return program


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--seconds", type=int, default=60, help="for each, at most")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    build = os.path.join(ROOT, options.build)
    folder = os.path.join(ROOT, "build", "mutants")
    os.makedirs(folder, exist_ok=True)
    compile_of, link = commands(build)
    rows = []
    for mutant in MUTANTS:
        if options.names and mutant[0] not in options.names:
            continue
        program = build_mutant(build, folder, compile_of, link, mutant)
        began = time.monotonic()
        how = mutant[4] if len(mutant) > 4 else ["--once"]
        done = run([program, "--until-alarm", *how, "--seeds", str(options.seeds), "--seconds",
                    str(options.seconds), "--jobs", str(options.jobs), "--output",
                    os.path.join(folder, mutant[0] + ".out")])
        alarm = re.search(r"^(\S+) at \d+ s: (\w+): (.*)$", done.stdout, re.M)
        row = {"name": mutant[0], "file": mutant[1], "caught": alarm is not None,
               "oracle": alarm.group(2) if alarm else "", "by": alarm.group(1) if alarm else "",
               "alarm": alarm.group(3)[:200] if alarm else "",
               "seconds": round(time.monotonic() - began, 1)}
        if alarm is None and done.returncode != 0:
            row["caught"], row["oracle"] = True, "crash"
        rows.append(row)
        print(f"{'caught  ' if row['caught'] else 'SURVIVED'} {mutant[0]}: "
              f"{row['oracle']} {row['by']} {row['alarm'][:90]} ({row['seconds']} s)", flush=True)
        os.unlink(program)
    caught = sum(row["caught"] for row in rows)
    with open(os.path.join(folder, "summary.json"), "w", encoding="utf-8") as file:
        json.dump({"planted": len(rows), "caught": caught, "mutants": rows}, file, indent=2)
    print(f"{caught} of {len(rows)} planted defects caught")
    return 0 if caught == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
