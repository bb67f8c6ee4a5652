#!/usr/bin/env python3
"""Aggregates beside Python's statistics: the same rows through `klamm replay` and plain Python.

Random rows of several keys, out of order, with nulls, in one tumbling window: as few rows as the
sketches hold exactly, and thousands. Tolerances: quantiles 1e-12 while exact, else 1 % of the value;
distinct counts exact up to 3,072, else 2.5 % (four standard errors); other doubles 1e-9; arrays, maps
and texts equal.
"""
import collections
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile

KLAMM = os.environ["KLAMM"]
SHARES = [0, 0.01, 0.25, 0.5, 0.9, 0.99, 1]

TOPOLOGY = """
name: aggregates
streams:
  rows:
    from: {topic: in, value: json, key: {k: string}, columns: {k: string, x: double, y: double, n: long, s: string}}
    time: {out_of_order: 1d}
    steps:
      - window:
          tumbling: 1d
          aggregate:
%s
    to: {topic: out, value: json}
"""

CALLS = {f"q{i}": f"quantile(x, {q})" for i, q in enumerate(SHARES)}
CALLS.update(median="median(x)", distinct="count_distinct(x)", slope="slope(x)", corr="corr(x, y)",
             ewma="ewma(x, 0.1)", rate="rate(n)", top="top_k(s, 5)", most="arg_max(n, x)",
             least="arg_min(n, x)", collected="collect(n)", histogram="histogram(length(s), 100)",
             var="var(x)", stddev="stddev(x)", sum="sum(x)", first="first(n)", last="last(n)")


def rows_of(rng, count):
    """Rows (time, row), in the order they arrive: up to 300 places late."""
    counter, rows = 0, []
    for i in range(count):
        counter = rng.randrange(100) if rng.random() < 0.05 else counter + rng.randrange(50)
        x = math.exp(rng.gauss(0, 2)) * rng.choice([1, 1, -1])
        rows.append((1000 + i * 7 + rng.randrange(7), {
            "x": None if rng.random() < 0.1 else x,
            "y": None if rng.random() < 0.1 else x * 3 + rng.gauss(0, 5),
            "n": None if rng.random() < 0.1 else counter,
            "s": "s" * min(int(rng.expovariate(0.2)), 90)}))
    arrival = sorted(range(count), key=lambda i: i + rng.randrange(300))
    return [rows[i] for i in arrival]


def quantile(values, q):
    ordered = sorted(values)
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def expected(rows):
    ordered = [row for _, row in sorted(rows, key=lambda r: r[0])]
    timed = sorted(rows, key=lambda r: r[0])
    xs = [r["x"] for r in ordered if r["x"] is not None]
    ns = [r["n"] for r in ordered if r["n"] is not None]
    pairs = [(r["x"], r["y"]) for r in ordered if r["x"] is not None and r["y"] is not None]
    times = [t / 1000 for t, r in timed if r["x"] is not None]
    ewma = xs[0]
    for x in xs[1:]:
        ewma = 0.1 * x + 0.9 * ewma
    counted = [t for t, r in timed if r["n"] is not None]
    rises = sum(b if b < a else b - a for a, b in zip(ns, ns[1:]))
    both = [r for r in ordered if r["x"] is not None and r["n"] is not None]
    frequent = collections.Counter(r["s"] for r in ordered)
    out = {f"q{i}": quantile(xs, q) for i, q in enumerate(SHARES)}
    out.update(
        median=statistics.median(xs), distinct=len(set(xs)),
        slope=statistics.linear_regression(times, xs).slope,
        corr=statistics.correlation(*zip(*pairs)), ewma=ewma,
        rate=rises / ((counted[-1] - counted[0]) / 1000),
        top=[s for s, _ in sorted(frequent.items(), key=lambda i: (-i[1], i[0]))[:5]],
        most=max(both, key=lambda r: r["x"])["n"], least=min(both, key=lambda r: r["x"])["n"],
        collected=ns, histogram={f"{float(n)}": c for n, c in collections.Counter(
            len(r["s"]) for r in ordered).items()},
        var=statistics.variance(xs), stddev=statistics.stdev(xs), sum=math.fsum(xs),
        first=ns[0], last=ns[-1])
    return out, len(xs)


def is_near(name, got, wanted, count):
    if name == "median" or name.startswith("q") and name[1:].isdigit():
        return abs(got - wanted) <= (1e-12 if count <= 128 else 0.01) * abs(wanted)
    if name == "distinct":
        return abs(got - wanted) <= (0 if wanted <= 3072 else 0.025) * wanted
    if isinstance(wanted, float):
        return abs(got - wanted) <= 1e-9 * max(1, abs(wanted))
    return got == wanted


def main():
    rng = random.Random(4)
    keys = {f"key-{n}-{i}": rows_of(rng, n) for n in (5, 60, 130, 1000, 9000) for i in range(3)}
    calls = "".join(f"            {name}: {json.dumps(call)}\n" for name, call in CALLS.items())
    problems = 0
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/t.yaml", "w") as file:
            file.write(TOPOLOGY % calls)
        with open(f"{folder}/in.jsonl", "w") as file:
            for key, rows in keys.items():
                for time, row in rows:
                    line = {"key": key, "timestamp": time, "value": {"k": key, **row}}
                    file.write(json.dumps(line) + "\n")
        run = subprocess.run([KLAMM, "replay", f"{folder}/t.yaml", "--input", f"rows={folder}/in.jsonl"],
                             capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr)
    results = [json.loads(line)["value"] for line in run.stdout.splitlines()]
    for got in results:
        wanted, count = expected(keys[got["k"]])
        for name, value in wanted.items():
            if not is_near(name, got[name], value, count):
                problems += 1
                print(f"{got['k']}: {CALLS[name]} is {str(got[name])[:200]}, not {str(value)[:200]}")
    if sorted(r["k"] for r in results) != sorted(keys):
        problems += 1
        print(f"results of {len(results)} keys, not {len(keys)}")
    print(f"{len(keys)} keys, {len(CALLS)} aggregates, {problems} differ")
    return 1 if problems else 0


sys.exit(main())
