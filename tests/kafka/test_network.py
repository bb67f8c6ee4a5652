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

from kafkatest import HERE, Scratch, say
from numbered import Numbered
from proxy import END_TXN, Proxy

SKIPPED = 77
SETTINGS = {"kafka.session.timeout.ms": 3000, "kafka.heartbeat.interval.ms": 300, "kafka.socket.timeout.ms": 5000,
            "kafka.reconnect.backoff.max.ms": 500}


def start(name):
    return load.start(f"{s.dir}/state-{name}", {"kafka.client.id": name, **SETTINGS}, {"KAFKA": f"127.0.0.1:{port}"})


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
    load.wait_on("slow: both go on", workers, 4000)
    order("pass *")
    load.wait_all("slow: both go on", workers)


if os.environ.get("KAFKA"):
    sys.exit(SKIPPED)  # a broker of one's own knows no proxy
with Scratch("network") as s:
    route = subprocess.run([os.path.join(HERE, "broker"), "proxied"], check=True, text=True, stdout=subprocess.PIPE).stdout
    port, target = map(int, route.split("="))
    proxy, load = Proxy([(port, target)]), Numbered(s)
    try:
        workers = [start("one"), start("two")]
        wait_back("start")
        for fault in (cut, late, answers, swallowed, slow):
            fault()
        load.finish(workers)
    finally:
        proxy.end()
        load.end()
