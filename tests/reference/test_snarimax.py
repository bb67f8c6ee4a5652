#!/usr/bin/env python3
"""snarimax beside River 0.26's time_series.SNARIMAX: the same forecasts, as long as River's stay finite.

Airline passengers (144 months) and two lag series of $KLAMM_DATA (default: ../shared/data); skipped
(77) where River cannot be installed or the data are missing. With `bounded: false`; a difference may be
1e-8 of the largest value. The table shows mean absolute errors over 12 horizons, and those with the
default, `bounded: true`, where River diverges.
"""
import csv
import math
import os
import subprocess
import sys
import time

import peers

AIRLINE = {"intercept_init": 110, "intercept_lr": 0.3}
LAG = {"intercept_lr": 0.1}
# series, column, rows, first origin, SNARIMAX, regressor
CASES = [
    ("airline_passengers", -1, 144, 24, {"p": 12, "d": 1, "q": 12, "m": 12, "sd": 1}, AIRLINE),
    ("airline_passengers", -1, 144, 24, {"p": 12, "d": 0, "q": 12, "m": 12}, AIRLINE),
    ("airline_passengers", -1, 144, 24, {"p": 1, "d": 0, "q": 0, "m": 12, "sp": 3, "sq": 6}, AIRLINE),
    ("airline_passengers", -1, 144, 24, {"p": 3, "d": 2, "q": 1, "m": 4, "sd": 2}, {"l2": 0.01}),
    ("lag_series", 1, 4000, 3200, {"p": 12, "d": 0, "q": 0, "m": 288, "sp": 1}, {"lr": 0.0005, **LAG}),
    ("lag_series", 1, 4000, 3200, {"p": 4, "d": 1, "q": 1, "m": 288, "sd": 1}, {"lr": 0.001, **LAG}),
    ("lag_series", 2, 4000, 3200, {"p": 12, "d": 0, "q": 0, "m": 288, "sp": 1}, {"lr": 0.0005, **LAG}),
    ("lag_series", 2, 4000, 3200, {"p": 12, "d": 0, "q": 0, "m": 288, "sp": 1}, {"lr": 0.005, **LAG}),
]
HORIZON = 12
TOLERANCE = 1e-8
FAR = 1e9  # what River's forecasts pass once it diverges


def read(path, column, rows):
    with open(path, newline="") as file:
        names, *lines = csv.reader(file)
    return [float(line[column]) for line in lines[:rows]], names[column]


def run_river(y, first, model, regressor):
    from river import linear_model, optim, preprocessing, time_series
    options = dict(regressor)
    learner = linear_model.LinearRegression(optimizer=optim.SGD(options.pop("lr", 0.01)), **options)
    river = time_series.SNARIMAX(regressor=preprocessing.StandardScaler() | learner, **model)
    out, start, learning = [], time.thread_time(), 0
    for t, value in enumerate(y):
        out.append(river.forecast(horizon=HORIZON) if t >= first else None)
        start = time.thread_time()
        river.learn_one(value)
        learning += time.thread_time() - start
    return out, learning / len(y) * 1e6


def run_driver(path, name, options):
    """The forecasts before each value; us of learning one."""
    command = [os.path.join(peers.BUILD, "forecast_driver"), "snarimax", peers.yaml(options),
               f"1-{HORIZON}", "-", path, name]
    *lines, last = subprocess.run(command, check=True, capture_output=True,
                                  text=True).stdout.splitlines()
    out = [[math.nan] * HORIZON] + [list(map(float, line.split("\t"))) for line in lines]
    return out, float(last[2:].split()[1]) / 1000


def error(out, y, first):
    all_errors = [min(abs(out[t][h] - y[t + h]), FAR) if not math.isnan(out[t][h]) else FAR
                  for t in range(first, len(y) - HORIZON + 1) for h in range(HORIZON)]
    return sum(all_errors) / len(all_errors)


def compare(ours, theirs, y, first):
    """The largest difference, in sizes of the largest value, up to where River diverges."""
    worst, size = 0.0, max(map(abs, y))
    for t in range(first, len(y)):
        if max(map(abs, theirs[t])) > FAR:
            return worst, t
        worst = max(worst, max(abs(a - b) for a, b in zip(ours[t], theirs[t])) / size)
    return worst, None


def main():
    peers.enter_environment()
    failures = compared = 0
    print(f"{'series':<20} {'model':<72} {'River':>12} {'same':>12} {'bounded':>10} {'largest d.':>10} "
          f"{'River us':>9} {'us':>6}")
    for series, column, rows, first, model, regressor in CASES:
        path = peers.find(series)
        if path is None:
            continue
        y, name = read(path, column, rows)
        theirs, river_us = run_river(y, first, model, regressor)
        ours, us = run_driver(path, name, {**model, **regressor, "bounded": False})
        bounded, _ = run_driver(path, name, {**model, **regressor})
        worst, diverged = compare(ours, theirs, y, first)
        failures += not worst <= TOLERANCE
        compared += 1
        shown = " ".join(f"{k}={v}" for k, v in {**model, **regressor}.items())
        print(f"{series:<20} {shown:<72} {error(theirs, y, first):12.3f} {error(ours, y, first):12.3f} "
              f"{error(bounded, y, first):10.3f} {worst:10.1e} {river_us:9.1f} {us:6.2f}"
              f"{'' if diverged is None else f'   River diverges at row {diverged}'}"
              f"{'' if worst <= TOLERANCE else '   DIFFERS'}", flush=True)
    if compared == 0:
        print("skipped: the data sets are not on this machine")
        return 77
    print(f"\n{failures} of {compared} cases differ from River")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
