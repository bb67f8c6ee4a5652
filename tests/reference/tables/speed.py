"""What predicting and learning one record costs beside River, in one run: CPU time of the thread that does
it, reading and printing left out, one row after the other; the least of ROUNDS rounds in which klamm's
program and River's loop take turns. Nothing here is remembered from another run.
"""
import collections
import csv
import os
import random
import statistics
import subprocess
import tempfile
import time

import peers
import test_anomalies
import test_clusters
import test_drift
import test_forecasts
import test_learners
import test_lstm
import test_snarimax
import test_transforms
import test_trees
from tables import markdown
from tables.quality import PASSIVE, UNSCALED, learner, scale_of

ROUNDS = 3
LEAST, MIDDLE = 30, 100  # times as fast: each learner, the median of them
Case = collections.namedtuple("Case", "name data ours theirs")  # both: nanoseconds a row, one round

CLASSES = [("logistic_regression", {}, 10000), ("logistic_regression", {"optimizer": "adam"}, 10000),
           ("logistic_regression", {"optimizer": "adagrad"}, 10000),
           ("logistic_regression", {"optimizer": "ftrl"}, 10000), ("perceptron", {}, 10000),
           ("passive_aggressive", PASSIVE, 10000), ("gaussian_nb", {}, 3000), ("knn", {}, 3000),
           ("hoeffding_tree", {}, 10000), ("hoeffding_adaptive_tree", {}, 5000), ("adaptive_random_forest", {}, 2000)]
VALUES = [("linear_regression", {}, 5000), ("passive_aggressive", PASSIVE, 5000),
          ("bayesian_linear_regression", {}, 5000), ("knn", {}, 3000), ("hoeffding_tree", {}, 5000),
          ("hoeffding_adaptive_tree", {}, 5000), ("adaptive_random_forest", {}, 1000)]
DRIFT = [("adwin", "ADWIN", "drift_norm_stationary", 5), ("page_hinkley", "PageHinkley", "drift_norm_stationary", 3),
         ("ddm", "DDM", "drift_bern_stationary", 3), ("eddm", "EDDM", "drift_bern_stationary", 3),
         ("kswin", "KSWIN", "drift_norm_stationary", 1)]


def timed(rows, step):
    start = time.thread_time()
    for row in rows:
        step(row)
    return (time.thread_time() - start) / len(rows) * 1e9


# ---- learners ----

def river_model(algorithm, label, options, path):
    if "tree" in algorithm or "forest" in algorithm:
        return test_trees.river_model(algorithm, label, {**options, "seed": 1} if algorithm != "hoeffding_tree" else options)
    case = test_learners.Case(path, label, algorithm, options, scale_of(algorithm, label))
    return test_learners.piped(case, test_learners.river_learner(case))


def learners():
    unscaled = UNSCALED | {"adaptive_random_forest"}
    given = [("elec2", "boolean", *case) for case in CLASSES]
    given += [("image_segments", "string", "softmax_regression", {}, 2310)]
    given += [("fried", "value", *case) for case in VALUES]
    for data, label, algorithm, options, most in given:
        path = peers.find(data)
        if path is None:
            continue
        scale = "none" if algorithm in unscaled and label != "value" else "standard"
        x, y = peers.load(path, label, most)

        def theirs(algorithm=algorithm, label=label, options=options, path=path, pairs=list(zip(x, y))):
            model = river_model(algorithm, label, options, path)
            predict = model.predict_one if label == "value" else model.predict_proba_one
            return timed(pairs, lambda pair: (predict(pair[0]), model.learn_one(*pair)))

        def ours(given=(algorithm, scale, label, options, path, most)):
            return peers.drive(*given)[1][-1]
        yield Case(learner(algorithm, options), f"{data}, {most} rows", ours, theirs)


def clusterers():
    path = peers.find("blobs_drift")
    x, _ = peers.load(path, "string", 2000) if path else ([], [])
    for algorithm, options, kind, given in test_clusters.STREAM if path else []:
        if kind:
            yield Case(learner(algorithm, {k: v for k, v in options.items() if "clusters" in k or k == "halflife"}),
                       "blobs_drift, 2000 rows",
                       lambda a=algorithm, o=options: peers.drive(a, "none", "none", o, path, 2000)[1][-1],
                       lambda k=kind, g=given: test_clusters.river(k, g, x, [""] * len(x), [1])[1])


