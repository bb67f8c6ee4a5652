#!/usr/bin/env python3
"""`klamm replay` of the examples gives the same bytes with batches of 1, 3 and 2048 rows, on stdout
and in files, and the same again when asked twice. So do dead letters behind a repartition, of steps
before and after one that makes many rows of one."""

import json
import os
import subprocess
import sys
import tempfile

klamm = os.environ["KLAMM"]
source = os.environ["KLAMM_SOURCE"]


def replay(example, data, *options):
    """data: STREAM=FILE …, the files as in the example's folder."""
    command = [klamm, "replay", f"{source}/examples/{example}/topology.yaml", *options]
    for stream, file in (one.split("=") for one in data.split()):
        command += ["--input", f"{stream}={source}/examples/{example}/{file}"]
    run = subprocess.run(command, capture_output=True, timeout=250)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {run.returncode}\n{run.stderr.decode()}")
    return run.stdout


def files_of(example, data, *options):
    with tempfile.TemporaryDirectory() as folder:
        replay(example, data, "--output", folder, *options)
        return {f: open(f"{folder}/{f}", "rb").read() for f in sorted(os.listdir(folder))}


EXAMPLES = (
    ("host-metrics", "samples=data/samples.jsonl"),
    ("iris", "measurements=data/iris.csv"),
    ("windows", "log=data/requests.csv"),
    ("joins", " ".join([f"{s}=data/{s}.csv" for s in ("alerts", "acks", "deployments", "changes")] +
                       [f"{t}=data/{t}.jsonl" for t in ("services", "teams", "maintenance")])))
for example, data in EXAMPLES:
    whole = replay(example, data)
    in_files = files_of(example, data)
    if len(whole.splitlines()) < 50:
        sys.exit(f"{example}: only {len(whole.splitlines())} lines came out")
    for rows in ("1", "3", "2048"):
        if replay(example, data, "--batch-rows", rows) != whole:
            sys.exit(f"{example}: other bytes with batches of {rows}")
        if files_of(example, data, "--batch-rows", rows) != in_files:
            sys.exit(f"{example}: other files with batches of {rows}")
    print(f"{example}: {len(whole.splitlines())} lines, always the same")

LETTERS = """
name: letters
errors: {tolerance: all, dead_letter_topic: dead}
streams:
  rows:
    from: {topic: in, value: json, columns: {a: string, n: long, list: array<long>}}
    steps:
      - key_by: a
      - running: count() as c
      - add: 12 / n as x
      - flatten: list
      - add: 12 / list as y
    to: {topic: out, value: json}
"""
with tempfile.TemporaryDirectory() as folder:
    with open(f"{folder}/letters.yaml", "w") as f:
        f.write(LETTERS)
    with open(f"{folder}/rows.jsonl", "w") as f:
        for i in range(50):
            value = {"a": "k", "n": i % 3, "list": [i % 5, i % 2, i % 7]}
            f.write(json.dumps({"value": value}) + "\n")
    seen = set()
    for rows in ("1", "3", "2048"):
        seen.add(subprocess.run([klamm, "replay", f"{folder}/letters.yaml", "--batch-rows", rows,
                                 "--input", f"rows={folder}/rows.jsonl"], capture_output=True,
                                check=True, timeout=250).stdout)
    if len(seen) != 1:
        sys.exit("dead letters behind a repartition: their order depends on the size of batches")
    letters = seen.pop().count(b"\"__connect.errors.stage\"")
    if letters != 38:  # 17 rows where n is 0, 21 others with a 0 in their list: each goes out once
        sys.exit(f"{letters} dead letters")
    print(f"dead letters: {letters}, always in the same order")
