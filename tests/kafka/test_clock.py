#!/usr/bin/env python3
"""The wall clock of a worker is set while it runs under load (preload_clock.c): a day ahead, a day back again, and a
day behind. Rows, commits, idle time-outs and `emit: {every}` must go on each time, and the soak's checker finds
each record once and in order.

  ahead     records of the future, to which a broker has something to say
  jumps     under load; a partition that falls silent lets its window close, a window that changes says so
  quiet     with nothing to read: it stays a member that answers, hands over what another asks for, and ends
  restarts  kill -9, and on the same folder again: a checkpoint is used, unless it is half a day old by the clock,
            or from its future
"""
import json
import mmap
import os
import re
import struct
import subprocess
import sys
import time

from kafkatest import Scratch, check, say
from numbered import BUILD, Numbered

SKIPPED, DAY = 77, 86400000
OLD, FUTURE, USED = "too old", "the clock was set back since, so its age is not known", "used"
PRELOAD = os.path.join(BUILD, "preload_clock.so")
SESSION = {"kafka.session.timeout.ms": 3000, "kafka.heartbeat.interval.ms": 300}
SIDE = """
  side:
    from: {topic: SIDE, value: json, key: {k: string}, columns: {k: string, ts: long}}
    time: {field: ts, idle: 1s}
  closed:
    from: side
    steps: [key_by: "'all' as g", window: {tumbling: 1s, aggregate: count() as n}, select: "window_start, n"]
    to: {topic: CLOSED, value: json}
  changed:
    from: side
    steps: [window: {tumbling: 1000d, emit: {every: 200ms}, aggregate: count() as n}, select: n]
    to: {topic: CHANGED, value: json}
"""


QUIET = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}", session.timeout.ms: 3000, heartbeat.interval.ms: 300}
state: {dir: DIR}
streams:
  rows:
    from: {topic: IN, value: json, key: {k: string}, columns: {k: string}}
  totals:
    from: rows
    steps: [aggregate: count() as n]
    to: {topic: OUT, value: csv}
"""


AHEAD = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}"}
state: {dir: DIR}
streams:
  rows:
    from: {topic: IN, value: json, columns: {k: string, ts: long}}
    time: {field: ts}
    steps: [key_by: k, running: count() as n]
    to: {topic: OUT, value: csv}
"""


class Clock:
    """How far the workers' wall clock is ahead, ms."""

    def __init__(self, path):
        with open(path, "w+b") as f:
            f.write(bytes(8))
            f.flush()
            self.map = mmap.mmap(f.fileno(), 8)
        self.env = {"LD_PRELOAD": PRELOAD, "KLAMM_CLOCK_FILE": path}

    def set(self, ms):
        self.map[:8] = struct.pack("=q", ms)
        shown = subprocess.run(["date", "+%s"], env={**os.environ, **self.env}, text=True, stdout=subprocess.PIPE).stdout
        check(abs(int(shown) - time.time() - ms / 1000) < 600, f"the clock cannot be set: it is {shown}")
        say(f"clock: {ms / DAY:+.0f} d")


def start(name):
    """With a short session, so that who does not answer is found out."""
    text = SIDE
    for topic in ("side", "closed", "changed"):
        text = text.replace(topic.upper(), s.name(topic))
    return load.start(f"{s.dir}/state-{name}", SESSION, clock.env, text)


def values(topic, column):
    return [json.loads(r.value)[column] for r in s.read(topic)]


def side(second):
    """Two rows into one of two partitions: the window of the first can close when the other counts as idle."""
    for i, ts in enumerate((second * 1000, second * 1000 + 2000)):
        s.produce("side", [(b"k", b'{"k":"k","ts":%d}' % ts)], 0)
        total = second + i
        s.wait_until("a change is told", lambda: total in values("changed", "n"), alive=[worker])
    s.wait_until("a window closes beside a silent partition",
                 lambda: 1000 * second in values("closed", "window_start"), alive=[worker])


