"""Forecasts (test_forecasts.py, test_lstm.py, test_kalman.py, test_snarimax.py).

  loads      mean sMAPE of five message-rate traces at three rates, beside what others reached
  intervals  how many values 90 % intervals hold, by horizon
  smoothing  holt_winters beside statsmodels', fitted on the first 80 %
  horizons   mean absolute error over 12 steps of four series, beside PyTorch's LSTM
  snarimax   the same forecasts as River's
"""
import os

import peers
import test_forecasts
import test_lstm
import test_snarimax
from tables import markdown
from tables.recall import Call, results

ASKED = ("asked", (2.10, 2.10, 2.05))
PEER_OF = {"holt_winters": "Holt-Winters (statsmodels)", "ridge": "ridge, not refitted"}
SEASONS = {1: "day", 7: "week"}
LEAST_HELD, MOST_HELD = 0.88, 0.92


def loads():
    quoted = {name: figures for name, *figures in test_forecasts.QUOTED}
    best = [min(column) for column in zip(*quoted.values())]
    rows = []
    for algorithm, options, days, _ in test_forecasts.LOADS:
        means, us = test_forecasts.load_scores(algorithm, options, days)
        # hybrid is for the user who does not choose: it must beat the best of the others, rate by rate.
        bounds = quoted[PEER_OF[algorithm]] if algorithm in PEER_OF else best if algorithm == "hybrid" else None
        cells = [markdown.bold(f"{m:.3f}", bounds is not None and m > bounds[i]) for i, m in enumerate(means)]
        name = f"`{algorithm}`" + (f" {options.strip('{}')}" if options != "{}" else "")
        rows.append([name, " and ".join(SEASONS[d] for d in days) or "–", *cells, f"{us:.1f}"])
    rows += [[f"{name}, published", "", *(f"{x:.2f}" for x in figures), ""] for name, figures in quoted.items()]
    rows.append([ASKED[0], "", *(f"{x:.2f}" for x in ASKED[1]), ""])
    return markdown.table(["mean sMAPE, %", "seasons", "1 h", "15 min", "5 min", "µs a step at 5 min"], rows)


def held(share):
    return markdown.bold(f"{100 * share:.1f}", not LEAST_HELD <= round(share, 3) <= MOST_HELD)


def intervals():
    rows = []
    for algorithm in ("ridge", "hybrid", "holt_winters"):
        for rate in test_forecasts.RATES:
            shares = {trace: test_forecasts.coverage_of(algorithm, trace, rate) for trace in test_forecasts.TRACES}
            horizons = list(shares[test_forecasts.TRACES[0]])
            by = [sum(s[h] for s in shares.values()) / len(shares) for h in horizons]
            each = sorted((s[h], f"{trace}, {h}") for trace, s in shares.items() for h in horizons)
            ends = " to ".join(f"{held(share)} ({where})" for share, where in (each[0], each[-1]))
            rows.append([f"`{algorithm}`", rate, held(sum(by) / len(by)), " ".join(map(held, by)), ends])
    return markdown.table(["90 % intervals", "steps of", "hold, %", "1, 2, 3, … steps ahead, mean of the traces",
                           "single traces and steps ahead"], rows)


def smoothing():
    cases = [case for case in test_forecasts.SMOOTHING if test_forecasts.path_of(*case[0].split("/"))]
    paths = [test_forecasts.path_of(*case[0].split("/")) for case in cases]
    calls = [Call(test_forecasts.statsmodels_error, (path, *case[1:]), (path,)) for case, path in zip(cases, paths)]
    rows = []
    for (name, value, season, form), path, theirs in zip(cases, paths, results(calls)):
        if theirs is None:
            return "statsmodels cannot be installed on this machine."
        last, seasonal, ours = test_forecasts.smoothing_errors(path, value, season, form)
        data = os.path.basename(name).replace(".csv", "") + ("" if value in name else f" {value}")
        rows.append([f"{data}, {'multiplicative' if form == 'mul' else 'additive'}, season {season}",
                     markdown.number(last), markdown.number(seasonal), markdown.beside(ours, theirs, True),
                     f"{ours / theirs:.3f}"])
    return markdown.table(["MAE over 12 steps, last fifth", "no change", "season before", "klamm / statsmodels", "ratio"],
                          rows)


MEMBERS = [("ridge", "{lags: 24, around: 12}", [288, 2016]), ("holt_winters", "{}", [288])]  # of hybrid, others too


def horizons():
    cases = [("naive", "{}", []), ("seasonal_naive", "{}", [288])]
    cases += [(a, "{}", [288, 2016]) for a in ("ridge", "holt_winters", "kalman", "lstm", "hybrid")]
    rows = []
    for name, file, column, best, worst, ridge in test_lstm.SERIES:
        path = os.path.join(peers.DATA, file)
        if not os.path.exists(path):
            continue
        y = test_forecasts.column(path, column)

        def error(algorithm, options, season):
            out = test_forecasts.drive(algorithm, options, 12, season, path, column)[0]
            return test_forecasts.mae(y, out, int(len(y) * 0.8), 12)
        errors = {case[0]: error(*case) for case in cases}
        member = min([errors["ridge"], errors["holt_winters"], *(error(*case) for case in MEMBERS)])
        losing = {"lstm": errors["lstm"] > 1.05 * best, "ridge": errors["ridge"] > ridge,
                  "kalman": errors["kalman"] > errors["naive"], "holt_winters": errors["holt_winters"] > errors["naive"],
                  "hybrid": errors["hybrid"] > 1.03 * member}
        rows.append([name, *(markdown.bold(markdown.number(errors[a]), losing.get(a, False)) for a, *_ in cases),
                     markdown.number(member), f"{markdown.number(ridge)}, {markdown.number(best)} to {markdown.number(worst)}"])
    return markdown.table(["MAE over 12 steps, last fifth", *(f"`{a}`" for a, *_ in cases), "hybrid's best part",
                           "ridge and PyTorch's LSTM(32), once fitted"], rows)


def river_forecasts(path, column, rows, first, model, regressor):
    y, _ = test_snarimax.read(path, column, rows)
    return test_snarimax.run_river(y, first, model, regressor)[0]


def snarimax():
    cases = [case for case in test_snarimax.CASES if peers.find(case[0])]
    calls = [Call(river_forecasts, (peers.find(case[0]), *case[1:]), (peers.find(case[0]),)) for case in cases]
    rows = []
    for (series, column, n, first, model, regressor), theirs in zip(cases, results(calls)):
        y, name = test_snarimax.read(peers.find(series), column, n)
        ours, _ = test_snarimax.run_driver(peers.find(series), name, {**model, **regressor, "bounded": False})
        bounded, _ = test_snarimax.run_driver(peers.find(series), name, {**model, **regressor})
        worst, diverged = test_snarimax.compare(ours, theirs, y, first)
        river = test_snarimax.error(theirs, y, first)
        own = test_snarimax.error(bounded, y, first)
        rows.append([f"{series} {name}", markdown.options({**model, **regressor}), markdown.bold(f"{worst:.0e}", worst > 1e-8),
                     markdown.number(river) if diverged is None else f"diverges at row {diverged}",
                     markdown.bold(markdown.number(own), diverged is None and own > river * 1.01)])
    return markdown.table(["series", "`snarimax`", "largest difference", "MAE with `bounded: false`, as River's",
                           "MAE as preset"], rows)
