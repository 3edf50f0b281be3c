"""What can happen to a cluster, one function each: it does it and waits until the client writes again.

Each gives what must hold afterwards: `since` (when it began), `gap_max` (seconds between two answered
writes), `class` (the evidence that `pgo why` must name, where it is certain), `restore` (a node whose
power was cut). Nothing here tells the operator what was done: it sees only what Kubernetes shows.
"""

import os
import signal
import time

import lab as L


def kill_postgres(f, writer):
    """The primary's postmaster is killed: it is back in place, or another takes over; nothing is lost."""
    old = f.primary()
    since = time.time()
    os.kill(L.wait_for("its postmaster", lambda: f.lab.postmaster(old), 10), signal.SIGKILL)
    f.writes_again(writer, since)
    return {"gap_max": 25, "since": since}


def power_off_reported(f, writer):
    """Class F: the node is off and its cloud says so."""
    old = f.primary()
    node = f.node_of(old)
    since = time.time()
    f.off = node
    f.lab.power_off(node)
    f.lab.report_off(node)
    f.another_primary(old, 60)
    f.writes_again(writer, since)
    return {"gap_max": 25, "since": since, "class": "F", "restore": node}


def power_off_silent(f, writer):
    """Class X: the node is off and nobody says so. Patroni's own lease decides."""
    old = f.primary()
    node = f.node_of(old)
    since = time.time()
    f.off = node
    f.lab.power_off(node)
    f.another_primary(old, 90)
    f.writes_again(writer, since)
    return {"gap_max": 60, "since": since, "class": "X", "restore": node}


def api_stall(f, writer):
    """Class C: the API server is silent for 30 s. Nobody is promoted and writes go on."""
    old = f.primary()
    timeline = f.lab.pods(f.cluster)[old]["member"].get("timeline")
    since = time.time()
    f.lab.local("api", "stop")
    try:
        end = time.monotonic() + 30
        L.wait_for("30 s to pass", lambda: time.monotonic() > end, 40)
    finally:
        f.lab.local("api", "start")
    L.wait_for("the primary is seen again", lambda: f.lab.primary(f.cluster), 60)
    f.writes_again(writer, time.time())
    if f.lab.primary(f.cluster) != old or f.lab.pods(f.cluster)[old]["member"].get("timeline") != timeline:
        raise L.Failed("somebody was promoted in the stall")
    return {"gap_max": 10, "since": since}


def kill_container(f, writer):
    """The primary's database container dies as a whole (as by the kernel's OOM killer)."""
    old = f.primary()
    since = time.time()
    f.lab.local("pod", "kill-container", old, "database")
    f.writes_again(writer, since)
    return {"gap_max": 30, "since": since}


def delete_pod(f, writer):
    """The primary's pod is deleted politely: Patroni releases the lock itself (class R)."""
    old = f.primary()
    since = time.time()
    f.lab.delete_pod(old)
    f.another_primary(old, 60)
    f.writes_again(writer, since)
    return {"gap_max": 30, "since": since, "class": "R"}


def force_delete_pod(f, writer):
    """The primary's pod is deleted by force: its object is gone at once, which proves nothing."""
    old = f.primary()
    since = time.time()
    f.lab.delete_pod(old, grace=0)
    f.writes_again(writer, since)
    return {"gap_max": 50, "since": since}


def switch_over(f, writer):
    """Class A: a person asks for it."""
    old = f.primary()
    since = time.time()
    f.lab.pgo("failover", f.cluster, "--no-prompt", seconds=120)
    f.another_primary(old, 60)
    f.writes_again(writer, since)
    return {"gap_max": 25, "since": since, "class": "A"}


def _apart(f, writer, begin, end, node):
    """A node that goes on living out of sight, longer than a lease, and comes back."""
    old = f.primary()
    since = time.time()
    begin()
    try:
        f.another_primary(old, 90)
        f.writes_again(writer, since)
    finally:
        end()
    f.no_second_primary(old)
    return {"gap_max": 60, "since": since, "class": "X"}


def freeze_node(f, writer):
    """Every process of the primary's node stands still; when it wakes it still thinks it leads."""
    node = f.node_of(f.primary())
    return _apart(f, writer, lambda: f.lab.local("node", "freeze", node),
                  lambda: f.lab.local("node", "thaw", node), node)


def cut_node(f, writer):
    """The primary's node is cut off from everything; its PostgreSQL goes on."""
    node = f.node_of(f.primary())
    return _apart(f, writer, lambda: f.lab.local("node", "cut", node),
                  lambda: f.lab.local("node", "heal", node), node)


def cut_api(f, writer):
    """The primary's node cannot reach the API server; everything else works. With failsafe_mode the
    primary goes on as long as all members answer it; either way nothing is lost."""
    node = f.node_of(f.primary())
    since = time.time()
    f.lab.local("api", "cut", node)
    try:
        end = time.monotonic() + 45  # longer than the lease of 30 s
        L.wait_for("45 s to pass", lambda: time.monotonic() > end, 60)
    finally:
        f.lab.local("api", "heal", node)
    f.writes_again(writer, time.time())
    return {"gap_max": 60, "since": since}


def lose_writes(f, writer):
    """Asynchronous: the primary goes on alone for a moment and then its node goes off (class F). What it
    acknowledged meanwhile is lost, and the journal must tell the range."""
    old = f.primary()
    pods = f.lab.pods(f.cluster)
    node = pods[old]["node"]
    others = sorted({pod["node"] for pod in pods.values()} - {node})
    for other in others:
        f.lab.local("link", "cut", node, other)
    alone = len(writer.acks)
    since = time.time()
    try:
        L.wait_for("rows that no replica has", lambda: len(writer.acks) > alone + 40, 30)
        f.off = node
        f.lab.power_off(node)
        f.lab.report_off(node)
    finally:
        for other in others:
            f.lab.local("link", "heal", node, other)
    f.another_primary(old, 60)
    f.writes_again(writer, since)
    return {"gap_max": 30, "since": since, "class": "F", "restore": node, "must_lose": True}


def namesakes(f, writer):
    """A primary that ends slowly is deleted politely and then by force: Kubernetes makes a pod of the same
    name beside it, on the same volume. It must wait until the old PostgreSQL has ended."""
    old = f.primary()
    uid = f.lab.pods(f.cluster)[old]["uid"]
    postmaster = L.wait_for("its postmaster", lambda: f.lab.postmaster(old), 10)
    since = time.time()
    os.kill(postmaster, signal.SIGSTOP)  # it will not end before its grace is over
    f.lab.delete_pod(old, grace=15)
    L.wait_for("its deletion has begun", lambda: f.lab.deleting(old), 30)
    f.lab.delete_pod(old, grace=0)
    L.wait_for("a pod of the same name", lambda: (
        lambda pod: pod and pod["uid"] != uid)(f.lab.pods(f.cluster).get(old)), 60)
    L.wait_for("it says that it waits", lambda: "another container still uses this volume" in
               f.lab.log(old, "database"), 60)
    if not os.path.exists(f"/proc/{postmaster}"):
        raise L.Failed("the old postmaster had ended already: nothing was proven")
    f.writes_again(writer, since, 120)
    return {"gap_max": 90, "since": since}
