#!/usr/bin/env python3
"""`klamm replay` of tables of every kind, also of ones made of the stream that looks them up, gives the same
bytes with batches of 1, 3 and 2048 rows, on stdout and in files; and inputs of tables come first on ties."""

import json
import os
import random
import subprocess
import sys
import tempfile

klamm = os.environ["KLAMM"]
source = os.environ["KLAMM_SOURCE"]
topology = f"{source}/tests/cases/topologies/tables.yaml"
rng = random.Random(7)
NAMES = [f"n{i}" for i in range(7)]


def some(*choices):
    return rng.choice(choices)


def line(time, key, value):
    return json.dumps({"key": key, "timestamp": time, "partition": NAMES.index(key) % 3, "value": value}) + "\n"


def write(folder, name, rows, make):
    with open(f"{folder}/{name}.jsonl", "w") as f:
        for i in range(rows):
            key = rng.choice(NAMES) if i % 40 == 0 or rng.random() < 0.02 else key  # some long runs
            f.write(line(i * 3000 // rows, key, make(i * 3000 // rows)))


def replay(folder, names, *options):
    inputs = [f"--input={n}={folder}/{n}.jsonl" for n in names]
    run = subprocess.run([klamm, "replay", topology, *inputs, *options], capture_output=True, timeout=250)
    if run.returncode != 0:
        sys.exit(f"exit {run.returncode}\n{run.stderr.decode()}")
    return run.stdout


def files(folder, names, *options):
    with tempfile.TemporaryDirectory() as out:
        replay(folder, names, "--output", out, *options)
        return {f: open(f"{out}/{f}", "rb").read() for f in sorted(os.listdir(out))}


with tempfile.TemporaryDirectory() as folder:
    write(folder, "samples", 1500,
          lambda t: {"v": rng.randrange(5), "who": some(None, *NAMES), "ts": t - rng.randrange(50)})
    write(folder, "hosts", 400, lambda t: some(None, {"rack": some(None, *NAMES), "n": t}))
    write(folder, "racks", 200, lambda t: some(None, {"city": f"c{t}", "tags": ["a"]}))
    write(folder, "owners", 300, lambda t: some(None, {"owner": some(None, *NAMES), "mail": f"m{t}"}))
    write(folder, "prices", 500, lambda t: some(None, {"price": float(t), "ts": t - rng.randrange(40)}))
    for names in (("samples", "hosts", "racks", "owners", "prices"), ("samples",)):
        whole, in_files = replay(folder, names), files(folder, names)
        if len(whole.splitlines()) < 4000:
            sys.exit(f"only {len(whole.splitlines())} lines came out")
        for rows in ("1", "3", "2048"):
            if replay(folder, names, "--batch-rows", rows) != whole:
                sys.exit(f"other bytes with batches of {rows}")
            found = files(folder, names, "--batch-rows", rows)
            for f in in_files:
                if found[f] != in_files[f]:
                    sys.exit(f"{f}: other bytes with batches of {rows}")
        print(f"{len(whole.splitlines())} lines, always the same")
