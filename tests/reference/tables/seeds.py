"""Learners that draw numbers beside the same ones elsewhere, over seeds: ten on each side, twenty on sets below
SMALL rows, five where many rows make the spread small. Means and standard deviations side by side, then for each learner whether it is at least equal on
average over its data sets.

  River         hoeffding_adaptive_tree and adaptive_random_forest, whole files, row by row (test_trees.py);
                kmeans and clustream (test_clusters.py), half_space_trees (test_anomalies.py)
  scikit-learn  random_forest on the first FOREST_ROWS rows of each set, mlp (test_mlp.py), kmeans over the rows
                again and again, isolation_forest
  drawn         River's trees with klamm's random numbers: the same predictions, row by row

How much better klamm is: points of a score, percent of an error. The error of the mean over data sets is that of
the seeds: the data sets are given.
"""
import collections
import math
import statistics

import peers
import test_anomalies
import test_clusters
import test_trees
from tables import markdown, others, quality
from tables.recall import Call, results

SMALL = 6000
DRAWN = 2000
FOREST_ROWS = 10000
FOREST_SEEDS = range(1, 11)
ISOLATED_SEEDS = range(1, 11)
TREES = ["hoeffding_adaptive_tree", "adaptive_random_forest"]
ISOLATED = ("half_space_trees", "isolation_forest")
Trial = collections.namedtuple("Trial", "learner peer data measure ours theirs is_error")


def seeds_of(path):
    with open(path) as file:
        return range(1, 21 if sum(1 for _ in file) < SMALL else 11)


# ---- what is tried ----

def streamed():
    """Whole files, each row predicted, then learned."""
    given = [(algorithm, label, peers.find(data), None, seed) for algorithm in TREES
             for data, label in quality.there({**quality.CLASSES, **quality.VALUES})
             for seed in seeds_of(peers.find(data))]
    theirs = dict(zip(given, results([Call(test_trees.river_with_seed, g, (g[2],)) for g in given])))
    for algorithm in TREES:
        for data, label in quality.there({**quality.CLASSES, **quality.VALUES}):
            runs = [g for g in given if g[0] == algorithm and g[2] == peers.find(data)]
            yield Trial(f"`{algorithm}`", "River", quality.name_of(data), "MAE" if label == "value" else "accuracy",
                        [test_trees.ours_with_seed(*g)[0] for g in runs], [theirs[g][0] for g in runs],
                        label == "value")


def forests():
    cases = [(data, "values" if label == "value" else "classes", {"n_models": 30, "min_samples_leaf": 5})
             for data, label in quality.there({**quality.CLASSES, **quality.VALUES})]
    given = [(test_trees.fit_theirs, peers.find(data), task, options, FOREST_ROWS, seed)
             for data, task, options in cases for seed in FOREST_SEEDS]
    theirs = iter(list(results([Call(test_trees.batch_with_seed, g, (g[1],)) for g in given])))
    for data, task, options in cases:
        ours = [test_trees.batch_with_seed(test_trees.fit_ours, peers.find(data), task, options, FOREST_ROWS, seed)[0]
                for seed in FOREST_SEEDS]
        yield Trial(f"`random_forest` {markdown.options(options)}", "scikit-learn", quality.name_of(data),
                    "MAE, second half" if task == "values" else "accuracy, 5 folds", ours,
                    [next(theirs)[0] for _ in FOREST_SEEDS], task == "values")


def clusters():
    path = peers.find("blobs_drift")
    cases = [case for case in test_clusters.STREAM if case[2] and case[0] != "dbstream"] if path else []
    for algorithm, options, kind, given in cases:
        calls = [Call(test_clusters.peer, (kind, given, path, [seed]), (path,)) for seed in test_clusters.SEEDS]
        theirs = [figures[0][0] for figures, _ in results(calls)]
        truth = peers.load(path, "string")[1]
        figures, _ = test_clusters.ours(algorithm, options, path, truth, test_clusters.SEEDS)
        yield Trial(f"`{algorithm}` {markdown.options(options)}", "River", "blobs_drift", "ARI",
                    [ari for ari, _ in figures], theirs, False)


