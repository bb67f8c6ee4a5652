#!/usr/bin/env python3
"""The commands on a broker as a new user meets them.

  produce and tail     values that are not Avro, by --value, --rows, --columns; keys out of the rows
  tail                 one hint where no value is of the format, a message each where some are
  names                of topics and partitions that are not there, with the nearest
  columns              check --online proposes them by what the topic holds
  brokers              --bootstrap before the file before $KAFKA, for every command
  a schema registry that does not answer ends run and check with 1, as a broker does
"""
import json

from kafkatest import Scratch, check, same, say

NOWHERE = "127.0.0.1:1"
CSV = "sensor,celsius,ts\na,20.5,1000\nb,,2000\n"
COLUMNS = "sensor: string, celsius: double, ts: long"


def values(s, *arguments):
    out, _ = s.klamm("tail", *arguments, "--until-end")
    return [json.loads(line)["value"] for line in out.splitlines()]


def hint(s, topic, text):
    out, err = s.klamm("tail", s.name(topic), "--until-end", status=1)
    same(topic, out, "")
    check(err.count("\n") == 1 and text in err, f"tail does not say {text!r} once, but {err}")


def formats(s):
    s.file("readings.csv", CSV)
    table, texts, lines = s.name("table"), s.name("texts"), s.name("lines")
    s.klamm("produce", table, "--value", "csv", "--partitions", "1", "--key", "sensor", "readings.csv")
    same("csv", [(r.key, r.value) for r in s.read("table")], [(b"a", b"a,20.5,1000"), (b"b", b"b,,2000")])
    same("csv by columns", values(s, table, "--value", "csv", "--columns", COLUMNS),
         [{"sensor": "a", "celsius": 20.5, "ts": 1000}, {"sensor": "b", "celsius": None, "ts": 2000}])
    same("csv as text", values(s, table, "--value", "string"), ["a,20.5,1000", "b,,2000"])
    hint(s, "table", "they look like CSV: try --value string")

    s.klamm("produce", texts, "--value", "json", "--columns", COLUMNS, "--partitions", "1", "readings.csv")
    same("json", values(s, texts, "--value", "json"),
         [{"sensor": "a", "celsius": 20.5, "ts": 1000}, {"sensor": "b", "celsius": None, "ts": 2000}])
    hint(s, "texts", "they look like JSON: try --value json")
    # record lines of one command are the input of the other
    s.file("again.jsonl", s.klamm("tail", texts, "--value", "json", "--until-end")[0])
    s.klamm("produce", s.name("again"), "--value", "json", "--key", "sensor", "--partitions", "1", "again.jsonl")
    same("again", [(r.key, json.loads(r.value)) for r in s.read("again")],
         [(b"a", {"sensor": "a", "celsius": 20.5, "ts": 1000}), (b"b", {"sensor": "b", "celsius": None, "ts": 2000})])

    s.file("lines.txt", "hello\nworld\n")
    s.klamm("produce", lines, "--value", "string", "--rows", "text", "--partitions", "1", "lines.txt")
    same("lines", values(s, lines, "--value", "string"), ["hello", "world"])
    hint(s, "lines", "they look like text: try --value string")
    s.topic("raw")
    s.produce("raw", [(b"k", b"\x01\x02\xff")])
    hint(s, "raw", "try --value bytes")
    say("formats")


def mixed(s):
    s.file("one.avsc", '{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}')
    s.file("one.jsonl", '{"value":{"a":1}}\n')
    s.topic("mixed")
    s.produce("mixed", [(b"k", b"oops")])
    s.klamm("produce", s.name("mixed"), "--schema", "one.avsc", "one.jsonl")
    s.produce("mixed", [(b"k", b"again")])
    out, err = s.klamm("tail", s.name("mixed"), "--until-end")
    same("mixed", [json.loads(line)["value"] for line in out.splitlines()], [{"a": 1}])
    check("1 record before it left out" in err and "offset 0" in err and "not Avro" in err, err)
    check(err.count("not Avro") == 2, err)
    say("mixed")


def names(s):
    near = s.name("mixed")
    for command in (("tail", near + "d"), ("run", "t.yaml"), ("check", "--online", "t.yaml")):
        s.file("t.yaml", f"name: t\nstreams:\n  a:\n    from: {{topic: {near}d, value: json, columns: {{a: long}}}}\n    to: x\n")
        _, err = s.klamm(*command, status=2)
        check(f'there is no topic "{near}d": did you mean "{near}"?' in err, err)
    s.file("far.jsonl", '{"partition":3,"value":"x"}\n')
    _, err = s.klamm("produce", s.name("lines"), "--value", "string", "far.jsonl", status=1)
    check("far.jsonl: row 1: partition 3: topic" in err and "has 1 partition, 0 to 0" in err, err)
    say("names")


def columns(s):
    s.topic("seen")
    s.produce("seen", [(b"k", b'{"host":"a","value":1,"ts":1}'), (b"k", b"oops"),
                       (b"k", b'{"host":"b","value":1.5,"load":{"mean":2.0},"tags":["x"]}')])
    s.file("c.yaml", f"name: c\nstreams:\n  a:\n    from: {{topic: {s.name('seen')}, value: json}}\n    to: {s.name('c')}\n")
    _, err = s.klamm("check", "--online", "c.yaml", status=2)
    check("`columns: {host: string, value: double, ts: long, load.mean: double, tags: array<string>}`" in err, err)
    say("columns")


def brokers(s):
    s.file("there.yaml", f"name: there\nkafka: {{bootstrap.servers: \"{s.address}\"}}\nstreams:\n  a:\n"
           f"    from: {{topic: {s.name('texts')}, value: json, columns: {{sensor: string}}}}\n    to: {s.name('out')}\n")
    nowhere = {"KAFKA": NOWHERE}
    s.klamm("check", "--online", "there.yaml", env=nowhere)
    s.klamm("run", "--until-end", "there.yaml", env=nowhere)
    s.klamm("tail", s.name("out"), "--topology", "there.yaml", "--until-end", env=nowhere)
    s.klamm("tail", s.name("out"), "--bootstrap", s.address, "--until-end", env=nowhere)
    s.file("bare.yaml", f"name: bare\nstreams:\n  a:\n"
           f"    from: {{topic: {s.name('texts')}, value: json, columns: {{sensor: string}}}}\n    to: {s.name('out')}\n")
    s.klamm("check", "--online", "bare.yaml", status=1, env=nowhere)
    s.klamm("check", "--online", "bare.yaml", "--bootstrap", s.address, env=nowhere)
    _, err = s.klamm("check", "--online", "there.yaml", "--bootstrap", NOWHERE, status=1)
    check(f"no Kafka broker answers at {NOWHERE}" in err, err)
    say("brokers")


def registry(s):
    s.file("r.yaml", f"name: r\nschema_registry: {{url: \"http://{NOWHERE}\", timeout: 200ms}}\nstreams:\n  a:\n"
           f"    from: {{topic: {s.name('mixed')}}}\n    steps: [{{filter: b > 1}}]\n    to: {s.name('r')}\n")
    for command in (("check", "--online", "r.yaml"), ("run", "--until-end", "r.yaml")):
        _, err = s.klamm(*command, status=1)
        check(f"schema registry {NOWHERE}: " in err, err)
        check("there is no column" not in err, f"what is unknown is not wrong: {err}")
    say("registry")


with Scratch("first") as scratch:
    for part in (formats, mixed, names, columns, brokers, registry):
        part(scratch)
