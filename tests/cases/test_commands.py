#!/usr/bin/env python3
"""The program from outside, command by command: what it prints, and how it ends.

  worker/main.c                 help, version, exit codes, misspelled commands and options
  worker/commands/flags.c       --set, --batch-rows
  worker/commands/check.c       the plan in three forms; the problems of a file, all of them
  worker/commands/replay.c      record lines of all sinks, --output, --keep-open; several inputs by event
                                time; the formats jsonl, csv and avro; plain strings and keys
  worker/commands/test.c        the report of a failure, the modes, --restart
  worker/commands/run.c         --in-memory --until-end with --input and --show
  worker/main.c, show.c         `| head`: ended by SIGPIPE
  worker/commands/connection.c  where no broker answers, and what is wrong before one is asked:
  worker/commands/tail.c        tail
  worker/commands/produce.c     produce
  worker/commands/schema.c      the JSON Schema and the reference
"""

import json
import os
import resource
import subprocess
import tempfile

import fastavro

SOURCE = os.environ.get("KLAMM_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
KLAMM = os.environ.get("KLAMM") or os.path.join(SOURCE, "build/dev/klamm")
NOWHERE = "127.0.0.1:1"

LOAD = """
name: t
streams:
  rows:
    from: {topic: in, value: json, columns: {host: string, v: long, ts: long}}
    time: {field: ts}
  sums:
    from: rows
    steps:
      - key_by: host
      - window: {tumbling: 10ms, aggregate: sum(v) as s}
      - select: host, window_start, s
    to: {topic: sums, value: json}
"""
PASS = """
name: t
streams:
  a:
    from: {topic: x, value: VALUE, key: KEY, columns: {n: long, ts: long}}
    TIME
  b:
    from: {topic: y, value: VALUE, columns: {n: long, ts: long}}
    TIME
  both:
    from: [a, b]
    steps: [{select: n}]
    to: {topic: out, value: json}
"""


class Run:
    """A command that was run; its ways to be judged. Every text of `says` must be on stderr."""

    def __init__(self, *args, code=0, says=(), env=None, stdin=""):
        done = subprocess.run([KLAMM, *args], cwd=folder, timeout=120, text=True, input=stdin,
                              env={**os.environ, **(env or {})}, capture_output=True)
        self.out, self.err, self.place = done.stdout, done.stderr, "klamm " + " ".join(args)
        same(done.returncode, code, self.place, self.out, self.err)
        for text in [says] if isinstance(says, str) else says:
            check(text in self.err, self.place, f"does not say {text!r}", self.err)

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def values(self, topic=None):
        return [line["value"] for line in self.lines() if topic in (None, line["topic"])]


def check(good, *why):
    assert good, "\n".join(map(str, why))


def same(got, expected, *why):
    check(got == expected, f"got      {got}", f"expected {expected}", *why)


def write(name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        f.write(text)
    return name


def write_lines(name, *records):
    return write(name, "".join(json.dumps(r) + "\n" for r in records))


def passing(name, value="json", key="string", time="time: {field: ts}"):
    return write(name, PASS.replace("VALUE", value).replace("KEY", key).replace("TIME", time))


def main_and_flags():
    Run(code=2, says=["usage: klamm COMMAND", "replay"])
    for word in ("--help", "help"):
        check("usage: klamm COMMAND" in Run(word).out, word)
    check(Run("--version").out.startswith("klamm "), "version")
    for command in ("run", "replay", "test", "check", "tail", "produce", "dead-letters", "schema"):
        out = Run(command, "--help").out
        check(out.startswith(f"usage: klamm {command} "), out)
        check("--" in out, out)
    Run("rnu", code=2, says='no command "rnu": did you mean "run"?')
    Run("frobnicate", code=2, says='no command "frobnicate"\n')
    Run("replay", "t.yaml", "--inptu", "a=b", code=2, says="unknown option --inptu: did you mean --input?")
    Run("check", "--zzzzzzzz", code=2, says="unknown option --zzzzzzzz\n")
    Run("check", code=2, says=["something is missing", "usage: klamm check"])
    Run("schema", "more", code=2, says='unexpected argument "more"')
    Run("check", "--plan", code=2, says="--plan needs a value")
    Run("check", "--online=yes", "t.yaml", code=2, says="--online takes no value")
    Run("check", "--", "--no-file", code=2, says="--no-file")
    for n in ("0", "2049", "x", ""):
        for command in ("run", "replay"):
            err = Run(command, "load.yaml", "--set", "lanes=1", "--batch-rows", n, "--input", "rows=load.jsonl",
                      code=2, says="--batch-rows takes 1 to 2048").err
            same(err.count("\n"), 2, err)  # what is wrong, and the usage
        Run("test", "cases.yaml", "--batch-rows", n, code=2, says="--batch-rows takes 1 to 2048")
    for command in (("check", "load.yaml"), ("run", "load.yaml", "--in-memory"), ("test", "cases.yaml"),
                    ("replay", "load.yaml", "--input", "rows=load.jsonl")):
        Run(*command, "--set", "lanes=1", "--set", "lanes", code=2, says='--set takes path=value')
        Run(*command, "--set", "lane=1", code=2, says="lanes")


def checks():
    text = Run("check", "load.yaml").out
    check("sums" in text and "window" in text, text)
    check(Run("check", "load.yaml", "--plan", "dot").out.startswith("digraph"), "dot")
    check(json.loads(Run("check", "--plan=json", "load.yaml").out), "json")
    Run("check", "load.yaml", "--plan", "svg", code=2, says='--plan takes text, dot or json; found "svg"')
    Run("check", "nowhere.yaml", code=2, says="nowhere.yaml")
    check("other" in Run("check", "load.yaml", "--set", "streams.sums.to.topic=other").out, "--set")
    write("wrong.yaml", LOAD.replace("sum(v)", "smu(v)").replace("field: ts", "filed: ts"))
    err = Run("check", "wrong.yaml", "load.yaml", code=2, says=["wrong.yaml:6:", "field", "wrong.yaml:11:", "sum"]).err
    check(err.count("error:") >= 2, err)
    for path in ("streams.sums.steps.3.select", "streams.sums.steps[3].select"):
        check("  host, s\n" in Run("check", "load.yaml", "--set", f"{path}=host, s").out, path)
    for path, why in (("streams.sums.steps.3.slect", "it has no `slect`: did you mean `select`?"),
                      ("streams.sum.steps.3.select", "there is no `sum`: did you mean `sums`?"),
                      ("streams.sums.steps.9.select", "of which only items that exist can be set, as [1] or .1")):
        Run("check", "load.yaml", "--set", f"{path}=host", code=2, says=why)
    text = Run("check", "load.yaml", "--set", "kafka.group.id=mine").out
    check(text.startswith("topology t: exactly once, group mine, 1 lane\n"), text)
    for part in ("  2 key_by   sums         <- 1  host\n", "             tumbling:  10ms\n", "             aggregate: sum(v) as s\n",
                 "             state:     in memory and t-sums-window-changelog\n", "  read         in (json)\n",
                 "  written      sums (json)\n", "  internal     t-sums-repartition, t-sums-window-changelog\n"):
        check(part in text, f"misses {part!r}", text)
    write("property.yaml", LOAD + "kafka: {fetch.message.max.byte: 1, linger.ms: soon}\n")
    Run("check", "property.yaml", code=2, says=["kafka.fetch.message.max.byte", "kafka.linger.ms"])


def replays():
    run = Run("replay", "load.yaml", "--input", "rows=load.jsonl", says=["4 records in", "0 late, 0 bad"])
    same(run.values(), [{"host": "a", "window_start": 0, "s": 3}, {"host": "b", "window_start": 10, "s": 4},
                        {"host": "a", "window_start": 20, "s": 8}])
    same([line["offset"] for line in run.lines()], [0, 1, 2])
    same(run.lines()[0]["key"], "a")
    for rows in ("1", "2", "2048"):
        same(Run("replay", "load.yaml", "--input", "rows=load.jsonl", "--batch-rows", rows).out, run.out)
    same(Run("replay", "load.yaml", "--input", "rows=load.jsonl", "--keep-open").values(), run.values()[:2])
    same(Run("replay", "load.yaml", "--input", "rows=load.jsonl", "--output", "made").out, "")
    with open(os.path.join(folder, "made", "sums.jsonl"), encoding="utf-8") as f:
        same(f.read(), run.out)
    renamed = Run("replay", "load.yaml", "--input", "rows=load.jsonl", "--set", "streams.sums.to.topic=other")
    same(renamed.values("other"), run.values())
    # what came out goes in
    write("again.jsonl", run.out)
    write("again.yaml", "name: t\nstreams:\n  s:\n    from: {topic: sums, value: json, columns: {s: long}}\n"
                        "    to: {topic: out, value: json}\n")
    same(Run("replay", "again.yaml", "--input", "s=again.jsonl").values(), [{"s": 3}, {"s": 4}, {"s": 8}])

    Run("replay", "load.yaml", code=2, says="--input STREAM=FILE")
    Run("replay", "load.yaml", "--input", "rows", code=2, says="--input takes STREAM=FILE")
    Run("replay", "load.yaml", "--input", "row=load.jsonl", code=2, says='did you mean "rows"?')
    Run("replay", "load.yaml", "--input", "sums=load.jsonl", code=2, says='no stream "sums" reads a topic')
    Run("replay", "load.yaml", "--input", "rows=load.txt", code=2, says=".jsonl (record lines), .csv or .avro")
    Run("replay", "load.yaml", "--input", "rows=nowhere.csv", code=2, says="cannot read nowhere.csv")
    Run("replay", "load.yaml", "--input", "rows=load.jsonl", "--output", "no/such", code=2, says="cannot create no/such")
    Run("replay", "load.yaml", "--input", "rows=" + write("torn.jsonl", '{"value":{"ts":1}}\n{"value":\n'),
        code=1, says="torn.jsonl:2: ")
    Run("replay", "load.yaml", "--input", "rows=" + write("text.jsonl", '{"value":{"ts":1}}\n{"value":{"v":"x","ts":2}}\n'),
        code=1, says="offset 1")
    Run("replay", "load.yaml", "--input", "rows=" + write_lines("far.jsonl", {"partition": 2**31 - 1, "value": {}}),
        code=1, says="at most 10000")
    if os.path.exists("/dev/full"):
        os.symlink("/dev/full", os.path.join(folder, "made", "full.jsonl"))
        Run("replay", "load.yaml", "--input", "rows=load.jsonl", "--set", "streams.sums.to.topic=full",
            "--output", "made", code=1, says=["cannot write the output", "No space left on device"])


def bad_lines():
    tolerant = write("tolerant.yaml", LOAD.replace("streams:", "errors: {tolerance: all, dead_letter_topic: bad}\nstreams:"))
    files = {
        "torn.csv": ("host,v,ts\na,1,1\na,one,2\na,1\n\na,2,3\nb,1,99\n",
                     [("1", "a,one,2", 'torn.csv:3: "one" is no whole number (column v)'),
                      ("2", "a,1", "torn.csv:4: not as many fields as the header has")]),
        "torn.jsonl": ('{"value":{"host":"a","v":1,"ts":1}}\n{"value":\n{"key":5,"value":{"host":"a","v":2,"ts":3}}\n'
                       '{"value":{"host":"b","v":1,"ts":99}}\n',
                       [("1", '{"value":', "torn.jsonl:2: not valid JSON")]),
    }
    for name, (text, expected) in files.items():
        run = Run("replay", tolerant, "--input", "rows=" + write(name, text), says=f" {len(expected)} bad")
        dead = [(line["headers"]["__connect.errors.offset"], line["value"]) for line in run.lines()
                if line["topic"] == "bad"]
        same(dead, [(offset, line) for offset, line, _ in expected])
        causes = [line["headers"]["__connect.errors.exception.message"] for line in run.lines() if line["topic"] == "bad"]
        for cause, (_, _, message) in zip(causes, expected):
            check(cause.startswith(message), cause)
        same(run.values("sums")[0], {"host": "a", "window_start": 0, "s": 3})
        for rows in ("1", "3"):
            same(Run("replay", tolerant, "--input", f"rows={name}", "--batch-rows", rows).out, run.out)
        Run("replay", "load.yaml", "--input", f"rows={name}", code=1, says=["in partition 0 offset 1: ", expected[0][2]])
        Run("run", "--in-memory", "--until-end", tolerant, "--input", f"rows={name}", says=f" {len(expected)} bad")
    # values without records around them, whatever the file is called
    write("values.txt", '{"host":"a","v":1,"ts":1}\n{"ho\n{"host":"a","v":2,"ts":3}\n')
    run = Run("replay", tolerant, "--input", "rows=values.txt", "--rows", "json", says=" 1 bad")
    same(run.values("sums"), [{"host": "a", "window_start": 0, "s": 3}])
    same(run.values("bad"), ['{"ho'])
    write("table.txt", "host,v,ts\na,1,1\n")
    same(Run("replay", tolerant, "--input", "rows=table.txt", "--rows", "csv").values("sums"),
         [{"host": "a", "window_start": 0, "s": 1}])
    Run("replay", tolerant, "--input", "rows=table.txt", "--rows", "xml", code=2, says='--rows takes json or csv; found "xml"')


def inputs_by_event_time():
    def numbers(topology, *inputs):
        args = [word for i in inputs for word in ("--input", i)]
        got = [v["n"] for v in Run("replay", topology, *args).values()]
        for rows in ("1", "2"):
            same([v["n"] for v in Run("replay", topology, *args, "--batch-rows", rows).values()], got)
        return got

    passing("merge.yaml")
    write_lines("a.jsonl", *({"value": {"n": n, "ts": ts}} for n, ts in ((1, 5), (2, 10), (3, 30))))
    write_lines("b.jsonl", *({"value": {"n": n, "ts": ts}} for n, ts in ((11, 5), (12, 7), (13, 20), (14, 30))))
    same(numbers("merge.yaml", "a=a.jsonl", "b=b.jsonl"), [1, 11, 12, 2, 13, 3, 14])
    same(numbers("merge.yaml", "b=b.jsonl", "a=a.jsonl"), [11, 1, 12, 2, 13, 14, 3])
    # an earlier row behind a later one stays behind it: files are taken in their order
    write_lines("c.jsonl", *({"value": {"n": n, "ts": ts}} for n, ts in ((21, 8), (22, 1))))
    same(numbers("merge.yaml", "a=a.jsonl", "b=c.jsonl"), [1, 21, 22, 2, 3])
    # by the record's time; one without has that of the line before
    passing("stamps.yaml", time="")
    write_lines("d.jsonl", *({"value": {"n": n}, **({"timestamp": t} if t else {})}
                             for n, t in ((1, None), (2, 10), (3, None))))
    write_lines("e.jsonl", *({"value": {"n": n}, "timestamp": t} for n, t in ((11, 5), (12, 10), (13, 11))))
    same(numbers("stamps.yaml", "a=d.jsonl", "b=e.jsonl"), [1, 11, 2, 3, 12, 13])


def formats():
    passing("merge.yaml")
    write("a.csv", 'ts,"n",more\n5,1,x\n7,,\n9,3,"two\nlines"\n')
    same(Run("replay", "merge.yaml", "--input", "a=a.csv").values(), [{"n": 1}, {"n": None}, {"n": 3}])
    Run("replay", "merge.yaml", "--input", "a=" + write("bad.csv", "n,ts\n1,1\nx,2\n"),
        code=1, says='bad.csv:3: "x" is no whole number (column n)')
    Run("replay", "merge.yaml", "--input", "a=" + write("empty.csv", ""), code=1, says="header")

    Run("replay", "merge.yaml", "--input", "a=" + write("lacks.csv", "n,other\n1,1\n"), code=1,
        says='lacks.csv:1: the header lacks the column "ts"')
    Run("replay", "merge.yaml", "--input", "a=" + write("near.csv", "n,st\n1,1\n"), code=1,
        says='near.csv:1: the header has no column "ts": did it mean that by "st"?')

    schema = {"type": "record", "name": "R", "fields": [
        {"name": "n", "type": ["null", "long"]}, {"name": "other", "type": "string"}, {"name": "ts", "type": "long"}]}
    write("r.avsc", json.dumps(schema))
    write("avro.yaml", "name: t\nstreams:\n  a:\n    from: {topic: x, schema: r.avsc}\n    time: {field: ts}\n"
                       "  b:\n    from: {topic: y, schema: r.avsc}\n    time: {field: ts}\n"
                       "  both:\n    from: [a, b]\n    steps: [{select: n}]\n    to: out\n")
    for name, codec, rows in (("a.avro", "null", ((1, 5), (2, 10))), ("b.avro", "deflate", ((11, 5), (None, 7)))):
        with open(os.path.join(folder, name), "wb") as f:
            fastavro.writer(f, schema, [{"n": n, "other": "", "ts": ts} for n, ts in rows], codec=codec)
    write_lines("b.jsonl", {"value": {"n": 21, "other": "", "ts": 6}})
    same(Run("replay", "avro.yaml", "--input", "a=a.avro", "--input", "b=b.avro").values(),
         [{"n": 1}, {"n": 11}, {"n": None}, {"n": 2}])
    same(Run("replay", "avro.yaml", "--input", "a=a.avro", "--input", "b=b.jsonl").values(),
         [{"n": 1}, {"n": 21}, {"n": 2}])
    Run("replay", "merge.yaml", "--input", "a=a.avro", code=2, says="needs a stream with value: avro")
    Run("replay", "avro.yaml", "--input", "a=" + write("bad.avro", "no container"), code=1, says="bad.avro")

    write("text.yaml", "name: t\nstreams:\n  a:\n    from: {topic: x, key: long, value: string}\n"
                       "    steps: [{add: _key + 1 as next}, {add: upper(_value) as loud}]\n"
                       "    to: {topic: out, value: json}\n"
                       "  plain:\n    from: a\n    steps: [{select: loud}]\n    to: {topic: plain, value: string}\n"
                       "  raw:\n    from: {topic: y, key: bytes, value: bytes}\n    to: {topic: raw, value: bytes}\n")
    write_lines("text.jsonl", {"key": 41, "value": "köln\n"}, {"key": "-1", "value": ""})
    run = Run("replay", "text.yaml", "--input", "a=text.jsonl")
    same(run.values("out"), [{"next": 42, "loud": "KÖLN\n"}, {"next": 0, "loud": ""}])
    same(run.values("plain"), ["KÖLN\n", ""])
    write_lines("raw.jsonl", {"key": "AAH/", "value": "/wA="})
    run = Run("replay", "text.yaml", "--input", "raw=raw.jsonl")
    same(run.values("raw"), ["/wA="])
    Run("replay", "text.yaml", "--input", "a=" + write_lines("key.jsonl", {"key": "x", "value": ""}),
        code=1, says="row 1 of stream a: the key must be a whole number")
    Run("replay", "text.yaml", "--input", "a=" + write_lines("value.jsonl", {"key": 1, "value": {}}),
        code=1, says="a value of format string is a JSON string")
    in_memory = Run("run", "text.yaml", "--in-memory", "--until-end", "--input", "a=text.jsonl", "--show", "plain")
    same(in_memory.values(), ["KÖLN\n", ""])


CASES = """
topology: load.yaml
cases:
  - name: good
    input: [{stream: rows, value: {host: a, v: 1, ts: 1700000000001}}]
    expect: [{topic: sums, key: a, value: {host: a, window_start: 1700000000000, s: 1}}]
    finish: true
  - name: loose
    input: [{stream: rows, value: {host: a, v: 1, ts: 1}}, {stream: rows, value: {host: b, v: 2, ts: 2}}]
    expect: [{topic: sums, value: {s: 2}}]
    finish: true
    mode: contains
"""


def tests():
    for more in ((), ("--restart",), ("--batch-rows", "1")):
        out = Run("test", "cases.yaml", *more).out
        same(out.splitlines(), ["cases.yaml", "ok   good", "ok   loose", "2 passed, 0 failed"])

    def fails(what, *pairs):
        text = CASES
        for a, b in pairs:
            check(a in text, a)
            text = text.replace(a, b)
        out = Run("test", write("failing.yaml", text), code=1).out
        check(out.endswith("1 passed, 1 failed\n"), out)
        details, name = out.index("    topic "), out.index("FAIL ")
        check(name < details, "the name stands behind the details", out)
        for part in what:
            check(part in out, f"misses {part!r}", out)

    fails(["FAIL good", "topic sums: 1 expected, 1 came", "expected", "actual", '"s":7', '"s":1'], ("s: 1}", "s: 7}"))
    fails(["FAIL good"], ("window_start: 1700000000000", "window_start: 1700000000001"))
    fails(["FAIL good", "topic sums: 1 expected, 0 came"], ("    finish: true\n  - name: loose", "  - name: loose"))
    Run("test", write("smus.yaml", CASES.replace("topic: sums, key: a", "topic: smus, key: a", 1)), code=2,
        says='the topology writes no topic "smus": did you mean "sums"? (sums)')
    fails(["FAIL loose", "topic sums: 1 expected, 2 came"], ("mode: contains", "mode: exact"))
    Run("test", write("row.yaml", CASES.replace("stream: rows, value: {host: a, v: 1, ts: 17", "stream: row, value: {ts: 17")),
        code=2, says=["row.yaml:5:", 'no stream "row" reads a topic: did you mean "rows"?'])
    Run("test", write("key.yaml", CASES.replace("key: a, value: {host: a, w", "kye: a, value: {host: a, w")), code=2,
        says=["key.yaml:6:", "unknown key `kye`: did you mean `key`?"])
    Run("test", write("none.yaml", "topology: load.yaml\n"), code=2, says="cases")
    Run("test", write("no.yaml", "topology: nowhere.yaml\ncases: []\n"), code=2, says="nowhere.yaml")
    Run("test", "cases.yaml", "nowhere.yaml", code=2, says="nowhere.yaml")


def cut_off():
    """A reader that has seen enough: ended by SIGPIPE, without a word; one that reads all: as always. A disk that
    is full, and a file that may not grow, are errors."""
    many = write_lines("many.jsonl", *({"topic": "x", "value": {"n": i, "ts": i}} for i in range(20_000)))
    topology = passing("many.yaml")
    cases = write("many_cases.yaml", "topology: load.yaml\ncases:\n" + "".join(
        f"  - {{name: {'n' * 100}{i}, input: [], expect: []}}\n" for i in range(2000)))
    for args in (("replay", topology, "--input", f"a={many}"), ("test", cases),
                 ("check", *["load.yaml"] * 2000), ("check", "--plan", "json", *["load.yaml"] * 2000)):
        with subprocess.Popen([KLAMM, *args], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            p.stdout.readline()
            p.stdout.close()
            err = p.stderr.read().decode()
            same(p.wait(timeout=120), -13, args[0], err)
            same(err, "", args[0])
    summary = Run("replay", topology, "--input", f"a={many}").err
    check("20000 records" in summary, summary)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([KLAMM, "replay", topology, "--input", f"a={many}"], cwd=folder, stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    same(done.returncode, 1, done.stderr)
    check("cannot write the output" in done.stderr, done.stderr)
    with open(os.path.join(folder, "limited"), "w", encoding="utf-8") as limited:
        done = subprocess.run([KLAMM, "replay", topology, "--input", f"a={many}"], cwd=folder, stdout=limited,
                              stderr=subprocess.PIPE, text=True, timeout=120, check=False,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
    same(done.returncode, 1, done.stderr)
    check("cannot write the output: File too large" in done.stderr, done.stderr)


def told_apart():
    """The summary names steps by their columns, and counts the rows that a null feature left out."""
    write("two.yaml", PASS.replace("VALUE", "json").replace("KEY", "none").replace("TIME", "").replace(
        "[{select: n}]", "\n      - detect: {algorithm: zscore, features: [n], as: one, per: global, warm_up: 1}"
        "\n      - detect: {algorithm: mad, features: [ts], as: two, per: global, warm_up: 1}"))
    rows = write_lines("nulls.jsonl", *({"topic": "x", "value": {"n": i if i % 4 else None, "ts": i}}
                                       for i in range(400)))
    err = Run("replay", "two.yaml", "--input", f"a={rows}").err
    for line in ("  both detect one: rows 299\n", "  both detect one: skipped 100\n", "  both detect two: rows 399\n"):
        check(line in err, f"misses {line!r}", err)
    check("detect two: skipped" not in err, err)


def runs_in_memory():
    run = Run("run", "--in-memory", "--until-end", "load.yaml", "--input", "rows=load.jsonl", "--show", "sums",
              says=["2 written, 0 late, 0 bad"])  # what is open stays open
    same([line["value"]["s"] for line in run.lines()], [3, 4])
    Run("run", "--in-memory", "--until-end", "load.yaml", "--input", "rows", code=2, says="--input takes STREAM=FILE")
    Run("run", "--in-memory", "--until-end", "load.yaml", "--input", "x=load.jsonl", code=2,
        says='no stream "x" reads a topic')
    Run("run", "--in-memory", "--until-end", "load.yaml", "--show", "smus", code=2, says="no stream writes to that topic")
    write("rekeyed.yaml", LOAD.replace("window: {tumbling: 10ms, aggregate: sum(v) as s}", "running: cumsum(v) as s")
          .replace("window_start, ", ""))
    Run("run", "--in-memory", "--until-end", "rekeyed.yaml", "--input", "rows=load.jsonl",
        says="4 records read, 4 written")  # those of the repartition are not counted
    write("endless.yaml", "name: t\nstreams:\n  a:\n    from: {generator: {rate: 1000, columns: {v: row}}}\n    to: out\n")
    Run("run", "--in-memory", "--until-end", "endless.yaml", code=2,
        says=["endless.yaml:4:", "streams.a.from: --until-end: this generator has no end: give it one, `rows: 1000`"])
    Run("run", "--in-memory", "--until-end", "endless.yaml", "--set", "streams.a.from.generator.rows=20",
        says="20 records read, 20 written")
    Run("run", "--in-memory", "wrong.yaml", code=2, says="wrong.yaml:6:")
    Run("run", "--in-memory", "--until-end", "load.yaml", "--input", "rows=torn.jsonl", code=1, says="torn.jsonl:2: ")


def without_broker():
    write("one.avsc", '{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}')
    Run("produce", "x", code=2, says="--schema FILE.avsc is missing")
    Run("produce", "x", "--schema", "one.avsc", "--rows", "xml", code=2, says="--rows takes json, csv or text")
    Run("produce", "x", "--schema", "one.avsc", "--partitions", "0", code=2, says="--partitions takes a number")
    Run("tail", "x", "--lines", "many", code=2, says="--lines takes a number")
    Run("tail", "x", "--set", "linger", code=2, says="--set takes NAME=VALUE")
    Run("tail", "x", "--set", "fetch.message.max.byte=1", code=2, says="kafka.fetch.message.max.byte")
    Run("tail", "x", "--topology", "wrong.yaml", code=2, says="wrong.yaml:6:")
    Run("tail", "x", "--topology", "load.yaml", "--bootstrap", NOWHERE, "--until-end", code=1,
        says=f"no Kafka broker answers at {NOWHERE} within 10 s")
    for flags, why in ((("--value", "jsno"), "found \"jsno\": did you mean json?"),
                       (("--value", "csv"), "--value csv needs the order of the columns"),
                       (("--value", "json", "--schema", "one.avsc", "--columns", "a: long"), "two ways to say the same"),
                       (("--schema", "one.avsc", "--rows", "text"), "not with --value avro"),
                       (("--value", "string", "--rows", "text", "--key", "a"), "plain lines do not have"),
                       (("--value", "string", "--rows", "csv"), "--rows text takes each line as it is")):
        Run("produce", "x", *flags, code=2, says=why)
    Run("tail", "x", "--value", "csv", code=2, says="--value csv needs --columns")
    Run("dead-letters", "show", "x", code=2, says='expected list or replay, found "show"')
    Run("dead-letters", "list", code=2, says="something is missing")
    Run("dead-letters", "list", "x", "--yes", code=2, says="--yes goes with replay")
    Run("dead-letters", "replay", "x", "--json", code=2, says="--json goes with list")
    Run("dead-letters", "list", "x", "--limit", "-1", code=2, says="--limit takes a number from 0")
    Run("dead-letters", "replay", "x", "--attempts", "0", code=2, says="--attempts takes a number from 1")
    Run("dead-letters", "list", "nowhere.yaml", code=2, says="nowhere.yaml: cannot read the file")
    Run("dead-letters", "list", "x", "--bootstrap", NOWHERE, code=1, says="no Kafka broker answers")
    Run("run", "load.yaml", "--bootstrap", NOWHERE, env={"KAFKA": "no.host:9"}, code=1,
        says=f"no Kafka broker answers at {NOWHERE} within 10 s")
    Run("produce", "x", "--schema", "one.avsc", stdin='{"value":{"a":1}}\n', env={"KAFKA": NOWHERE}, code=1,
        says=[f"no Kafka broker answers at {NOWHERE} within 10 s", "`run --in-memory` needs none"])


def schemas():
    schema = json.loads(Run("schema").out)
    check("window" in schema["definitions"]["step"]["properties"], "window")
    reference = Run("schema", "--reference").out
    for heading in ("### Top level", "### Streams", "#### `filter`", "#### `tumbling`", "| `avro` | key, value |"):
        check(heading in reference, heading)


with tempfile.TemporaryDirectory() as folder:
    write("load.yaml", LOAD)
    write("cases.yaml", CASES)
    write_lines("load.jsonl", *({"value": {"host": h, "v": v, "ts": ts}}
                                for h, v, ts in (("a", 1, 1), ("a", 2, 9), ("b", 4, 12), ("a", 8, 20))))
    for part in (main_and_flags, checks, replays, bad_lines, inputs_by_event_time, formats, tests, cut_off, told_apart,
                 runs_in_memory, without_broker, schemas):
        part()
        print(part.__name__, "ok", flush=True)
