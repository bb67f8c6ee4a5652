#!/usr/bin/env python3
"""`klamm replay` of the examples gives the same bytes with batches of 1, 3 and 2048 rows, on stdout
and in files, and the same again when asked twice."""

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
