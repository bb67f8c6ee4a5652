#!/usr/bin/env python3
"""Learners beside River 0.26: the same probability or value for every row, and how long a row takes.

Runs learner_driver over data sets and River's pipelines over the same rows; peers.py says where both
come from, and when the test is skipped. Data sets that are missing are left out. Arguments: names of
algorithms, to compare only these.

Tolerance: 1e-9 on probabilities, 1e-9 of its size on a value; predicted classes equal wherever the two
most probable ones are further apart than that.

passive_aggressive on values is compared with River's PARegressor whose loss is mended to that of the
paper: River takes |p - (2 y - 1)| for |p - y|. What River's own comes to is shown beside it.
"""
import collections
import statistics
import sys
import time

import peers

TOLERANCE = 1e-9
LARGE = 10000  # rows of a data set, but where a learner is compared with its defaults
SLOW = 3000  # where River takes 0.1 ms and more for a row
WHOLE = ["logistic_regression", "perceptron", "passive_aggressive", "linear_regression"]

BINARY = ["elec2", "phishing", "bananas", "sea_drift"]
MULTI = ["iris_shuffled42", "image_segments", "broker_load"]
VALUES = ["trump_approval", "chick_weights", "fried"]
OPTIMIZERS = ["adam", "adagrad", "ftrl", {"name": "adam", "lr": 0.01, "beta_1": 0.8, "beta_2": 0.99, "eps": 1e-6},
              {"name": "adagrad", "eps": 1e-3}, {"name": "ftrl", "alpha": 0.1, "beta": 0.5, "l1": 0.2, "l2": 0.0}]

Case = collections.namedtuple("Case", "data label algorithm options scale most", defaults=["standard", None])


def cases():
    for case in all_cases():
        is_whole = case.options == {} and case.scale == "standard" and case.algorithm in WHOLE
        yield case if case.most or is_whole else case._replace(most=LARGE)


