#!/usr/bin/env python3
"""Models trained from a topic or a stream predict as ones trained from a file with the same rows: in replay,
with batches of 1, 3 and 2048 rows, and in a run in memory; and what is said where something is missing."""

import json
import os
import random
import subprocess
import sys
import tempfile

klamm = os.environ["KLAMM"]
random.seed(11)

COLUMNS = "key: {host: string}, value: json, columns: {host: string, a: double, y: double}"
TOPOLOGY = """name: trained
state: {dir: FOLDER/state}
streams:
  rows:
    from: {topic: now, COLUMNS}
    steps:
      - classify: {algorithm: hoeffding_tree, features: [a, host], label: y > 0, as: up, train_from: FROM}
      - regress: {algorithm: linear_regression, scale: standard, features: [a], label: y, as: p, per: key, train_from: FROM}
      - detect: {algorithm: half_space_trees, features: [a], as: odd, per: partition, train_from: FROM}
    to: {topic: out, value: json}
  old:
    from: {topic: then, COLUMNS}
    steps:
      - filter: a is not null
"""
TOPIC = "{topic: past, COLUMNS}"
failed = 0


def check(condition, text):
    global failed
    failed += not condition
    print(("" if condition else "NOT ") + text)


def row():
    a = random.gauss(0, 1)
    return {"host": f"h{random.randrange(3)}", "a": a, "y": None if random.random() < 0.1 else 2 * a + random.gauss(0, 1)}


def call(*arguments):
    return subprocess.run([klamm, *arguments], capture_output=True, timeout=250, cwd=folder)


def outputs(text):
    return [line for line in text.splitlines() if b'"out"' in line]


