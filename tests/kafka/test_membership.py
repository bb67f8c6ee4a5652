#!/usr/bin/env python3
"""Who has which partitions when processes come, go and come back. The session is two minutes long, so whatever
happens here did not wait for it.

  joins      while another joins, and takes half, what stays is committed
  restarts   SIGTERM with --keep-place, and kill -9: the same folder is the same member; nobody else hears of it
  leaves     SIGTERM, or SIGINT with --keep-place: the others have the partitions as soon as they hear of it
"""
import re
import signal

from kafkatest import Scratch, check, same, say

PARTITIONS = 4
TOPOLOGY = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}", session.timeout.ms: 120000, heartbeat.interval.ms: 2000}
state: {dir: DIR}
streams:
  rows:
    from: {topic: IN, value: json, key: {k: string}, columns: {k: string}}
  totals:
    from: rows
    steps: [aggregate: count() as n]
    to: {topic: OUT, value: csv}
"""


def start(number, *more):
    text = TOPOLOGY
    for word, value in (("NAME", s.name("members")), ("DIR", f"{s.dir}/state-{number}"), ("IN", s.name("in")),
                        ("OUT", s.name("out"))):
        text = text.replace(word, value)
    return s.start("run", s.file(f"{number}.yaml", text), "--log-level", "debug", *more)


def events(p):
    """What a process was given and has given up, in order."""
    return re.findall(r"lane 0: (has|gives up) \S+ partition (\d+)$", p.errors(), re.M)


def owned(p):
    held = set()
    for what, partition in events(p):
        (held.add if what == "has" else held.discard)(int(partition))
    return held


def wait_owned(p, n, *others):
    s.wait_until(f"a process has {n} partitions", lambda: len(owned(p)) == n, alive=[p, *others])


def check_works(*processes):
    s.produce("in", [(b"k%d" % k, b'{"k":"k%d"}' % k) for k in range(50)])
    s.wait_consumed(group, "in", alive=processes)


def joins():
    """The one that joins is stopped in the middle of it: what moves is nobody's, for as long as we like."""
    a = start(1)
    wait_owned(a, PARTITIONS)
    b = start(2)
    s.wait_until("the first gives up two", lambda: len(owned(a)) == 2, alive=[a, b])
    b.process.send_signal(signal.SIGSTOP)
    halted = not owned(b)
    stays = min(owned(a))
    for _ in range(3):
        s.produce("in", [(b"k", b'{"k":"k"}')], stays)
        s.wait_consumed(group, "in", alive=[a, b])
    b.process.send_signal(signal.SIGCONT)
    wait_owned(b, 2, a)
    check(sum(what == "gives up" for what, _ in events(a)) == 2, f"more was given up than moved: {events(a)}")
    check_works(a, b)
    say("joins: what stayed was committed three times " + ("while what moved was nobody's" if halted else "meanwhile"))
    return a, b


def restarts(a, b):
    before, had = events(b), owned(a)
    check(a.stop() == 0, a.errors())  # without the flag it leaves
    wait_owned(b, PARTITIONS)
    check(len(events(b)) == len(before) + 2, f"{events(b)}")
    say("leaves: SIGTERM")
    a = start(1, "--keep-place")
    wait_owned(a, 2, b)
    wait_owned(b, 2, a)
    for how in (*["SIGTERM"] * 6, "kill -9"):
        before, had = events(b), owned(a)
        if how == "SIGTERM":
            check(a.stop() == 0, a.errors())
        else:
            a.kill()
        check_members = s.members(group)[1]
        same(f"{how}: members", len(check_members), 2)
        a = start(1, "--keep-place")
        wait_owned(a, 2, b)
        same(f"{how}: the same partitions", owned(a), had)
        check_works(a, b)
        same(f"{how}: what the other heard of it", events(b), before)
        say(f"restarts: {how}: the same member, and nothing moved")
    return a


def leaves(a, b):
    a.process.send_signal(signal.SIGINT)
    check(a.wait() == 0, a.errors())
    wait_owned(b, PARTITIONS)
    check_works(b)
    say("leaves: SIGINT with --keep-place")
    check(b.stop() == 0, b.errors())
    same("members at the end", s.members(group)[1], {})


with Scratch("membership") as s:
    group = f"klamm-{s.name('members')}"
    s.topic("in", PARTITIONS)
    a, b = joins()
    leaves(restarts(a, b), b)
