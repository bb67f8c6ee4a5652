#!/usr/bin/env python3
"""Preprocessing steps beside River and scikit-learn: every value of every row.

Each case is a step of a topology that `klamm replay` runs over a CSV file, and the same rows through
the other library, learned first and then transformed (with a label: the other way round). What is
compared, with which tolerance, stands in each function; the largest differences are printed. Skipped
(77) where the libraries cannot be installed.
"""
import csv
import json
import math
import os
import random
import subprocess
import sys
import tempfile

import peers

KLAMM = os.environ.get("KLAMM", os.path.join(peers.BUILD, "klamm"))
COLUMNS = {"a": "double", "b": "double", "c": "double", "d": "double", "i": "long",
           "kind": "string", "y": "boolean"}
NUMBERS = ["a", "b", "c", "d"]
ROWS = 1500


def make_rows():
    """Numbers of different shapes, some missing; kind and y follow some of them."""
    random.seed(7)
    rows = []
    for n in range(ROWS):
        a = random.gauss(100, 15)
        b = random.expovariate(0.1)
        c = 2 * a - b + random.gauss(0, 5)
        d = 3.5 if n < 20 else float(random.randrange(3))
        i = random.randrange(6)
        y = c + random.gauss(0, 10) > 190
        kind = random.choice(["red", "green", "blue", "a long name of a colour", ""])
        row = dict(a=a, b=b, c=c, d=d, i=i, kind=kind, y=y)
        rows.append(row)
    return rows


def with_gaps(rows):
    random.seed(8)
    return [{k: None if k != "y" and random.random() < 0.2 else v for k, v in row.items()}
            for row in rows]


def replay(steps, rows, types=None):
    """The rows that come out of the steps."""
    types = types or COLUMNS
    shown = ", ".join(f"{name}: {kind}" for name, kind in types.items())
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/t.yaml", "w", encoding="utf-8") as f:
            f.write(f"name: t\nstreams:\n  s:\n    from: {{topic: in, value: json, key: none, columns: "
                    f"{{{shown}}}}}\n    steps:\n")
            f.writelines(f"      - {step}\n" for step in steps)
            f.write("    to: {topic: out, value: json, key: none}\n")
        with open(f"{folder}/in.jsonl", "w", encoding="utf-8") as f:
            f.writelines(json.dumps({"value": row}) + "\n" for row in rows)
        done = subprocess.run([KLAMM, "replay", f"{folder}/t.yaml", "--input", f"s={folder}/in.jsonl"],
                              capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["value"] for line in done.stdout.splitlines()]


class Report:
    def __init__(self):
        self.failures = 0
        self.lines = []

    def line(self, step, peer, compared, worst, tolerance):
        is_fine = worst <= tolerance and compared > 0
        self.failures += not is_fine
        self.lines.append((step, peer, compared, worst, is_fine))
        print(f"{step:<116} {peer:<34} {compared:>7} {worst:10.1e}{'' if is_fine else '   DIFFERS'}",
              flush=True)


def distance(x, y):
    """Relative to the greater of both, absolute below 1; 0 for the same, infinite for other kinds."""
    if x is None or y is None or isinstance(x, str):
        return 0.0 if x == y else math.inf
    return abs(x - y) / max(1.0, abs(x), abs(y))


def compare(report, step, peer, ours, theirs, tolerance=1e-12):
    """Two lists of rows as dicts; the keys of theirs count."""
    worst, compared = 0.0, 0
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    for mine, other in zip(ours, theirs):
        for name, value in other.items():
            worst = max(worst, distance(mine[name], value))
            compared += 1
    report.line(step, peer, compared, worst, tolerance)


def present(row, names):
    return {k: row[k] for k in names if row[k] is not None}


