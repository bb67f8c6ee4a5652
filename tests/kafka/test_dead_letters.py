#!/usr/bin/env python3
"""Dead letters of every stage, listed and sent back.

  stages    unreadable value, key and event time, a failed step before and behind a repartition, a record
            larger than the producer takes: each with Connect's ten headers; its record unchanged
  list      causes with counts, letters with positions; JSON; a topology's file instead of the topic
  replay    each letter once, to its topic and partition, without the headers; filters leave the rest for
            later; what fails again is counted and given up in the end; internal topics only when told
"""
import json
import os

from kafkatest import Scratch, check, say

PREFIX = "__connect.errors."
NAMES = {"topic", "partition", "offset", "connector.name", "task.id", "stage", "class.name",
         "exception.class.name", "exception.message", "exception.stacktrace"}
TOPOLOGY = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}", message.max.bytes: "20000"}
state: {dir: STATE}
errors: {tolerance: all, dead_letter_topic: DEAD}
streams:
  rows:
    from: {topic: IN, key: {id: long}, value: json, columns: {host: string, v: long, ts: long, text: string}}
    time: {field: ts, idle: 1s}
    steps:
      - add: 100 / (v - 5) as w
    to: {topic: OUT, value: json}
  behind:
    from: rows
    steps:
      - key_by: host
      - running: lag(w) as s
      - add: 10 / (v - 7) as x
    to: {topic: BEHIND, value: json}
