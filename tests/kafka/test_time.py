#!/usr/bin/env python3
"""`check --time` while a worker runs: four partitions, one of them silent. It names that partition, and
the windows that it holds open, on both ways: directly each partition has its own time; behind a
repartition the silent one holds up all.

What is shown is compared with what the rows say. Nothing is written, made or joined by looking, and the
worker goes on. Then the partition counts as idle, and what stands in the way of an answer is told.
"""
import json

from kafkatest import Scratch, check, same, say

PARTITIONS, SILENT = 4, 2
BASE = 1767225600000  # 2026-01-01
TOPOLOGY = """
name: time
kafka: {bootstrap.servers: "${env:KAFKA}"}
streams:
  rows:
    from: {topic: in, value: json, key: {g: string}, columns: {v: string, ts: long}}
    time: {field: ts, out_of_order: 1s, idle: 1h}
  direct:
    from: rows
    steps:
      - window: {tumbling: 10s, grace: 2s, aggregate: count() as n}
      - select: window_start, n
    to: {topic: direct, value: json}
  moved:
    from: rows
    steps:
      - key_by: v
      - window: {tumbling: 10s, grace: 2s, aggregate: "count() as n, collect(v) as all"}
      - select: window_start, n
    to: {topic: moved, value: json}
"""


def rows(partition, seconds):
    """One row a second; its key is that of the partition, its value one of three."""
    return [(f"k{partition}".encode(), json.dumps({"v": f"v{i % 3}", "ts": BASE + 1000 * i}).encode())
            for i in seconds]


def settings(name):
    return ["--set", f"name={s.name(name)}", "--set", f"state.dir={s.dir}/state",
            "--set", f"streams.rows.from.topic={s.name('in')}", "--set", f"streams.direct.to.topic={s.name('direct')}",
            "--set", f"streams.moved.to.topic={s.name('moved')}"]


def look(name="time", *more):
    out, _ = s.klamm("check", file, "--time", "--plan", "json", *settings(name), *more)
    return json.loads(out)


def is_read(name="time"):
    group = f"klamm-{s.name(name)}"
    return all(s.committed(group, t) == s.ends(t) for t in ("in", f"{name}-moved-repartition"))


def inputs(view, topic):
    return {x["partition"]: x for x in view["inputs"] if x["topic"] == s.name(topic)}


def steps(view, stream):
    return {x["partition"]: x for x in view["steps"] if x["stream"] == stream}


def footprint():
    """All that looking could change."""
    topics = s.topics()
    names = [t[len(s.prefix) + 1:] for t in topics if t.startswith(s.prefix)]
    return topics, {t: s.ends(t, 0) for t in names}, s.members(f"klamm-{s.name('time')}")


