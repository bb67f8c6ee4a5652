#!/usr/bin/env python3
"""`klamm replay` of tables of every kind, also of ones made of the stream that looks them up, gives the same
bytes with batches of 1, 3 and 2048 rows, on stdout and in files; and inputs of tables come first on ties."""

import collections
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
FOUND = {"near": ("rack", "n", "place", "tags"), "inner": ("who_rack",), "owned": ("mail",),
         "again": ("by_host", "all_by_host"), "priced": ("price", "now")}  # columns out of tables


def some(*choices):
    return rng.choice(choices)


def line(time, key, value):
    return json.dumps({"key": key, "timestamp": time, "partition": NAMES.index(key) % 3, "value": value}) + "\n"


def write(folder, name, rows, make):
    with open(f"{folder}/{name}.jsonl", "w") as f:
        for i in range(rows):
            key = rng.choice(NAMES) if i % 40 == 0 or rng.random() < 0.02 else key  # some long runs
            value = make(i * 3000 // rows)
            f.write(line(i * 3000 // rows, key, value and {"host": key, **value}))


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
        found = collections.Counter((r["topic"], c) for r in map(json.loads, whole.splitlines())
                                    for c in FOUND.get(r["topic"], ()) if r["value"].get(c) is not None)
        if len(names) > 1 and (len(found) < 10 or min(found.values()) < 30):
            sys.exit(f"too few rows found something: {dict(found)}")
        for rows in ("1", "3", "2048"):
            if replay(folder, names, "--batch-rows", rows) != whole:
                sys.exit(f"other bytes with batches of {rows}")
            found = files(folder, names, "--batch-rows", rows)
            if found != in_files:
                sys.exit(f"other files with batches of {rows}")
        print(f"{len(whole.splitlines())} lines, always the same")
    with open(f"{folder}/samples.jsonl", "w") as f:
        f.write(line(0, NAMES[0], {"host": NAMES[0], "ts": 5}))
    with open(f"{folder}/hosts.jsonl", "w") as f:
        f.write(line(5, NAMES[0], {"n": 1}) + line(6, NAMES[0], {"n": 2}))
    near = [r["value"]["n"] for r in map(json.loads, replay(folder, ("samples", "hosts")).splitlines())
            if r["topic"] == "near"]
    if near != [1]:
        sys.exit(f"of equal times the table's row is not the first: {near}")
