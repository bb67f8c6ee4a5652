#!/usr/bin/env python3
"""Learners beside River 0.26: the same probability for every row, the same accuracy.

Runs build/…/learner_driver over data sets and River's pipelines over the same rows. River lives in a
virtual environment that is made once, under $KLAMM_CACHE (default: ~/.cache/klamm). Skipped (77)
where that cannot be made. Iris is part of the tree; the other data sets are read from
$KLAMM_DATA (default: ../shared/data) and left out where they are missing.

Tolerance: 1e-9 absolute on probabilities; predicted classes equal wherever the two most probable ones
are further apart than that.
"""
import csv
import os
import subprocess
import sys
import time
import venv

SOURCE = os.environ.get("KLAMM_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("KLAMM_BUILD", os.path.join(SOURCE, "build", "dev"))
CACHE = os.environ.get("KLAMM_CACHE", os.path.expanduser("~/.cache/klamm"))
DATA = os.environ.get("KLAMM_DATA", os.path.join(SOURCE, "..", "shared", "data"))
ENVIRONMENT = os.path.join(CACHE, "venv-ml")
PYTHON = os.path.join(ENVIRONMENT, "bin", "python")
PACKAGES = ["river==0.26.1", "scikit-learn"]
TOLERANCE = 1e-9

BINARY = ["elec2", "phishing", "bananas", "sea_drift"]
MULTI = ["iris_shuffled42", "image_segments", "broker_load"]
CASES = [(data, "boolean", "logistic_regression", options)
         for data in BINARY
         for options in ({}, {"lr": 0.1}, {"lr": 0.05, "l2": 0.01}, {"lr": 0.05, "l1": 0.001},
                         {"intercept_lr": 0.1, "intercept_init": 0.5, "clip_gradient": 0.3})]
CASES += [(data, "boolean", algorithm, {}) for data in BINARY
          for algorithm in ("softmax_regression", "gaussian_nb")]
CASES += [(data, "string", "softmax_regression", options) for data in MULTI
          for options in ({}, {"lr": 0.1}, {"lr": 0.1, "l2": 0.001})]
CASES += [(data, "string", "gaussian_nb", {}) for data in MULTI]
# Unscaled features in the hundreds make scores of 1e5, where the rounding of a sum, hence the order of
# its additions, decides between classes: no two programs agree, and no one wants such a model.
UNSTABLE = [("image_segments", "softmax_regression")]


def enter_environment():
    """Runs this file again under the environment's Python, which is made if need be."""
    if sys.prefix == os.path.realpath(ENVIRONMENT) or sys.prefix == ENVIRONMENT:
        return
    check = [PYTHON, "-c", "import river, sklearn; assert river.__version__ == '0.26.1'"]
    try:
        if subprocess.run(check, stderr=subprocess.DEVNULL).returncode != 0:
            raise FileNotFoundError
    except FileNotFoundError:
        try:
            os.makedirs(CACHE, exist_ok=True)
            venv.create(ENVIRONMENT, with_pip=True, clear=True)
            subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *PACKAGES], check=True,
                           timeout=500)
        except (OSError, subprocess.SubprocessError) as problem:
            print(f"skipped: River cannot be installed ({problem})")
            sys.exit(77)
    os.execv(PYTHON, [PYTHON, os.path.abspath(__file__), *sys.argv[1:]])


def find(name):
    for folder in (os.path.join(SOURCE, "tests", "reference", "data"), DATA):
        path = os.path.join(folder, name + ".csv")
        if os.path.exists(path):
            return path
    return None


def load(path, label):
    with open(path, newline="") as file:
        rows = csv.reader(file)
        names = next(rows)[:-1]
        rows = list(rows)
    x = [dict(zip(names, map(float, row[:-1]))) for row in rows]
    y = [row[-1] == "1" if label == "boolean" else row[-1] for row in rows]
    return x, y