with tempfile.TemporaryDirectory() as folder:
    def write(name, text):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as f:
            f.write(text)
        return f"{folder}/{name}"

    def topology(name, source):
        text = TOPOLOGY.replace("FROM", source)
        return write(name + ".yaml", text.replace("COLUMNS", COLUMNS).replace("FOLDER", folder))

    past, now = [row() for _ in range(3000)], [row() for _ in range(300)]
    part = [random.randrange(3) for _ in past]
    lines = [json.dumps({"partition": p, "key": r["host"], "value": r}) for r, p in zip(past, part)]
    write("past.jsonl", "\n".join(lines) + "\n")
    by_partition = [r for p in range(3) for r, q in zip(past, part) if p == q]
    write("rows.jsonl", "".join(json.dumps(r) + "\n" for r in by_partition))
    write("now.jsonl", "".join(json.dumps({"key": r["host"], "value": r}) + "\n" for r in now))

    ways = {"a file": (topology("file", "{file: rows.jsonl}"), []),
            "a topic": (topology("topic", TOPIC), ["--input", "past=past.jsonl"]),
            "a stream": (topology("stream", "{stream: old}"), ["--input", "old=past.jsonl"])}
    expected = None
    for way, (file, inputs) in ways.items():
        for batch in ("2048", "1", "3"):
            run = call("replay", file, "--input", "rows=now.jsonl", *inputs, "--batch-rows", batch)
            if run.returncode != 0:
                sys.exit(f"{way}: exit {run.returncode}\n{run.stderr.decode()}")
            found = outputs(run.stdout)
            expected = expected or found
            check(len(found) == len(now) and found == expected, f"the same from {way}, batches of {batch}")
    check(all(json.loads(line)["value"]["p"] is not None for line in expected), "trained before the first row")

    # One partition in memory: the rows in the order in which they are given.
    write("ordered.jsonl", "".join(json.dumps({"key": r["host"], "value": r}) + "\n" for r in by_partition))
    for way, name in (("a topic", "past"), ("a stream", "old")):
        run = call("run", ways[way][0], "--in-memory", "--until-end", "--show", "out", "--input", "rows=now.jsonl",
                   "--input", f"{name}=ordered.jsonl")
        found = [json.loads(line)["value"] for line in outputs(run.stdout)]
        check(run.returncode == 0 and found == [json.loads(line)["value"] for line in expected],
              f"the same in memory from {way}")
        check(b"3000 rows, 0 bad" in run.stderr, "says what was read")

    # Behind a repartition each task makes the models of its own keys, and no others.
    host = "    steps:\n      - key_by: upper(host) as host\n      - detect: {algorithm: zscore, features: [a], as: odd, train_from: FROM}\n"
    apart = "name: apart\nstreams:\n  rows:\n    from: {topic: now, COLUMNS}\n" + host + "    to: {topic: out, value: json}\n"
    apart += "  old:\n    from: {topic: then, COLUMNS}\n    steps:\n      - key_by: upper(host) as host\n"
    upper = [{**r, "host": r["host"].upper()} for r in by_partition]
    write("upper.jsonl", "".join(json.dumps(r) + "\n" for r in upper))
    write("spread.jsonl", "".join(json.dumps({"partition": i % 4, "key": r["host"], "value": r}) + "\n"
                                  for i, r in enumerate(now)))
    found = {}
    for name, source in (("file", "{file: upper.jsonl}"), ("stream", "{stream: old}")):
        file = write(f"apart-{name}.yaml", apart.replace("FROM", source).replace("COLUMNS", COLUMNS))
        inputs = ["--input", "rows=spread.jsonl"] + (["--input", "old=past.jsonl"] if name == "stream" else [])
        run = call("replay", file, *inputs)
        found[name] = outputs(run.stdout)
        if name == "stream":
            check(b"7 entries" in run.stderr, "three models and a note in each of four tasks")
            print(run.stderr.decode()[-500:])
    check(len(found["file"]) == len(now) and found["file"] == found["stream"], "the same behind a repartition")

    def says(what, status, *arguments):
        run = call(*arguments)
        text = (run.stdout + run.stderr).decode()
        check(run.returncode == status and what in text, f"{arguments[0]}: {what}")
        if what not in text:
            print(text)

    says("--input past=FILE", 2, "replay", ways["a topic"][0], "--input", "rows=now.jsonl")
    says("--input then=FILE", 2, "replay", ways["a stream"][0], "--input", "rows=now.jsonl")
    says("reads topic past, what is there at the first start", 0, "check", ways["a topic"][0])
    says("now (json), then (json), past (json)", 0, "check", ways["a topic"][0])
    says('"history":["then"]', 0, "check", "--plan", "json", ways["a stream"][0])
    says("--input past=FILE", 2, "run", ways["a topic"][0], "--in-memory", "--until-end", "--input", "rows=now.jsonl")
    says("--input then=FILE", 2, "run", ways["a stream"][0], "--in-memory", "--until-end", "--input", "rows=now.jsonl")
    write("bad.jsonl", '{"value": {"host": "x", "a": 1, "y": 2}}\n{"value": {"host": "x", "a": "one"}}\n')
    says("error: bad.jsonl:2: a: double is expected", 1, "replay", ways["a topic"][0], "--input", "rows=now.jsonl",
         "--input", "past=bad.jsonl")

    # A file whose lines are no rows; where `errors` says so they are left out.
    write("bad.csv", "host,a,y\nx,1,2\nx,one,2\nx,3,4\n")
    says("bad.csv:3: \"one\" is no number (column a)", 1, "replay", ways["a topic"][0], "--input", "rows=now.jsonl",
         "--input", "past=bad.csv")
    with open(ways["a stream"][0], encoding="utf-8") as f:
        text = f.read().replace("  old:\n", "  old:\n    errors: {tolerance: all, dead_letter_topic: dead}\n")
    says("bad.csv:3: \"one\" is no number (column a)", 0, "replay", write("lenient.yaml", text), "--input",
         "rows=now.jsonl", "--input", "old=bad.csv")
    says("has read stream old: 2 rows, 1 bad", 0, "replay", f"{folder}/lenient.yaml", "--input", "rows=now.jsonl",
         "--input", "old=bad.csv")

    # A history does not pass the steps before: of columns that keep their names that is told.
    scaled = "      - impute: {columns: a, as: filled}\n      - SCALE\n      - classify: {algorithm: gaussian_nb, " \
        "features: [a], label: y > 0, as: up, train_from: FROM}\n"
    behind = "name: behind\nstreams:\n  rows:\n    from: {topic: now, COLUMNS}\n    steps:\n" + scaled
    behind += "    to: {topic: out, value: json}\n"
    for name, source, inputs in (("file", "{file: rows.jsonl}", []), ("topic", TOPIC, ["--input", "past=past.jsonl"])):
        text = behind.replace("FROM", source).replace("COLUMNS", COLUMNS)
        file = write("behind.yaml", text.replace("SCALE", "scale: {columns: a}"))
        says("classify.train_from: its rows do not pass streams.rows.steps[2].scale", 0, "replay", file, "--input",
             "rows=now.jsonl", *inputs)
        upstream = text.replace("SCALE", "scale: {columns: a}\n  next:\n    from: rows\n    steps:\n      - filter: true")
        says("next.steps[2].classify.train_from: its rows do not pass streams.rows.steps[2].scale", 0, "replay",
             write("upstream.yaml", upstream), "--input", "rows=now.jsonl", *inputs)
        file = write("beside.yaml", text.replace("SCALE", "scale: {columns: a, as: scaled}"))
        run = call("replay", file, "--input", "rows=now.jsonl", *inputs)
        check(run.returncode == 0 and b"do not pass" not in run.stderr, "columns beside the old ones are not told of")

    # A model that may not learn and has learned nothing; a window of less rows than the preset `min_rows`.
    with open(ways["a file"][0], encoding="utf-8") as f:
        text = f.read().replace(", train_from: {file: rows.jsonl}", "")
    says("classify.learn: never, and there is no model yet: nothing will be predicted", 0, "replay",
         write("never.yaml", text.replace("label: y > 0", "label: y > 0, learn: never")), "--input", "rows=now.jsonl")
    run = call("replay", write("short.yaml", text.replace("label: y > 0", "label: y > 0, learn: {batch: {window: 20}}")),
               "--input", "rows=now.jsonl")
    first = [json.loads(line)["value"]["up"] is not None for line in outputs(run.stdout)].index(True)
    learned = [r["y"] is not None for r in now[:first]].count(True)
    check(learned == 20, "trained as soon as the window is full")

    # A stream that reads the topic as well, by whatever name the file is given, of whatever format.
    both = "name: both\nstate: {dir: FOLDER/both}\nstreams:\n  rows:\n    from: {topic: t, value: FORMAT, columns: {a: double, y: double}}\n"
    both += "    steps:\n      - regress: {algorithm: linear_regression, features: [a], label: y, as: p, per: partition, train_from:\n"
    both += "          {topic: t, value: FORMAT, columns: {a: double, y: double}}}\n    to: {topic: out, value: json}\n"
    write("both.csv", "a,y\n" + "".join(f"{i},{2 * i}\n" for i in range(9)))
    found = []
    for form in ("csv", "json", "avro"):
        file = write(f"both-{form}.yaml", both.replace("FORMAT", form).replace("FOLDER", folder))
        for name in ("t", "rows"):
            for command in (("replay",), ("run", "--in-memory", "--until-end", "--show", "out")):
                run = call(*command, file, "--input", f"{name}=both.csv")
                found.append([json.loads(line)["value"] for line in outputs(run.stdout)])
                if run.returncode != 0 or found[-1] != found[0] or len(found[-1]) != 9:
                    print(form, name, command, run.stderr.decode(), found[-1][:2])
                    failed += 1
    check(found[0][0]["p"] > 0, "learned and read")
sys.exit(1 if failed else 0)
