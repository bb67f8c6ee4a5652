#!/usr/bin/env python3
"""Tables on a real broker, with two lanes: one that lies in the same partitions as its stream, and a global
one with another number of partitions.

  test_tables.py           KLAMM_TABLE_KEYS keys in the table (20,000)

  before the first row     the whole table is read, old values are never seen, deleted rows are not there
  restart, kill            rows that did not change come out of the changelog, changes out of the topic
  while it runs            changes of either table are seen by later rows
  made of a stream         behind internal topics, which are compacted where the table is global
  another column           the state is of no use: the table is read from its beginning
"""
import json
import os

from kafkatest import Scratch, check, same, say

KEYS = int(os.environ.get("KLAMM_TABLE_KEYS", "20000"))
PARTITIONS = 4
RACKS = 50
TOPOLOGY = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}"}
lanes: 2
state: {dir: STATE}
tables:
  hosts: {from: {topic: HOSTS, value: json, key: {host: string}, columns: {rack: string, n: longMORE}}}
  racks: {from: {topic: RACKS, value: json, columns: {city: string}}, global: true}
streams:
  samples:
    from: {topic: SAMPLES, value: json, key: {host: string}, columns: {i: long}}
    steps:
      - lookup: {table: hosts}
      - lookup: {table: racks, on: rack}
    to: {topic: OUT, value: json}
"""
OF_STREAM = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}"}
lanes: 2
state: {dir: STATE}
tables:
  all: {from: changes, key: name, global: true}
  once: {from: seen, key: name}
streams:
  changes: {from: {topic: CHANGES, value: json, columns: {name: string, v: long}}}
  seen: {from: changes, steps: [add: 1 as one]}
  asked:
    from: {topic: ASKED, value: json, columns: {name: string}}
    steps:
      - lookup: {table: all, on: name, take: {w: v}}
      - lookup: {table: once, on: name, take: {v: one}}
    to: {topic: ANSWERS, value: json}
"""


def js(value):
    return None if value is None else json.dumps(value).encode()


def topology(more=""):
    text = TOPOLOGY.replace("MORE", more).replace("NAME", s.name("tables")).replace("STATE", s.dir + "/state")
    for topic in ("hosts", "racks", "samples", "out"):
        text = text.replace(topic.upper(), s.name(topic))
    return s.file("tables.yaml", text)


def key(k):
    return f"host-{k:06}"


def put_hosts(changes):
    """changes: (number, row or None)"""
    s.produce("hosts", [(key(k).encode(), js(row)) for k, row in changes])
    for k, row in changes:
        hosts[k] = row


def put_racks(changes):
    s.produce("racks", [(f"r{r}".encode(), js(city and {"city": city})) for r, city in changes])
    for r, city in changes:
        racks[f"r{r}"] = city


def expected(k, i, more=()):
    row = hosts.get(k) or {}
    out = {"host": key(k), "i": i, "rack": row.get("rack"), "n": row.get("n")}
    out.update((c, row.get(c)) for c in more)
    out["city"] = racks.get(row.get("rack"))
    return out


def send(keys, more=()):
    """Samples of these keys; what must come out of them."""
    global sent
    rows = [(k, sent + i) for i, k in enumerate(keys)]
    sent += len(rows)
    s.produce("samples", [(key(k).encode(), js({"i": i})) for k, i in rows])
    return [expected(k, i, more) for k, i in rows]


def output():
    return sorted((json.loads(r.value) for r in s.read("out")), key=lambda row: row["i"])


def run():
    s.klamm("run", topology(), "--until-end")


