#!/usr/bin/env python3
"""Drift detectors beside River 0.26 (tests ml/drift_detectors/*.c): the same alarms, value by value.

Runs build/…/drift_driver over the drift streams of $KLAMM_DATA, 10,000 values each with a change after
5000 or without one, and River's detectors over the same values. adwin, ddm, eddm and page_hinkley must
raise the very alarms that River's do. kswin draws its samples at random and psi has no counterpart:
their figures must be in bounds. River's KSWIN takes 0.3 ms a value, so it is run over two
repetitions of each stream; all with --all.
"""
import os
import statistics
import subprocess
import sys
import time

import peers

STREAMS = ["bern_stationary", "bern_abrupt_0.2_0.4", "norm_stationary", "norm_mean_+1"]
CHANGE = 5000
EXACT = [
    ("adwin", {}, "ADWIN", STREAMS),
    ("adwin", {"delta": 0.1, "clock": 5, "min_window_length": 10, "grace_period": 50}, "ADWIN", STREAMS),
    ("page_hinkley", {}, "PageHinkley", STREAMS),
    ("page_hinkley", {"min_instances": 30, "delta": 0.1, "threshold": 50}, "PageHinkley", STREAMS),
    ("page_hinkley", {"threshold": 10, "mode": "up"}, "PageHinkley", STREAMS),
    ("page_hinkley", {"threshold": 10, "mode": "down"}, "PageHinkley", STREAMS),
    ("ddm", {}, "DDM", STREAMS[:2]),
    ("ddm", {"warm_start": 100, "drift_threshold": 2.5}, "DDM", STREAMS[:2]),
    ("eddm", {}, "EDDM", STREAMS[:2]),
    ("eddm", {"warm_start": 50, "beta": 0.8}, "EDDM", STREAMS[:2]),
]
# False alarms in 10,000 values at most, mean delay at most, share of changes missed at most.
KSWIN = [({}, "bern_stationary", 0.5, 0, 0), ({}, "bern_abrupt_0.2_0.4", 0.5, 1900, 0.5),
         ({}, "norm_stationary", 14, 0, 0), ({}, "norm_mean_+1", 16, 40, 0),
         ({"alpha": 0.0001}, "norm_stationary", 2, 0, 0), ({"alpha": 0.0001}, "norm_mean_+1", 2, 300, 0.5)]
PSI = [({}, "bern_stationary", 0, 0, 0), ({}, "norm_stationary", 0, 0, 0),
       ({}, "norm_mean_+1", 0, 500, 0), ({"threshold": 0.1}, "bern_abrupt_0.2_0.4", 0.5, 700, 0)]
SEEDS = range(5)


def drive(algorithm, options, path, seed=1):
    command = [os.path.join(peers.BUILD, "drift_driver"), algorithm, peers.yaml(options), str(seed), path]
    *lines, last = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
    return [list(map(int, line.split())) for line in lines], float(last[2:])


def columns(path):
    with open(path) as file:
        rows = [line.split(",") for line in file.read().split()[1:]]
    return [[float(row[c]) for row in rows] for c in range(len(rows[0]))]


def river(kind, options, values):
    """Alarms, and nanoseconds a value."""
    from river import drift
    is_binary = kind in ("DDM", "EDDM")
    detector = getattr(drift.binary if is_binary else drift, kind)(**options)
    values = [v == 1 for v in values] if is_binary else values
    alarms = []
    start = time.thread_time()
    for i, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            alarms.append(i)
    return alarms, (time.thread_time() - start) / len(values) * 1e9


def river_columns(kind, options, path, most=None):
    """Of the first columns of a file: the alarms of each, and the least nanoseconds a value."""
    alarms, ns = zip(*(river(kind, options, c) for c in columns(path)[:most]))
    return list(alarms), min(ns)


def judge(runs, is_stationary):
    """False alarms in 10,000 values, mean delay, share missed."""
    values = 10000 if is_stationary else CHANGE
    false = sum(1 for run in runs for alarm in run if alarm < values)
    if is_stationary:
        return false / len(runs), 0.0, 0.0
    delays = [min(after) - CHANGE for run in runs if (after := [a for a in run if a >= CHANGE])]
    return (false * 10000 / values / len(runs), statistics.mean(delays) if delays else 0.0,
            1 - len(delays) / len(runs))


def show(stream, name, options, figures, verdict):
    text = name + "".join(f" {k}={v}" for k, v in options.items())
    print(f"{stream:<20} {text:<62} {figures}{'' if verdict else '   DIFFERS'}", flush=True)
    return 0 if verdict else 1


def exact(paths):
    failures = 0
    for algorithm, options, kind, streams in EXACT:
        for stream in streams:
            if stream not in paths:
                continue
            ours, ns = drive(algorithm, options, paths[stream])
            theirs, river_ns = river_columns(kind, options, paths[stream])
            false, delay, missed = judge(ours, "stationary" in stream)
            failures += show(stream, algorithm, options,
                             f"{sum(map(len, ours)):6} {false:7.2f} {delay:7.1f} {missed:6.2f} "
                             f"{river_ns:9.0f} {ns:7.1f} {river_ns / ns:6.0f}", ours == theirs)
    return failures


def in_distribution(paths, repetitions):
    failures = 0
    for algorithm, cases in (("kswin", KSWIN), ("psi", PSI)):
        for options, stream, most_false, most_delay, most_missed in cases:
            if stream not in paths:
                continue
            is_stationary = "stationary" in stream
            runs, ns = [], 0.0
            for seed in SEEDS if algorithm == "kswin" else [1]:
                alarms, ns = drive(algorithm, options, paths[stream], seed)
                runs += alarms
            false, delay, missed = judge(runs, is_stationary)
            failures += show(stream, algorithm, options,
                             f"{sum(map(len, runs)):6} {false:7.2f} {delay:7.1f} {missed:6.2f} {'':9} {ns:7.1f}",
                             false <= most_false and delay <= most_delay and missed <= most_missed)
            if algorithm == "kswin":
                theirs, river_ns = river_columns("KSWIN", dict(options, seed=42), paths[stream], repetitions)
                false, delay, missed = judge(theirs, is_stationary)
                show(stream, "  River's KSWIN", options,
                     f"{sum(map(len, theirs)):6} {false:7.2f} {delay:7.1f} {missed:6.2f} "
                     f"{river_ns:9.0f} {'':7} {river_ns / ns:6.0f}", True)
    return failures


def main():
    peers.enter_environment()
    paths = {s: p for s in STREAMS if (p := peers.find("drift_" + s))}
    if not paths:
        print("skipped: the drift streams are not on this machine")
        return 77
    print("false alarms in 10,000 values; mean delay after the change; share of changes missed\n")
    print(f"{'stream':<20} {'detector':<62} {'alarms':>6} {'false':>7} {'delay':>7} {'missed':>6} "
          f"{'River ns':>9} {'ns':>7} {'ratio':>6}")
    failures = exact(paths) + in_distribution(paths, None if "--all" in sys.argv else 2)
    print(f"\n{failures} cases differ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
