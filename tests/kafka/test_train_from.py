#!/usr/bin/env python3
"""Models that learn a topic before their first row, on a real broker.

  same      a model trained from a topic of three partitions, and one from a stream over it, predict as one
            trained from a file with the same rows, value by value; what is written to the topic after the
            first start is none of it
  once      a restart reads nothing of it
  killed    kill -9 in the middle of the reading: the next start reads it from its beginning
  stopped   SIGTERM in the middle ends the process at once
  missing   a topic that is not there is named, by run and by check --online
"""
import json
import random
import time

from kafkatest import Scratch, check, same, say

ROWS, PARTITIONS, LIVE = 30_000, 3, 500
TOPOLOGY = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}"}
state: {dir: STATE}
streams:
  rows:
    from: {topic: LIVE, value: json, key: {host: string}, columns: {host: string, a: double, y: double}}
    steps:
      - classify: {algorithm: ALGORITHM, features: [a, host], label: y > 0, as: up, train_from: FROM}
      - regress: {algorithm: linear_regression, features: [a], label: y, as: p, per: key, train_from: FROM}
    to: {topic: OUT, value: json}
  before:
    from: {topic: OLD, value: json, key: {host: string}, columns: {host: string, a: double, y: double}}
    steps:
      - filter: a is not null
"""
FROM_TOPIC = ("{topic: OLD, value: json, key: {host: string}, "
              "columns: {host: string, a: double, y: double}}")


def row(r):
    a = r.gauss(0, 1)
    return {"host": f"h{r.randrange(5)}", "a": a, "y": 2 * a + r.gauss(0, 1)}


def records(rows):
    return [(r["host"].encode(), json.dumps(r).encode()) for r in rows]


def topology(name, source, algorithm="hoeffding_tree"):
    text = TOPOLOGY
    for key, value in {"FROM": source, "NAME": s.name(name), "STATE": f"{s.dir}/state", "LIVE": s.name("live"),
                       "OLD": s.name("old"), "OUT": s.name(name + "-out"), "ALGORITHM": algorithm}.items():
        text = text.replace(key, value)
    return s.file(name + ".yaml", text)


def values(name):
    return [json.loads(r.value) for r in s.read(name + "-out")]


def run(path):
    return s.klamm("run", path, "--until-end")[1]


def is_reading(log):
    return "reads topic" in log


def start_and(path, what):
    process = s.start("run", path)
    s.wait_until("training to begin", lambda: is_reading(process.errors()), alive=[process])
    begin = time.monotonic()
    what(process)
    return process, time.monotonic() - begin


with Scratch("train") as s:
    r = random.Random(7)
    s.topic("old", PARTITIONS)
    s.topic("live")
    parts = [[row(r) for _ in range(ROWS // PARTITIONS)] for _ in range(PARTITIONS)]
    for i, part in enumerate(parts):
        s.produce("old", records(part), partition=i)
    first, second = [row(r) for _ in range(LIVE)], [row(r) for _ in range(LIVE)]
    rows = s.file("rows.jsonl", "".join(json.dumps(x) + "\n" for part in parts for x in part))
    ways = {"file": topology("file", f"{{file: {rows}}}"), "topic": topology("topic", FROM_TOPIC),
            "stream": topology("stream", "{stream: before}")}
    s.produce("live", records(first))
    logs = {name: run(path) for name, path in ways.items()}
    check(is_reading(logs["topic"]) and "reads stream before" in logs["stream"], logs["topic"])
    check("train_from: has read topic " in logs["topic"] and f": {ROWS} rows, 0 bad" in logs["topic"], logs["topic"])

    s.produce("old", records(second), partition=1)
    s.produce("live", records(second))
    again = {name: run(path) for name, path in ways.items()}
    check("train_from" not in again["topic"] + again["stream"], "a restart read it again:\n" + again["topic"])
    expected = values("file")
    check(len(expected) == 2 * LIVE and all(x["up"] is not None and x["p"] is not None for x in expected),
          "every row has predictions")
    same("from a topic", values("topic"), expected)
    same("from a stream", values("stream"), expected)
    say(f"{2 * LIVE} rows: the same from a file, a topic and a stream; a restart read nothing")

    slow = "adaptive_random_forest, options: {n_models: 100}"  # seconds for all rows
    whole = topology("whole", FROM_TOPIC, slow)
    run(whole)
    path = topology("killed", FROM_TOPIC, slow)
    start_and(path, lambda p: p.kill())
    _, took = start_and(path, lambda p: check(p.stop() == 0, "exit code"))
    check(took < 10, f"{took:.1f} s to stop")
    check(values("killed") == [], "rows before it had learned")
    check(is_reading(run(path)), "it did not begin again")
    same("after kill -9", values("killed"), values("whole"))
    say(f"killed and stopped ({took:.2f} s) in the middle: the same in the end")

    none = topology("none", FROM_TOPIC.replace("OLD", s.name("nowhere")))
    text = s.klamm("run", none, "--until-end", status=2)[1]
    check("train_from" in text and s.name("nowhere") in text, text)
    text = s.klamm("check", "--online", none, status=2)[1]
    check("train_from" in text and s.name("nowhere") in text, text)
    say("a topic that is missing is named")