"""
T = 1000


def key(n):
    return n.to_bytes(8, "big")


def value(**row):
    return json.dumps({"host": "a", "ts": T, **row}).encode()


BAD = [  # record, stage, words of the message, who refused
    ((key(1), b"{\"host\""), "VALUE_CONVERTER", "", "json"),
    ((b"abc", value(v=1)), "KEY_CONVERTER", "", "long"),
    ((key(2), b'{"host":"a","v":1}'), "VALUE_CONVERTER", "event time ts is null", "time"),
    ((key(3), value(v=5)), "TRANSFORMATION", "streams.rows.steps[1].add: division by zero", "add"),
    ((key(4), value(v=6, text="x" * 19780)), "KAFKA_PRODUCE", "message.max.bytes", "producer"),
]


def run(name):
    return s.klamm("run", s.path, "--until-end")


def stages():
    s.produce("in", [(key(0), value(v=1))] + [b[0] for b in BAD] + [(key(5), value(v=9))], partition=1)
    s.produce("in", [(key(6), value(v=7, host="seven"))], partition=2)
    _, errors = run("stages")
    check(f" {len(BAD) + 2} bad" in errors, errors)
    dead = s.read("dead")
    by_offset = {}
    for letter in dead:
        names = {n[len(PREFIX):] for n in letter.headers if n.startswith(PREFIX)}
        check(names == NAMES, f"Connect's headers: {names}")
        by_offset[letter.headers[PREFIX + "topic"], letter.headers[PREFIX + "offset"]] = letter
    for i, ((k, v), stage, words, by) in enumerate(BAD):
        letter = by_offset[s.name("in"), str(i + 1)]
        what = letter.headers[PREFIX + "exception.message"]
        check(letter.headers[PREFIX + "stage"] == stage, f"{what}: stage")
        check(letter.headers[PREFIX + "class.name"] == by, f"{what}: class")
        check(letter.headers[PREFIX + "partition"] == "1", f"{what}: partition")
        check(words in what, f"{what}, expected {words}")
        trace = letter.headers[PREFIX + "exception.stacktrace"]
        check(what in trace and "\n\tat " in trace and s.name("t") in trace, trace)
        if letter.headers.get("klamm.left.out"):
                check((letter.headers["klamm.left.out"], letter.value, letter.key) == ("value", None, k), "what fits")
        else:
            check((letter.key, letter.value) == (k, v), f"{what}: the record")
    inside = [x for x in dead if x.headers[PREFIX + "topic"] == s.name("t-behind-repartition")]
    by_message = {x.headers[PREFIX + "exception.message"]: x for x in inside}
    say(f"behind the repartition: {sorted(by_message)}")
    letter = next(x for m, x in by_message.items() if "division by zero" in m)
    row = json.loads(letter.headers["klamm.row"])
    check((row["host"], row["v"]) == ("seven", 7), f"row of the internal record: {row}")
    check(letter.headers[PREFIX + "topic"] == s.name("t-behind-repartition"), "its topic")
    internal = {(r.partition, r.offset): r for r in s.read("t-behind-repartition")}
    origin = internal[int(letter.headers[PREFIX + "partition"]), int(letter.headers[PREFIX + "offset"])]
    check((letter.key, letter.value) == (origin.key, origin.value), "not the internal record")
    return len(dead)


def listing(n):
    out, _ = s.klamm("dead-letters", "list", s.name("dead"))
    say(out.splitlines()[1])
    check(out.startswith(f"{s.name('dead')}: {n} dead letters\n"), out)
    for words in ("KEY_CONVERTER", "VALUE_CONVERTER", "TRANSFORMATION", "KAFKA_PRODUCE", "division by zero",
                  f"{s.name('in')} partition 1 offset 4", '{"host"', "too large, still at the origin"):
        check(words in out, f"no {words} in\n{out}")
    of_file, _ = s.klamm("dead-letters", "list", s.path)
    check(of_file == out, "not the same by the topology's file")
    out, _ = s.klamm("dead-letters", "list", s.name("dead"), "--json", "--limit", "2")
    letters = [json.loads(line) for line in out.splitlines()]
    check(len(letters) == 2, out)
    check(letters[0]["origin"]["topic"] and letters[0]["message"], out)
    s.klamm("dead-letters", "list", s.name("nowhere"), status=2)
    _, err = s.klamm("dead-letters", "replay", s.name("dead"), "--dry-run", "--filter", "stage=NOPE")
    check("the stages of these letters are " in err and "TRANSFORMATION" in err, err)
    s.klamm("dead-letters", "show", s.name("dead"), status=2)
    s.klamm("dead-letters", "replay", s.name("dead"), "--filter", "colour=red", status=2)


def replay(*more, status=0):
    _, errors = s.klamm("dead-letters", "replay", s.name("dead"), "--bootstrap", s.address, *more, status=status)
    say(" | ".join(errors.splitlines()))
    return errors


def replays():
    before = len(s.read("in"))
    errors = replay("--dry-run")
    check(f"{len(BAD)} to send back" in errors, errors)
    check("1 passed over: another letter" in errors, "the large record, which both streams refused")
    check("nothing was sent" in replay(status=2), "without --yes")
    check(len(s.read("in")) == before, "a dry run sent records")
    errors = replay("--yes", "--filter", "stage=TRANSFORMATION", "--filter", f"topic={s.name('in')}")
    check(f"2 to {s.name('in')}" in errors or f"1 to {s.name('in')}" in errors, errors)
    some = len(s.read("in")) - before
    replay("--yes", "--filter", "stage=TRANSFORMATION", "--filter", f"topic={s.name('in')}")
    check(len(s.read("in")) == before + some, "records were sent twice")
    errors = replay("--yes")
    check("left: they stood in internal topics" in errors, errors)
    records = s.read("in")
    check(len(records) == before + len(BAD), f"{len(records)} records, {before} before")
    back = {}
    for r in records:
        if "klamm.replayed" in r.headers:
            check(not any(n.startswith(PREFIX) for n in r.headers), f"headers stay: {r.headers}")
            check(r.partition == 1, f"partition {r.partition}")
            back[r.key, r.value] = r.headers["klamm.replayed"]
    check(back == {b[0]: "1" for b in BAD}, f"not unchanged: {back}")
    replay("--yes")
    check(len(s.read("in")) == before + len(BAD), "a second replay sent them again")


def again():
    """All of them are bad still: three times, then no more."""
    for expected in ("2", "3", None):
        before = len(s.read("in"))
        run("again")
        errors = replay("--yes")
        new = s.read("in")[0:]
        counts = sorted(r.headers["klamm.replayed"] for r in new if "klamm.replayed" in r.headers)
        if expected is None:
            check(len(new) == before, "a fourth time")
            check("sent back so often already" in errors, errors)
        else:
            check(counts.count(expected) == len(BAD), f"sent back {counts}")


def marked():
    out, _ = s.klamm("dead-letters", "list", s.name("dead"))
    check(" sent before\n" in out.splitlines(True)[0] and ", sent since" in out, out)


def internal():
    before = s.ends("t-behind-repartition")
    errors = replay("--yes", "--internal")
    check(f" to {s.name('t-behind-repartition')}" in errors, errors)
    check(s.ends("t-behind-repartition") != before, "nothing came")
    run("internal")
    letters = [x for x in s.read("dead") if x.headers[PREFIX + "topic"] == s.name("t-behind-repartition")]
    check(any(x.headers.get("klamm.replayed") == "1" for x in letters), "it did not come to the step again")


def elsewhere():
    s.topic("aside", 1)
    errors = replay("--yes", "--to", s.name("aside"), "--attempts", "99")
    dead = s.read("dead")
    n = len({tuple(x.headers[PREFIX + k] for k in ("topic", "partition", "offset")) for x in dead})
    check(len(s.read("aside")) == n, f"{len(s.read('aside'))} of {n} letters came")
    replay("--yes", "--to", s.name("aside"), "--attempts", "99")
    check(len(s.read("aside")) == n, "they came twice")
    check(f" to {s.name('aside')}" in errors, errors)


with Scratch("letters") as s:
    s.topic("in", 3)
    text = TOPOLOGY.replace("NAME", s.name("t")).replace("STATE", s.dir + "/state")
    for name in ("DEAD", "IN", "OUT", "BEHIND"):
        text = text.replace(name, s.name(name.lower()))
    s.path = s.file("t.yaml", text)
    listing(stages())
    replays()
    again()
    marked()
    internal()
    elsewhere()