with Scratch("tables") as s:
    hosts, racks, sent = {}, {}, 0
    s.topic("hosts", PARTITIONS, {"cleanup.policy": "compact"})
    s.topic("racks", 3, {"cleanup.policy": "compact"})
    for topic in ("samples", "out"):
        s.topic(topic, PARTITIONS)
    group = f"klamm-{s.name('tables')}"

    want = []
    put_racks([(r, f"old {r}") for r in range(RACKS)] + [(r, f"city {r}") for r in range(RACKS)] + [(7, None)])
    for n in range(3):
        put_hosts([(k, {"rack": f"r{(k + n) % RACKS}", "n": n, "extra": f"x{k}.{n}"}) for k in range(KEYS)])
    put_hosts([(k, None) for k in range(0, KEYS, 10)])
    want += send([(k * 7) % (KEYS + 100) for k in range(5000)])
    run()
    same("tables before the first row", output(), want)
    check(any(w["n"] is None for w in want) and any(w["city"] for w in want), "the test shows nothing")
    say(f"{KEYS} keys were there before the first row")

    put_hosts([(k, {"rack": f"r{k % 3}", "n": 100, "extra": f"x{k}.100"}) for k in range(0, KEYS, 15)])
    put_hosts([(k, None) for k in range(1, KEYS, 50)])
    put_racks([(7, "back again"), (8, None)])
    want += send(range(0, KEYS, 4))
    run()
    same("after a restart", output(), want)
    say("a restart")

    p = s.start("run", topology())
    for turn in range(3):
        put_hosts([(k, {"rack": "r9", "n": 200 + turn, "extra": "y"}) for k in range(turn, KEYS, 100)])
        s.wait_consumed(group, "hosts", alive=[p])
        want += send(range(turn, KEYS, 60))
        s.wait_consumed(group, "samples", alive=[p])
        if turn == 1:
            p.kill()
            p = s.start("run", topology())
    same("while it runs, and after a kill", output(), want)
    put_hosts([(3, {"rack": "r9", "n": 1, "extra": "z"})])
    s.wait_consumed(group, "hosts", alive=[p])
    unmoved = racks["r9"]
    put_racks([(9, "moved")])

    def is_seen():
        want.extend(send([3]))
        s.wait_consumed(group, "samples", alive=[p])
        return output()[-1]["city"] == "moved"

    before = len(want)
    s.wait_until("the global table is followed", is_seen, alive=[p])
    check(p.stop() == 0, f"klamm failed\n{p.errors()}")
    probes = output()[before:]
    late_by = sum(row["city"] == unmoved for row in probes)  # seen at some time, and from then on
    same("a global table while it runs", probes,
         [dict(row, city=unmoved) if i < late_by else row for i, row in enumerate(want[before:])])
    want[before:] = probes
    say("changes while it runs")

    late = send(range(0, KEYS, 3), ["extra"])
    s.klamm("run", topology(", extra: string"), "--until-end")
    same("another column", output()[len(want):], late)
    say("a table of another shape is read anew")

    for topic in ("changes", "asked"):
        s.topic(topic, PARTITIONS)
    s.topic("answers", PARTITIONS)
    of_stream = s.file("of_stream.yaml", OF_STREAM.replace("NAME", s.name("stream")).replace(
        "STATE", s.dir + "/state").replace("CHANGES", s.name("changes")).replace(
            "ASKED", s.name("asked")).replace("ANSWERS", s.name("answers")))
    s.produce("changes", [(b"%d" % i, js({"name": f"n{i % 500}", "v": i})) for i in range(5000)])
    s.klamm("run", of_stream, "--until-end")
    check(s.config("stream-all-repartition")["cleanup.policy"] == "compact", "a table's topic is not compacted")
    s.produce("asked", [(b"%d" % i, js({"name": f"n{i}"})) for i in range(510)])
    s.klamm("run", of_stream, "--until-end")
    found = sorted(((json.loads(r.value)["name"], json.loads(r.value)["v"], json.loads(r.value)["w"])
                    for r in s.read("answers")), key=lambda row: int(row[0][1:]))
    same("tables made of a stream", [f[:2] for f in found],
         [(f"n{i}", 1 if i < 500 else None) for i in range(510)])
    check(all((w is not None and w % 500 == int(n[1:])) == (int(n[1:]) < 500) for n, _, w in found),
          f"a table made of a stream: {found}")
    say("tables made of a stream")
