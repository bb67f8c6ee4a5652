#!/usr/bin/env python3
"""The checker of the soak finds what it is there to find: a record that is lost, one that is repeated, two that
have changed places, a count that leaps, a window that lacks a row; and nothing where all is well.
"""
import os
import subprocess

from kafkatest import Scratch, check, say

BUILD = os.environ.get("KLAMM_BUILD")
RECORDS, PARTITIONS = 20000, 3
FLAWS = {  # exit code, and what it must say
    "none": (0, []),
    "lost": (1, ["FAULT passed", ": lost"]),
    "repeated": (1, ["FAULT passed", ": repeated"]),
    "exchanged": (1, ["FAULT passed", ": lost", ": repeated or out of order"]),
    "count": (1, ["FAULT counted", "count of group", ": lost"]),
    "window": (1, ["FAULT windowed", "group 499 window 0: 39 rows", "expected 40"]),
}


def judge(s, flaw):
    """Exit code and stderr of the checker over what klamm might have written."""
    prefix = s.name(flaw)
    load, checker = (os.path.join(BUILD, f"bench_soak_{x}") for x in ("load", "check"))
    subprocess.run([load, "create", prefix, str(PARTITIONS)], env=s.env, check=True)
    subprocess.run([load, "forge", prefix, str(PARTITIONS), str(RECORDS), flaw], env=s.env, check=True)
    result = subprocess.run([checker, prefix, str(PARTITIONS)], env=s.env, input=f"total {RECORDS}\nfinish\n", text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return result.returncode, result.stderr


with Scratch("soak-check") as s:
    for flaw, (code, says) in FLAWS.items():
        found, text = judge(s, flaw)
        say(f"{flaw}: exit code {found}" + "".join("\n" + line for line in text.strip().split("\n") if line))
        check(found == code, f"{flaw}: exit code {found}, expected {code}")
        check(all(t in text for t in says), f"{flaw}: does not say {says}")
        check(says or not text, "faults where there are none")
