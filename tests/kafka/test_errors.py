#!/usr/bin/env python3
"""Bad records and bad circumstances.

  dead letters   tolerance all: damaged Avro, an unknown schema id, a failed expression, an event time in
                 the far future; each goes unchanged to the dead-letter topic, with its position in headers
  stop           tolerance none: exit code 1, and a message that names topic, partition and offset;
                 nothing of librdkafka's before it, also with a transaction in full flow, and true counts
  start          a missing topic, an unreachable broker or registry, properties that are wrong or ours
  topics         created with the partitions, replication and settings that the topology asks for
"""
import json
import os
import struct
import time

import fastavro

from kafkatest import Scratch, check, encode, same, say

BASE = int(time.time() * 1000) - 3_600_000  # older rows the broker could delete: retention.ms below
SCHEMA = {"type": "record", "name": "Sample", "fields": [
    {"name": "host", "type": "string"}, {"name": "ts", "type": "long"}, {"name": "a", "type": "long"},
    {"name": "b", "type": "long"}]}
PARSED = fastavro.parse_schema(SCHEMA)
TOPOLOGY = """
name: errors
kafka: {bootstrap.servers: "${env:KAFKA}"}
errors: ERRORS
streams:
  samples:
    from: {topic: in, schema: sample.avsc}
    time: {field: ts}
  ratios:
    from: samples
    steps:
      - add: a / b as ratio
    to: {topic: out, partitions: 3, replication: 1, config: {cleanup.policy: "compact,delete", retention.ms: "86400000"}}
"""
PREFIX = "__connect.errors."


def topology(name, errors):
    return s.file(name + ".yaml", TOPOLOGY.replace("ERRORS", errors))


def command(name, file, *more):
    return ["run", file, "--until-end", "--set", f"name={s.name(name)}", "--set", f"state.dir={s.dir}/state",
            "--set", f"streams.samples.from.topic={s.name('in')}",
            "--set", f"streams.ratios.to.topic={s.name(name + '-out')}", *more]


def row(i, b=2, ts=0):
    value = {"host": f"h{i}", "ts": ts or BASE + i, "a": i, "b": b}
    return value["host"].encode(), encode(value, PARSED, schema_id)


def bad_records():
    """By offset of partition 1: (record, words of the message, stage)."""
    key, good = row(1)
    return [
        (None, row(0), None, None),
        ("truncated", (key, good[:-1]), "Avro", "VALUE_CONVERTER"),
        ("trailing byte", (key, good + b"x"), "Avro", "VALUE_CONVERTER"),
        ("negative length", (key, good[:5] + b"\x01" + good[6:]), "", "VALUE_CONVERTER"),
        ("huge length", (key, good[:5] + b"\xfe\xff\xff\xff\x0f" + good[6:]), "", "VALUE_CONVERTER"),
        ("invalid UTF-8", (key, good[:5] + b"\x04\xff\xfe" + good[8:]), "", "VALUE_CONVERTER"),
        ("unknown schema id", (key, b"\0" + struct.pack(">i", 987654) + good[5:]), "987654", "VALUE_CONVERTER"),
        ("no wire format", (key, b"plain text"), "", "VALUE_CONVERTER"),
        ("empty value", (key, b"\0"), "", "VALUE_CONVERTER"),
        (None, row(2), None, None),
        ("division by zero", row(3, b=0), "division by zero", "TRANSFORMATION"),
        ("far future", row(4, ts=int(time.time() * 1000) + 40 * 86_400_000), "ahead", "VALUE_CONVERTER"),
        (None, row(5), None, None),
    ]


def dead_letters(records):
    dead = s.name("dead")
    file = topology("tolerant", f"{{tolerance: all, dead_letter_topic: {dead}}}")
    for rows in (1, 2048):
        name = f"tolerant-{rows}"
        _, errors = s.klamm(*command(name, file, "--batch-rows", str(rows)))
        same("good rows", sorted(r["host"] for _, r in s.rows(name + "-out")), ["h0", "h1", "h2", "h5"])
        check(" 10 bad" in errors, f"the summary does not count 10 bad records:\n{errors}")
    found = s.read("dead")
    expected = [(i, *r) for i, r in enumerate(records) if r[0]]
    check(len(found) == 2 * len(expected), f"{len(found)} dead letters of {len(expected)} bad records, twice")
    for letter, (offset, what, (key, value), words, stage) in zip(found, expected * 2):
        say(f"{what}: {letter.headers.get(PREFIX + 'exception.message')}")
        check((letter.key, letter.value) == (key, value), f"{what}: not unchanged: {letter.value!r}")
        position = tuple(letter.headers.get(PREFIX + n) for n in ("topic", "partition", "offset"))
        same(f"{what}: position", position, (s.name("in"), "1", str(offset)))
        same(f"{what}: stage", letter.headers.get(PREFIX + "stage"), stage)
        message = letter.headers.get(PREFIX + "exception.message", "")
        check(message and words.lower() in message.lower(), f"{what}: {message}")


