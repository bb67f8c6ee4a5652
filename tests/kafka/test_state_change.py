#!/usr/bin/env python3
"""State that stands in the changelog, and a topology that has changed since (docs/operations.md).

  refused     windows of another size: exit code 2, once, with all names and the remedy; nothing moves
  undone      the old topology goes on where it was, as if nothing had been
  migrated    another aggregate: it counts from the change on, the others go on; the way back too
  foretold    `check --against` said each of these before
  renamed     a stream of another name begins anew, while its offsets go on
  reset       with Kafka's own tools: the changed topology begins from the first record
  damaged     a changelog entry that cannot be read: exit code 1, once
  drained     a column of another type, behind an internal topic that the old topology has used up: goes on
"""
import json
import os
import subprocess
import time

import fastavro

from kafkatest import HERE, Scratch, check, encode, same, say

BASE = 1_700_000_000_000
SCHEMA = {"type": "record", "name": "Sample", "fields": [
    {"name": "host", "type": "string"}, {"name": "ts", "type": "long"}]}
PARSED = fastavro.parse_schema(SCHEMA)
TOPOLOGY = """
name: change
kafka: {bootstrap.servers: "${env:KAFKA}"}
lanes: 2
streams:
  samples:
    from: {topic: in, schema: sample.avsc, key: {host: string}}
    time: {field: ts}
  STREAM:
    from: samples
    steps:
      - window: {tumbling: SIZE, aggregate: "AGGREGATE"}
    to: out
"""
DRAINED = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}"}
streams:
  rows:
    from: {topic: IN, value: json, columns: {host: string, v: TYPE}}
    steps:
      - key_by: host
      - running: count() as n
    to: {topic: OUT, value: json, partitions: 1}
