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


def data_of(example):
    """STREAM=FILE for the data of an example: the files are named as the stream they are for."""
    folder = f"{source}/examples/{example}/data"
    return [f"{os.path.splitext(f)[0]}={folder}/{f}" for f in sorted(os.listdir(folder))
            if f.endswith((".jsonl", ".csv", ".avro"))]


def replay(example, inputs, *options):
    command = [klamm, "replay", f"{source}/examples/{example}/topology.yaml", *options]
    for i in inputs:
        command += ["--input", i]
    run = subprocess.run(command, capture_output=True, timeout=250)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {run.returncode}\n{run.stderr.decode()}")
    return run.stdout


def files_of(example, inputs, *options):
    with tempfile.TemporaryDirectory() as folder:
        replay(example, inputs, "--output", folder, *options)
        return {f: open(f"{folder}/{f}", "rb").read() for f in sorted(os.listdir(folder))}


for example, streams in (("host-metrics", {"samples"}), ("iris", {"measurements"})):
    inputs = [i for i in data_of(example) if i.split("=")[0] in streams] or [
        f"{next(iter(streams))}={i.split('=', 1)[1]}" for i in data_of(example)][:1]
    whole = replay(example, inputs)
    in_files = files_of(example, inputs)
    if len(whole.splitlines()) < 100:
        sys.exit(f"{example}: only {len(whole.splitlines())} lines came out")
    for rows in ("1", "3", "2048"):
        if replay(example, inputs, "--batch-rows", rows) != whole:
            sys.exit(f"{example}: other bytes with batches of {rows}")
        if files_of(example, inputs, "--batch-rows", rows) != in_files:
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
    print(f"dead letters: {seen.pop().count(b'connect.errors.stage')}, always in the same order")
