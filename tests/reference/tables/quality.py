"""Predictions of classes and values beside River and scikit-learn.

  classify  deterministic classifiers, whole files: prequential accuracy, and how far the probability of
            any row is from River's (test_learners.py, test_trees.py)
  regress   the same of values: mean absolute error
  batch     what is fitted in batches beside scikit-learn (test_trees.py, test_mlp.py, test_clusters.py)
  before    the preprocessing steps: largest difference of any value (test_transforms.py)
"""
import statistics
import warnings

import peers
import test_clusters
import test_learners
import test_least_squares
import test_mlp
import test_transforms
import test_trees
from tables import markdown
from tables.recall import Call, results

CLASSES = dict(test_trees.CLASSES)
VALUES = dict(test_trees.VALUES)
PASSIVE = {"C": 0.01, "mode": 1}
CLASSIFIERS = [("logistic_regression", {}), ("logistic_regression", {"lr": 0.1}),
               ("logistic_regression", {"optimizer": "adam"}),
               ("logistic_regression", {"optimizer": "adagrad", "lr": 0.1}),
               ("logistic_regression", {"optimizer": "ftrl"}), ("perceptron", {}), ("passive_aggressive", PASSIVE),
               ("softmax_regression", {}), ("softmax_regression", {"lr": 0.1}), ("gaussian_nb", {}), ("knn", {}),
               ("hoeffding_tree", {}), ("hoeffding_tree", {"leaf_prediction": "mc"}),
               ("hoeffding_adaptive_tree", {"bootstrap_sampling": False})]
REGRESSORS = [("linear_regression", {}), ("linear_regression", {"intercept_lr": 0.1}),
              ("linear_regression", {"optimizer": "adam", "lr": 0.1}), ("passive_aggressive", PASSIVE),
              ("bayesian_linear_regression", {}), ("bayesian_linear_regression", {"smoothing": 0.8}), ("knn", {}),
              ("hoeffding_tree", {}), ("hoeffding_adaptive_tree", {"bootstrap_sampling": False})]
NETWORK_SEEDS = range(1, 21)  # the accuracy of one network varies by a point
FOREST_SEEDS = range(1, 21)
BINARY_ONLY = {"logistic_regression", "perceptron", "passive_aggressive"}
UNSCALED = {"gaussian_nb", "hoeffding_tree", "hoeffding_adaptive_tree"}


def there(kinds):
    """Data sets on this machine, with the kind of their label."""
    return [(data, label) for data, label in kinds.items() if peers.find(data)]


def name_of(data):
    return data.replace("_shuffled42", "")


def learner(algorithm, options):
    return f"`{algorithm}`" + (f" {markdown.options(options)}" if options else "")


# ---- deterministic ----

def scale_of(algorithm, label):
    return "none" if algorithm in UNSCALED and label != "value" else "standard"


def river_predictions(algorithm, label, options, path):
    """Of every row before it was learned."""
    x, y = peers.load(path, label)
    if "tree" in algorithm:
        return test_trees.run_river(algorithm, label, options, path, None)[0]
    case = test_learners.Case(path, label, algorithm, options, scale_of(algorithm, label))
    return test_learners.run_river(case, test_learners.piped(case, test_learners.river_learner(case)), x, y)[0]


def compare(algorithm, label, options, path, expected):
    """Our score, River's, the largest difference of a row."""
    truth = peers.load(path, label)[1]
    lines, scores = peers.drive(algorithm, scale_of(algorithm, label), label, options, path)
    if label == "value":
        worst, _, theirs, _ = test_learners.compare_values(lines, expected, truth)
    else:
        worst, _, theirs, _ = test_learners.compare_classes(lines, expected, truth)
    return scores[0], theirs, worst


def exact(algorithms, kinds):
    """A row for each learner; a cell for each data set, None where the learner cannot do it."""
    cases = [(algorithm, options, data, label) for algorithm, options in algorithms for data, label in kinds
             if label == "boolean" or label == "value" or algorithm not in BINARY_ONLY]
    calls = [Call(river_predictions, (a, label, o, peers.find(d)), (peers.find(d),)) for a, o, d, label in cases]
    found = {}
    for (algorithm, options, data, label), expected in zip(cases, results(calls)):
        found[algorithm, repr(options), data] = compare(algorithm, label, options, peers.find(data), expected)
    for algorithm, options in algorithms:
        cells = [found.get((algorithm, repr(options), data)) for data, _ in kinds]
        yield algorithm, options, cells


