"""Clusters, drift and anomalies beside River and scikit-learn (test_clusters.py, test_drift.py,
test_anomalies.py): what is measured and how stands there."""
import os
import statistics

import peers
import test_anomalies
import test_clusters
import test_drift
from tables import markdown
from tables.recall import Call, results

PUBLISHED = [("ARTime", 67.3), ("HTM", 66.5), ("CAD OSE", 60.0), ("random cut forest", 51.9), ("relative entropy", 50.0),
             ("windowed Gaussian", 24.3)]


def cluster():
    path = peers.find("blobs_drift")
    truth = peers.load(path, "string")[1]
    cases = [case for case in test_clusters.STREAM if case[2]]
    calls = [Call(test_clusters.peer, (kind, given, path, [seed]), (path,)) for algorithm, _, kind, given in cases
             for seed in (test_clusters.SEEDS if algorithm != "dbstream" else [1])]
    theirs, rows = iter(list(results(calls))), []
    for algorithm, options, kind, _ in test_clusters.STREAM:
        seeds = test_clusters.SEEDS if algorithm != "dbstream" else [1]
        ari, ami = test_clusters.mean(test_clusters.ours(algorithm, options, path, truth, seeds)[0])
        if kind is None:
            cells = [markdown.number(ari, 3), markdown.number(ami, 3)]
        else:
            peer = test_clusters.mean([next(theirs)[0][0] for _ in seeds])
            cells = [markdown.beside(a, b, digits=3) for a, b in zip((ari, ami), peer)]
        rows.append([f"`{algorithm}` {markdown.options(options)}", *cells])
    return markdown.table(["blobs_drift, mean of 5 seeds, klamm / River", "ARI", "AMI"], rows)


# ---- drift ----

def judged(figures):
    false, delay, missed = figures
    return f"{false:.2f}", f"{delay:.0f}", f"{100 * missed:.0f} %"


def exact_row(algorithm, options, kind, paths):
    theirs = list(results([Call(test_drift.river_columns, (kind, options, p), (p,)) for p in paths.values()]))
    same = total = 0
    figures = []
    for (stream, path), (alarms, _) in zip(paths.items(), theirs):
        ours, _ = test_drift.drive(algorithm, options, path)
        same += sum(a == b for a, b in zip(ours, alarms))
        total += len(alarms)
        false, delay, missed = judged(test_drift.judge(ours, "stationary" in stream))
        figures.append(false if "stationary" in stream else f"{false}, {delay}, {missed}")
    figures += ["–"] * (len(test_drift.STREAMS) - len(paths))
    is_losing = same < total
    return [f"`{algorithm}` {markdown.options(options)}", *figures, markdown.bold(f"{same} of {total} the same", is_losing)]


def pooled(runs, is_stationary):
    """False alarms, delay and misses of all repetitions and seeds."""
    return test_drift.judge([run for one in runs for run in one], is_stationary)


def kswin_rows(paths):
    for options, stream, *_ in test_drift.KSWIN:
        if stream not in paths:
            continue
        path, is_stationary = paths[stream], "stationary" in stream
        calls = [Call(test_drift.river_columns, ("KSWIN", dict(options, seed=42 + s), path, 6), (path,))
                 for s in range(2)]
        theirs = pooled([alarms for alarms, _ in results(calls)], is_stationary)
        ours = pooled([test_drift.drive("kswin", options, path, seed)[0] for seed in test_drift.SEEDS], is_stationary)
        cells = [markdown.beside(a, b, True) if shown else "–"
                 for a, b, shown in zip(ours, theirs, (True, not is_stationary, not is_stationary))]
        yield [f"`kswin` {markdown.options(options)}", stream, *cells]


def drift():
    paths = {s: p for s in test_drift.STREAMS if (p := peers.find("drift_" + s))}
    head = ["false alarms in 10,000, delay, missed", *test_drift.STREAMS, "repetitions with River's alarms"]
    rows = [exact_row(algorithm, options, kind, {s: paths[s] for s in streams if s in paths})
            for algorithm, options, kind, streams in test_drift.EXACT]
    seeds = markdown.table(["klamm, 5 seeds / River, 2", "stream", "false alarms in 10,000", "delay", "missed"],
                           kswin_rows(paths))
    return markdown.table(head, rows) + "\n\n" + seeds


# ---- anomalies ----

def river_area(algorithm, options, path, seed):
    names, rows, truth = test_anomalies.read_table(path)
    return test_anomalies.area(test_anomalies.river_scores(algorithm, options, rows, names, seed)[0], truth)


def river_svm(options, path):
    names, rows, _ = test_anomalies.read_table(path)
    return test_anomalies.river_scores("one_class_svm", options, rows, names)[0]


def sklearn_area(path, seed):
    from sklearn.ensemble import IsolationForest
    _, rows, truth = test_anomalies.read_table(path)
    model = IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(rows)
    return test_anomalies.area([-s for s in model.score_samples(rows)], truth)


def theirs_on_shuttle(algorithm, options, path, truth, seeds=test_anomalies.SEEDS):
    """Areas by seed, and of one_class_svm the scores; where there is a peer."""
    if algorithm == "half_space_trees":
        return list(results([Call(river_area, (algorithm, options, path, s), (path,))
                             for s in seeds])), None
    if algorithm == "isolation_forest":
        return list(results([Call(sklearn_area, (path, s), (path,)) for s in seeds])), None
    if algorithm == "one_class_svm":
        scores, = results([Call(river_svm, (options, path), (path,))])
        return [test_anomalies.area(scores, truth)], scores
    return None, None


def shuttle(path):
    _, _, truth = test_anomalies.read_table(path)
    for algorithm, options, scale, _ in test_anomalies.SHUTTLE:
        seeds = test_anomalies.SEEDS if algorithm in test_anomalies.RANDOMISED else [42]
        runs = [test_anomalies.run_driver(algorithm, scale, options, path, seed) for seed in seeds]
        areas = [test_anomalies.area(test_anomalies.zero_for_none(scores), truth) for scores, _, _ in runs]
        theirs, scores = theirs_on_shuttle(algorithm, options, path, truth)
        mean = statistics.fmean(areas)
        remark = "" if scores is None else "largest difference of a score {:.0e}".format(
            max(abs(a - b) for a, b in zip(test_anomalies.zero_for_none(runs[0][0]), scores)))
        yield [f"`{algorithm}` {options.strip('{}')}", f"{markdown.number(min(areas))} to {markdown.number(max(areas))}",
               markdown.beside(mean, statistics.fmean(theirs)) if theirs else markdown.number(mean), remark]


def anomalies():
    path = peers.find("shuttle")
    return markdown.table(["shuttle, area under the ROC curve", "seeds", "mean, klamm / River or scikit-learn", ""],
                          shuttle(path))


def nab():
    folder = os.path.join(peers.DATA, "nab")
    rows = [(nab, [f"`{algorithm}` {options.strip('{}')}", shown, f"{nab:.1f}", found, alarms, f"{ns:,.0f}"])
            for algorithm, options, shown, nab, found, alarms, ns in test_anomalies.nab_rows(*test_anomalies.nab_files(folder))]
    best = max(score for score, _ in rows)
    rows += [(score, [name, "tuned on these files, as published", markdown.bold(f"{score:.1f}", score > best), "", "", ""])
             for name, score in PUBLISHED]
    rows.sort(key=lambda pair: -pair[0])
    return markdown.table(["realAWSCloudwatch and realKnownCause", "alarm where", "NAB, standard profile",
                           "windows found", "alarms", "ns a row"], [row for _, row in rows])
