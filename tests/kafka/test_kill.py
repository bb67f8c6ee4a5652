#!/usr/bin/env python3
"""kill -9 of `klamm run` at random moments, restarted each time, leaves no trace.

  test_kill.py [SEED]     KLAMM_KILL_RECORDS records (60,000; acceptance: 1,000,000), KLAMM_KILLS (10)

  windows    exactly_once, tumbling windows per host (bench/j2.yaml): the committed output of a run with
             kills equals, row for row and partition for partition, that of an undisturbed run
  learning   the same with a model per host behind a repartition, two lanes against one without kills:
             its predictions are equal only if its state survives to the last bit
  twice      at_least_once: nothing is lost, though rows may come twice and count twice in a window

The input is written while klamm reads, so that the moments, drawn over that time, hit it at work.
"""
import os
import random
import sys
import threading
import time
from collections import Counter

import fastavro

from kafkatest import ROOT, Scratch, check, encode, same, say

RECORDS = int(os.environ.get("KLAMM_KILL_RECORDS", "60000"))
KILLS = int(os.environ.get("KLAMM_KILLS", "10"))
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
PARTITIONS = 4
BASE = 1_700_000_000_000
BENCH = os.path.join(ROOT, "bench")
SCHEMA = fastavro.schema.load_schema(os.path.join(BENCH, "metric_sample.avsc"))

LEARNING = """
name: learning
kafka: {bootstrap.servers: "${env:KAFKA}"}
streams:
  metrics:
    from: {topic: in, schema: SCHEMA}
    time: {field: ts, out_of_order: 2s}
  load:
    from: metrics
    steps:
      - add: host || metric as series
      - key_by: series
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
          as: high
    to: out
"""
TWICE = """
name: twice
kafka: {bootstrap.servers: "${env:KAFKA}"}
guarantee: at_least_once
streams:
  metrics:
    from: {topic: in, schema: SCHEMA, key: {host: string}}
    time: {field: ts, out_of_order: 2s}
  load:
    from: metrics
    steps:
      - filter: value > 50
      - select: host, _partition as p, _offset as o, round(value) as v
    to: out
  counts:
    from: metrics
    steps:
      - window: {tumbling: 10s, aggregate: count() as n}
    to: counts
"""


def samples(rng, hosts):
    """3 ms of event time apart, up to 2 s late."""
    for i in range(RECORDS):
        yield {"host": f"host-{rng.randrange(hosts):03}", "metric": rng.choice(("cpu", "mem")),
               "ts": BASE + 3 * i - rng.randrange(2000), "value": rng.randrange(102400) / 1024, "unit": None}


def encoded(s, rng):
    """Input records, all of them; the last ones close every window of their partition."""
    s.klamm("produce", s.name("in"), "--schema", os.path.join(BENCH, "metric_sample.avsc"), os.devnull)
    schema_id = s.schema_id(s.name("in") + "-value")
    return [(v["host"].encode(), encode(v, SCHEMA, schema_id)) for v in samples(rng, 200)]


def feed(s, topic, records, seconds):
    """In the background; the records that close the windows come last."""
    end = {"host": "~end", "metric": "cpu", "ts": BASE + 86_400_000 * 7, "value": 0.0, "unit": None}
    closing = encode(end, SCHEMA, int.from_bytes(records[0][1][1:5], "big"))

    def run():
        s.produce(topic, records, seconds=seconds)
        for p in range(PARTITIONS):
            s.produce(topic, [(b"~end", closing)], partition=p)
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def command(s, file, name, topic, *more):
    return ["run", file, *more, "--set", f"name={s.name(name)}",
            "--set", f"streams.metrics.from.topic={s.name(topic)}",
            "--set", f"streams.load.to={s.name(name + '-out')}", "--set", f"state.dir={s.dir}/state"]