def exact_table(what, algorithms, kinds):
    rows = []
    for algorithm, options, cells in exact(algorithms, kinds):
        worst = max(cell[2] for cell in cells if cell)
        rows.append([learner(algorithm, options), *(markdown.beside(*cell[:2], kinds[0][1] == "value") if cell else "–"
                                                    for cell in cells),
                     markdown.bold(f"{worst:.0e}", worst > 1e-9)])
    return markdown.table([what, *(name_of(data) for data, _ in kinds), "largest difference of a row"], rows)


def classify():
    kinds = there(CLASSES)
    no_change = []
    for data, label in kinds:
        _, scores = peers.drive("softmax_regression", "standard", label, {}, peers.find(data))
        no_change.append(markdown.number(scores[2]))
    table = exact_table("accuracy, klamm / River where they differ", CLASSIFIERS, kinds)
    return table + "\n| no change (no learning at all) | " + " | ".join(no_change) + " | |\n"


def closed_form():
    worst = {}
    for algorithm, cases, peer in (("ridge", test_least_squares.RIDGE, "scikit-learn's"),
                                   ("recursive_least_squares", test_least_squares.RECURSIVE, "numpy's")):
        for data in test_least_squares.DATA:
            for options in cases if peers.find(data) else []:
                one = test_least_squares.compare(data, algorithm, options)
                worst[algorithm, peer] = max(worst.get((algorithm, peer), 0), one.worst)
    return "; ".join(f"`{algorithm}` beside {peer}, largest difference of any value: "
                     + markdown.bold(f"{w:.0e}", w > 1e-9) for (algorithm, peer), w in worst.items())


def regress():
    table = exact_table("MAE, klamm / River where they differ", REGRESSORS, there(VALUES))
    return f"{table}\n\n`passive_aggressive`: River's with the paper's loss. {closed_form()}."


# ---- batches ----

def forests():
    cases = [case for case in test_trees.BATCHES if peers.find(case[0])]
    given = [(test_trees.fit_theirs, peers.find(data), task, options, None, seed)
             for data, task, options in cases for seed in FOREST_SEEDS]
    theirs = iter(list(results([Call(test_trees.batch_with_seed, g, (g[1],)) for g in given])))
    for data, task, options in cases:
        path = peers.find(data)
        ours = [test_trees.batch_with_seed(test_trees.fit_ours, path, task, options, None, seed)[0]
                for seed in FOREST_SEEDS]
        yield (f"`random_forest` {markdown.options(options)}", name_of(data),
               "MAE, second half" if task == "values" else "accuracy, 5 folds", ours,
               [next(theirs)[0] for _ in FOREST_SEEDS], task == "values")


def sklearn_mlp(path, label, options, seed):
    warnings.filterwarnings("ignore")
    rows, y = peers.load(path, label, test_mlp.ROWS)
    before, after = test_mlp.scaled(rows)
    return test_mlp.score(test_mlp.run_peer(before, after, y, options, label, seed), y, label)


def networks():
    for data, label, options in test_mlp.CASES:
        path = peers.find(data)
        if path is None:
            continue
        theirs = list(results([Call(sklearn_mlp, (path, label, options, s), (path,))
                               for s in NETWORK_SEEDS]))
        y = peers.load(path, label, test_mlp.ROWS)[1]
        ours = [test_mlp.run_klamm(path, y, options, label, s)[0] for s in NETWORK_SEEDS]
        yield f"`mlp` {markdown.options(options)}", name_of(data), "accuracy, 2000 rows one by one", ours, theirs, False


def groups():
    for data, k, rounds in test_clusters.BATCH:
        path = peers.find(data)
        if path:
            theirs, = results([Call(test_clusters.peer_inertias, (path, k), (path,))])
            yield (f"`kmeans` `n_clusters: {k}`", data, "inertia", test_clusters.inertias(path, k, rounds), theirs,
                   True)


def batch():
    rows = []
    for name, data, what, ours, theirs, is_error in [*forests(), *networks(), *groups()]:
        spread = f"{markdown.number(min(theirs))} to {markdown.number(max(theirs))}"
        rows.append([name, data, what, markdown.beside(statistics.fmean(ours), statistics.fmean(theirs), is_error),
                     f"{markdown.number(min(ours))} to {markdown.number(max(ours))}", spread])
    return markdown.table(["", "data", "mean", "klamm / scikit-learn", "klamm's seeds", "scikit-learn's seeds"], rows)


def before():
    report = test_transforms.Report()
    gaps = test_transforms.with_gaps(test_transforms.make_rows())
    for check in test_transforms.CHECKS:
        check(report, gaps)
    rows = [[f"`{step}`" if step else "", peer, values, markdown.bold(f"{worst:.0e}", not is_fine)]
            for step, peer, values, worst, is_fine in report.lines]
    return markdown.table(["step", "beside", "values", "largest difference"], rows)