def all_cases():
    for data in BINARY:
        for scale in ("standard", "none"):
            for options in ({}, {"lr": 0.1}):
                yield Case(data, "boolean", "logistic_regression", options, scale)
            yield Case(data, "boolean", "softmax_regression", {}, scale)
            yield Case(data, "boolean", "gaussian_nb", {}, scale)
        for options in ({"lr": 0.05, "l2": 0.01}, {"lr": 0.05, "l1": 0.001},
                        {"intercept_lr": 0.1, "intercept_init": 0.5, "clip_gradient": 0.3}):
            yield Case(data, "boolean", "logistic_regression", options)
        for optimizer in OPTIMIZERS:
            yield Case(data, "boolean", "logistic_regression", {"optimizer": optimizer})
        for options in ({}, {"l2": 0.01, "clip_gradient": 0.5}):
            yield Case(data, "boolean", "perceptron", options)
        for options in ({}, {"C": 0.01, "mode": 1}, {"mode": 0}, {"C": 0.1, "mode": 2, "learn_intercept": False}):
            yield Case(data, "boolean", "passive_aggressive", options)
        yield Case(data, "boolean", "knn", {}, "standard", SLOW)
    for data in MULTI:
        for options in ({}, {"lr": 0.1}, {"lr": 0.1, "l2": 0.001}):
            yield Case(data, "string", "softmax_regression", options)
        for optimizer in OPTIMIZERS[:3]:
            yield Case(data, "string", "softmax_regression", {"optimizer": optimizer})
        yield Case(data, "string", "gaussian_nb", {})
        if data != "image_segments":
            # Its features in the hundreds make scores of 1e5, where the rounding of a sum, hence the
            # order of its additions, decides between classes: no two programs agree.
            yield Case(data, "string", "softmax_regression", {}, "none")
            yield Case(data, "string", "gaussian_nb", {}, "none")
        for options in ({}, {"weighted": False}, {"softmax": True, "n_neighbors": 9, "window_size": 200},
                        {"p": 1}, {"p": 3, "window_size": 100}):
            yield Case(data, "string", "knn", options, "standard", SLOW // 2)
    for data in VALUES:
        for options in ({}, {"lr": 0.005, "intercept_lr": 0.1}, {"l2": 0.01}, {"l1": 0.01}, {"loss": "absolute"},
                        {"loss": "huber", "epsilon": 2.0}, {"loss": "quantile", "quantile": 0.9},
                        {"loss": "cauchy"}):
            yield Case(data, "value", "linear_regression", options)
        for optimizer in OPTIMIZERS:
            yield Case(data, "value", "linear_regression", {"optimizer": optimizer})
        for options in ({}, {"C": 0.01, "mode": 1}, {"mode": 0, "eps": 1.0},
                        {"C": 0.1, "mode": 2, "learn_intercept": False}):
            yield Case(data, "value", "passive_aggressive", options)
        for options in ({}, {"smoothing": 0.8}, {"smoothing": 0.99}, {"beta": 0.1}):
            yield Case(data, "value", "bayesian_linear_regression", options)
        for options in ({}, {"aggregation_method": "median"}, {"aggregation_method": "weighted_mean", "p": 1}):
            yield Case(data, "value", "knn", options, "standard", SLOW)


# ---- River ----------------------------------------------------------------------------------------


def river_optimizer(given, lr):
    from river import optim
    given = {"name": given} if isinstance(given, str) else dict(given or {"name": "sgd"})
    kind = {"sgd": optim.SGD, "adam": optim.Adam, "adagrad": optim.AdaGrad,
            "ftrl": optim.FTRLProximal}[given.pop("name")]
    return kind(**given, **({} if lr is None else {"lr": lr}))


def river_loss(options):
    from river import optim
    of = {"squared": optim.losses.Squared, "absolute": optim.losses.Absolute, "cauchy": optim.losses.Cauchy,
          "huber": lambda: optim.losses.Huber(options.pop("epsilon")),
          "quantile": lambda: optim.losses.Quantile(options.pop("quantile"))}
    return of[options.pop("loss", "squared")]()


def descending(kind, options, **more):
    """A model of River with an optimizer."""
    optimizer = river_optimizer(options.pop("optimizer", None), options.pop("lr", None))
    return kind(optimizer=optimizer, **options, **more)


def neighbours(kind, options):
    import functools
    from river import neighbors, utils
    p = options.pop("p", 2)
    other = {} if p == 2 else {"dist_func": functools.partial(utils.math.minkowski_distance, p=p)}
    engine = neighbors.LazySearch(window_size=options.pop("window_size", 1000), **other)
    return kind(engine=engine, **options)


def mended_regressor(options):
    from river import linear_model
    model = linear_model.PARegressor(**options)
    model.loss = lambda y, p: max(abs(p - y) - model.eps, 0)
    return model


def river_learner(case):
    from river import linear_model, naive_bayes, neighbors
    options, is_value = dict(case.options), case.label == "value"
    if case.algorithm == "logistic_regression":
        return descending(linear_model.LogisticRegression, options)
    if case.algorithm == "softmax_regression":
        return descending(linear_model.SoftmaxRegression, options)
    if case.algorithm == "linear_regression":
        loss = river_loss(options)
        return descending(linear_model.LinearRegression, options, loss=loss)
    if case.algorithm == "knn":
        return neighbours(neighbors.KNNRegressor if is_value else neighbors.KNNClassifier, options)
    if case.algorithm == "passive_aggressive":
        return mended_regressor(options) if is_value else linear_model.PAClassifier(**options)
    kind = {"gaussian_nb": naive_bayes.GaussianNB, "perceptron": linear_model.Perceptron,
            "bayesian_linear_regression": linear_model.BayesianLinearRegression}[case.algorithm]
    return kind(**options)


def piped(case, learner):
    from river import preprocessing
    return preprocessing.StandardScaler() | learner if case.scale == "standard" else learner


def run_river(case, model, x, y):
    """Predictions before each row was learned, nanoseconds a row."""
    predict = model.predict_one if case.label == "value" else model.predict_proba_one
    out = []
    start = time.thread_time()
    for row, truth in zip(x, y):
        out.append(predict(row))
        model.learn_one(row, truth)
    return out, (time.thread_time() - start) / len(y) * 1e9


# ---- comparison -----------------------------------------------------------------------------------


def as_name(label):
    return {True: "true", False: "false"}.get(label, label) if isinstance(label, bool) else label


def compare_classes(lines, expected, truth):
    """Largest difference of a probability, rows whose classes differ, River's accuracy, and what ties
    may change of it."""
    rows = peers.classes(lines)
    worst, differing, hits, ties = 0.0, 0, 0, 0
    for (predicted, ours), theirs, label in list(zip(rows, expected, truth))[1:]:
        theirs = {as_name(name): p for name, p in theirs.items()}
        for name in set(ours) | set(theirs):
            worst = max(worst, abs(ours.get(name, 0.0) - theirs.get(name, 0.0)))
        best = max(theirs, key=theirs.get)
        ranked = sorted(theirs.values(), reverse=True)
        is_tie = len(ranked) > 1 and ranked[0] - ranked[1] <= TOLERANCE
        differing += best != predicted and not is_tie
        ties += is_tie
        hits += best == as_name(label)
    return worst, differing, hits / (len(truth) - 1), ties / (len(truth) - 1)


def mean_error(predicted, truth):
    return statistics.fmean(abs(p - y) for p, y in list(zip(predicted, truth))[1:])


def compare_values(lines, expected, truth):
    """Largest difference of a value by its size, rows that differ by more, River's mean error, and 1e-9
    of it."""
    distances = [abs(float(line) - value) / max(1.0, abs(value)) for line, value in zip(lines, expected)]
    error = mean_error(expected, truth)
    return max(distances), sum(not d <= TOLERANCE for d in distances), error, TOLERANCE * max(1, error)


def compare(case, path):
    """Whether they agree; a line of the table; nanoseconds of River and klamm."""
    x, y = peers.load(path, case.label, case.most)
    expected, river_ns = run_river(case, piped(case, river_learner(case)), x, y)
    lines, scores = peers.drive(case.algorithm, case.scale, case.label, case.options, path, case.most)
    assert len(lines) == len(expected), "another number of rows"
    is_value = case.label == "value"
    worst, differing, river, slack = (compare_values if is_value else compare_classes)(lines, expected, y)
    ours, ns = scores[0], scores[-1]
    is_equal = worst <= TOLERANCE and differing == 0 and abs(ours - river) <= slack + 1e-12
    line = f"{river:10.4f} {ours:10.4f} {worst:10.1e} {river_ns:9.0f} {ns:6.0f}"
    if is_value and case.algorithm == "passive_aggressive":
        from river import linear_model
        unmended, _ = run_river(case, piped(case, linear_model.PARegressor(**case.options)), x, y)
        line += f"   River as it is: {mean_error(unmended, y):.4f}"
    return is_equal, line, river_ns, ns


def print_speeds(times):
    print("\nnanoseconds a row, predict and learn with scaling; medians over the cases above\n")
    print(f"{'learner':<52} {'River':>9} {'klamm':>7} {'times':>6}")
    ratios = []
    for name, pairs in times.items():
        river, ns = (statistics.median(p[i] for p in pairs) for i in (0, 1))
        ratios.append(river / ns)
        print(f"{name:<52} {river:9.0f} {ns:7.0f} {river / ns:6.0f}")
    print(f"{'median':<70} {statistics.median(ratios):6.0f}")


def main():
    peers.enter_environment()
    failures = missing = 0
    times = collections.defaultdict(list)
    wanted = [c for c in cases() if not sys.argv[1:] or c.algorithm in sys.argv[1:]]
    print("test, then train; each learner starts from nothing; accuracy of classes, mean absolute error of "
          "values\n")
    print(f"{'data':<16} {'learner':<26} {'options':<66} {'scale':<9} {'River':>9} {'klamm':>10} {'largest d.':>10} "
          f"{'River ns':>9} {'ns':>6}")
    for case in wanted:
        path = peers.find(case.data)
        if path is None:
            missing += 1
            continue
        is_equal, line, *ns = compare(case, path)
        failures += not is_equal
        optimizer = case.options.get("optimizer", "")
        optimizer = optimizer["name"] if isinstance(optimizer, dict) else optimizer
        if case.scale == "standard":
            times[f"{case.algorithm} {optimizer}{' of values' if case.label == 'value' else ''}"].append(ns)
        print(f"{case.data:<16} {case.algorithm:<26} {peers.yaml(case.options):<66} {case.scale:<9} {line}"
              f"{'' if is_equal else '   DIFFERS'}", flush=True)
    if missing:
        print(f"\n{missing} cases left out: their data sets are not on this machine")
    if times:
        print_speeds(times)
    print(f"\n{failures} cases differ from River")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
