#!/usr/bin/env python3
"""Forecasters on real series, beside River 0.26, statsmodels and the rules that need no model.

Runs build/…/forecast_driver over data sets. Four tables:

  loads      mean sMAPE (0 to 200) on five message-rate traces at three rates. The protocol of the study
             that they come from: the last 20 % is scored; 12, 4 or 1 steps ahead; the forecast for a step
             is the mean of all that were made for it, from the step before the scored part on. One
             configuration for all; each forecaster learns as it goes. What others reached is quoted.
  intervals  share of the same values that the step's 90 % intervals cover (through `klamm replay`).
  smoothing  holt_winters with parameters found on line beside statsmodels' ExponentialSmoothing,
             fitted on the first 80 % and then rolled on with its parameters, over the last 20 %.
  river      holt_winters with given parameters: every forecast equal to River's within 1e-9.

River and statsmodels live in virtual environments made once under $KLAMM_CACHE (default:
~/.cache/klamm); what cannot be made is left out. Data are read from $KLAMM_DATA (default:
../shared/data); skipped (77) without.
"""
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import venv

SOURCE = os.environ.get("KLAMM_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("KLAMM_BUILD", os.path.join(SOURCE, "build", "dev"))
CACHE = os.environ.get("KLAMM_CACHE", os.path.expanduser("~/.cache/klamm"))
DATA = os.environ.get("KLAMM_DATA", os.path.join(SOURCE, "..", "shared", "data"))
KLAMM = os.environ.get("KLAMM", os.path.join(BUILD, "klamm"))
DRIVER = os.path.join(BUILD, "forecast_driver")

TRACES = ["IoT", "google", "taxi", "wiki_de", "retailrocket"]
RATES = {"1h": (12, 24), "15min": (4, 96), "5min": (1, 288)}  # steps ahead, steps a day
# Forecaster, options, seasons in days, most that the mean sMAPE at each rate may be (None: not held to).
LOADS = [("naive", "{}", [], None),
         ("seasonal_naive", "{}", [1], None),
         ("seasonal_naive", "{}", [7], None),
         ("holt_winters", "{}", [1], (3.66, 2.60, 2.33)),
         ("holt_winters", "{multiplicative: false}", [1], None),
         ("holt_winters", "{multiplicative: true}", [1], None),
         ("holt_winters", "{}", [1, 7], None),
         ("ridge", "{lags: 12, around: 1, huber: 0}", [1, 7], None),
         ("ridge", "{}", [1, 7], (2.18, 2.18, 2.14)),
         ("hybrid", "{}", [1, 7], (2.10, 2.10, 2.05))]
QUOTED = [("ARIMA", 7.70, 2.83, 2.18), ("SARIMA", 3.54, 3.07, 3.37), ("Prophet", 4.79, 4.68, 4.89),
          ("Holt-Winters (statsmodels)", 3.66, 2.60, 2.33), ("GRU", 3.30, 2.26, 2.09),
          ("CNN", 2.76, 2.56, 2.13), ("ridge, not refitted", 2.18, 2.18, 2.14)]

failures = []


def expect(is_so, what):
    if not is_so:
        failures.append(what)
    return "" if is_so else "   MISSED"


# ---- data ----

def path_of(*parts):
    path = os.path.join(DATA, *parts)
    return path if os.path.exists(path) else None


def column(path, name):
    with open(path, newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def drive(algorithm, options, ahead, seasons, path, name):
    """Per step the forecasts for 1 … ahead steps; nanoseconds to predict and to learn."""
    command = [DRIVER, algorithm, options, f"1-{ahead}", ",".join(map(str, seasons)) or "-", path, name]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    costs = lines.pop().split()
    return [list(map(float, line.split("\t"))) for line in lines], float(costs[1]), float(costs[2])


# ---- loads ----

def smape(truth, forecast):
    return 200 * sum(abs(a - p) / (abs(a) + abs(p)) for a, p in zip(truth, forecast)) / len(truth)


def score_trace(y, forecasts, ahead):
    begin = int(len(y) * 0.8)
    means = []
    for t in range(begin, len(y)):
        made = [forecasts[t - h][h - 1] for h in range(1, ahead + 1) if t - h >= begin - 1]
        means.append(sum(made) / len(made))
    return smape(y[begin:], means)


def load_scores(algorithm, options, days):
    """Mean sMAPE over the traces at each rate, microseconds of a step at the last rate."""
    means, cost = [], 0
    for rate, (ahead, day) in RATES.items():
        scores = []
        for trace in TRACES:
            path = path_of("load_traces", f"{trace}_{rate}.csv")
            out, predict, learn = drive(algorithm, options, ahead, [day * n for n in days], path, "messages")
            scores.append(score_trace(column(path, "messages"), out, ahead))
            cost = predict + learn
        means.append(sum(scores) / len(scores))
    return means, cost / 1000


def loads():
    print("\nloads: mean sMAPE of five traces, and the time a step takes at 5 min\n")
    print(f"{'forecaster':<28} {'options':<34} {'seasons':<8} "
          + " ".join(f"{rate:>7}" for rate in RATES) + f" {'us/step':>8}")
    for algorithm, options, days, most in LOADS:
        means, cost = load_scores(algorithm, options, days)
        verdict = expect(most is None or all(m <= b for m, b in zip(means, most)),
                         f"loads: {algorithm} {options}: {means}, at most {most}")
        names = "+".join({1: "day", 7: "week"}[n] for n in days) or "-"
        print(f"{algorithm:<28} {options:<34} {names:<8} " + " ".join(f"{m:7.3f}" for m in means)
              + f" {cost:8.1f}{verdict}", flush=True)
    for name, *quoted in QUOTED:
        print(f"{name:<28} {'(quoted)':<34} {'':<8} " + " ".join(f"{q:7.2f}" for q in quoted))


# ---- intervals ----

TOPOLOGY = """name: intervals
streams:
  s:
    from: {{topic: in, key: none, value: json, columns: {{date: string, messages: double}}}}
    steps:
      - forecast: {{algorithm: {algorithm}, target: messages, horizons: {horizons}, season: {season}, as: f,
                   per: partition}}
    to: {{topic: out, key: none, value: json}}
"""


def coverage_of(algorithm, trace, rate):
    """By horizon, over the last 80 %."""
    ahead, day = RATES[rate]
    horizons = list(range(1, ahead + 1))
    path = path_of("load_traces", f"{trace}_{rate}.csv")
    y = column(path, "messages")
    with tempfile.TemporaryDirectory() as folder:
        topology = os.path.join(folder, "t.yaml")
        with open(topology, "w") as file:
            file.write(TOPOLOGY.format(algorithm=algorithm, horizons=horizons, season=[day, 7 * day]))
        done = subprocess.run([KLAMM, "replay", topology, "--input", f"s={path}", "--rows", "csv"],
                              check=True, capture_output=True, text=True)
    rows = [json.loads(line)["value"] for line in done.stdout.splitlines()]
    assert len(rows) == len(y)
    shares = {}
    for h in horizons:
        hits = [rows[i][f"f_{h}_lower"] <= y[i + h] <= rows[i][f"f_{h}_upper"]
                for i in range(len(y) // 5, len(y) - h)]
        shares[h] = sum(hits) / len(hits)
    return shares


def intervals():
    print("\nintervals: share of values that 90 % intervals cover, by horizon, over the last 80 %\n")
    for algorithm in ("ridge", "hybrid", "holt_winters"):
        for rate in RATES:
            shares = [coverage_of(algorithm, trace, rate) for trace in TRACES]
            mean = sum(sum(s.values()) / len(s) for s in shares) / len(shares)
            verdict = expect(0.88 <= mean <= 0.92, f"intervals: {algorithm} {rate}: {mean}")
            each = "  ".join(" ".join(f"{v:.3f}" for v in s.values()) for s in shares)
            print(f"{algorithm:<14} {rate:<6} mean {mean:.4f}   {each}{verdict}", flush=True)


# ---- River and statsmodels, each in its environment: this file run again with a task ----

# Package: folder, what is installed, what must then be there.
ENVIRONMENTS = {
    "river": ("venv-ml", ["river==0.26.1", "scikit-learn"], "river.time_series"),
    "statsmodels": ("venv-forecast", ["statsmodels==0.14.5", "pandas<3"], "statsmodels.tsa.holtwinters")}


def python_with(package):
    folder, packages, module = ENVIRONMENTS[package]
    folder = os.path.join(CACHE, folder)
    python = os.path.join(folder, "bin", "python")

    def works():
        return os.path.exists(python) and subprocess.run(
            [python, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0

    if works():
        return python
    try:
        os.makedirs(CACHE, exist_ok=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True, timeout=500)
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"left out: {package} cannot be installed ({problem})")
        return None
    return python if works() else None


def peer(package, task):
    """Runs PEERS[package] of this file over a task, in the package's environment."""
    python = python_with(package)
    if python is None:
        return None
    done = subprocess.run([python, os.path.abspath(__file__), "--peer", package],
                          input=json.dumps(task), check=True, capture_output=True, text=True,
                          timeout=1800)
    return json.loads(done.stdout)


def river_peer(task):
    from river import time_series
    model = time_series.HoltWinters(**task["options"])
    out = []
    for y in task["y"]:
        model.learn_one(y)
        out.append(model.forecast(task["ahead"]) if model._initialized else None)
    return out


def statsmodels_peer(task):
    import warnings
    from statsmodels.tsa.holtwinters import ExponentialSmoothing
    warnings.simplefilter("ignore")
    y, split, ahead, m = task["y"], task["split"], task["ahead"], task["season"]
    form = task["form"]
    # To estimate hundreds of first seasonal values as well takes it many minutes.
    first = "estimated" if m <= 24 else "heuristic"
    fit = ExponentialSmoothing(y[:split], trend="add", seasonal=form, seasonal_periods=m,
                               initialization_method=first).fit()
    p = fit.params
    level, trend, season = p["initial_level"], p["initial_trend"], list(p["initial_seasons"])
    alpha, beta, gamma = p["smoothing_level"], p["smoothing_trend"], p["smoothing_seasonal"]
    out = []
    for t, value in enumerate(y):
        s, base = season[t % m], level + trend
        own = value / s if form == "mul" else value - s
        level, before = alpha * own + (1 - alpha) * base, level
        trend = beta * (level - before) + (1 - beta) * trend
        rest = value / base if form == "mul" else value - base
        season[t % m] = gamma * rest + (1 - gamma) * s
        ahead_of = [(level + h * trend, season[(t + h) % m]) for h in range(1, ahead + 1)]
        out.append([a * b if form == "mul" else a + b for a, b in ahead_of])
    return out


PEERS = {"river": river_peer, "statsmodels": statsmodels_peer}


def mae(y, forecasts, begin, ahead):
    """Mean |error| over all horizons of the forecasts made from begin - 1 on."""
    errors = [abs(forecasts[t][h - 1] - y[t + h])
              for t in range(begin - 1, len(y) - ahead) for h in range(1, ahead + 1)]
    return sum(errors) / len(errors)


# Series, column, season, form, share by which the error may be more than statsmodels'.
SMOOTHING = [("airline_passengers.csv", "passengers", 12, "mul"),
             ("airline_passengers.csv", "passengers", 12, "add"),
             ("lag_series.csv", "s0", 288, "add"),
             ("nab/data/realAWSCloudwatch/elb_request_count_8c0756.csv", "value", 288, "add"),
             ("nab/data/realAWSCloudwatch/ec2_cpu_utilization_5f5533.csv", "value", 288, "add"),
             ("load_traces/taxi_1h.csv", "messages", 24, "add"),
             ("load_traces/wiki_de_1h.csv", "messages", 24, "add")]


def statsmodels_error(path, value, season, form):
    """None: statsmodels is not there."""
    y = column(path, value)
    split = int(len(y) * 0.8)
    theirs = peer("statsmodels", {"y": y, "split": split, "ahead": 12, "season": season, "form": form})
    return theirs and mae(y, theirs, split, 12)


def smoothing_errors(path, value, season, form):
    """Of no change, the season before, and klamm's."""
    y = column(path, value)
    split = int(len(y) * 0.8)
    options = "{multiplicative: %s}" % str(form == "mul").lower()
    last = mae(y, drive("naive", "{}", 12, [], path, value)[0], split, 12)
    seasonal = mae(y, drive("seasonal_naive", "{}", 12, [season], path, value)[0], split, 12)
    ours = mae(y, drive("holt_winters", options, 12, [season], path, value)[0], split, 12)
    return last, seasonal, ours


def smoothing():
    print("\nsmoothing: mean |error| 1 to 12 steps ahead over the last 20 %\n")
    print(f"{'series':<28} {'form':<5} {'no change':>10} {'seasonal':>10} {'statsmodels':>12} {'klamm':>10} "
          f"{'ratio':>6}")
    for name, value, season, form in SMOOTHING:
        path = path_of(*name.split("/"))
        if path is None:
            print(f"{name}: not on this machine")
            continue
        fitted = statsmodels_error(path, value, season, form)
        if fitted is None:
            return
        last, seasonal, ours = smoothing_errors(path, value, season, form)
        verdict = expect(ours <= 1.02 * fitted, f"smoothing: {name} {form}: {ours} beside {fitted}")
        short = os.path.basename(name).replace(".csv", "") + ("" if value in name else f" {value}")
        print(f"{short[:28]:<28} {form:<5} {last:10.3f} {seasonal:10.3f} {fitted:12.3f} {ours:10.3f} "
              f"{ours / fitted:6.3f}{verdict}", flush=True)


RIVER = [{"alpha": 0.3, "beta": 0.1, "gamma": 0.6, "seasonality": 12, "multiplicative": True},
         {"alpha": 0.3, "beta": 0.1, "gamma": 0.6, "seasonality": 12, "multiplicative": False},
         {"alpha": 0.5, "beta": 0.2}, {"alpha": 0.4}]


def river():
    path = path_of("airline_passengers.csv")
    if path is None:
        return
    print("\nriver: holt_winters with given parameters over airline_passengers, largest difference\n")
    y = column(path, "passengers")
    for options in RIVER:
        theirs = peer("river", {"y": y, "ahead": 12, "options": options})
        if theirs is None:
            return
        given = {k: str(v).lower() for k, v in options.items() if k != "seasonality"}
        text = "{init: river, " + ", ".join(f"{k}: {v}" for k, v in given.items()) + "}"
        seasons = [options["seasonality"]] if "seasonality" in options else []
        ours = drive("holt_winters", text, 12, seasons, path, "passengers")[0]
        worst = 0.0
        for a, b in zip(ours, theirs):
            if b is None:
                worst = max(worst, 0 if all(map(math.isnan, a)) else math.inf)
            else:
                worst = max(worst, *(abs(p - q) / max(1, abs(q)) for p, q in zip(a, b)))
        verdict = expect(worst <= 1e-9, f"river: {options}: {worst}")
        print(f"{text:<78} {worst:9.1e}{verdict}", flush=True)


def main():
    if sys.argv[1:2] == ["--peer"]:
        json.dump(PEERS[sys.argv[2]](json.load(sys.stdin)), sys.stdout)
        return 0
    if path_of("load_traces", "taxi_5min.csv") is None:
        print("skipped: the data sets are not on this machine")
        return 77
    wanted = sys.argv[1:] or ["loads", "intervals", "smoothing", "river"]
    for name in wanted:
        {"loads": loads, "intervals": intervals, "smoothing": smoothing, "river": river}[name]()
    for failure in failures:
        print(f"\nmissed: {failure}")
    print(f"\n{len(failures)} figures missed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
