#!/usr/bin/env python3
"""Standby copies: what a survivor reads when the owner of a task is killed, in memory and on disk.

  test_standby.py     KLAMM_STANDBY_KEYS keys (20,000)

Two processes with folders of their own share a topology. Once the copies are complete one of them is killed:
the other goes on with its tasks, having read of their changelogs what came after its copies, and nothing else.
Then its successor gets tasks back. `none` does the same without copies, and reads all of it.
"""
import os
import re

from kafkatest import Scratch, check, same, say

KEYS = int(os.environ.get("KLAMM_STANDBY_KEYS", "20000"))
PARTITIONS = 4
TOPOLOGY = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}", session.timeout.ms: 6000}
state: {backend: BACKEND, dir: DIR, standby: STANDBY}
memory: {limit: 256MB}
streams:
  rows:
    from: {topic: IN, value: json, key: {k: string}, columns: {k: string, v: long}}
  totals:
    from: rows
    steps:
      - aggregate: count() as n, sum(v) as s
      - select: k, n, s
    to: {topic: OUT, value: csv}
"""


class Pair:
    """Two processes of one topology; what it reads and writes."""

    def __init__(self, s, name, backend, standby):
        self.s, self.name, self.backend, self.standby = s, name, backend, standby
        self.group = f"klamm-{s.name(name)}"
        self.changelog = f"{name}-totals-aggregate-changelog"
        self.sent = 0
        s.topic(f"{name}-in", PARTITIONS)

    def start(self, number):
        text = TOPOLOGY
        for word, value in (("NAME", self.s.name(self.name)), ("BACKEND", self.backend),
                            ("DIR", f"{self.s.dir}/{self.name}-{number}"), ("STANDBY", self.standby),
                            ("IN", self.s.name(f"{self.name}-in")), ("OUT", self.s.name(f"{self.name}-out"))):
            text = text.replace(word, value)
        file = self.s.file(f"{self.name}-{number}.yaml", text)
        return self.s.start("run", file, "--log-level", "debug")

    def send(self, keys):
        rows = [(b"k%d" % k, b'{"k":"k%d","v":%d}' % (k, self.sent + i)) for i, k in enumerate(keys)]
        self.s.produce(f"{self.name}-in", rows)
        self.sent += len(rows)

    def wait_shared(self, *processes):
        """Until each has half of the tasks."""
        def shared():
            state, members = self.s.members(self.group)
            return state == "Stable" and sorted(members.values()) == [PARTITIONS // len(processes)] * len(processes)
        self.s.wait_until("the tasks are shared", shared, alive=processes)

    def wait_consumed(self, *processes):
        self.s.wait_consumed(self.group, f"{self.name}-in", alive=processes)
        self.s.wait_decided(self.changelog)

    def changes(self, partitions):
        return sum(r.partition in partitions for r in self.s.read(self.changelog))

    def check_counts(self, rounds):
        """Of each key the last result counts all of its rows."""
        self.s.wait_decided(f"{self.name}-out")
        last = {r.key: r.value for r in self.s.read(f"{self.name}-out")}
        counts = sorted((key, int(value.split(b",")[1])) for key, value in last.items())
        same(f"{self.name}: counts", counts, sorted((b"k%d" % k, rounds) for k in range(KEYS)))


def kept(p):
    """Partitions of which a process has a complete copy."""
    return {int(n) for n in re.findall(r"standby copy of \S+ partition (\d+): complete", p.errors())}


def wait_copied(pair, p):
    pair.s.wait_until("the copies are complete", lambda: len(kept(p)) == PARTITIONS // 2, alive=[p])
    n = pair.changes(kept(p))
    check(n >= KEYS // 4, f"only {n} changes to copy")

    def read():
        found = re.findall(r"standby: \d+ copies, (\d+) changes read, at most 0 behind", p.errors())
        return found and int(found[-1]) >= n
    pair.s.wait_until("the copies are up to date", read, alive=[p])
    return n


def restored(p):
    """(changes read, since what) of each restore."""
    found = re.findall(r"restored \S+ partition \d+: (\d+) changes?( since its standby copy| since its checkpoint)?, ",
                       p.errors(), re.M)
    return [(int(n), since.split()[-1] if since else "") for n, since in found]


def takeover(s, name, backend, standby):
    pair = Pair(s, name, backend, standby)
    first = pair.start(1)
    s.wait_until("the first is a member", lambda: s.members(pair.group)[1], alive=[first])
    second = pair.start(2)
    pair.wait_shared(first, second)
    for _ in range(2):
        pair.send(range(KEYS))
    pair.wait_consumed(first, second)
    copied = wait_copied(pair, second) if standby != "0" else pair.changes(range(PARTITIONS)) // 2
    before = len(restored(second))

    first.kill()
    pair.send(range(KEYS))
    pair.wait_consumed(second)
    found = restored(second)[before:]
    if standby == "0":
        check(sum(n for n, _ in found) >= KEYS // 4, f"{found}\n{second.errors()}")
        say(f"{name}: without copies {sum(n for n, _ in found)} changes were read")
    else:
        since = "copy" if backend == "memory" else "checkpoint"
        same(f"{name}: restores", found, [(0, since)] * (PARTITIONS // 2))
        say(f"{name}: of {copied} changes, 0 were read when the owner was killed")
    pair.check_counts(3)

    third = pair.start(1)  # the same folder: the same member
    pair.wait_shared(second, third)
    pair.send(range(KEYS))
    pair.wait_consumed(second, third)
    pair.check_counts(4)
    for p in (third, second):
        check(p.stop() == 0, p.errors())
    if standby != "0":
        check("standby: " in second.errors().splitlines()[-1] or "changes read" in second.errors(), second.errors())


with Scratch("standby") as s:
    takeover(s, "memory", "memory", "all")
    takeover(s, "disk", "rocksdb", "1")
    takeover(s, "none", "memory", "0")
