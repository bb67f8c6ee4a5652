#!/usr/bin/env python3
"""SIGTERM in the middle, restart: the process ends with 0 within seconds and all committed; afterwards no
window is reopened, nothing is lost or doubled, and late rows are still late.

Time is under control: slices of input are written one by one, so what each process must have put out is
known exactly. A last process finds nothing to do and must put out nothing.
"""
import json
import os
import time

import fastavro

from kafkatest import Scratch, check, encode, same, say

BASE = 1_700_000_000_000
PARTITIONS = 2
HOSTS = ["a", "b", "c", "d", "e", "f", "g", "h"]
SCHEMA = {"type": "record", "name": "Sample", "fields": [
    {"name": "host", "type": "string"}, {"name": "ts", "type": "long"}, {"name": "value", "type": "double"}]}
PARSED = fastavro.parse_schema(SCHEMA)
TOPOLOGY = """
name: restart
kafka: {bootstrap.servers: "${env:KAFKA}"}
streams:
  samples:
    from: {topic: in, schema: sample.avsc, key: {host: string}}
    time: {field: ts}
  load:
    from: samples
    steps:
      - window: {tumbling: 10s, aggregate: count() as n}
      - running: sum_of as total, count() as windows
    to: out
  again:
    from: samples
    steps:
      - add: substr(host, 1, 1) || '!' as series
      - key_by: series
      - window: {tumbling: 10s, aggregate: count() as n}
    to: again
""".replace("sum_of", "cumsum(n)")


def send(rows):
    """rows: (partition, host, second)."""
    for p in range(PARTITIONS):
        s.produce("in", [(host.encode(), encode({"host": host, "ts": BASE + int(at * 1000), "value": 1.0},
                                                PARSED, schema_id)) for q, host, at in rows if q == p], p)


def start():
    return s.start("run", topology, "--set", f"name={s.name('restart')}", "--set", f"state.dir={s.dir}/state",
                   "--set", f"streams.samples.from.topic={s.name('in')}",
                   "--set", f"streams.load.to={s.name('out')}", "--set", f"streams.again.to={s.name('again')}")


def until_read(p):
    group = f"klamm-{s.name('restart')}"
    for topic in ("in", "restart-again-repartition", "restart-again-repartition"):
        s.wait_consumed(group, topic, alive=[p])


def finish(p):
    begin = time.monotonic()
    check(p.stop() == 0, f"status {p.process.returncode}\n{p.errors()}")
    took = time.monotonic() - begin
    state, members = s.members(f"klamm-{s.name('restart')}")
    check(not members, f"it did not leave its group, which is {state}: {members}")
    return took


def found(topic, key):
    """(key, window's second, n, …) of all rows, sorted."""
    rows = []
    for r, row in s.rows(topic):
        at = int(row["window_start"].timestamp()) - BASE // 1000
        rows.append((row[key], at, row["n"], *(row[c] for c in ("total", "windows") if c in row)))
    return sorted(rows)


def slices():
    """Two partitions, hosts by parity. Each slice ends in the middle of a window."""
    for i in range(4):
        rows = []
        for at in range(25 * i, 25 * (i + 1)):
            rows += [(k % 2, host, at) for k, host in enumerate(HOSTS)]
        yield rows


def expected_after(sent):
    """What must have come out once these rows, late ones left out, were read in order."""
    counts, watermark = {}, [None] * PARTITIONS
    for p, host, at in sent:
        closed = watermark[p] is not None and at // 10 * 10 + 10 <= watermark[p]
        if not closed:
            counts[host, at // 10 * 10, p] = counts.get((host, at // 10 * 10, p), 0) + 1
        watermark[p] = max(at, watermark[p] if watermark[p] is not None else at)
    direct, again = [], []
    totals, windows = {}, {}
    for (host, start, p), n in sorted(counts.items()):
        if start + 10 <= watermark[p]:
            totals[host], windows[host] = totals.get(host, 0) + n, windows.get(host, 0) + 1
            direct.append((host, start, n, totals[host], windows[host]))
        if start + 10 <= min(watermark):
            again.append((host + "!", start, n))
    return sorted(direct), sorted(again)


with Scratch("restart") as s:
    schema = s.file("sample.avsc", json.dumps(SCHEMA))
    topology = s.file("restart.yaml", TOPOLOGY)
    s.topic("in", PARTITIONS)
    s.klamm("produce", s.name("in"), "--schema", schema, os.devnull)
    schema_id = s.schema_id(s.name("in") + "-value")
    sent = []
    for i, rows in enumerate(slices()):
        late = [(k % 2, host, 25 * i - 20) for k, host in enumerate(HOSTS[:4])] if i else []
        p = start()
        # Late rows come first: only a watermark that survived tells that they are late.
        send(late + rows)
        sent += late + rows
        until_read(p)
        took = finish(p)
        direct, again = expected_after(sent)
        same(f"windows after slice {i}", found("out", "host"), direct)
        same(f"windows behind the repartition after slice {i}", found("again", "series"), again)
        say(f"slice {i}: {len(direct)} + {len(again)} windows, ended {took:.2f} s after SIGTERM")

    before = s.ends("out"), s.ends("again")
    p = start()
    s.wait_until("the last process is a member",
                 lambda: sum(s.members(f"klamm-{s.name('restart')}")[1].values()) == 4, alive=[p])
    time.sleep(1)
    finish(p)
    check((s.ends("out"), s.ends("again")) == before, "a process with nothing to do has written something")

    # The first output of a process that finds its group: how long after its start.
    end = s.ends("out")
    begin = time.monotonic()
    p = start()
    send([(k % 2, host, 111) for k, host in enumerate(HOSTS)])
    s.wait_until("output", lambda: s.ends("out") != end, alive=[p])
    say(f"first output {time.monotonic() - begin:.2f} s after the start")
    finish(p)