"""
CHANGELOG = "change-load-window-changelog"


def send(*seconds):
    """One row of each of two hosts, in a partition each."""
    for p in range(2):
        s.produce("in", [(b"h%d" % p, encode({"host": f"h{p}", "ts": BASE + at * 1000}, PARSED, schema_id))
                         for at in seconds], p)


last = None  # topology that ran


def foretell(file, status, fate):
    """What `check --against` says of the one store that this topology has."""
    text, _ = s.klamm("check", file, "--against", last, "--plan", "json", status=status)
    found = json.loads(text)
    changes = {c["name"]: c["fate"] for c in found["changes"]}
    check(fate in changes.values() and found["goes_on"] == (status == 0), f"not {fate}:\n{text}")


def run(size, status=0, stream="load", aggregate="count() as n", fate="keep", options=()):
    global last
    file = s.file(f"{stream}-{size}-{len(aggregate)}.yaml", TOPOLOGY.replace("SIZE", size).replace(
        "STREAM", stream).replace("AGGREGATE", aggregate).replace("name: change", f"name: {s.name('change')}"))
    if last:
        foretell(file, 0 if fate in ("keep", "migrate") else 2, fate)
    last = file if status == 0 else last
    begin = time.monotonic()
    _, errors = s.klamm("run", file, "--until-end", "--set", f"state.dir={s.dir}/state", "--set",
                        f"streams.samples.from.topic={s.name('in')}", "--set",
                        f"streams.{stream}.to={s.name('out')}", *options, status=status)
    for noise in ("GETPID", "TXNERR", "FATAL"):
        check(noise not in errors, f"messages of librdkafka:\n{errors}")
    return errors, time.monotonic() - begin


def windows():
    """(host, second, rows) of all results."""
    s.wait_decided("out")
    return sorted((r["host"], int(r["window_start"].timestamp()) - BASE // 1000, r["n"])
                  for _, r in s.rows("out"))


def refused(status, errors, took, words):
    lines = [line for line in errors.splitlines() if "error" in line]
    check(len(lines) == 1, f"not one error:\n{errors}")
    for word in words:
        check(word in lines[0], f"no \"{word}\" in\n{errors}")
    check("again" not in errors, f"it was tried again:\n{errors}")
    say(f"exit code {status} after {took:.1f} s: {lines[0]}")


def another_type():
    s.topic("typed", 1)
    text = DRAINED.replace("NAME", s.name("drained")).replace("IN", s.name("typed")).replace("OUT", s.name("counts"))
    file = {kind: s.file(f"{kind}.yaml", text.replace("TYPE", kind)) for kind in ("double", "long")}
    for kind in ("double", "long", "double"):
        s.produce("typed", [(b"k", b'{"host": "a", "v": 1}')])
        s.klamm("run", file[kind], "--until-end", "--set", f"state.dir={s.dir}/state")
    told, _ = s.klamm("check", file["long"], "--against", file["double"], status=2)
    check("drain    rows" in told and "+ v long, - v double" in told, told)
    s.wait_decided("counts")
    same("rows of either type", [json.loads(r.value) for r in s.read("counts")],
         [{"host": "a", "v": 1, "n": n} for n in (1, 2, 3)])


def tool(*arguments):
    done = subprocess.run([os.path.join(HERE, "kafka-tools"), *arguments], text=True, env=s.env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode == 0, f"{arguments}: {done.stdout}")



with Scratch("state") as s:
    group = f"klamm-{s.name('change')}"
    schema = s.file("sample.avsc", json.dumps(SCHEMA))
    s.topic("in", 2)
    s.klamm("produce", s.name("in"), "--schema", schema, os.devnull)
    schema_id = s.schema_id(s.name("in") + "-value")

    send(1, 2, 11, 12, 13)
    run("10s")
    closed = [(h, 0, 2) for h in ("h0", "h1")]
    same("first windows", windows(), closed)

    before = s.committed(group, "in"), s.ends("out"), s.ends(CHANGELOG)
    send(14)
    errors, took = run("20s", status=2, fate="rebuild")
    refused(2, errors, took, [f"topology {s.name('change')},", "stream load,", "step `window`",
                              s.name(CHANGELOG), "Undo the change", "another name", "docs/operations.md"])
    same("offsets after a refusal", (s.committed(group, "in"), s.ends("out"), s.ends(CHANGELOG)), before)

    send(21)
    run("10s")
    closed += [(h, 10, 4) for h in ("h0", "h1")]
    same("windows after the change was undone", windows(), sorted(closed))

    send(23)
    both = "max(ts) as newest, count() as n"
    errors, _ = run("10s", aggregate=both, fate="migrate", options=("--set", "state.backend=rocksdb"))
    check("state of other aggregates goes on: + max(ts) (from the change on)" in errors, errors)
    send(24, 31)
    run("10s", fate="migrate")
    closed += [(h, 20, 3) for h in ("h0", "h1")]
    same("windows after a migration, and back", windows(), sorted(closed))
    send(32)
    run("10s", aggregate=both, fate="migrate")
    send(42)
    run("10s", aggregate=both, options=("--set", "state.backend=rocksdb"))
    closed += [(h, 30, 2) for h in ("h0", "h1")]
    same("windows after a second migration", windows(), sorted(closed))
    newest = [r["newest"] for _, r in s.rows("out") if r.get("newest")]
    same("what the added aggregate has", newest, [BASE + 32_000] * 2)

    send(43, 61)
    run("20s", stream="again", fate="gone")
    closed += [(h, 40, 1) for h in ("h0", "h1")]  # without the row of second 42, read under the old name
    same("windows of a stream of another name", windows(), sorted(closed))

    s.wait_until("the group has no members", lambda: not s.members(group)[1])
    tool("groups", "--delete", "--group", group)
    tool("topics", "--delete", "--topic", f"{s.name('change')}-.*-(changelog|repartition)")
    s.wait_until("the changelog is gone", lambda: not s.partitions(CHANGELOG))
    run("20s", fate="gone")
    closed += [(h, at, n) for h in ("h0", "h1") for at, n in ((0, 6), (20, 5), (40, 2))]
    same("windows after a reset", windows(), sorted(closed))

    entry = next(r for r in s.read(CHANGELOG) if r.value and b"klamm layout" not in r.value)
    s.produce(CHANGELOG, [(entry.key, entry.value[:-1])], entry.partition)
    send(62)
    errors, took = run("20s", status=1)
    refused(1, errors, took, [f"topology {s.name('change')},", "stream load,", "step `window`",
                              f"{s.name(CHANGELOG)} partition {entry.partition} offset ", "damaged entry",
                              "docs/operations.md"])

    another_type()
    say("a column of another type goes on, once the old rows are used up")
