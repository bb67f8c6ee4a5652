#!/usr/bin/env python3
"""Every case and every example's tests, plainly and under hostile configurations.

The output may depend neither on how many rows a batch has nor on restarts between rows, so the same
expectations must hold for all of them.
"""

import glob
import os
import subprocess
import sys

klamm = os.environ["KLAMM"]
source = os.environ["KLAMM_SOURCE"]
ways = [[], ["--batch-rows", "1"], ["--batch-rows", "3"], ["--batch-rows", "2048"], ["--restart"],
        ["--restart", "--batch-rows", "1"]]

files = sorted(glob.glob(f"{source}/tests/cases/*.yaml") + glob.glob(f"{source}/examples/*/tests.yaml"))
if len(files) < 8:
    sys.exit(f"only {len(files)} files of cases found")
failed = 0
for way in ways:
    run = subprocess.run([klamm, "test", *way, *files], capture_output=True, text=True, timeout=250)
    if run.returncode != 0 or "\n0 passed" in run.stdout:
        failed += 1
        print(f"klamm test {' '.join(way)}: exit {run.returncode}")
        print(run.stdout, run.stderr, sep="\n")
    else:
        print(f"{' '.join(way) or 'plainly'}: {run.stdout.strip().splitlines()[-1]}")
sys.exit(1 if failed else 0)
