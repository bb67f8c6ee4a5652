#!/usr/bin/env python3
"""State in memory beyond its share of memory.limit ends a run with exit code 1 and the remedy; under a higher limit,
or without one, the same topology runs to its end. Models count as much as counters do. A replay is held to it, too.
Steps whose models are large stop in the midst of a batch, before they hold many times the limit."""

import os
import subprocess
import sys
import tempfile

KLAMM = os.environ.get("KLAMM") or "build/dev/klamm"
TOPOLOGY = """name: keys
%s
streams:
  rows:
    from:
      generator:
        rate: 1000000
        rows: 8000
        columns: {k: "'LONG' || cast(row as string)", n: "row"}
  sums:
    from: rows
    steps: [{key_by: k}, {STEP}]
    to: {topic: sums, value: json}
"""
REPLAYED = """name: keys
%s
streams:
  rows:
    from: {topic: rows, value: json, columns: {k: string, n: long}}
  sums:
    from: rows
    steps: [{key_by: k}, {%s}]
    to: {topic: sums, value: json}
"""

problems = []


AGGREGATE = "aggregate: count() as n"
MODELS = "detect: {algorithm: half_space_trees, features: [n], as: odd, per: key}"


WIDE = ", ".join(f"n + {i} as c{i}" for i in range(200))
LARGE = {  # some MB for each key, of which all come in one batch
    "matrix_profile": "detect: {algorithm: matrix_profile, features: [n], as: odd, options: {history: 500000}}",
    "psi": "drift: {algorithm: psi, of: n, as: moved, options: {window: 1000000}}",
    "lstm": "forecast: {algorithm: lstm, target: n, horizons: [1], as: p, options: {hidden: 256}}",
    "pca": f"add: [{WIDE}]}}, {{pca: {{columns: 'c*', as: pc, per: key}}",
}


def run(memory, step=AGGREGATE, key="long" * 700):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write((TOPOLOGY % memory).replace("LONG", key).replace("STEP", step))
        done = subprocess.run([KLAMM, "run", "--in-memory", "--until-end", "--set", f"state.dir={folder}", path],
                              timeout=300, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stderr


def replay(memory, step=AGGREGATE, key="long" * 700, n=8000):
    """The same rows, out of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(REPLAYED % (memory, step))
        rows = os.path.join(folder, "rows.jsonl")
        with open(rows, "w", encoding="utf-8") as f:
            f.writelines('{"value": {"k": "%s%d", "n": %d}}\n' % (key, i, i) for i in range(n))
        done = subprocess.run([KLAMM, "replay", path, "--input", f"rows={rows}", "--output", folder], timeout=300,
                              text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stderr


status, said = run("memory: {limit: 32MB}")
if status != 1 or "half of memory.limit" not in said or "backend: rocksdb" not in said:
    problems.append(f"32 MB: exit {status}\n{said}")
for memory in ("memory: {limit: 1GB}", ""):
    status, said = run(memory)
    if status != 0 or "8000 entries" not in said:
        problems.append(f"{memory or 'no limit'}: exit {status}\n{said}")
status, said = run("memory: {limit: 32MB}", MODELS, key="")
if status != 1 or "half of memory.limit" not in said:
    problems.append(f"models: exit {status}\n{said}")
for memory in ("memory: {limit: 32MB}", "memory: {limit: 32MB}\nstate: {backend: rocksdb}"):
    for step, key in (AGGREGATE, "long" * 700), (MODELS, ""):
        status, said = replay(memory, step, key)
        if status != 1 or "half of memory.limit" not in said or "a replay keeps all of it" not in said:
            problems.append(f"replay: {memory}, {step}: exit {status}\n{said}")
for memory in ("memory: {limit: 1GB}", ""):
    status, said = replay(memory)
    if status != 0 or "8000 records" not in said:
        problems.append(f"replay: {memory or 'no limit'}: exit {status}\n{said}")
for name, step in LARGE.items():
    status, said = replay("memory: {limit: 32MB}", step, "", 1000 if name == "pca" else 100)
    if status != 1 or "within a moment" not in said or "Set a higher `memory: {limit" not in said:
        problems.append(f"{name}: exit {status}\n{said}")
print("\n".join(problems) or "state is held to its share of memory.limit")
sys.exit(len(problems) > 0)
