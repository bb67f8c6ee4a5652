#!/usr/bin/env python3
"""Tables joined on a real broker, with two lanes: what the topics hold once all is compacted is what a
model says, after restarts and a kill; topics of unlike partitions are refused with a remedy that works.

  test_table_joins.py      KLAMM_TABLE_KEYS keys (2,000)

In between the order in which two topics are read shows; in the end it must not.
"""
import json
import os
import random

from kafkatest import Scratch, check, same, say

KEYS = int(os.environ.get("KLAMM_TABLE_KEYS", "2000"))
PARTITIONS = 4
KINDS = ["inner", "left", "outer"]
TOPOLOGY = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}"}
lanes: 2
state: {dir: STATE}
tables:
  users: {from: {topic: USERS, value: json, key: {k: string}, columns: {u: long}}}
  plans: {from: {topic: PLANS, value: json, key: {k: string}, columns: {p: long}}}
MORE_TABLES
streams:
  orders: {from: {topic: ORDERS, value: json, columns: {k: string, n: long}}}
  totals:
    from: orders
    steps:
      - key_by: k
      - aggregate: sum(n) as t
  inner: {from: users, steps: [{join: {with: WITH}}], to: {topic: INNER, value: json}}
  left: {from: users, steps: [{join: {with: WITH, type: left}}, {join: {with: totals, type: left}}], to: {topic: LEFT, value: json}}
  outer: {from: users, steps: [{join: {with: WITH, type: outer}}], to: {topic: OUTER, value: json}}
MORE_STREAMS
"""
MOVED_TABLE = "  moved: {from: moving}"
MOVED_STREAM = "  moving: {from: plans, steps: [{key_by: k || '' as key}]}"


def js(value):
    return json.dumps(value).encode()


def topology(name, joined="plans", tables="", streams=""):
    text = TOPOLOGY.replace("MORE_TABLES", tables).replace("MORE_STREAMS", streams).replace("WITH", joined)
    text = text.replace("NAME", s.name(name)).replace("STATE", f"{s.dir}/{name}")
    for topic in ("users", "plans", "orders", *KINDS):
        text = text.replace(topic.upper(), s.name(topic_of[topic]))
    return s.file(f"{name}.yaml", text)


def change(n):
    """n random changes of each input, and of what the model holds."""
    for topic, state, column in (("users", users, "u"), ("plans", plans, "p")):
        rows = []
        for _ in range(n):
            k, v = f"k{rnd.randrange(KEYS)}", rnd.randrange(1, 1000)
            if rnd.random() < 0.35:
                state.pop(k, None)
                rows.append((k.encode(), None))
            else:
                state[k] = v
                rows.append((k.encode(), js({column: v})))
        s.produce(topic_of[topic], rows)
    rows = []
    for i in range(n):
        k, v = f"k{rnd.randrange(KEYS)}", rnd.randrange(100)
        rows.append((b"%d" % i, js({"k": k, "n": v})))
        totals[k] = totals.get(k, 0) + v
    s.produce(topic_of["orders"], rows)


def wanted(kind):
    keys = {"inner": users.keys() & plans.keys(), "left": users.keys(), "outer": users.keys() | plans.keys()}
    return {k: (users.get(k), plans.get(k), *([totals.get(k)] if kind == "left" else [])) for k in keys[kind]}


def left_over(kind):
    """What compaction leaves of a topic."""
    rows = {}
    for r in s.read(topic_of[kind]):
        k = r.key.decode()
        row = r.value and json.loads(r.value)
        if row:
            rows[k] = (row["u"], row["p"], *([row["t"]] if kind == "left" else []))
        else:
            check(k in rows, f"{kind}: {k} is deleted, but was not there")
            rows.pop(k)
    return rows


def compare(what):
    for kind in KINDS:
        same(f"{kind}, {what}", sorted(left_over(kind).items()), sorted(wanted(kind).items()))
    say(what)


def start_anew(partitions, plans_partitions, prefix=""):
    for state in (users, plans, totals):
        state.clear()
    for topic in ("users", "plans", "orders", *KINDS):
        topic_of[topic] = prefix + topic
        s.topic(prefix + topic, plans_partitions if topic == "plans" else partitions)


with Scratch("table-joins") as s:
    rnd = random.Random(7)
    users, plans, totals, topic_of = {}, {}, {}, {}
    start_anew(PARTITIONS, PARTITIONS)
    file = topology("joined")
    group = f"klamm-{s.name('joined')}"

    change(3 * KEYS)
    s.klamm("run", file, "--until-end")
    compare("at the start")

    change(KEYS)
    s.klamm("run", file, "--until-end")
    compare("after a restart")

    p = s.start("run", file)
    for turn in range(3):
        change(KEYS)
        if turn == 1:
            p.kill()
            p = s.start("run", file)
    for topic in ("users", "plans", "orders"):
        s.wait_consumed(group, topic, alive=[p])
    check(p.stop() == 0, f"klamm failed\n{p.errors()}")
    s.klamm("run", file, "--until-end")
    compare("after a kill")

    start_anew(PARTITIONS, PARTITIONS - 1, "unlike-")
    change(2 * KEYS)
    _, errors = s.klamm("run", topology("refused"), "--until-end", status=2)
    check(f"or repartition {s.name('unlike-plans')}: a stream `from: plans`" in errors, f"no remedy is named: {errors}")
    s.klamm("run", topology("moved", "moved", MOVED_TABLE, MOVED_STREAM), "--until-end")
    compare("by the remedy")
