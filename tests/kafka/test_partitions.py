#!/usr/bin/env python3
"""An input that gains partitions while topologies read it.

  behind a repartition  goes on: no row is lost or bad, counts go on, now and after a restart
  state without one     stops with exit code 2 and a message that names the remedy, and starts no more
"""
import json
import os
import subprocess

from kafkatest import HERE, Scratch, check, same, say

TOPOLOGY = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}", topic.metadata.refresh.interval.ms: 1000}
streams:
  samples:
    from: {topic: IN, value: json, KEY columns: {host: string, v: long}}
    time: {idle: 500ms}
    steps:
STEPS      - running: count() as n
    to: {topic: OUT, value: json, partitions: 1}
"""
HOSTS = [f"h{i}" for i in range(20)]


def send():
    s.produce("in", [(h.encode(), json.dumps({"host": h, "v": 1}).encode()) for h in HOSTS])


def file(name, key, steps):
    text = TOPOLOGY.replace("NAME", s.name(name)).replace("IN", s.name("in"))
    return s.file(f"{name}.yaml", text.replace("OUT", s.name(name + "-out")).replace("KEY", key)
                  .replace("STEPS", steps))


def counts(name):
    return sorted((json.loads(r.value)["host"], json.loads(r.value)["n"]) for r in s.read(name + "-out"))


def run(path, *options):
    return s.start("run", path, "--set", f"state.dir={s.dir}/state", *options)


with Scratch("partitions") as s:
    s.topic("in", 2)
    behind = file("behind", "", "      - key_by: host\n")
    bound = file("bound", "key: {host: string},", "")
    send()
    goes_on, stops = run(behind), run(bound)
    for name in ("behind", "bound"):
        s.wait_until(f"{name} has counted", lambda: s.ends(name + "-out") and len(counts(name)) == 20)

    done = subprocess.run([os.path.join(HERE, "kafka-tools"), "topics", "--alter", "--topic", s.name("in"),
                           "--partitions", "5"], text=True, env=s.env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    check(done.returncode == 0, done.stdout)
    same("exit code of state without repartition", stops.wait(), 2)
    check(f"changelog {s.name('bound')}-samples-running-changelog has 2 partitions, but the input has more now"
          in stops.errors() and "key_by (repartition)" in stops.errors(), stops.errors())
    errors = s.klamm("run", bound, "--until-end", "--set", f"state.dir={s.dir}/state", status=2)[1]
    check("but the input has 5 now" in errors, errors)

    send()
    s.wait_until("the new partitions are read", lambda: len(counts("behind")) == 40, alive=[goes_on])
    same("exit code behind a repartition", goes_on.stop(), 0)
    send()
    s.klamm("run", behind, "--until-end", "--set", f"state.dir={s.dir}/state")
    same("counts", counts("behind"), sorted((h, n) for h in HOSTS for n in (1, 2, 3)))
    say("from 2 partitions to 5: behind a repartition all goes on, other state says what to do")