def killed(s, rng, file, name, topic, records, kills, more=lambda run: []):
    """Reads a topic while it is written, killed again and again, then to its end."""
    seconds = kills * 1.0
    s.topic(topic, PARTITIONS)
    s.klamm("produce", s.name(topic), "--schema", os.path.join(BENCH, "metric_sample.avsc"), os.devnull)
    feeding = feed(s, topic, records, seconds)
    begin = time.monotonic()
    moments = sorted(rng.uniform(0.2, seconds) for _ in range(kills))
    for moment in moments:
        p = s.start(*command(s, file, name, topic, *more(name)))
        time.sleep(max(0, begin + moment - time.monotonic()))
        check(p.running(), f"{name}: ended by itself\n{p.errors()}")
        p.kill()
    feeding.join()
    s.klamm(*command(s, file, name, topic, "--until-end", *more(name)), seconds=300)
    group = f"klamm-{s.name(name)}"
    behind = {q: (s.committed(group, topic)[q], end) for q, end in s.ends(topic).items()}
    check(all(at >= end for at, end in behind.values()), f"{name}: not at the end: {behind}")
    s.klamm(*command(s, file, name + "-calm", topic, "--until-end", *more(name + "-calm")), seconds=300)
    say(f"{name}: killed after " + " ".join(f"{m:.2f}" for m in moments) + f" of {seconds:.0f} s")


def results(s, name):
    """Committed rows: all that a reader sees but offsets, which count transaction markers, and the
    schema's id, which differs by topic."""
    return [(r.partition, r.key, r.value[5:], r.timestamp) for r in s.read(name + "-out")]


def exactly_once(s, rng, file, name, records, kills, lanes=1):
    lanes_of = lambda run: ["--set", f"lanes={lanes if run == name else 1}"]
    killed(s, rng, file, name, name + "-in", records, kills, lanes_of)
    expected, found = results(s, name + "-calm"), results(s, name)
    aborted = len(s.read(name + "-out", "read_uncommitted")) - len(found)
    say(f"{name}: {len(found)} rows, {len(expected)} without kills; {aborted} rolled back")
    check(len(expected) > 500, f"{name}: only {len(expected)} rows")
    same(f"{name}, as a multiset", sorted(found), sorted(expected))
    if lanes == 1:
        same(f"{name}, in order", found, expected)


def at_least_once(s, rng, file, name, records, kills):
    more = lambda run: ["--set", f"streams.counts.to={s.name(run + '-counts')}"]
    killed(s, rng, file, name, name + "-in", records, kills, more)
    expected, found = Counter(results(s, name + "-calm")), Counter(results(s, name))
    say(f"{name}: {sum(found.values())} rows, {sum(expected.values())} without kills")
    check(not expected - found, f"{name}: {sum((expected - found).values())} rows are lost")
    check(set(found) == set(expected), f"{name}: rows that should not be")
    expected, found = most_counted(s, name + "-calm"), most_counted(s, name)
    lost = [w for w in expected if found.get(w, 0) < expected[w]]
    say(f"{name}: {len(found)} windows, {sum(found[w] > expected[w] for w in expected)} counted rows twice")
    check(not lost and found.keys() == expected.keys(), f"{name}: windows {lost} are incomplete")


def most_counted(s, name):
    most = Counter()
    for _, row in s.rows(name + "-counts"):
        window = (row["host"], row["window_start"])
        most[window] = max(most[window], row["n"])
    return most


say(f"seed {SEED}")
rng = random.Random(SEED)
with Scratch("kill") as s:
    schema = os.path.join(BENCH, "metric_sample.avsc")
    learning = s.file("learning.yaml", LEARNING.replace("SCHEMA", schema))
    twice = s.file("twice.yaml", TWICE.replace("SCHEMA", schema))
    records = encoded(s, rng)
    exactly_once(s, rng, os.path.join(BENCH, "j2.yaml"), "windows", records, KILLS)
    exactly_once(s, rng, learning, "learning", records[:100000], (KILLS + 1) // 2, lanes=2)
    at_least_once(s, rng, twice, "twice", records[:100000], (KILLS + 1) // 3)