def detectors(folder):
    path = peers.find("shuttle")
    if path is None:
        return
    names, rows, _ = test_anomalies.read_table(path)
    short = os.path.join(folder, "shuttle.csv")
    with open(path) as whole, open(short, "w") as part:
        part.writelines(line for line, _ in zip(whole, range(4001)))
    for algorithm, options, scale, _ in test_anomalies.SHUTTLE[:4:2]:
        yield Case(f"`{algorithm}` {options.strip('{}')}", "shuttle, 4000 rows",
                   lambda a=algorithm, s=scale, o=options: test_anomalies.run_driver(a, s, o, short)[2],
                   lambda a=algorithm, o=options: test_anomalies.river_scores(a, o, rows[:4000], names)[1])


def drifts():
    for algorithm, kind, data, n in DRIFT:
        path = peers.find(data)
        if path:
            some = test_drift.columns(path)[:n]
            values = [c[:2000] for c in some] if kind == "KSWIN" else some
            yield Case(f"`{algorithm}`", data, lambda a=algorithm, p=path: test_drift.drive(a, {}, p)[1],
                       lambda k=kind, v=values: min(test_drift.river(k, {}, c)[1] for c in v))


# ---- before a learner ----

def transforms(folder):
    """Step, options, and what River does for a row."""
    from river import feature_selection, preprocessing, stats
    rows = test_transforms.with_gaps(test_transforms.make_rows())
    names = test_transforms.NUMBERS
    path = os.path.join(folder, "gaps.csv")
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(test_transforms.COLUMNS)
        text = {None: "", True: "true", False: "false"}
        out.writerows([text[v] if v is None or isinstance(v, bool) else v for v in row.values()] for row in rows)
    columns = ", ".join(f"{name}: {kind}?" for name, kind in test_transforms.COLUMNS.items())
    numbers = [test_transforms.present(row, names) for row in rows]
    kinds = [{"kind": row["kind"] or "none"} for row in rows]
    mixed = [test_transforms.present(row, ["a", "i", "kind"]) for row in rows]
    both = [{k: row[k] for k in ("a", "i")} for row in rows]
    labelled = [(x, row["y"]) for x, row in zip(numbers, rows)]

    def learned(make):
        def step(model):
            return lambda x: (model.learn_one(x), model.transform_one(x))
        return lambda some: timed(some, step(make()))

    def hashed(some):
        model = preprocessing.FeatureHasher(n_features=13, seed=0)
        return timed(some, model.transform_one)

    def selected(some):
        model = feature_selection.SelectKBest(stats.PearsonCorr(), k=2)
        return timed(some, lambda pair: (model.transform_one(pair[0]), model.learn_one(*pair)))

    every, scaler = "columns: [a, b, c, d]", preprocessing
    given = [("scale", every, numbers, learned(scaler.StandardScaler)),
             ("scale", f"{every}, method: min_max", numbers, learned(scaler.MinMaxScaler)),
             ("scale", f"{every}, method: max_abs", numbers, learned(scaler.MaxAbsScaler)),
             ("scale", f"{every}, method: robust", numbers, learned(scaler.RobustScaler)),
             ("impute", "columns: [a, i], method: mean", both,
              learned(lambda: scaler.StatImputer(("a", stats.Mean()), ("i", stats.Mean())))),
             ("impute", "columns: [a, i], method: median", both,
              learned(lambda: scaler.StatImputer(("a", stats.Quantile()), ("i", stats.Quantile())))),
             ("impute", "columns: [i, kind], method: most_frequent",
              [{k: row[k] for k in ("i", "kind")} for row in rows],
              learned(lambda: scaler.StatImputer(("i", stats.Mode()), ("kind", stats.Mode())))),
             ("one_hot", "columns: kind, n: 5", kinds, learned(scaler.OneHotEncoder)),
             ("feature_hash", "columns: [a, i, kind], as: h, n_features: 13", mixed, hashed),
             ("select_features", f"{every}, method: variance, threshold: 0.7", numbers,
              learned(lambda: feature_selection.VarianceThreshold(threshold=0.7))),
             ("select_features", f"{every}, label: y, method: correlation, k: 2", labelled, selected)]
    for step, options, some, theirs in given:
        command = [os.path.join(peers.BUILD, "transform_driver"), step, f"{{{options}}}", columns, path, "100"]
        yield Case(f"`{step}` {options}", "1500 rows, a fifth missing",
                   lambda c=command: float(subprocess.run(c, check=True, capture_output=True, text=True).stdout.split()[2]),
                   lambda s=some, t=theirs: t(s))