def silent_partition(worker):
    for p in range(PARTITIONS):
        s.produce("in", rows(p, range(5 if p == SILENT else 60)), partition=p)
    s.wait_until("all rows are read", is_read, alive=[worker])
    for topic in ("time-moved-repartition", "time-moved-window-changelog", "time-direct-window-changelog",
                  "moved", "direct"):
        s.wait_decided(topic)
    before = footprint()
    view = look()
    text, _ = s.klamm("check", file, "--time", *settings("time"))
    after = footprint()
    for what, b, a in zip(("topics", "ends", "members"), before, after):
        check(a == b, f"looking has changed the {what}:\n{b}\n{a}")
    check(worker.running(), worker.errors())

    last = {p: BASE + 1000 * (4 if p == SILENT else 59) - 1000 for p in range(PARTITIONS)}
    found = inputs(view, "in")
    same("watermarks", [found[p]["watermark"] for p in range(PARTITIONS)], [last[p] for p in range(PARTITIONS)])
    same("offsets", [found[p]["offset"] for p in range(PARTITIONS)],
         [s.ends("in")[p] for p in range(PARTITIONS)])
    check(all(x["lag"] == 0 and not x["idle"] for x in view["inputs"]), f"lag or idle\n{view['inputs']}")
    check(all(0 <= view["at"] - x["last_record"] < 600000 for x in found.values()), f"last records\n{found}")
    for x in inputs(view, "time-moved-repartition").values():
        same("watermarks behind the repartition", [w["watermark"] for w in x["sources"]],
             [last[p] for p in range(PARTITIONS)])

    direct = steps(view, "direct")
    for p in range(PARTITIONS):  # windows that its own watermark has not closed
        ends = sorted({BASE + 10000 * (i // 10 + 1) for i in range(5 if p == SILENT else 60)})
        open_ends = [e for e in ends if e + 2000 > last[p]]
        x = direct[p]
        same(f"direct, partition {p}", [x["open"], x["start"], x["end"], x["closes_at"], x["watermark"]],
             [len(open_ends), open_ends[0] - 10000, open_ends[0], open_ends[0] + 2000, last[p]])
        check(x["held_by"]["topic"] == s.name("in") and x["held_by"]["partition"] == p, f"held by {x['held_by']}")

    moved = steps(view, "moved")
    same("windows behind the repartition", sum(x["open"] for x in moved.values()), 3 * 6)
    busy = [x for x in moved.values() if x["open"]]
    for x in busy:
        same("the oldest", [x["start"], x["end"], x["closes_at"]], [BASE, BASE + 10000, BASE + 12000])
        same("who holds it", [x["held_by"][k] for k in ("topic", "partition", "watermark", "idle")],
             [s.name("in"), SILENT, last[SILENT], False])
        check(x["entries"] == x["open"] and x["bytes"] > 0, f"size {x}")
    sentence = (" open (", "the oldest [2026-01-01T00:00:00.000Z, 2026-01-01T00:00:10.000Z) closes at "
                "watermark 2026-01-01T00:00:12.000Z; partition 2 of " + s.name("in") +
                " stands at 2026-01-01T00:00:03.000Z (last record ")
    lines = [line for line in text.splitlines() if line.startswith("window of stream moved")]
    same("sentences", sum(all(part in line for part in sentence) for line in lines), len(busy))
    say(lines[0])


def goes_on(worker):
    s.produce("in", rows(SILENT, range(5, 60)), partition=SILENT)
    s.wait_until("the windows have closed", lambda: len(s.read("moved")) == 3 * 5, alive=[worker])
    s.wait_until("all rows are read", is_read, alive=[worker])
    open_now = {x["start"] for x in look()["steps"] if x["open"]}
    same("windows still open", sorted(open_now), [BASE + 50000])
    check(worker.stop() == 0, worker.errors())
    say(worker.errors().strip().splitlines()[-1])
    check("state: " in worker.errors(), "no size of state at the end")


def idle():
    worker = s.start("run", file, *settings("time"), "--set", "streams.rows.time.idle=1s")
    s.wait_until("the silent ones count as idle", lambda: all(x["idle"] for x in inputs(look(), "in").values()),
                 alive=[worker])
    view = look()
    check(all(w["idle"] for x in inputs(view, "time-moved-repartition").values() for w in x["sources"]),
          f"behind the repartition\n{view['inputs']}")
    check(all(x["held_by"]["idle"] for x in view["steps"] if x["open"]), f"held by\n{view['steps']}")
    text, _ = s.klamm("check", file, "--time", *settings("time"))
    check(" (idle " in text, text)
    check(worker.stop() == 0, worker.errors())


def no_answer():
    topics = s.topics()
    _, errors = s.klamm("check", file, "--time", *settings("never"), status=1)
    check(f"group klamm-{s.name('never')} has committed no offsets" in errors, errors)
    _, errors = s.klamm("check", file, "--time", *settings("time"), "--set",
                        f"streams.rows.from.topic={s.name('inn')}", status=2)
    check(f"there is no topic \"{s.name('inn')}\"" in errors, errors)
    _, errors = s.klamm("check", file, "--time", *settings("time"), "--set", "streams.moved.steps[2].window.tumbling=5s",
                        status=2)
    check("saved by other settings" in errors, errors)
    _, errors = s.klamm("check", file, "--time", "--in-memory", status=2)
    check("nothing to look at" in errors, errors)
    _, errors = s.klamm("check", file, "--time", "--plan", "dot", status=2)
    check("not as dot" in errors, errors)
    _, errors = s.klamm("check", file, "--time", "--set", "kafka.bootstrap.servers=127.0.0.1:1", status=1)
    check("no Kafka broker answers" in errors, errors)
    check(s.topics() == topics, "looking has made topics")


with Scratch("time") as s:
    file = s.file("time.yaml", TOPOLOGY)
    s.topic("in", PARTITIONS)
    s.topic("direct")
    s.topic("moved")
    runs = s.start("run", file, *settings("time"))
    silent_partition(runs)
    goes_on(runs)
    idle()
    no_answer()
