#!/usr/bin/env python3
"""Old backlogs of several topics, of very different sizes, come out as `replay` has them: by event time,
whatever a fetch brings.

  test_merge.py [SEED]     KLAMM_MERGE_ROWS rows in the larger topic (30,000)

  join       results, their order for each key, and the number of late rows
  union      into sliding windows, where rows of either side are late for some
  moved      both sides of the join behind repartitions: the results, whose order nobody promises
"""
import json
import os
import random
import re
import sys
import time
from collections import defaultdict

from kafkatest import Scratch, same, say

ROWS = int(os.environ.get("KLAMM_MERGE_ROWS", "30000"))
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
PARTITIONS = 2
PARTS = ((0,), (1,), (0, 1))
BASE, SPAN = 1_700_000_000_000, 600_000
HEAD = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}"FETCH}
state: {dir: STATE}
streams:
  many:
    from: {topic: MANY, value: json, key: {k: string}, columns: {k: string, i: long, ts: timestamp}}
    time: {field: ts, out_of_order: 200ms, idle: 1d}
  few:
    from: {topic: FEW, value: json, key: {k: string}, columns: {k: string, i: long, ts: timestamp}}
    time: {field: ts, out_of_order: 200ms, idle: 1d}
"""
TAILS = {
    "join": """
  out:
    from: many
    steps:
      - join: {with: few, within: 400ms}
      - select: i, few_i
    to: {topic: OUT, value: json}
""",
    "union": """
  out:
    from: [many, few]
    steps:
      - window: {sliding: 300ms, aggregate: "count() as n, sum(i) as s"}
      - select: window_start, n, s
    to: {topic: OUT, value: json}
""",
    "moved": """
  left: {from: many, steps: [key_by: i % 50 as g]}
  right: {from: few, steps: [key_by: i % 50 as g]}
  out:
    from: left
    steps:
      - join: {with: right, within: 400ms}
      - select: i, right_i
    to: {topic: OUT, value: json}
""",
}
FETCHES = ("", ", fetch.message.max.bytes: 3000, queued.min.messages: 100",
           ", fetch.message.max.bytes: 40000, queued.min.messages: 2000")


def rows(n, rng, back):
    """(partition, key, value) in the order of the topic; some are `back` ms behind, more than may be."""
    found = []
    for i in range(n):
        ts = BASE + i * SPAN // n + rng.randrange(100) - (rng.randrange(back) if rng.random() < 0.05 else 0)
        partition = rng.randrange(PARTITIONS)
        key = f"k{partition}-{rng.randrange(20)}"
        found.append((partition, key, {"k": key, "i": i, "ts": ts}))
    return found


def by_key(pairs):
    found = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return dict(found)


def late(errors):
    return int(re.search(r"(\d+) late", errors).group(1))


def topology(kind, fetch, run):
    text = (HEAD + TAILS[kind]).replace("FETCH", fetch).replace("NAME", s.name(run))
    text = text.replace("STATE", f"{s.dir}/state-{run}").replace("OUT", s.name(f"out-{run}"))
    for topic in ("many", "few"):
        text = text.replace(f"topic: {topic.upper()}", f"topic: {s.name(topic + '-' + data_of(kind))}")
    return s.file(f"{run}.yaml", text)


def data_of(kind):
    return "ordered" if kind == "moved" else "late"


def prepare(name, rng, back):
    for topic, n in (("many", ROWS), ("few", ROWS // 40)):
        data = rows(n, rng, back)
        s.topic(f"{topic}-{name}", PARTITIONS)
        for p in range(PARTITIONS):
            s.produce(f"{topic}-{name}", [(k.encode(), json.dumps(v).encode()) for q, k, v in data if q == p],
                      partition=p)
        for parts in PARTS:
            lines = [json.dumps({"partition": p, "key": k, "value": v}) for p, k, v in data if p in parts]
            s.file(f"{topic}-{name}-{parts}.jsonl", "\n".join(lines) + "\n")


def replay(kind, parts):
    """Record lines and the number of late rows; a file's head keeps back all partitions of the file."""
    inputs = [f"{topic}={s.dir}/{topic}-{data_of(kind)}-{parts}.jsonl" for topic in ("many", "few")]
    out, errors = s.klamm("replay", topology(kind, "", f"{kind}-replay"), "--keep-open",
                          *[word for i in inputs for word in ("--input", i)])
    return [json.loads(line) for line in out.splitlines()], late(errors)


def check_kind(kind):
    runs = [replay(kind, parts) for parts in ([PARTS[-1]] if kind == "moved" else PARTS[:-1])]
    want = by_key((r["key"], r["value"]) for lines, _ in runs for r in lines)
    late_rows = sum(n for _, n in runs)
    for n, fetch in enumerate(FETCHES):
        s.topic(f"out-{kind}-{n}", PARTITIONS)
        begin = time.monotonic()
        _, stderr = s.klamm("run", topology(kind, fetch, f"{kind}-{n}"), "--until-end")
        took = time.monotonic() - begin
        found = by_key((r.key.decode(), json.loads(r.value)) for r in s.read(f"out-{kind}-{n}"))
        same(f"{kind} {n}: keys", sorted(found), sorted(want))
        for key in want:
            if kind == "moved":
                found[key].sort(key=str)
                want[key].sort(key=str)
            same(f"{kind} {n}: {key}", found[key], want[key])
        same(f"{kind} {n}: late rows", [late(stderr)], [late_rows])
        say(f"{kind}, fetch {n}: {sum(map(len, want.values()))} rows, {late_rows} late, {took:.1f} s")


say(f"seed {SEED}")
with Scratch("merge") as s:
    rng = random.Random(SEED)
    prepare("late", rng, 3000)
    prepare("ordered", rng, 1)
    for kind in TAILS:
        check_kind(kind)
