#!/usr/bin/env python3
"""Windows and joins, of streams and of tables, beside Kafka Streams: the same rows, the same results in the same order.

The cases of kafka_streams/*.jsonl.gz (its README says how they came to be) hold rows and what Kafka
Streams 4.1 gave for them. They go through `klamm replay`; joins of tables through `klamm test`, which
takes the changes of both in the order of the case. Compared are all columns and keys;
`final` and joins in their order, `updates` window by window, in the order of each window. Where klamm
differs on purpose is in the functions wanted_final, wanted_updates, wanted_join and nowhere else.

    KLAMM_CASES=FOLDER tests/reference/test_kafka_streams.py        cases of another folder
    tests/reference/test_kafka_streams.py sliding 87                one kind, or one seed of it
"""
import collections
import concurrent.futures
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

KLAMM = os.environ["KLAMM"]
HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.environ.get("KLAMM_CASES", os.path.join(HERE, "kafka_streams"))
WINDOWS = ["tumbling", "hopping", "sliding", "session"]
JOINS = ["inner", "left", "outer"]
TABLE_JOINS = ["table_inner", "table_left", "table_outer"]
LEAST = 200  # cases a kind
SHOWN = 5  # problems a kind
TOGETHER = 20  # cases in one topology

# Streams of one case; {n} is its seed. Cases of one topology know nothing of each other.
WINDOW_STREAMS = """
  rows{n}:
    from: {{topic: in{n}, value: json, key: {{k: string}}, columns: {{k: string, x: long}}}}
  final{n}:
    from: rows{n}
    steps:
      - window: {{{window}, grace: {grace}ms, aggregate: {calls}}}
    to: {{topic: final{n}, value: json}}
  updates{n}:
    from: rows{n}
    steps:
      - window: {{{window}, grace: {grace}ms, emit: updates, aggregate: {calls}}}
    to: {{topic: updates{n}, value: json}}
"""

# Both sides of `one` come from one topic: rows arrive in the order of the case. Those of `two` have
# a topic each: `replay` merges them by event time, and the watermark is the lesser of the two.
JOIN_STREAMS = """
  rows{n}:
    from: {{topic: in{n}, value: json, key: {{k: string}}, columns: {{k: string, side: long, x: long}}}}
  a{n}:
    from: rows{n}
    steps:
      - filter: side = 0
      - select: k, x as l
  b{n}:
    from: rows{n}
    steps:
      - filter: side = 1
      - select: k, x as r
  one{n}:
    from: a{n}
    steps:
      - join: {{with: b{n}, type: {type}, on: k, within: {within}, grace: {grace}ms}}
    to: {{topic: one{n}, value: json}}
  left{n}:
    from: {{topic: left{n}, value: json, key: {{k: string}}, columns: {{k: string, l: long}}}}
  right{n}:
    from: {{topic: right{n}, value: json, key: {{k: string}}, columns: {{k: string, r: long}}}}
  two{n}:
    from: left{n}
    steps:
      - join: {{with: right{n}, type: {type}, on: k, within: {within}, grace: {grace}ms}}
    to: {{topic: two{n}, value: json}}
"""

# Changes of two tables in one topology; each case begins with empty ones.
TABLES = """
name: kafka-streams
tables:
  left: {{from: {{topic: left, value: json, key: {{k: string}}, columns: {{k: string, l: long}}}}}}
  right: {{from: {{topic: right, value: json, key: {{k: string}}, columns: {{k: string, r: long}}}}}}
streams:
  joined:
    from: left
    steps:
      - join: {{with: right, type: {type}}}
    to: {{topic: joined, value: json}}
"""
WAYS = [[], ["--batch-rows", "1"], ["--restart"]]

CALLS = '"count() as n, sum(x) as sum, min(x) as min, max(x) as max"'


# ---- what Kafka Streams gave, as klamm has it ----------------------------------------------------

def wanted_final(kind, results):
    """One row per closed window, in their order.

    The time of a result: Kafka Streams takes the largest time of the window's rows (sessions: the
    end), klamm the end of the window, which for tumbling and hopping windows is its last
    millisecond, so that windows of windows nest.

    The moment of a result differs in one case, its place among the others does not: a row of a
    sliding window with a time less than its size never lets Kafka Streams emit what it closes.
    """
    exclusive = 1 if kind in ("tumbling", "hopping") else 0
    return [(key, start, end, *stats, end - exclusive) for key, start, end, *stats in results]


def wanted_updates(kind, results):
    """What becomes of each window: its states one after the other, a deletion as no state.

    Sliding windows: one that is the left window of a row and the right one of the row `size + 1`
    before it is written twice by Kafka Streams when the later row makes it; once is enough. A window
    has another count with each of its rows, so equal states are always such a pair.
    """
    windows = collections.defaultdict(list)
    for key, start, end, *stats in results:
        states = windows[key, start, end]
        if kind != "sliding" or not states or states[-1] != stats:
            states.append(stats)
    return dict(windows)