def check_scale(report, rows):
    from river import preprocessing
    cases = [("method: standard", preprocessing.StandardScaler()),
             ("method: standard, with_std: false", preprocessing.StandardScaler(with_std=False)),
             ("method: min_max", preprocessing.MinMaxScaler()),
             ("method: max_abs", preprocessing.MaxAbsScaler()),
             ("method: robust", preprocessing.RobustScaler()),
             ("method: robust, q_inf: 0.1, q_sup: 0.8",
              preprocessing.RobustScaler(q_inf=0.1, q_sup=0.8)),
             ("method: robust, with_centering: false",
              preprocessing.RobustScaler(with_centering=False)),
             ("method: robust, with_scaling: false",
              preprocessing.RobustScaler(with_scaling=False))]
    for options, scaler in cases:
        theirs = []
        for row in rows:
            x = present(row, NUMBERS)
            scaler.learn_one(x)
            theirs.append({**dict.fromkeys(NUMBERS), **scaler.transform_one(x)})
        step = f"scale: {{columns: [a, b, c, d], {options}}}"
        compare(report, step, type(scaler).__name__, replay([step], rows), theirs)


def check_impute(report, rows):
    from river import preprocessing, stats
    cases = [("mean", ["a", "i"], "stats.Mean", stats.Mean),
             ("median", ["a", "i"], "stats.Quantile(0.5)", stats.Quantile),
             ("most_frequent", ["i", "kind"], "stats.Mode(25)", stats.Mode),
             ("most_frequent, k: 2", ["i", "kind"], "stats.Mode(2)", lambda: stats.Mode(k=2)),
             ("constant, value: 7", ["i", "i"], "7", lambda: 7)]
    for method, names, shown, make in cases:
        imputer = preprocessing.StatImputer(*((name, make()) for name in dict.fromkeys(names)))
        theirs, seen = [], {}
        for row in rows:
            imputer.learn_one(row)
            row_out = imputer.transform_one(row)
            seen.update((k, True) for k in names if row[k] is not None)
            # Before the first value River says 0, klamm null.
            theirs.append({k: row_out[k] for k in names if k in seen or "constant" in method})
        step = f"impute: {{columns: [{', '.join(dict.fromkeys(names))}], method: {method}}}"
        compare(report, step, f"StatImputer {shown}", replay([step], rows), theirs)


def check_clip(report, rows):
    from river import stats
    warm_up = 30
    step = "clip: {columns: [a, b], method: mad, threshold: 1.5}"
    parts = {k: (stats.MAD(), [0]) for k in ("a", "b")}
    theirs = []
    for row in rows:
        out = {}
        for k, (mad, count) in parts.items():
            out[k] = row[k]
            if row[k] is None:
                continue
            mad.update(row[k])
            count[0] += 1
            middle, most = mad.median.get(), 1.5 * 1.4826 * mad.get()
            if count[0] >= warm_up:
                out[k] = min(max(row[k], middle - most), middle + most)
        theirs.append(out)
    compare(report, step, "stats.MAD", replay([step], rows), theirs)
    step = "clip: {columns: [a, b], method: quantile, lower: 0.05, upper: 0.9}"
    parts = {k: (stats.Quantile(0.05), stats.Quantile(0.9), [0]) for k in ("a", "b")}
    theirs = []
    for row in rows:
        out = {}
        for k, (lower, upper, count) in parts.items():
            out[k] = row[k]
            if row[k] is None:
                continue
            lower.update(row[k])
            upper.update(row[k])
            count[0] += 1
            if count[0] >= warm_up:
                out[k] = min(max(row[k], lower.get()), upper.get())
        theirs.append(out)
    compare(report, step, "stats.Quantile", replay([step], rows), theirs)


def check_one_hot(report, rows):
    from river import preprocessing
    rows = [{**row, "kind": (row["kind"] or "none").replace(" ", "_")} for row in rows]
    categories = ["red", "green", "blue", "none"]
    step = f"one_hot: {{columns: kind, categories: [{', '.join(categories)}]}}"
    encoder = preprocessing.OneHotEncoder(categories={"kind": set(categories)})
    theirs = []
    for row in rows:
        x = {"kind": row["kind"]}
        encoder.learn_one(x)
        theirs.append(encoder.transform_one(x))
    compare(report, step, "OneHotEncoder", replay([step], rows), theirs)


