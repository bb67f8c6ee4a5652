#!/usr/bin/env python3
"""Clusterers beside River 0.26 and scikit-learn (tests ml/clusterers/*.c and ml/lloyd.c).

Stream: each row of blobs_drift is predicted, then learned; adjusted Rand index and adjusted mutual
information with the true clusters after the first fifth of the rows, means over seeds. klamm's must
be at least River's. River's CluStream and DBSTREAM take 1 to 4 seconds a run: the former is run with two
seeds, with --all with as many as the others.

Batch: kmeans with halflife 0 over rows that come again and again, in another order each time, must come to
an inertia within those of scikit-learn's KMeans (one start, its default) with 20 seeds. It is that of the groups of the last round,
about their means.
"""
import csv
import os
import random
import statistics
import sys
import tempfile
import time

import peers

SEEDS = range(1, 6)
STREAM = [
    ("kmeans", {"n_clusters": 5, "halflife": 0.1}, "KMeans", {"n_clusters": 5, "halflife": 0.1, "sigma": 3}),
    ("kmeans", {"n_clusters": 5, "halflife": 0.5}, "KMeans", {"n_clusters": 5, "halflife": 0.5, "sigma": 10}),
    ("kmeans", {"n_clusters": 5, "halflife": 0.1, "sigma": 3, "init": "normal"}, None, {}),
    ("clustream", {"n_macro_clusters": 5, "max_micro_clusters": 50, "time_window": 1000}, "CluStream",
     {"n_macro_clusters": 5, "max_micro_clusters": 50, "time_window": 1000, "halflife": 0.5, "sigma": 10}),
    ("dbstream", {"clustering_threshold": 2.0, "fading_factor": 0.001, "cleanup_interval": 100,
                  "intersection_factor": 0.3, "minimum_weight": 2.0}, "DBSTREAM",
     {"clustering_threshold": 2.0, "fading_factor": 0.001, "cleanup_interval": 100,
      "intersection_factor": 0.3, "minimum_weight": 2.0}),
]
BATCH = [("iris", 3, 40), ("image_segments", 7, 20), ("blobs_drift", 5, 3)]


def judge(truth, found):
    from sklearn import metrics
    start = len(truth) // 5
    return (metrics.adjusted_rand_score(truth[start:], found[start:]),
            metrics.adjusted_mutual_info_score(truth[start:], found[start:]))


def ours(algorithm, options, path, truth, seeds):
    figures, ns = [], []
    for seed in seeds:
        given = options if algorithm == "dbstream" else dict(options, seed=seed)
        lines, scores = peers.drive(algorithm, "none", "none", given, path)
        figures.append(judge(truth, [int(float(line)) for line in lines]))
        ns.append(scores[-1])
    return figures, min(ns)


def peer(kind, options, path, seeds):
    """As river(), of a file: one result that can be kept."""
    return river(kind, options, *peers.load(path, "string"), seeds)


def river(kind, options, x, truth, seeds):
    from river import cluster
    figures, ns = [], []
    for seed in seeds:
        model = getattr(cluster, kind)(**(options if kind == "DBSTREAM" else dict(options, seed=seed)))
        found = []
        start = time.thread_time()
        for row in x:
            found.append(model.predict_one(row))
            model.learn_one(row)
        ns.append((time.thread_time() - start) / len(x) * 1e9)
        figures.append(judge(truth, found))
    return figures, min(ns)


def mean(figures):
    return [statistics.mean(column) for column in zip(*figures)]


def stream():
    path = peers.find("blobs_drift")
    if path is None:
        print("blobs_drift is not on this machine")
        return 0
    x, truth = peers.load(path, "string")
    failures = 0
    print(f"{'blobs_drift':<100} {'ARI':>6} {'AMI':>6} {'River':>6} {'':>6} {'River ns':>9} {'ns':>6} {'ratio':>6}")
    for algorithm, options, kind, theirs in STREAM:
        is_seeded = algorithm != "dbstream"
        figures, ns = ours(algorithm, options, path, truth, SEEDS if is_seeded else [1])
        ari, ami = mean(figures)
        text = algorithm + "".join(f" {k}={v}" for k, v in options.items())
        if kind is None:
            print(f"{text:<100} {ari:6.3f} {ami:6.3f} {'':23} {ns:6.0f}", flush=True)
            continue
        seeds = SEEDS if is_seeded else [1]
        if kind == "CluStream" and "--all" not in sys.argv:
            seeds = list(seeds)[:2]
        figures, river_ns = river(kind, theirs, x, truth, seeds)
        river_ari, river_ami = mean(figures)
        is_good = ari >= river_ari and ami >= river_ami
        failures += not is_good
        print(f"{text:<100} {ari:6.3f} {ami:6.3f} {river_ari:6.3f} {river_ami:6.3f} {river_ns:9.0f} {ns:6.0f} "
              f"{river_ns / ns:6.0f}{'' if is_good else '   WORSE'}", flush=True)
    return failures


def inertia(x, groups):
    """Of numpy rows about the means of their groups."""
    return sum(float(((x[groups == g] - x[groups == g].mean(axis=0)) ** 2).sum()) for g in set(groups))


def repeated(rows, rounds, seed, folder):
    """A file with the rows `rounds` times, shuffled each time, and the order of the last round."""
    order = list(range(len(rows)))
    shuffle = random.Random(seed)
    path = os.path.join(folder, "rows.csv")
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow([f"x{i}" for i in range(len(rows[0]))] + ["label"])
        for _ in range(rounds):
            shuffle.shuffle(order)
            out.writerows([*rows[i], "-"] for i in order)
    return path, order


def inertias(path, k, rounds):
    """Of klamm with each seed, in ascending order."""
    import numpy
    rows = [list(row.values()) for row in peers.load(path, "string")[0]]
    x, found = numpy.array(rows), []
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            file, order = repeated(rows, rounds, seed, folder)
            options = {"n_clusters": k, "halflife": 0, "seed": seed, "init_size": 1000}
            lines, _ = peers.drive("kmeans", "none", "none", options, file)
            groups = numpy.array([int(float(line)) for line in lines[-len(rows):]])
            found.append(inertia(x[order], groups))
    return sorted(found)


def peer_inertias(path, k):
    import numpy
    from sklearn import cluster
    x = numpy.array([list(row.values()) for row in peers.load(path, "string")[0]])
    return sorted(float(cluster.KMeans(n_clusters=k, n_init=1, random_state=s).fit(x).inertia_) for s in range(20))


def batch():
    failures = 0
    print(f"\n{'inertia, least / median / greatest':<40} {'klamm':>32} {'scikit-learn':>32}")
    for data, k, rounds in BATCH:
        path = peers.find(data)
        if path is None:
            continue
        theirs, found = peer_inertias(path, k), inertias(path, k, rounds)
        is_good = found[-1] <= theirs[-1] * 1.02 and statistics.median(found) <= statistics.median(theirs) * 1.05
        failures += not is_good
        figures = [f"{f[0]:10.1f} {statistics.median(f):10.1f} {f[-1]:10.1f}" for f in (found, theirs)]
        print(f"{data + f' k={k}':<40} {figures[0]:>32} {figures[1]:>32}{'' if is_good else '   WORSE'}", flush=True)
    return failures


def main():
    peers.enter_environment()
    failures = stream() + batch()
    print(f"\n{failures} cases are worse")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