def stop(records):
    """The first bad record ends it; what was before it may be committed, nothing behind it."""
    file = topology("strict", "{tolerance: none}")
    for _ in range(2):
        _, errors = s.klamm(*command("strict", file), status=1)
        check(f"{s.name('in')} partition 1 offset 1" in errors, errors)
        check(" 1 bad" in errors, f"the summary does not count the bad record:\n{errors}")
    hosts = sorted(r["host"] for _, r in s.rows("strict-out"))
    check(hosts in (["h0", "h1"], ["h0"], ["h1"], []), f"{hosts} came out before the bad record")
    say(f"stopped: {errors.strip().splitlines()[-1]}")


def stop_in_full_flow(records):
    """A bad record behind many good ones: the transaction ends while librdkafka is sending."""
    s.topic("flow", 1)
    now = int(time.time() * 1000) - 3_600_000  # rows older than the retention of the output could be deleted
    s.produce("flow", [row(i, ts=now + i) for i in range(100000)] + [records[1][1]] + [row(1)], partition=0)
    file = topology("flow", "{tolerance: none}")
    for i in range(3):
        name = f"flow-{i}"
        _, errors = s.klamm(*command(name, file), "--set", f"streams.samples.from.topic={s.name('flow')}",
                            "--set", "commit_interval=20ms", status=1)
        lines = errors.strip().splitlines()
        check(f"{s.name('flow')} partition 0 offset 100000" in lines[-1], errors)
        check(not any(" error " in line or " warn " in line for line in lines), f"noise:\n{errors}")
        s.wait_decided(name + "-out")
        written = len(s.read(name + "-out"))
        check(f": 100001 records read, {written} written, 0 late, 1 bad, " in errors,
              f"not the true counts, {written} were written:\n{errors}")
        say(lines[-2])


def refused(what, status, words, arguments, env=None):
    begin = time.monotonic()
    _, errors = s.klamm(*arguments, status=status, env=env)
    lines = [line for line in errors.splitlines() if line.startswith("error")]
    for word in words:
        check(any(word in line for line in lines), f"{what}: no \"{word}\" in\n{errors}")
    say(f"{what} ({time.monotonic() - begin:.1f} s): {lines[0]}")
    return lines


def start():
    file = topology("start", "{tolerance: none}")
    refused("missing topic", 2, ["start.yaml", "streams.samples.from", s.name("nowhere")],
            command("start", file, "--set", f"streams.samples.from.topic={s.name('nowhere')}"))
    check(s.partitions("nowhere") == [], "a missing input topic was created")
    check(s.partitions("start-out") == [], "output was created though the input is missing")
    refused("unreachable broker", 1, ["127.0.0.1:1"], command("start", file), env={"KAFKA": "127.0.0.1:1"})
    lines = refused("wrong properties", 2, ["isolation.level"],
                    command("start", file, "--set", "kafka.isolation.level=read_uncommitted"))
    lines = refused("wrong properties", 2, ["session.timeout.ms", "did you mean", "acks"],
                    command("start", file, "--set", "kafka.sesion.timeout.ms=1", "--set", "kafka.acks=many"))
    check(len(lines) == 2, f"not both are reported: {lines}")


    refused("too many replicas", 2, [s.name("three-out"), "replication"],
            command("three", file, "--set", "streams.ratios.to.replication=3"))


def created():
    same("partitions and replicas of out", s.partitions("strict-out"), [1, 1, 1])
    config = s.config("strict-out")
    same("cleanup.policy", set(config["cleanup.policy"].split(",")), {"compact", "delete"})
    same("retention.ms", config["retention.ms"], "86400000")
    s.klamm("run", s.file("plain.yaml", f"""
name: {s.name('plain')}
kafka: {{bootstrap.servers: "${{env:KAFKA}}"}}
state: {{dir: {s.dir}/state}}
streams:
  samples:
    from: {{topic: {s.name('in')}, schema: sample.avsc}}
    steps:
      - filter: false
      - key_by: host
      - window: {{tumbling: 1s, aggregate: count() as n}}
    to: {s.name('plain-out')}
"""), "--until-end", "--set", "errors.tolerance=all", "--set", f"errors.dead_letter_topic={s.name('plain-dead')}")
    for topic in ("plain-out", "plain-samples-repartition"):
        same(f"partitions of {topic}", s.partitions(topic), [1, 1])
    changelogs = [t for t in s.topics() if t.startswith(s.name("plain-samples-")) and t.endswith("-changelog")]
    check(len(changelogs) == 1, f"changelogs: {changelogs}")
    name = changelogs[0][len(s.prefix) + 1:]
    same(f"partitions of {name}", s.partitions(name), [1, 1])
    same(f"cleanup.policy of {name}", s.config(name)["cleanup.policy"], "compact")
    same("retention of the repartition", s.config("plain-samples-repartition")["retention.ms"], "-1")
    say("topics are as configured")


with Scratch("errors") as s:
    schema = s.file("sample.avsc", json.dumps(SCHEMA))
    s.topic("in", 2)
    s.klamm("produce", s.name("in"), "--schema", schema, os.devnull)
    schema_id = s.schema_id(s.name("in") + "-value")
    records = bad_records()
    s.produce("in", [row(1)], partition=0)
    s.produce("in", [r[1] for r in records], partition=1)
    dead_letters(records)
    stop(records)
    stop_in_full_flow(records)
    start()
    created()
