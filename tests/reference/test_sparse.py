#!/usr/bin/env python3
"""Learners over words beside River 0.26: the same prediction for every row, and how long a row takes.

Runs sparse_driver over the reviews of examples/sentiment, as words and pairs of words, and River's learners over the
same rows as dictionaries, whose keys are the numbers that scikit-learn's FeatureHasher gives the words: so the hash is
compared as well. With 64 features most words share one, and some cancel out to nothing. peers.py says where
both come from, and when the test is skipped.

Tolerance: 1e-9 on probabilities, 1e-9 of its size on a value.

  test_sparse.py speed     only the time of a row of 100 different words out of 20,000
"""
import csv
import itertools
import os
import random
import re
import subprocess
import sys
import tempfile
import time

import peers
import test_learners

TOLERANCE = 1e-9
OPTIMIZERS = ["adam", "adagrad", "ftrl", {"name": "ftrl", "alpha": 0.1, "beta": 0.5, "l1": 0.2, "l2": 0.0}]
DESCENDING = [{}, {"lr": 0.3}, {"lr": 0.1, "l2": 0.01}, {"lr": 0.1, "l1": 0.001}, {"clip_gradient": 0.3}]
DESCENDING += [{"optimizer": o} for o in OPTIMIZERS] + [{"optimizer": "adam", "l2": 0.01}]
CASES = [("boolean", "logistic_regression", o) for o in DESCENDING]
CASES += [("boolean", "perceptron", o) for o in ({}, {"l2": 0.01})]
CASES += [("boolean", "passive_aggressive", o) for o in ({}, {"C": 0.01}, {"C": 0.1, "mode": 2})]
CASES += [("class", "softmax_regression", o) for o in ({}, {"lr": 0.03}, {"l2": 0.01})]
CASES += [("class", "softmax_regression", {"optimizer": o}) for o in OPTIMIZERS]
CASES += [("value", "linear_regression", {"lr": 0.001, **o}) for o in ({}, {"l2": 0.01}, {"l1": 0.001}, {"loss": "absolute"})]
CASES += [("value", "linear_regression", {"optimizer": o}) for o in OPTIMIZERS]
CASES += [("value", "passive_aggressive", o) for o in ({}, {"mode": 0, "eps": 1.0}, {"C": 0.1, "mode": 2})]


def reviews(label):
    """(label, two dense features, words), the label of one of three kinds."""
    path = os.path.join(peers.SOURCE, "examples", "sentiment", "data", "reviews.csv")
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            words = re.findall(r"[a-z0-9]+", row["text"].lower())
            pairs = [f"{a}_{b}" for a, b in zip(words, words[1:])]
            liked = row["liked"] == "true"
            y = {"boolean": liked, "class": liked + 2 * ("we" in words), "value": 3.0 * liked + len(words) / 10}[label]
            yield y, [len(words) / 10, "." in row["text"]], words + pairs


def numbered(rows):
    """Classes by number in order of appearance, as the driver wants them."""
    known = {}
    return [(known.setdefault(y, len(known)), x, words) for y, x, words in rows]


def write(rows, file):
    for y, x, words in rows:
        file.write(f"{float(y):.17g}\t{' '.join(str(float(v)) for v in x)}\t{' '.join(words)}\n")
    file.flush()


def drive(algorithm, kind, options, n_features, path):
    command = [os.path.join(peers.BUILD, "sparse_driver"), algorithm, kind, peers.yaml(options), str(n_features), path]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    scores = list(map(float, lines.pop()[2:].split()))
    return [list(map(float, line.split())) for line in lines], scores


def hashed(rows, n_features):
    """The rows as dictionaries: what FeatureHasher makes of the words, without zeros, and the dense features."""
    from sklearn.feature_extraction import FeatureHasher
    words = FeatureHasher(n_features=n_features, input_type="string").transform(w for _, _, w in rows)
    out = []
    for (_, x, _), row in zip(rows, words):
        sparse = {int(i): v for i, v in zip(row.indices, row.data) if v != 0}
        out.append({**{f"x{k}": float(v) for k, v in enumerate(x)}, **sparse})
    return out


def run_river(model, is_value, x, y):
    predict = model.predict_one if is_value else model.predict_proba_one
    out = []
    start = time.thread_time()
    for row, truth in zip(x, y):
        out.append(predict(row))
        model.learn_one(row, truth)
    return out, (time.thread_time() - start) / len(y) * 1e9


def distance(label, ours, theirs):
    if label == "value":
        return abs(ours[0] - theirs) / max(1.0, abs(theirs))
    return max((abs(p - theirs.get(bool(c) if label == "boolean" else c, 0.0)) for c, p in enumerate(ours)), default=0.0)


def compare(label, algorithm, options, n_features):
    rows = list(reviews(label))
    rows = numbered(rows) if label == "class" else rows
    case = test_learners.Case("reviews", label, algorithm, options)
    y = [y for y, _, _ in rows]
    theirs, _ = run_river(test_learners.river_learner(case), label == "value", hashed(rows, n_features), y)
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        write(rows, file)
        ours, scores = drive(algorithm, "value" if label == "value" else "classes", options, n_features, file.name)
    assert len(ours) == len(theirs), "another number of rows"
    return max(distance(label, a, b) for a, b in zip(ours, theirs)), scores


def speed():
    """Rows of 100 different words out of 20,000, most of them frequent ones."""
    draw = random.Random(1)
    rows = []
    for i in range(5000):
        words = {f"w{min(int(draw.paretovariate(0.5)), 20000)}" for _ in range(90)}
        while len(words) < 100:
            words.add(f"w{draw.randrange(20000)}")
        rows.append((draw.random() < 0.5, [], sorted(words)))
    x, y = hashed(rows, 1 << 20), [y for y, _, _ in rows]
    print("\nnanoseconds a row of 100 words, predict and learn; of klamm beside it: hashing, bytes of the learner\n")
    print(f"{'learner':<24} {'River':>9} {'klamm':>7} {'times':>6} {'hashing':>8} {'bytes':>9}")
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        write(rows, file)
        for algorithm in ("logistic_regression", "perceptron", "passive_aggressive", "softmax_regression"):
            case = test_learners.Case("words", "boolean", algorithm, {})
            _, river = run_river(test_learners.river_learner(case), False, x, y)
            _, (ns, hashing, size) = drive(algorithm, "classes", {}, 1 << 20, file.name)
            print(f"{algorithm:<24} {river:9.0f} {ns:7.0f} {river / ns:6.0f} {hashing:8.0f} {size:9.0f}", flush=True)


def main():
    peers.enter_environment()
    failures = 0
    if sys.argv[1:] != ["speed"]:
        print(f"{'label':<8} {'learner':<20} {'options':<60} {'n_features':>10} {'largest d.':>10}")
        for (label, algorithm, options), n_features in itertools.product(CASES, (1 << 20, 64)):
            worst, _ = compare(label, algorithm, options, n_features)
            failures += not worst <= TOLERANCE
            print(f"{label:<8} {algorithm:<20} {peers.yaml(options):<60} {n_features:>10} {worst:10.1e}"
                  f"{'' if worst <= TOLERANCE else '   DIFFERS'}", flush=True)
        print(f"\n{failures} cases differ from River")
    speed()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
