#!/usr/bin/env python3
"""`klamm replay` of steps that group by key and time, behind repartitions and over several partitions
whose event times run apart: the same bytes with batches of 1, 3 and 2048 rows."""

import json
import os
import random
import subprocess
import sys
import tempfile

klamm = os.environ["KLAMM"]

HEAD = """name: steps
streams:
  rows:
    from: {topic: rows, value: json, key: {host: string}, columns: {host: string, v: long, s: string, ts: long}}
    time: {field: ts, out_of_order: 50ms}
    steps:
"""
STEPS = {
    "aggregate": """
      - key_by: v % 7 as k
      - aggregate: count() as n, sum(v) as s, max(s) as most, collect(v)[3] as fourth""",
    "top": """
      - key_by: [host, v % 7 as rack]
      - window: {tumbling: 200ms, grace: 20ms, aggregate: sum(v) as s}
      - key_by: rack
      - top: {n: 2, by: s % 10}""",
    "top of sessions": """
      - window: {session: 20ms, aggregate: count() as n}
      - key_by: []
      - top: {n: 1, by: n}""",
    "absent": """
      - key_by: v as k
      - absent: {after: 300ms, every: 100ms, forget: 900ms}
      - window: {tumbling: 50ms, aggregate: "count() as n, max(last_seen) as seen"}""",
    "fill": """
      - key_by: [host, v % 9 as k]
      - window: {hopping: {size: 60ms, every: 20ms}, fill: previous, aggregate: "count() as n, last(s) as s"}""",
    "fill ranked": """
      - filter: v < 4
      - window: {tumbling: 10ms, fill: zero, aggregate: count() as n}
      - top: {n: 3, by: n}""",
    "fill counted": """
      - filter: v < 6
      - window: {hopping: {size: 30ms, every: 10ms}, fill: null, aggregate: count() as n}
      - rename: {begin: window_start, end: window_end}
      - window: {tumbling: 30ms, grace: 40ms, aggregate: "count() as n, count(n) as known"}""",
    "having": """
      - key_by: v % 9 as k
      - window: {session: 40ms, emit: updates, having: n % 3 > 0, aggregate: "count() as n, last(s) as s"}""",
    "every": """
      - window: {sliding: 40ms, emit: {every: 70ms}, having: n % 3 > 0, aggregate: "count() as n, last(s) as s"}""",
    "every session": """
      - window: {session: 20ms, emit: {every: 70ms}, aggregate: "count() as n, last(s) as s"}""",
}

random.seed(5)
hosts = ["a", "b", "a host of a longer name", "d"]
lines = []
for i in range(1500):
    host = random.choice(hosts)
    partition = random.randrange(3)
    ts = i * 3 + random.randrange(60) + 40 * partition
    value = {"host": host, "v": random.randrange(60), "s": f"{random.choice('xyz')} and so on {i}", "ts": ts}
    lines.append(json.dumps({"partition": partition, "key": host, "value": value}))

failed = 0
with tempfile.TemporaryDirectory() as folder:
    rows = f"{folder}/rows.jsonl"
    with open(rows, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    for name, steps in STEPS.items():
        file = f"{folder}/topology.yaml"
        with open(file, "w", encoding="utf-8") as f:
            f.write(HEAD + steps.lstrip("\n") + "\n    to: {topic: out, value: json}\n")
        outputs = {}
        for batch in ("2048", "1", "3"):
            command = [klamm, "replay", file, "--input", f"rows={rows}", "--batch-rows", batch]
            run = subprocess.run(command, capture_output=True, timeout=250)
            if run.returncode != 0:
                sys.exit(f"{name}: exit {run.returncode}\n{run.stderr.decode()}")
            outputs[batch] = run.stdout
        n = len(outputs["2048"].splitlines())
        same = outputs["1"] == outputs["2048"] == outputs["3"]
        failed += n < 50 or not same
        print(f"{name}: {n} lines, {'always the same' if same else 'NOT the same'}")
sys.exit(1 if failed else 0)
