#!/usr/bin/env python3
"""Windows close though most partitions are silent: on one worker and on three, directly and behind a
repartition; with all of them silent too, when the wall clock moves time.

Every partition gets one row; then one of them goes on (or none). The first window of each key must come
out, on every way. How long it took is printed; looking for it takes half a second.

With --until-end a partition that is empty keeps no window open.
"""
import json
import threading
import time

from kafkatest import Scratch, check, same, say

PARTITIONS, IDLE = 10, 2
TOPOLOGY = """
name: idle
kafka: {bootstrap.servers: "${env:KAFKA}"}
streams:
  rows:
    from: {topic: in, value: json, columns: {g: string, ts: timestamp}}
    time: {field: ts, idle: IDLEs, advance: ADVANCE}
  direct:
    from: rows
    steps:
      - window: {tumbling: 1s, aggregate: count() as n}
      - select: window_start, n
    to: {topic: direct, value: json}
  moved:
    from: rows
    steps:
      - key_by: g
      - window: {tumbling: 1s, aggregate: count() as n}
      - select: window_start, n
    to: {topic: moved, value: json}
""".replace("IDLE", str(IDLE))


def row(key, ts):
    return key.encode(), json.dumps({"g": key, "ts": ts}).encode()


def keys_of_first_window(topic, start):
    return sorted(r.key.decode() for r in s.read(topic) if json.loads(r.value)["window_start"] == start)


def run(workers, advance):
    name = f"{advance}-{workers}"
    topic, outputs = f"in-{name}", [f"direct-{name}", f"moved-{name}"]
    s.topic(topic, PARTITIONS)
    for output in outputs:
        s.topic(output, 1)
    file = s.file(name + ".yaml", TOPOLOGY.replace("ADVANCE", advance))
    command = ["run", file, "--set", f"name={s.name(name)}", "--set", f"state.dir={s.dir}/state",
               "--set", f"streams.rows.from.topic={s.name(topic)}",
               "--set", f"streams.direct.to.topic={s.name(outputs[0])}",
               "--set", f"streams.moved.to.topic={s.name(outputs[1])}"]
    processes = [s.start(*command) for _ in range(workers)]
    s.wait_until("all have partitions", lambda: len(s.members(f"klamm-{s.name(name)}")[1]) == workers,
                 alive=processes)
    start = int(time.time()) * 1000
    names = [f"k{p}" for p in range(PARTITIONS)]
    for p in range(PARTITIONS):
        s.produce(topic, [row(names[p], start)], partition=p)
    silent_since = max(time.time(), start / 1000 + 1)
    over = threading.Event()

    def go_on():
        while not over.wait(0.2):
            s.produce(topic, [row(names[0], int(time.time() * 1000))], partition=0)

    feeder = threading.Thread(target=go_on, daemon=True)  # a failure must not wait for it
    if advance == "event_time":
        feeder.start()
    for output in outputs:
        s.wait_until(f"{output} has the first window of each key",
                     lambda: keys_of_first_window(output, start) == names, alive=processes)
        say(f"{output}: {time.time() - silent_since:.1f} s after the last row and the window's end, idle is "
            f"{IDLE} s")
    over.set()
    if advance == "event_time":
        feeder.join()
    for p in processes:
        check(p.stop() == 0, f"status {p.process.returncode}\n{p.errors()}")
    for output in outputs:
        same(f"{output}: each once", keys_of_first_window(output, start), names)


def until_end():
    s.topic("some", 4)
    s.topic("moved-end", 1)
    s.topic("direct-end", 1)
    for p in range(3):
        s.produce("some", [row(f"k{i % 7}", 1000 + 100 * i) for i in range(100)], partition=p)
    file = s.file("end.yaml", TOPOLOGY.replace("ADVANCE", "event_time").replace("timestamp", "long"))
    _, errors = s.klamm("run", file, "--until-end", "--set", f"name={s.name('end')}",
                        "--set", f"state.dir={s.dir}/state", "--set", f"streams.rows.from.topic={s.name('some')}",
                        "--set", f"streams.direct.to.topic={s.name('direct-end')}",
                        "--set", f"streams.moved.to.topic={s.name('moved-end')}")
    rows = [json.loads(r.value) for r in s.read("moved-end")]
    same("rows in the windows that are over", sum(r["n"] for r in rows), 3 * 90)
    say(f"one partition of four is empty: {errors.strip()}")


with Scratch("idle") as s:
    until_end()
    for workers in (1, 3):
        for advance in ("event_time", "wall_clock"):
            run(workers, advance)