def river_model(algorithm, options, scale):
    from river import linear_model, naive_bayes, optim, preprocessing
    options = dict(options)
    if algorithm == "gaussian_nb":
        learner = naive_bayes.GaussianNB()
    else:
        kind = {"logistic_regression": linear_model.LogisticRegression,
                "softmax_regression": linear_model.SoftmaxRegression}[algorithm]
        learner = kind(optimizer=optim.SGD(options.pop("lr", 0.01)), **options)
    return preprocessing.StandardScaler() | learner if scale == "standard" else learner


def run_river(case, scale):
    path, label, algorithm, options = case
    x, y = load(path, label)
    model = river_model(algorithm, options, scale)
    out = []
    start = time.thread_time()
    for row, truth in zip(x, y):
        out.append(model.predict_proba_one(row))
        model.learn_one(row, truth)
    return out, y, (time.thread_time() - start) / len(y) * 1e9


def run_driver(case, scale):
    path, label, algorithm, options = case
    text = "{" + ", ".join(f"{k}: {v!r}" for k, v in options.items()) + "}"
    command = [os.path.join(BUILD, "learner_driver"), algorithm, scale, label, text, path]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    scores = list(map(float, lines.pop()[2:].split()))
    rows = []
    for line in lines:
        predicted, *probabilities = line.split("\t")
        pairs = (p.rsplit("=", 1) for p in probabilities)
        rows.append((predicted, {name: float(p) for name, p in pairs}))
    return rows, scores


def as_name(label):
    return {True: "true", False: "false"}.get(label, label) if isinstance(label, bool) else label


def compare(case, scale):
    """Largest difference of a probability, rows whose classes differ, accuracies of both."""
    expected, truth, river_ns = run_river(case, scale)
    rows, scores = run_driver(case, scale)
    assert len(rows) == len(expected), "another number of rows"
    worst, differing, hits = 0.0, 0, 0
    for (predicted, ours), theirs, label in list(zip(rows, expected, truth))[1:]:
        theirs = {as_name(name): p for name, p in theirs.items()}
        for name in set(ours) | set(theirs):
            worst = max(worst, abs(ours.get(name, 0.0) - theirs.get(name, 0.0)))
        best = max(theirs, key=theirs.get)
        ranked = sorted(theirs.values(), reverse=True)
        is_tie = len(ranked) > 1 and ranked[0] - ranked[1] <= TOLERANCE
        differing += best != predicted and not is_tie
        hits += best == as_name(label)
    river_accuracy = hits / (len(truth) - 1)
    return worst, differing, river_accuracy, river_ns, scores


def main():
    enter_environment()
    failures = missing = 0
    print("test, then train; each learner starts from nothing; rates of rows classified rightly\n")
    print(f"{'data':<16} {'learner':<20} {'options':<44} {'scale':<9} {'majority':>8} {'nochange':>8} "
          f"{'River':>7} {'klamm':>7} {'log loss':>8} {'largest d.':>10} {'River ns':>9} {'ns':>6}")
    for data, label, algorithm, options in CASES:
        path = find(data)
        if path is None:
            missing += 1
            continue
        is_stable = (data, algorithm) not in UNSTABLE
        both = options in ({}, {"lr": 0.1}) and is_stable
        for scale in ("standard", "none") if both else ("standard",):
            worst, differing, river, river_ns, scores = compare((path, label, algorithm, options),
                                                                scale)
            accuracy, majority, no_change, loss, _, ns = scores
            is_equal = worst <= TOLERANCE and differing == 0 and abs(accuracy - river) < 1e-12
            failures += not is_equal
            shown = " ".join(f"{k}={v}" for k, v in options.items())
            print(f"{data:<16} {algorithm:<20} {shown:<44} {scale:<9} {majority:8.4f} {no_change:8.4f} "
                  f"{river:7.4f} {accuracy:7.4f} {loss:8.4f} {worst:10.1e} {river_ns:9.0f} {ns:6.0f}"
                  f"{'' if is_equal else '   DIFFERS'}", flush=True)
    if missing:
        print(f"\n{missing} cases left out: their data sets are not on this machine")
    print(f"\n{failures} cases differ from River")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