def check_feature_hash(report, rows):
    import numpy
    from river import preprocessing
    from sklearn.feature_extraction import FeatureHasher
    names = ["a", "i", "kind"]

    def none(n):
        """A row without any feature: zeros there, null here."""
        return {f"h_{k}": None for k in range(n)}

    # River puts a text whose hash is negative in the column of hash mod n, scikit-learn and klamm in
    # that of |hash| mod n; so they are compared text by text, column k being n - k there.
    texts = [{"t": [f"text {n}"]} for n in range(300)]
    for seed in (0, 42):
        seed32 = int(numpy.random.RandomState(seed).randint(0, 2**32, dtype=numpy.uint32))
        step = f"feature_hash: {{columns: t, as: h, n_features: 7, seed: {seed32}}}"
        hasher = preprocessing.FeatureHasher(n_features=7, seed=seed)
        theirs = []
        for text in texts:
            (k, x), = hasher.transform_one({text["t"][0]: 1}).items()
            theirs.append({f"h_{n}": x if n == (k if x > 0 else -k % 7) else 0 for n in range(7)})
        compare(report, step, "river FeatureHasher", replay([step], texts, {"t": "array<string>"}),
                theirs)
    for sign in (True, False):
        step = (f"feature_hash: {{columns: [{', '.join(names)}], as: h, n_features: 13, "
                f"alternate_sign: {str(sign).lower()}}}")
        hasher = FeatureHasher(n_features=13, alternate_sign=sign)
        dense = hasher.transform([present(row, names) for row in rows]).toarray()
        theirs = [{f"h_{k}": x for k, x in enumerate(row)} if present(given, names) else none(13)
                  for row, given in zip(dense, rows)]
        compare(report, step, "sklearn FeatureHasher", replay([step], rows), theirs)
    words = "the quick brown fox jumps over a lazy dog Übermut 日本 x".split()
    random.seed(9)
    texts = [{"text": [random.choice(words) for _ in range(random.randrange(1, 9))]}
             for _ in range(300)]
    step = "feature_hash: {columns: text, as: h, n_features: 64, norm: l2}"
    from sklearn.preprocessing import normalize
    dense = FeatureHasher(n_features=64, input_type="string").transform(t["text"] for t in texts)
    theirs = [{f"h_{k}": x for k, x in enumerate(row)} for row in normalize(dense).toarray()]
    ours = replay([step], texts, {"text": "array<string>"})
    compare(report, step, "sklearn FeatureHasher (strings)", ours, theirs)


def check_bin(report, rows):
    import warnings
    import numpy
    from sklearn.preprocessing import KBinsDiscretizer
    rows = [row for row in rows if row["a"] is not None and row["b"] is not None]
    x = numpy.array([[row["a"], row["b"]] for row in rows])
    step = "bin: {columns: [a, b], method: uniform, n_bins: 6}"
    ours = replay([step], rows)
    theirs, mine = [], []
    for n in range(2, len(rows), 37):
        bins = KBinsDiscretizer(n_bins=6, encode="ordinal", strategy="uniform").fit(x[:n + 1])
        a, b = bins.transform(x[n:n + 1])[0]
        theirs.append({"a": a, "b": b})
        mine.append(ours[n])
    compare(report, step, "KBinsDiscretizer of the rows so far", mine, theirs)
    step = "bin: {columns: [a, b], method: quantile, n_bins: 8}"
    ours = replay([step], rows)
    half = len(rows) // 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bins = KBinsDiscretizer(n_bins=8, encode="ordinal", strategy="quantile").fit(x)
    theirs = bins.transform(x[half:])
    mine = numpy.array([[row["a"], row["b"]] for row in ours[half:]])
    # Learned on line by P2: at most one bin away, and that in few rows.
    report.line(step + " second half", "KBinsDiscretizer, bins away", mine.size,
                float(numpy.abs(mine - theirs).max()), 1)
    report.line("", "rate of rows in another bin", mine.size,
                float((mine != theirs).mean()), 0.1)


