#!/usr/bin/env python3
"""The smallest topology that learns, on a real broker: 150 flowers become 150 predictions, whether klamm
produce or another client wrote them, and another client can read them.

Prequential accuracy (each flower is classified before it is learned) must lie well above what the
majority class alone would give.
"""
import csv
import io
import os
from collections import Counter

import fastavro

from kafkatest import ROOT, Scratch, check, encode, say

FOLDER = os.path.join(ROOT, "examples", "iris")
INPUT, OUTPUT = "iris-measurements", "iris-predictions"
FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def flowers():
    with open(os.path.join(FOLDER, "data", "iris.csv")) as f:
        return [{k: v if k == "species" else float(v) for k, v in row.items()} for row in csv.DictReader(f)]


def run(s, prefix):
    s.klamm("run", os.path.join(FOLDER, "topology.yaml"), "--until-end",
            "--set", f"name={s.name(prefix)}",
            "--set", f"streams.measurements.from.topic={s.name(prefix + INPUT)}",
            "--set", f"streams.measurements.to={s.name(prefix + OUTPUT)}",
            "--set", f"state.dir={s.dir}/state")
    return s.rows(prefix + OUTPUT)


def judge(rows, expected):
    check(len(rows) == len(expected), f"{len(rows)} predictions of {len(expected)} flowers")
    right = seen = 0
    classes, majority = Counter(), 0
    for (record, row), flower in zip(rows, expected):
        for name in [*FEATURES, "species"]:
            check(row[name] == flower[name], f"offset {record.offset}: {name} is {row[name]}, not {flower[name]}")
        if row["prediction"] is not None:
            seen += 1
            right += row["prediction"] == row["species"]
            majority += bool(classes) and classes.most_common(1)[0][0] == row["species"]
            proba = row["prediction_proba"]
            check(abs(sum(proba.values()) - 1) < 1e-9, f"probabilities {proba}")
            check(max(proba, key=proba.get) == row["prediction"], f"{row['prediction']} of {proba}")
        classes[flower["species"]] += 1
    check(seen >= len(rows) - 1, f"only {seen} predictions")
    say(f"{len(rows)} predictions, accuracy {right / seen:.4f}, majority class {majority / seen:.4f}")
    check(right / seen > 0.85, "accuracy")
    check(majority / seen < 0.5, "baseline")


with Scratch("iris") as s:
    schema_file = os.path.join(FOLDER, "iris.avsc")
    s.klamm("produce", s.name(INPUT), "--schema", schema_file, "--rows", "csv",
            os.path.join(FOLDER, "data", "iris.csv"))
    check(len(s.read(INPUT)) == 150, "klamm produce did not write 150 records")
    first = run(s, "")
    say("written by klamm produce:")
    judge(first, flowers())

    schema = fastavro.schema.load_schema(schema_file)
    known = s.schema_id(s.name(INPUT) + "-value")
    s.topic("other-" + INPUT)
    s.produce("other-" + INPUT, [(None, encode(f, schema, known)) for f in flowers()])
    second = run(s, "other-")
    say("written by kcat and fastavro:")
    judge(second, flowers())
    check([row for _, row in first] == [row for _, row in second], "the two runs differ")
