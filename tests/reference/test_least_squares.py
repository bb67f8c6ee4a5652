#!/usr/bin/env python3
"""ridge and recursive_least_squares beside the same thing done with numpy and scikit-learn.

ridge: after every hundredth row, scikit-learn's Ridge fitted to all rows so far predicts the next one.
recursive_least_squares: the textbook's recursion with its covariance, row by row, over all rows. Rows
are not scaled: columns differ in size by up to 1e3, and begin at 0.

Tolerance: 1e-9 of the value's size. Skipped, and with data sets left out, as peers.py says.
"""
import collections
import csv
import os
import statistics
import sys
import tempfile
import time

import peers

TOLERANCE = 1e-9
DATA = ["trump_approval", "chick_weights", "fried"]
ROWS = 5000
RIDGE = [{}, {"alpha": 0.01}, {"alpha": 100.0, "fit_intercept": False}]
RECURSIVE = [{}, {"forgetting_factor": 1.0}, {"forgetting_factor": 0.99, "delta": 1.0},
             {"forgetting_factor": 0.999, "fit_intercept": False}]


def ridge(x, y, options):
    from sklearn.linear_model import Ridge
    expected = {}
    for n in range(100, len(y), 100):
        model = Ridge(alpha=options.get("alpha", 1.0), fit_intercept=options.get("fit_intercept", True),
                      solver="svd")
        expected[n] = float(model.fit(x[:n], y[:n]).predict(x[n:n + 1])[0])
    return expected


def recursive(x, y, options):
    import numpy as np
    f, delta = options.get("forgetting_factor", 0.999), options.get("delta", 1000.0)
    if options.get("fit_intercept", True):
        x = np.hstack([np.ones((len(x), 1)), x])
    p, w = np.eye(x.shape[1]) * delta, np.zeros(x.shape[1])
    expected = {}
    for n, (row, value) in enumerate(zip(x, y)):
        expected[n] = float(w @ row)
        px = p @ row
        gain = px / (f + row @ px)
        w = w + gain * (value - expected[n])
        p = (p - np.outer(gain, px)) / f
        p = (p + p.T) / 2
    return expected


def shifted(x):
    """Columns without their first row's value: dates count days from then on, not from the year 1."""
    return x - x[0]


PEERS = {"ridge": ridge, "recursive_least_squares": recursive}
Result = collections.namedtuple("Result", "error worst peer_ns ns")


def compare(data, algorithm, options):
    """Mean error, largest difference of a value by its size, nanoseconds of both."""
    import numpy as np
    rows, y = peers.load(peers.find(data), "value", ROWS)
    x = shifted(np.array([list(row.values()) for row in rows]))
    start = time.thread_time()
    expected = PEERS[algorithm](x, np.array(y), options)
    peer_ns = (time.thread_time() - start) / len(expected) * 1e9
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "rows.csv")
        with open(file, "w", newline="") as out:
            csv.writer(out).writerows([[*rows[0], "y"], *([*map(repr, r), v] for r, v in zip(x.tolist(), y))])
        lines, scores = peers.drive(algorithm, "none", "value", options, file)
    worst = max(abs(float(lines[n]) - v) / max(1.0, abs(v)) for n, v in expected.items())
    error = statistics.fmean(abs(float(line) - v) for line, v in list(zip(lines, y))[1:])
    return Result(error, worst, peer_ns, scores[-1])


def main():
    peers.enter_environment()
    failures = missing = 0
    print(f"{'data':<16} {'learner':<24} {'options':<48} {'mean |error|':>12} {'largest d.':>10} {'numpy ns':>9} "
          f"{'ns':>6}")
    cases = [(d, "ridge", o) for d in DATA for o in RIDGE]
    cases += [(d, "recursive_least_squares", o) for d in DATA for o in RECURSIVE]
    for data, algorithm, options in cases:
        if peers.find(data) is None:
            missing += 1
            continue
        error, worst, peer_ns, ns = compare(data, algorithm, options)
        failures += not worst <= TOLERANCE
        print(f"{data:<16} {algorithm:<24} {peers.yaml(options):<48} {error:12.4f} {worst:10.1e} {peer_ns:9.0f} "
              f"{ns:6.0f}{'' if worst <= TOLERANCE else '   DIFFERS'}", flush=True)
    if missing:
        print(f"\n{missing} cases left out: their data sets are not on this machine")
    print(f"\n{failures} cases differ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
