"""How the demo looks: colours and a table that is drawn over itself, on a terminal only."""

import os
import sys

TERMINAL = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
BOLD, DIM, RED, GREEN, YELLOW, OFF = (
    ("\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m", "\033[0m") if TERMINAL else ("",) * 6)


def state_of(pod, leader):
    """(colour, words) of one instance as Kubernetes shows it; nothing else is known here."""
    member = pod["member"]
    if pod["node_ready"] != "True":
        return RED, "node is off" if pod["node_off"] else "node does not answer"
    if leader and member.get("role") == "primary" and member.get("state") == "running":
        return GREEN, f"primary, timeline {member.get('timeline', '?')}"
    if member.get("replication_state") == "streaming":
        return GREEN, "streaming"
    return YELLOW, member.get("state", "starting")


class Table:
    """A live table of a cluster's instances. Off a terminal a row is printed when it changes."""

    def __init__(self, lab, cluster):
        self.lab, self.cluster = lab, cluster
        self.drawn = 0
        self.last = {}

    def rows(self):
        leader = self.lab.primary(self.cluster)
        nodes = self.lab.node_states()
        for name, pod in sorted(self.lab.pods(self.cluster).items()):
            node = nodes.get(pod["node"], {"ready": "True", "off": False})
            pod = {**pod, "node_ready": node["ready"], "node_off": node["off"]}
            yield name, pod["node"] or "-", state_of(pod, name == leader)

    def draw(self):
        rows = list(self.rows())
        if not TERMINAL:
            for name, node, (_, words) in rows:
                if self.last.get(name) != words:
                    print(f"      {name:<18} {node:<7} {words}", flush=True)
                self.last[name] = words
            return
        if self.drawn:
            sys.stdout.write(f"\033[{self.drawn}A")
        for name, node, (colour, words) in rows:
            sys.stdout.write(f"\033[2K      {name:<18} {node:<7} {colour}{words}{OFF}\n")
        sys.stdout.write("\033[J")
        sys.stdout.flush()
        self.drawn = len(rows)

    def watching(self, condition):
        """`condition`, with the table drawn each time it is asked."""
        def ask():
            self.draw()
            return condition()
        return ask

    def leave(self):
        """What follows is printed below."""
        self.drawn = 0


def spread(values):
    """min, median and max."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return ordered[0], median, ordered[-1]