def isolated():
    path = peers.find("shuttle")
    cases = [case for case in test_anomalies.SHUTTLE if case[0] in ISOLATED] if path else []
    for algorithm, options, scale, _ in cases:
        truth = test_anomalies.read_table(path)[2]
        ours = [test_anomalies.area(test_anomalies.zero_for_none(
            test_anomalies.run_driver(algorithm, scale, options, path, seed)[0]), truth) for seed in ISOLATED_SEEDS]
        peer = "River" if algorithm == "half_space_trees" else "scikit-learn"
        yield Trial(f"`{algorithm}` {options.strip('{}')}".strip(), peer, "shuttle", "ROC area", ours,
                    others.theirs_on_shuttle(algorithm, options, path, truth, ISOLATED_SEEDS)[0], False)


def fitted():
    """What the section `batch` has besides its forests."""
    for name, data, what, *rest in [*quality.networks(), *quality.groups()]:
        yield Trial(name, "scikit-learn", data, what, *rest)


# ---- how it went ----

def better_by(trial):
    """Of klamm's mean than the peer's, and the standard error: points, or percent of an error."""
    a, b = statistics.fmean(trial.ours), statistics.fmean(trial.theirs)
    error = math.sqrt(sum(statistics.variance(x) / len(x) for x in (trial.ours, trial.theirs)))
    by = b - a if trial.is_error else a - b
    size = b if trial.is_error else 1
    return round(100 * by / size, 9) + 0.0, 100 * error / size


def signed(by, error, is_error):
    return markdown.bold(f"{by:+.2f} ± {error:.2f} {'%' if is_error else 'points'}", round(by, 2) < 0)


def spread(runs):
    return f"{markdown.number(statistics.fmean(runs))} ± {markdown.number(statistics.stdev(runs))}"


def verdict(by, error):
    if round(by, 2) >= 0:
        return "yes"
    return markdown.bold("no, by less than two standard errors" if by > -2 * error else "no")


def average(trials):
    """A learner's line: its name without options where it stands for several."""
    found = [better_by(trial) for trial in trials]
    by = statistics.fmean(by for by, _ in found)
    error = math.sqrt(sum(e * e for _, e in found)) / len(found)
    first = trials[0]
    measure = first.measure.split(",")[0]
    return [first.learner.split(" ")[0], first.peer, f"{len(trials)}, {measure}", signed(by, error, first.is_error),
            verdict(by, error)]


def drawn():
    """By learner the largest difference of any row when River draws klamm's random numbers."""
    kinds = [(data, label) for data, label in quality.there({**quality.CLASSES, **quality.VALUES})
             if data != "trump_approval"]
    for algorithm in TREES:
        given = [(algorithm, label, peers.find(data), DRAWN, 1) for data, label in kinds]
        outs = results([Call(test_trees.river_drawn, g, (g[2],)) for g in given])
        worst = max(test_trees.drawn_difference(*g[:4], out, 1)[0] for g, out in zip(given, outs))
        yield f"`{algorithm}` {markdown.bold(f'{worst:.0e}', worst > 1e-9)}"


def random():
    trials = [*streamed(), *forests(), *clusters(), *isolated(), *fitted()]
    rows = [[t.learner, t.data, t.measure, spread(t.ours), f"{t.peer} {spread(t.theirs)}",
             signed(*better_by(t), t.is_error)] for t in trials]
    groups = {}
    for trial in trials:
        groups.setdefault((trial.learner.split(" ")[0], trial.peer, trial.measure.split(",")[0]), []).append(trial)
    each = markdown.table(["mean ± standard deviation over seeds", "data", "", "klamm", "peer",
                           "better by, ± standard error"], rows)
    mean = markdown.table(["on average", "beside", "of cases", "better by, ± standard error", "at least equal"],
                          [average(group) for group in groups.values()])
    return (f"{each}\n\n{mean}\n\nLargest difference of any prediction when River draws klamm's random numbers, first "
            f"{DRAWN} rows of each set but trump_approval: {', '.join(drawn())}.")