def check_pca(report, rows):
    import numpy
    from sklearn.decomposition import PCA, IncrementalPCA
    names = ["a", "b", "c", "d"]
    rows = [row for row in rows if all(row[k] is not None for k in names)]
    x = numpy.array([[row[k] for k in names] for row in rows])
    for whiten in (False, True):
        step = (f"pca: {{columns: [a, b, c, d], as: p, n_components: 2, refresh: 50, "
                f"whiten: {str(whiten).lower()}}}")
        ours = replay([step], rows)
        assert ours[48]["p_1"] is None
        theirs, mine = [], []
        for n in range(50, len(rows) - 49, 50):
            pca = PCA(n_components=2, whiten=whiten, svd_solver="full").fit(x[:n])
            # scikit-learn 1.5 and later fix the sign by the component; older ones by the data.
            sign = numpy.sign([v[numpy.abs(v).argmax()] for v in pca.components_])
            for at in range(n - 1, min(n + 49, len(rows))):
                p = pca.transform(x[at:at + 1])[0] * sign
                theirs.append({"p_1": p[0], "p_2": p[1]})
                mine.append(ours[at])
        compare(report, step, "PCA of the rows so far", mine, theirs, 1e-9)
    incremental = IncrementalPCA(n_components=2, batch_size=50)
    last = len(rows) // 50 * 50
    for n in range(0, last, 50):
        incremental.partial_fit(x[n:n + 50])
    p = incremental.transform(x[last - 1:last])[0]
    step = "pca: {columns: [a, b, c, d], as: p, n_components: 2, refresh: 50}"
    ours = replay([step], rows)
    compare(report, step + " last", "IncrementalPCA", [ours[last - 1]],
            [{"p_1": p[0], "p_2": p[1]}], 0.02)


def check_select(report, rows):
    from river import feature_selection, stats
    from sklearn.metrics import mutual_info_score
    step = "select_features: {columns: [a, b, c, d], method: variance, threshold: 0.7}"
    selector = feature_selection.VarianceThreshold(threshold=0.7)
    theirs = []
    for row in rows:
        x = present(row, NUMBERS)
        selector.learn_one(x)
        kept = selector.transform_one(x)
        theirs.append({k: kept.get(k, 0.0) for k in x})
    compare(report, step, "VarianceThreshold", replay([step], rows), theirs)
    for use_abs in (True, False):
        step = ("select_features: {columns: [a, b, c, d], label: y, method: correlation, k: 2, "
                f"refresh: 1, use_abs: {str(use_abs).lower()}}}")
        selector = feature_selection.SelectKBest(stats.PearsonCorr(), k=2, use_abs=use_abs)
        theirs = []
        for n, row in enumerate(rows):
            x = present(row, NUMBERS)
            kept = selector.transform_one(x) if n > 0 else x
            # In the first rows correlations are 1, 0 or -1 but for rounding: ties.
            theirs.append({k: kept.get(k, 0.0) for k in x} if n > 30 else {})
            selector.learn_one(x, row["y"])
        compare(report, step, f"SelectKBest use_abs={use_abs}", replay([step], rows), theirs)
    # Few values, so that every value has a bin: the information is that of the values themselves.
    random.seed(11)
    y = [random.choice("abc") for _ in range(ROWS)]
    flip = {f"x{i}": 0.35 + 0.05 * i for i in range(8)}
    rows = [{"y": label, **{k: random.randrange(3) if random.random() < p else "abc".index(label)
                            for k, p in flip.items()}} for label in y]
    step = ("select_features: {columns: 'x*', label: y, method: mutual_information, k: 3, refresh: 50, "
            "warm_up: 100}")
    ours = replay([step], rows, {**dict.fromkeys(flip, "double"), "y": "string"})
    theirs, mine = [], []
    for n in range(150, ROWS - 49, 50):
        score = {k: mutual_info_score([r[k] for r in rows[100:n]], y[100:n]) for k in flip}
        best = sorted(flip, key=score.get, reverse=True)[:3]
        for at in range(n, n + 50):
            theirs.append({k: rows[at][k] if k in best else 0 for k in flip})
            mine.append(ours[at])
    compare(report, step, "mutual_info_score, 3 best", mine, theirs)


CHECKS = [check_scale, check_impute, check_clip, check_one_hot, check_feature_hash, check_bin, check_pca,
          check_select]


def main():
    peers.enter_environment()
    report = Report()
    gaps = with_gaps(make_rows())
    print(f"{'step':<116} {'beside':<34} {'values':>7} {'largest d.':>10}")
    for check in CHECKS:
        check(report, gaps)
    print(f"\n{report.failures} cases differ")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