def ahead():
    """Rows two hours ahead of the broker's clock, which max_ahead lets pass: into a topic of klamm's making they go,
    through a repartition; an older one may refuse them, which ends the run with the remedy."""
    s.topic("ahead-in", 1)
    s.topic("ahead-old", 1)
    rows = [(b"k", b'{"k":"k%d","ts":%d}' % (i, (time.time() + 7200) * 1000)) for i in range(20)]
    s.produce("ahead-in", rows)
    for out, status in (("ahead-new", 0), ("ahead-old", 1)):
        text = AHEAD
        for word, value in (("NAME", s.name(f"for-{out}")), ("DIR", f"{s.dir}/{out}"), ("IN", s.name("ahead-in")),
                            ("OUT", s.name(out))):
            text = text.replace(word, value)
        errors = s.klamm("run", s.file(f"{out}.yaml", text), "--until-end", status=status)[1]
        check(status == 0 or "message.timestamp.after.max.ms" in errors, errors)
    check(len(s.read("ahead-new")) == 20 and not s.read("ahead-old"), "rows of two hours ahead are lost")
    say("ahead: written, or refused with the remedy")


def jumps():
    side(1)
    for at, second in ((DAY, 3), (0, 5), (-DAY, 7), (DAY, 9), (0, 11)):
        clock.set(at)
        load.wait_all("all goes on", [worker])
        side(second)
        load.wait_on("all goes on", [worker])


def start_quiet(number):
    text = QUIET
    for word, value in (("NAME", s.name("quiet")), ("DIR", f"{s.dir}/quiet-{number}"), ("IN", s.name("quiet-in")),
                        ("OUT", s.name("quiet-out"))):
        text = text.replace(word, value)
    return s.start("run", s.file(f"quiet-{number}.yaml", text), "--log-level", "debug", env=clock.env)


def has(p):
    """How many partitions a worker has."""
    return p.errors().count(" has ") - p.errors().count(" gives up ")


def quiet():
    s.topic("quiet-in", 2)
    a = start_quiet(1)
    s.wait_until("the first has both partitions", lambda: has(a) == 2, alive=[a])
    clock.set(-DAY)
    b = start_quiet(2)
    s.wait_until("each has one", lambda: has(a) == has(b) == 1, alive=[a, b])
    check(a.errors().count(" gives up ") == 1, f"the first has lost its place\n{a.errors()}")
    for p in range(2):
        s.produce("quiet-in", [(b"k%d" % p, b'{"k":"k%d"}' % p)], p)
    s.wait_consumed(f"klamm-{s.name('quiet')}", "quiet-in", alive=[a, b])
    clock.set(-2 * DAY)
    for w in (a, b):
        check(w.stop() == 0, w.errors())
    check("SESSTMOUT" not in a.errors() + b.errors(), a.errors() + b.errors())
    clock.set(0)
    say("quiet: both answered and ended")


def killed(at, fate):
    """A new worker in the place of one that was killed; the clock is `at` by then. fate: of the checkpoints; None:
    some may be from the future."""
    worker.kill()
    clock.set(at)
    w = start("one")
    load.wait_on("it goes on", [w], 3000)
    load.wait_all("it goes on", [w])
    text = w.errors()
    found = {FUTURE: text.count(FUTURE), OLD: text.count("it is too old") + text.count("removed the old state of"),
             USED: len(re.findall(r"restored \S+ partition \d+: \d+ changes? since its checkpoint", text))}
    check(fate is None or {what for what, n in found.items() if n} == {fate}, f"expected {fate}, found {found}\n{text}")
    say("restarts: checkpoints: " + ", ".join(f"{what}: {n}" for what, n in found.items()))
    return w


with Scratch("clock") as s:
    if not os.path.exists(PRELOAD):
        sys.exit(SKIPPED)
    clock = Clock(os.path.join(s.dir, "clock"))
    ahead()
    quiet()
    for topic in ("side", "closed", "changed"):
        s.topic(topic, 2)
    load = Numbered(s)
    try:
        worker = start("one")
        load.wait_on("it goes", [worker])
        jumps()
        worker = killed(0, None)
        worker = killed(DAY, OLD)
        worker = killed(0, FUTURE)
        worker = killed(0, USED)
        load.finish([worker])
    finally:
        load.end()