def wanted_join(case):
    """Three sequences: pairs, rows alone, rows alone for want of a key.

    Pairs come out when the second row arrives, rows without key at once. Rows alone come out by
    (end of their waiting, left before right, key). Kafka Streams has right before left; and where the
    sides wait for different times, it puts those that it finds at once in the order of their own
    times. Which pairs come out before which rows alone depends on what is known of time at each
    moment, so on the number of topics: nobody promises that.
    """
    pairs, alone, keyless = parts_of_join(tuple(r) for r in case["results"])

    def order(row):
        is_right = row[2] is None
        return row[1] + case["before" if is_right else "after"], is_right

    if case["before"] == case["after"]:
        return pairs, sorted(alone, key=order), keyless
    return pairs, sorted(alone, key=lambda r: (*order(r), r[0].encode())), keyless


def parts_of_join(results):
    pairs, alone, keyless = [], [], []
    for r in results:
        (keyless if r[0] is None else alone if None in r else pairs).append(r)
    return pairs, alone, keyless


# ---- what klamm gives -----------------------------------------------------------------------------

def write_rows(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        for key, time, value in rows:
            file.write(json.dumps({"key": key, "timestamp": time, "value": value}) + "\n")


def window_streams(kind, case):
    """What a case adds to the topology, and the rows of its inputs."""
    n = case["seed"]
    window = f"hopping: {{size: {case['size']}ms, every: {case['every']}ms}}" if kind == "hopping" \
        else f"{kind}: {case['size']}ms"
    text = WINDOW_STREAMS.format(n=n, window=window, grace=case["grace"], calls=CALLS)
    return text, {f"rows{n}": [(k, t, {"k": k, "x": x}) for k, t, x in case["rows"]]}


def join_streams(kind, case):
    n, before, after = case["seed"], case["before"], case["after"]
    within = f"{before}ms" if before == after else f"{{before: {before}ms, after: {after}ms}}"
    inputs = {f"rows{n}": [], f"left{n}": [], f"right{n}": []}
    for side, k, t, x in case["rows"]:
        one = {"k": k, "side": side, "x": x}
        two = {"k": k, "lr"[side]: x}
        inputs[f"rows{n}"].append((k, t, None if x is None else one))
        inputs[f"{('left', 'right')[side]}{n}"].append((k, t, None if x is None else two))
    return JOIN_STREAMS.format(n=n, type=kind, within=within, grace=case["grace"]), inputs


def replay(folder, kind, cases):
    """Runs the cases; returns their output as lists of records by topic."""
    topology, inputs = "name: kafka-streams\nstreams:\n", []
    for case in cases:
        text, streams = (window_streams if kind in WINDOWS else join_streams)(kind, case)
        topology += text
        for name, rows in streams.items():
            write_rows(f"{folder}/{name}.jsonl", rows)
            inputs += ["--input", f"{name}={folder}/{name}.jsonl"]
    with open(f"{folder}/t.yaml", "w", encoding="utf-8") as file:
        file.write(topology)
    run = subprocess.run([KLAMM, "replay", f"{folder}/t.yaml", *inputs],
                         capture_output=True, text=True, encoding="utf-8")
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    topics = collections.defaultdict(list)
    for record in map(json.loads, run.stdout.splitlines()):
        topics[record["topic"]].append(record)
    return topics


def table_test(case):
    """A case as one of `klamm test`."""
    changes = []
    for side, k, t, x in case["rows"]:
        value = None if x is None else {"k": k, "lr"[side]: x}
        key = {} if k is None else {"key": k}
        changes.append({"table": ("left", "right")[side], "timestamp": t, "value": value, **key})
    results = [{"topic": "joined", "key": k, "timestamp": t,
                "value": {"k": k, "l": pair[0], "r": pair[1]} if pair else None}
               for k, t, *pair in case["results"]]
    return {"name": f"seed {case['seed']}", "input": changes, "expect": results}


def table_problems(kind, cases):
    """Per case None, or what `klamm test` says of it."""
    found = [None] * len(cases)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/t.yaml", "w", encoding="utf-8") as file:
            file.write(TABLES.format(type=kind.removeprefix("table_")))
        with open(f"{folder}/tests.yaml", "w", encoding="utf-8") as file:
            json.dump({"topology": "t.yaml", "cases": [table_test(c) for c in cases]}, file,
                      ensure_ascii=False)
        for way in WAYS:
            run = subprocess.run([KLAMM, "test", *way, f"{folder}/tests.yaml"], capture_output=True,
                                 text=True, encoding="utf-8")
            said = run.stdout + run.stderr
            passed = re.search(r"^(\d+) passed, 0 failed$", said, re.MULTILINE)
            if run.returncode == 0 and passed and int(passed[1]) == len(cases):
                continue
            for i, case in enumerate(cases):
                part = re.search(rf"^FAIL seed {case['seed']}$.*?(?=^\S|\Z)", said, re.MULTILINE | re.DOTALL)
                found[i] = found[i] or (part and f"{' '.join(way)}\n{part[0]}")
            if not any(found):
                found = [f"{' '.join(way)}: {said}"] * len(cases)
    return found


def stats_of(value):
    return [value[name] for name in ("n", "sum", "min", "max")]


def closed_of(record):
    value = record["value"]
    return (record["key"], value["window_start"], value["window_end"], *stats_of(value),
            record["timestamp"])


def window_of(record):
    """Key, start and end, which are the key of an update."""
    *key, start, end = record["key"].split("|")
    return "|".join(key), int(start), int(end)


def joined_of(records):
    return [(r["key"], r["timestamp"], r["value"]["l"], r["value"]["r"]) for r in records]


# ---- the comparison -------------------------------------------------------------------------------

def first_difference(got, wanted):
    got = list(got)
    for i, (g, w) in enumerate(zip(got, wanted)):
        if g != w:
            return f"row {i}: klamm {g}, Kafka Streams {w}"
    if len(got) != len(wanted):
        rest = (got if len(got) > len(wanted) else wanted)[min(len(got), len(wanted))]
        return f"{len(got)} rows, Kafka Streams {len(wanted)}; the first too many: {rest}"
    return None


def window_problem(kind, case, topics):
    n = case["seed"]
    difference = first_difference(map(closed_of, topics[f"final{n}"]), wanted_final(kind, case["final"]))
    if difference:
        return f"final, {difference}"
    updates = collections.defaultdict(list)
    for r in topics[f"updates{n}"]:
        updates[window_of(r)].append(stats_of(r["value"]) if r["value"] else [])
    wanted = wanted_updates(kind, case["updates"])
    for window in sorted({*updates, *wanted}):
        difference = first_difference(updates.get(window, []), wanted.get(window, []))
        if difference:
            return f"updates of {window}, {difference}"
    return None


def join_problem(kind, case, topics):
    """One topic: in order. Two topics: rows arrive in another order, the results are the same."""
    n = case["seed"]
    got = parts_of_join(joined_of(topics[f"one{n}"]))
    for name, g, w in zip(["pairs", "rows alone", "rows without key"], got, wanted_join(case)):
        difference = first_difference(g, w)
        if difference:
            return f"{name}, {difference}"
    got = collections.Counter(joined_of(topics[f"two{n}"]))
    wanted = collections.Counter(tuple(r) for r in case["results"])
    if got != wanted:
        return f"two topics: only klamm {list(got - wanted)}, only Kafka Streams {list(wanted - got)}"
    return None


def problems_of(kind, cases):
    if kind in TABLE_JOINS:
        return table_problems(kind, cases)
    with tempfile.TemporaryDirectory() as folder:
        try:
            topics = replay(folder, kind, cases)
        except RuntimeError as error:
            return [f"klamm failed: {error}"] * len(cases)
    compare = window_problem if kind in WINDOWS else join_problem
    return [compare(kind, case, topics) for case in cases]


def settings_of(case):
    return ", ".join(f"{name} {case[name]}" for name in ("size", "every", "before", "after", "grace")
                     if name in case)


def check(kind, seed, pool):
    """How many cases of the kind there are, and how many differ; says which."""
    with gzip.open(os.path.join(CASES, f"{kind}.jsonl.gz"), "rt", encoding="utf-8") as file:
        cases = [case for case in map(json.loads, file) if seed in (None, case["seed"])]
    parts = [cases[i:i + TOGETHER] for i in range(0, len(cases), TOGETHER)]
    found = [p for part in pool.map(problems_of, [kind] * len(parts), parts) for p in part]
    different = [(case, problem) for case, problem in zip(cases, found) if problem]
    for case, problem in different[:SHOWN]:
        print(f"{kind}, seed {case['seed']} ({settings_of(case)}): {problem}")
    print(f"{kind}: {len(cases)} cases, {len(different)} different")
    return len(cases), len(different)


def main():
    kinds = sys.argv[1:2] or WINDOWS + JOINS + TABLE_JOINS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else None
    is_whole = seed is None and "KLAMM_CASES" not in os.environ
    is_right = True
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for kind in kinds:
            count, different = check(kind, seed, pool)
            is_right &= different == 0 and count > 0
            if is_whole and count < LEAST:
                print(f"{kind}: {LEAST} cases were expected")
                is_right = False
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
