#!/usr/bin/env python3
"""A worker goes on while a forest of a large window is trained: rows sent after that became due come out
with the model before, each once; at a stop the training was still at work, and is given up at once.

After kill -9 the next worker begins it anew, and rows go on as before. That a training was under way the
whole time is what the worker says when it stops: no clock is asked.
"""
import json
import random

from kafkatest import Scratch, check, same, say

FIRST, WINDOW, COLUMNS = 50, 20000, 10
TOPOLOGY = f"""
kafka: {{bootstrap.servers: "${{env:KAFKA}}"}}
streams:
  rows:
    from: {{topic: in, value: json, columns: {{n: long, up: boolean,
            {", ".join(f"x{i}: double" for i in range(COLUMNS))}}}}}
    steps:
      - classify:
          algorithm: random_forest
          options: {{n_models: 500}}
          features: [{", ".join(f"x{i}" for i in range(COLUMNS))}]
          label: up
          as: p
          per: partition
          learn: {{batch: {{window: {WINDOW}, every: {WINDOW}, min_rows: {FIRST}}}}}
      - select: n, p_model_version as version
    to: {{topic: out, key: none, value: json}}
"""


def send(n):
    """The next n rows; the number of the last."""
    global sent
    rows = []
    for _ in range(n):
        x = [noise.gauss(0, 1) for _ in range(COLUMNS)]
        row = {"n": sent, "up": sum(x) > 0, **{f"x{i}": v for i, v in enumerate(x)}}
        rows.append((None, json.dumps(row).encode()))
        sent += 1
    s.produce("in", rows)
    return sent - 1


def read():
    return [json.loads(r.value) for r in s.read("out")]


def through(n):
    """All rows, once that of number n has come out."""
    s.wait_until(f"row {n} is out", lambda: any(row["n"] == n for row in read()))
    return read()


def start():
    return s.start("run", file, "--set", f"name={s.name('training')}", "--set", f"state.dir={s.dir}/state",
                   "--set", f"streams.rows.from.topic={s.name('in')}",
                   "--set", f"streams.rows.to.topic={s.name('out')}")


def given_up(process):
    return process.errors().count("1 training given up")


with Scratch("training") as s:
    noise, sent = random.Random(5), 0
    file = s.file("topology.yaml", TOPOLOGY)
    s.topic("in", 1)
    s.topic("out", 1)
    worker = start()
    send(FIRST)
    while through(send(1))[-1]["version"] is None:  # the first, small one goes in
        pass
    say(f"the first model predicts row {sent - 1}")
    due = send(FIRST + WINDOW - sent)  # the second is due with the last of these
    through(due)
    after = [through(send(1))[-1] for _ in range(3)]
    same("rows behind it", after, [{"n": due + 1 + i, "version": 1} for i in range(3)])
    worker.kill()
    check(given_up(worker) == 0, "killed, it has said something")
    say("rows come out while the second model is trained; killed")

    worker = start()
    after = [through(send(1))[-1] for _ in range(3)]
    same("rows after the crash", [row["version"] for row in after], [1, 1, 1])
    check(worker.stop() == 0, f"it ended badly\n{worker.errors()}")
    check(given_up(worker) == 1, f"the training was not under way\n{worker.errors()}")
    say("begun anew, and given up at a stop")
    rows = read()
    same("rows", [row["n"] for row in rows], list(range(sent)))
    check(all(row["version"] in (None, 1) for row in rows), "another model than the first")
