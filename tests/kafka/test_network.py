#!/usr/bin/env python3
"""The network between two workers and their broker is cut, swallows, delays and loses answers (proxy.py), while
numbered rows go through bench/soak.yaml, exactly_once. The soak's checker, which has a network of its own, then
judges every record: none lost, twice or out of order, and no worker may end by itself.

  cut         all connections of one end with its commit on the way, and new ones are refused
  late        its commit is held up for longer than its session: the other takes over, and only then the commit
              arrives, of a zombie
  answers     its commit takes effect, and it does not hear of it: it has to ask again; then for longer than its
              session, so that the other takes over
  swallowed   what both send is gone, from a commit on, and the connections with it
  slow        200 ms each way and 50 KB/s for each worker

What is waited for is always an event: a request that passes by, a member that is gone, records that have come.
"""
import os
import re
import subprocess
import sys

from kafkatest import HERE, ROOT, Scratch, check, say
from proxy import END_TXN, Proxy

sys.path.insert(0, os.path.join(ROOT, "bench"))
from soak_run import Helper  # noqa: E402

BUILD = os.environ.get("KLAMM_BUILD", os.path.join(ROOT, "build", "dev"))
PARTITIONS, RATE, BACKLOG, SKIPPED = 4, 1500, 8000, 77
SETTINGS = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 300, "socket.timeout.ms": 5000,
            "reconnect.backoff.max.ms": 500}


class Load:
    """The load, which waits for what is slow, and the checker of what comes out."""

    def __init__(self, s):
        tool = lambda name: os.path.join(BUILD, f"bench_soak_{name}")
        log = lambda name: os.path.join(s.dir, name)
        self.s, self.at, self.sent, self.total, self.is_complete = s, [0] * 4, 0, None, False
        subprocess.run([tool("load"), "create", s.prefix, str(PARTITIONS)], env=s.env, check=True)
        self.judge = Helper([tool("check"), s.prefix, str(PARTITIONS)], s.env, log("check"), self.on_check)
        self.load = Helper([tool("load"), "load", s.prefix, str(PARTITIONS), str(RATE)], s.env, log("load"), self.on_load)

    def on_load(self, words):
        self.sent = int(words[1])
        if words[0] == "total":
            self.total = self.sent

    def on_check(self, words):
        if words[0] == "complete":
            self.is_complete = True
            return
        self.at = [int(w) for w in words[1:5]]
        self.load.order(f"limit {min(self.at[1:3]) + BACKLOG}")

    def end(self):
        self.load.end()
        self.judge.end()

    def wait_on(self, what, alive, n=1000):
        """Until so many more have come out; whose, nobody asks."""
        begin = self.at[1]
        self.s.wait_until(what, lambda: self.at[1] >= begin + n, alive=alive)

    def wait_all(self, what, alive):
        """Until all that has been sent so far has come out, which takes every worker's partitions."""
        sent = self.sent
        self.s.wait_until(what, lambda: min(self.at[1:3]) >= sent, alive=alive)

    def finish(self, workers):
        self.load.order(f"limit {1 << 62}")
        self.load.order("stop")
        self.s.wait_until("the load ends", lambda: self.total is not None, alive=workers)
        self.judge.order(f"total {self.total}")
        self.s.wait_until("everything has come out", lambda: self.is_complete, alive=workers)
        for w in workers:
            check(w.stop() == 0, f"status {w.process.returncode}\n{w.errors()}")
        self.judge.order("finish")
        code = self.judge.process.wait()
        with open(os.path.join(self.s.dir, "check")) as f:
            check(code == 0, f"the checker ended with {code}\n{f.read()}")
        say(f"{self.total} records: each once and in order")


def start(name):
    sets = {"name": s.prefix, "state.dir": f"{s.dir}/state-{name}", "kafka.client.id": name,
            "streams.rows.from.topic": f"{s.prefix}-in", **{f"kafka.{k}": v for k, v in SETTINGS.items()},
            **{f"streams.{out}.to.topic": f"{s.prefix}-{out}" for out in ("passed", "counted", "windowed")}}
    more = [word for k, v in sets.items() for word in ("--set", f"{k}={v}")]
    return s.start("run", os.path.join(ROOT, "bench", "soak.yaml"), "--log-level", "debug", *more,
                   env={"KAFKA": f"127.0.0.1:{port}"})


def owned(p):
    held = set()
    for what, topic, partition in re.findall(r"lane 0: (has|gives up) (\S+) partition (\d+)$", p.errors(), re.M):
        (held.add if what == "has" else held.discard)((topic, partition))
    return len(held)


def members():
    return len(s.members(f"klamm-{s.prefix}")[1])


def order(text):
    proxy.order(text)
    say(text)


def wait_met():
    s.wait_until("a commit is on its way", lambda: not proxy.met.empty(), alive=workers)
    say(proxy.met.get())


def wait_alone(what):
    s.wait_until(f"{what}: the other is alone", lambda: members() == 1, alive=workers)
    load.wait_all(f"{what}: the other has taken over", workers)


def wait_back(what):
    s.wait_until(f"{what}: both are members", lambda: members() == 2 and all(owned(w) for w in workers), alive=workers)
    load.wait_all(f"{what}: both go on", workers)
    say(f"{what}: over, {load.at[1]} records")


def cut():
    order(f"cut one at {END_TXN}")
    wait_met()
    load.wait_on("cut: the other goes on", workers)
    order("pass one")
    load.wait_all("cut: both go on", workers)
    say(f"cut: over, {load.at[1]} records")


def late():
    order(f"hold one at {END_TXN}")
    wait_met()
    wait_alone("late")
    order("pass one")
    wait_back("late")


def answers():
    for _ in range(3):
        order(f"mute one at {END_TXN}")
        wait_met()
        load.wait_on("answers: the other goes on", workers)
        order("pass one")
        load.wait_all("answers: both go on", workers)
    order(f"mute two at {END_TXN}")
    wait_met()
    wait_alone("answers")
    order("pass two")
    wait_back("answers")


def swallowed():
    order(f"swallow * at {END_TXN}")
    wait_met()
    order("pass *")
    load.wait_all("swallowed: both go on", workers)


def slow():
    order("slow * 200 50000")
    load.wait_on("slow: both go on", workers, 1500)
    order("pass *")
    load.wait_all("slow: both go on", workers)


if os.environ.get("KAFKA"):
    sys.exit(SKIPPED)  # a broker of one's own knows no proxy
with Scratch("network") as s:
    route = subprocess.run([os.path.join(HERE, "broker"), "proxied"], check=True, text=True, stdout=subprocess.PIPE).stdout
    port, target = map(int, route.split("="))
    proxy, load = Proxy([(port, target)]), Load(s)
    try:
        workers = [start("one"), start("two")]
        wait_back("start")
        for fault in (cut, late, answers, swallowed, slow):
            fault()
        load.finish(workers)
    finally:
        proxy.end()
        load.end()