# ---- forecasters ----

def forecasters():
    from river import time_series
    path = peers.find("lag_series")
    if path is None:
        return
    y = test_forecasts.column(path, "s0")
    some = y[:4000]
    smoothing = {"alpha": 0.3, "beta": 0.001, "gamma": 0.1}

    def both(algorithm, options, seasons):
        _, predict, learn = test_forecasts.drive(algorithm, options, 12, seasons, path, "s0")
        return predict + learn

    def smoothed():
        model = time_series.HoltWinters(**smoothing, seasonality=288)
        for value in y[:600]:
            model.learn_one(value)
        return timed(some[600:], lambda value: (model.forecast(12), model.learn_one(value)))

    def regressed():
        model, regressor = {"p": 12, "d": 0, "q": 0, "m": 288, "sp": 1}, {"lr": 0.0005}
        start = time.thread_time()
        test_snarimax.run_river(some[:1500], 600, model, regressor)
        return (time.thread_time() - start) / 1500 * 1e9
    yield Case("`holt_winters` with given parameters, season 288", "lag_series", lambda: both(
        "holt_winters", "{alpha: 0.3, beta: 0.001, gamma: 0.1}", [288]), smoothed)
    yield Case("`snarimax` p: 12, m: 288, sp: 1", "lag_series", lambda: both(
        "snarimax", "{p: 12, d: 0, q: 0, m: 288, sp: 1, lr: 0.0005}", []), regressed)


# ---- figures with a bound of their own ----

def least(measure):
    return min(measure() for _ in range(5))


def bounds(folder):
    draw = random.Random(3)
    path = os.path.join(folder, "twenty.csv")
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow([*(f"x{i}" for i in range(20)), "y"])
        for _ in range(20000):
            row = [draw.gauss(0, 1) for _ in range(20)]
            out.writerow([*row, int(sum(row[:5]) + draw.gauss(0, 1) > 0)])
    linear = least(lambda: peers.drive("logistic_regression", "none", "boolean", {}, path)[1][-1])
    yield "`logistic_regression`, 20 features", f"{linear:.0f} ns", "300 ns", linear >= 300
    scaled = least(lambda: peers.drive("logistic_regression", "standard", "boolean", {}, path)[1][-1])
    yield "the same with `scale: standard`", f"{scaled:.0f} ns", "300 ns", scaled >= 300
    elec2, vectors = peers.find("elec2"), os.path.join(peers.DATA, "lstm_vectors_1in.json")
    if elec2:
        forest = least(lambda: peers.drive("adaptive_random_forest", "none", "boolean", {}, elec2)[1][-1])
        yield "`adaptive_random_forest`, 10 trees, elec2", f"{forest / 1000:.1f} µs", "15 µs", forest >= 15000
    if os.path.exists(vectors):
        step = least(lambda: test_lstm.compare_outputs(vectors)[1])
        yield ("a step of LSTM(32) (PyTorch, measured once on another machine: 90 µs)", f"{step / 1000:.1f} µs",
               "9 µs", step >= test_lstm.STEP_NS / 10)


def speed():
    rows, ratios = [], []
    with tempfile.TemporaryDirectory() as folder:
        for case in [*learners(), *clusterers(), *detectors(folder), *drifts(), *transforms(folder), *forecasters()]:
            rounds = [(case.ours(), case.theirs()) for _ in range(ROUNDS)]
            ours, theirs = (min(column) for column in zip(*rounds))
            ratios.append(theirs / ours)
            print(f"  {case.name}: {ours:.0f} ns, {theirs / ours:.0f} times", flush=True)
            rows.append([case.name, case.data, f"{ours:,.0f}", f"{theirs:,.0f}",
                         markdown.bold(f"{ratios[-1]:.0f}", ratios[-1] < LEAST)])
        middle = statistics.median(ratios)
        rows.append(["median", "", "", "", markdown.bold(f"{middle:.0f}", middle < MIDDLE)])
        own = [[name, markdown.bold(figure, is_losing), bound] for name, figure, bound, is_losing in bounds(folder)]
    return (markdown.table(["predict and learn a record", "data", "klamm, ns", "River, ns", "times"], rows) + "\n\n"
            + markdown.table(["", "takes", "asked, less than"], own))
