#!/usr/bin/env python3
"""auto.offset.reset: latest is a place, and no row behind it is lost.

  what was there    is not read, not after a restart either, in partitions without a new row either
  while it is down  rows wait, also in partitions that had none before
  a new partition   is read from its first record, though rows come before the group hears of it
  own topics        (of a repartition) are read from their beginning, and so are tables
"""
import json
import os
import subprocess

from kafkatest import HERE, Scratch, check, same, say

TOPOLOGY = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}", auto.offset.reset: latest, topic.metadata.refresh.interval.ms: 5000}
lanes: 2
tables:
  places: {from: {topic: PLACES, value: json, key: {host: string}, columns: {place: string}}}
streams:
  samples:
    from: {topic: IN, value: json, columns: {host: string, v: long}}
    steps:
      - key_by: host
      - lookup: {table: places}
      - running: count() as n
    to: {topic: OUT, value: json, partitions: 1}
"""


def send(v, partition):
    s.produce("in", [(b"k", json.dumps({"host": f"h{v}", "v": v}).encode())], partition)


def read():
    return sorted(json.loads(r.value)["v"] for r in s.read("out"))


def expect(what, values):
    s.wait_until(what, lambda: s.ends("out") and len(read()) >= len(values))
    same(what, read(), values)


def run(*options):
    return s.start("run", path, "--set", f"state.dir={s.dir}/state", *options)


def gain(partitions):
    done = subprocess.run([os.path.join(HERE, "kafka-tools"), "topics", "--alter", "--topic", s.name("in"),
                           "--partitions", str(partitions)], text=True, env=s.env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode == 0, done.stdout)


with Scratch("runner_begin") as s:
    s.topic("in", 3)
    s.topic("places", 3)
    text = TOPOLOGY.replace("NAME", s.name("t")).replace("IN", s.name("in")).replace("OUT", s.name("out"))
    path = s.file("t.yaml", text.replace("PLACES", s.name("places")))
    group = "klamm-" + s.name("t")
    s.produce("places", [(b"h%d" % v, json.dumps({"place": f"p{v}"}).encode()) for v in range(9)])
    for partition in range(3):
        send(0, partition)

    k = run()
    s.wait_until("the ends are committed", lambda: s.committed(group, "in") == {0: 1, 1: 1, 2: 1}, alive=[k])
    send(1, 0)
    expect("the first row behind the end", [1])
    same("stopped", k.stop(), 0)
    say("begins at the end")

    send(2, 1)  # the first row of this partition, while nobody is there
    k = run()
    expect("a row that came meanwhile", [1, 2])
    say("goes on from there")

    gain(5)
    send(3, 3)
    send(4, 4)
    send(5, 2)
    expect("rows of new partitions", [1, 2, 3, 4, 5])
    same("stopped", k.stop(), 0)
    same("the table was read whole", sorted(json.loads(r.value)["place"] for r in s.read("out")),
         [f"p{v}" for v in range(1, 6)])
    say("a new partition has all of its rows")

    s.klamm("run", path, "--set", f"state.dir={s.dir}/other", "--until-end")
    same("nothing comes twice", read(), [1, 2, 3, 4, 5])
