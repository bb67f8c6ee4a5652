#!/usr/bin/env python3
"""The same rows with one lane, with two lanes, with two processes, and with a process that joins and
leaves while records come: a topology like examples/host-metrics, repartitioned by host and windowed.

  test_lanes.py [SEED]     KLAMM_LANES_RECORDS records (40,000)

Rows of one host must be equal and in the same order; between hosts there is no order to keep.
"""
import json
import os
import random
import sys
import threading
import time
from collections import defaultdict

import fastavro

from kafkatest import Scratch, check, encode, same, say

RECORDS = int(os.environ.get("KLAMM_LANES_RECORDS", "40000"))
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
PARTITIONS = 4
BASE = 1_700_000_000_000
SCHEMA = {"type": "record", "name": "Sample", "fields": [
    {"name": "host", "type": "string"}, {"name": "metric", "type": "string"}, {"name": "ts", "type": "long"},
    {"name": "value", "type": ["null", "double"]}]}
TOPOLOGY = """
name: lanes
kafka: {bootstrap.servers: "${env:KAFKA}"}
streams:
  samples:
    from: {topic: in, schema: sample.avsc}
    time: {field: ts, out_of_order: 2s}
  load:
    from: samples
    steps:
      - filter: metric = 'cpu' and value is not null
      - key_by: host
      - window:
          tumbling: 10s
          aggregate: count() as n, avg(value) as mean, max(value) as peak, stddev(value) as spread
      - running: lag(mean) as mean_1, lag(peak) as peak_1, lag(spread) as spread_1
      - classify:
          algorithm: logistic_regression
          features: [mean_1, peak_1, spread_1]
          scale: standard
          options: {lr: 0.1}
          label: mean > 50
          per: key
          as: overloaded
    to: out
"""


def samples(rng):
    """Hosts whose samples are spread over all partitions; each partition closes its windows at the end."""
    parsed = fastavro.parse_schema(SCHEMA)
    for i in range(RECORDS):
        value = None if rng.random() < 0.01 else rng.randrange(102400) / 1024
        row = {"host": f"host-{rng.randrange(100):02}", "metric": rng.choice(("cpu", "cpu", "memory")),
               "ts": BASE + 5 * i - rng.randrange(2000), "value": value}
        yield row["ts"].to_bytes(8, "big"), encode(row, parsed, schema_id)


def feed(topic, seconds=0):
    s.produce(topic, records, seconds=seconds)
    parsed = fastavro.parse_schema(SCHEMA)
    end = {"host": "~end", "metric": "cpu", "ts": BASE + 86_400_000 * 7, "value": 0.0}
    for p in range(PARTITIONS):
        s.produce(topic, [(b"end", encode(end, parsed, schema_id))], partition=p)


def command(name, topic, *more):
    return ["run", topology, *more, "--set", f"name={s.name(name)}", "--set", f"state.dir={s.dir}/state",
            "--set", f"streams.samples.from.topic={s.name(topic)}",
            "--set", f"streams.load.to={s.name(name + '-out')}"]


def by_host(name):
    hosts = defaultdict(list)
    for r, row in s.rows(name + "-out"):
        check(r.key == row["host"].encode(), f"key {r.key} of {row}")
        hosts[row["host"]].append((r.partition, r.timestamp, row))
    return hosts


def judge(name):
    found = by_host(name)
    same(f"{name}: hosts", sorted(found), sorted(expected))
    for host, rows in expected.items():
        same(f"{name}, {host}", found[host], rows)
    say(f"{name}: the same {sum(map(len, expected.values()))} rows of {len(expected)} hosts")


def idle(name, topic, processes):
    """Waits until all that was fed, and the internal topic behind it, has been read."""
    group = f"klamm-{s.name(name)}"
    s.wait_consumed(group, topic, alive=processes)
    s.wait_consumed(group, name + "-load-repartition", alive=processes)
    s.wait_consumed(group, name + "-load-repartition", alive=processes)


def two_processes():
    name, group = "two-processes", f"klamm-{s.name('two-processes')}"
    pair = [s.start(*command(name, "in")) for _ in range(2)]
    s.wait_until("both processes have partitions", lambda: shares(group) == [4, 4], alive=pair)
    idle(name, "in", pair)
    for p in pair:
        check(p.stop() == 0, f"status {p.process.returncode}\n{p.errors()}")
    judge(name)


def both_to_the_end():
    """--until-end counts what the other process has committed."""
    name = "both-to-the-end"
    pair = [s.start(*command(name, "in", "--until-end")) for _ in range(2)]
    for p in pair:
        check(p.wait() == 0, f"status {p.process.returncode}\n{p.errors()}")
    judge(name)


def shares(group):
    return sorted(s.members(group)[1].values())


def join_and_leave():
    name, group = "scaling", f"klamm-{s.name('scaling')}"
    s.topic("live", PARTITIONS)
    first = s.start(*command(name, "live"))
    feeding = threading.Thread(target=feed, args=("live", 8))
    feeding.start()
    s.wait_until("one process has all", lambda: shares(group) == [8], alive=[first])
    second = s.start(*command(name, "live"))
    s.wait_until("a second one has joined", lambda: shares(group) == [4, 4], alive=[first, second])
    say("a second process has joined")
    time.sleep(1)
    check(second.stop() == 0, f"status {second.process.returncode}\n{second.errors()}")
    s.wait_until("it has left", lambda: shares(group) == [8], alive=[first])
    say("it has left")
    second = s.start(*command(name, "live"))
    s.wait_until("a second one has joined again", lambda: shares(group) == [4, 4], alive=[first, second])
    check(first.stop() == 0, f"status {first.process.returncode}\n{first.errors()}")
    s.wait_until("the first has left", lambda: shares(group) == [8], alive=[second])
    say("the second has taken over")
    feeding.join()
    idle(name, "live", [second])
    check(second.stop() == 0, f"status {second.process.returncode}\n{second.errors()}")
    judge(name)


say(f"seed {SEED}")
with Scratch("lanes") as s:
    topology = s.file("lanes.yaml", TOPOLOGY)
    schema = s.file("sample.avsc", json.dumps(SCHEMA))
    s.topic("in", PARTITIONS)
    s.klamm("produce", s.name("in"), "--schema", schema, os.devnull)
    schema_id = s.schema_id(s.name("in") + "-value")
    records = list(samples(random.Random(SEED)))
    feed("in")
    say(f"{RECORDS} records in {PARTITIONS} partitions")
    s.klamm(*command("one-lane", "in", "--until-end"))
    expected = by_host("one-lane")
    rows = sum(map(len, expected.values()))
    say(f"one lane: {rows} rows of {len(expected)} hosts")
    check(rows > 1000 and len(expected) == 100, "too few")
    s.klamm(*command("two-lanes", "in", "--until-end", "--set", "lanes=2"))
    judge("two-lanes")
    two_processes()
    both_to_the_end()
    join_and_leave()
