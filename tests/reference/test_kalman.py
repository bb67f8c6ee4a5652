#!/usr/bin/env python3
"""kalman beside statsmodels: the filter of its UnobservedComponents (level `lltrend`, freq_seasonal) with the
same variances expects the same values with the same variances, and its forecasts are shown beside others.

statsmodels lives in a virtual environment that is made once, under $KLAMM_CACHE (default: ~/.cache/klamm).
Skipped (77) where that cannot be made. Filter: differences up to 1e-6 of a value's deviation (the start
is diffuse: variance 1e6), with missing values. Forecasts: 12 months of airline passengers; if
$KLAMM_DATA (default: ../shared/data) has them, 12 steps of two load series, beside the figures of
Holt-Winters as statsmodels fits it (measured once). Errors must be below the last value's, and on the
load series below 1.1 times those of statsmodels; 144 months are too few for a fit on line.
"""
import csv
import math
import os
import random
import subprocess
import sys
import venv

import peers

PACKAGES = ["statsmodels==0.15.0"]
HERE = os.path.join(peers.CACHE, "venv-statsmodels")
TOLERANCE = 1e-6
FILTERS = [(1.0, 2, [7], [0.1, 0.001, 0.01]), (1.0, 3, [7, 30], [0.5, 0.0, 0.001, 0.002]),
           (1.0, 1, [12], [0.0, 0.0, 0.0])]
# series, file, column, seasons, error of Holt-Winters fitted by statsmodels to 80 %
SERIES = [("lag_s0", "lag_series.csv", "s0", "288,2016", 26.785),
          ("elb_request_count", "nab/data/realAWSCloudwatch/elb_request_count_8c0756.csv", "value",
           "288,2016", 44.942),
          ("ec2_cpu_utilization", "nab/data/realAWSCloudwatch/ec2_cpu_utilization_5f5533.csv", "value",
           "288,2016", 0.971)]


def enter_environment():
    if os.path.realpath(sys.prefix) == os.path.realpath(HERE):
        return
    python = os.path.join(HERE, "bin", "python")
    try:
        if subprocess.run([python, "-c", "import statsmodels"], stderr=subprocess.DEVNULL).returncode:
            raise FileNotFoundError
    except FileNotFoundError:
        try:
            os.makedirs(peers.CACHE, exist_ok=True)
            venv.create(HERE, with_pip=True, clear=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True,
                           timeout=500)
        except (OSError, subprocess.SubprocessError) as problem:
            print(f"skipped: statsmodels cannot be installed ({problem})")
            sys.exit(77)
    os.execv(python, [python, os.path.abspath(sys.argv[0]), *sys.argv[1:]])


def some_values(n):
    draw = random.Random(5)
    return [math.nan if draw.random() < 0.05 else
            50 + 0.1 * i + 8 * math.sin(2 * math.pi * i / 7) + draw.gauss(0, 1) for i in range(n)]


def filter_of(y, harmonics, seasons, variances):
    """What statsmodels expects of each value, and its variance, from the same diffuse start."""
    import numpy
    from statsmodels.tsa.statespace.structural import UnobservedComponents
    model = UnobservedComponents(numpy.array(y), level="lltrend", freq_seasonal=[
        {"period": m, "harmonics": min(harmonics, m // 2)} for m in seasons])
    model.ssm.initialize_known(numpy.zeros(model.k_states), numpy.eye(model.k_states) * 1e6)
    result = model.filter([1.0, *variances])
    return result.filter_results.forecasts[0], result.filter_results.forecasts_error_cov[0, 0]


def compare_filter(damping, harmonics, seasons, variances):
    y = some_values(300)
    means, spreads = filter_of(y, harmonics, seasons, variances)
    command = [os.path.join(peers.BUILD, "structural_driver"), str(damping), str(harmonics),
               ",".join(map(str, seasons)), ",".join(map(str, variances))]
    lines = subprocess.run(command, input=" ".join(map(str, y)), check=True, capture_output=True,
                           text=True).stdout.splitlines()
    worst = 0.0
    for line, mean, spread, value in zip(lines, means, spreads, y):
        ours, variance = map(float, line.split("\t"))
        # A missing value has no variance of its forecast in statsmodels.
        apart = 0 if math.isnan(value) else abs(variance - spread) / spread
        worst = max(worst, abs(ours - mean) / math.sqrt(variance), apart)
    return worst


def values(path, column):
    with open(path, newline="") as file:
        return [float(row[column]) for row in csv.DictReader(file)]


def forecast(path, column, seasons, first):
    command = [os.path.join(peers.BUILD, "forecast_driver"), "kalman", "{}", "1-12", seasons, path, column]
    *lines, last = subprocess.run(command, check=True, capture_output=True,
                                  text=True).stdout.splitlines()
    y = values(path, column)
    errors = [abs(p - y[t + h]) for t in range(first, len(y) - 11)
              for h, p in enumerate(map(float, lines[t - 1].split("\t")))]
    naive = [abs(y[t - 1] - y[t + h]) for t in range(first, len(y) - 11) for h in range(12)]
    return sum(errors) / len(errors), sum(naive) / len(naive), list(map(float, last[2:].split()[:2]))


def fitted(y, first):
    """The error of statsmodels' own variances, fitted to what comes before `first`, at each origin."""
    import numpy
    from statsmodels.tsa.statespace.structural import UnobservedComponents
    form = {"level": "lltrend", "freq_seasonal": [{"period": 12, "harmonics": 6}]}
    found = UnobservedComponents(numpy.array(y[:first]), **form).fit(disp=False).params
    errors = []
    for t in range(first, len(y) - 11):
        ahead = UnobservedComponents(numpy.array(y[:t]), **form).filter(found).forecast(12)
        errors += [abs(p - y[t + h]) for h, p in enumerate(ahead)]
    return sum(errors) / len(errors)


def main():
    enter_environment()
    failures = 0
    for case in FILTERS:
        worst = compare_filter(*case)
        failures += not worst <= TOLERANCE
        print(f"filter with seasons {case[2]}, {case[1]} harmonics, variances {case[3]}: largest "
              f"difference {worst:.1e} deviations")
    print(f"\n{'mean absolute error':<20} {'naive':>9} {'statsm.':>9} {'klamm':>9} {'ratio':>6} "
          f"{'us forecast':>12} {'us learn':>9}")
    cases = [(*case[:4], 0.8, case[4]) for case in SERIES]
    cases.insert(0, ("airline_passengers", "airline_passengers.csv", None, "12", 0.5, None))
    for name, file, column, seasons, part, reference in cases:
        path = os.path.join(peers.DATA, file)
        if not os.path.exists(path):
            print(f"{name:<20} left out: not on this machine")
            continue
        with open(path, newline="") as lines:
            column = column or next(csv.reader(lines))[-1]
        y = values(path, column)
        first = int(part * len(y))
        most = 1.1 * reference if reference else math.inf
        reference = reference or fitted(y, first)
        error, naive, (predict, learn) = forecast(path, column, seasons, first)
        is_fine = error < naive and error <= most
        failures += not is_fine
        print(f"{name:<20} {naive:9.3f} {reference:9.3f} {error:9.3f} {error / reference:6.2f} "
              f"{predict / 1000:12.2f} {learn / 1000:9.1f}{'' if is_fine else '   WORSE'}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
