#!/usr/bin/env python3
"""Local state: in RocksDB, with smaller memory than state, and in memory with a file beside it. What comes
out is the same whatever happens to the disk, and a restart reads no more of the changelogs than it has to.

  test_local_state.py [SEED]     KLAMM_LOCAL_RECORDS records (60,000), KLAMM_LOCAL_KILLS (6); of one back
                                 end with KLAMM_LOCAL_BACKEND=rocksdb or memory

  killed     kill -9 again and again while the input is written; then a run without kills, in memory
  stopped    after a clean stop nothing of the changelogs is read again
  crashed    after kill -9, with the disk as it was at some flush, only the tail is
  damaged    table files, or those of tasks, overwritten, or gone: all comes back from the changelog
  foreign    the changelog is another topic of the same name; state of other settings is still refused
"""
import glob
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time

from kafkatest import HERE, Scratch, check, same, say

RECORDS = int(os.environ.get("KLAMM_LOCAL_RECORDS", "60000"))
KILLS = int(os.environ.get("KLAMM_LOCAL_KILLS", "6"))
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
PARTITIONS = 2
FOLDER = {"rocksdb": "state-0", "memory": "files-0"}
LIMIT = {"rocksdb": "32MB", "memory": "256MB"}
BASE = 1_700_000_000_000
OUTPUTS = ["windows", "totals", "before", "first"]
TOPOLOGY = """
name: local
kafka: {bootstrap.servers: "${env:KAFKA}"}
state: {backend: BACKEND}
memory: {limit: LIMIT}
lanes: 2
streams:
  rows:
    from: {topic: in, value: json, key: {k: string}, columns: {k: string, v: long, ts: long}}
    time: {field: ts, out_of_order: 2s, idle: 10000d}
  windows:
    from: rows
    steps:
      - window: {tumbling: SIZE, aggregate: "count() as n, sum(v) as s, last(k) as name"}
    to: {topic: windows, value: csv}
  totals:
    from: rows
    steps:
      - aggregate: count() as n, sum(v) as s
    to: {topic: totals, value: csv}
  before:
    from: rows
    steps:
      - running: lag(v) as before, count() as nth, lag(k) as name
    to: {topic: before, value: csv}
  first:
    from: rows
    steps:
      - dedupe: {by: k, within: 60s}
      - select: k, v
    to: {topic: first, value: csv}
"""


def send(rng, n):
    """More rows: a run that finds none may end before it has looked at any state."""
    global written
    s.produce("in", list(records(rng, n, written)))
    written += n


def records(rng, n, begin):
    """1 ms of event time apart, up to 2 s late; half of the keys are few, the others more than fit in memory."""
    for i in range(begin, begin + n):
        k = f"host-{rng.randrange(300)}" if rng.random() < 0.5 else f"host-{rng.randrange(40000)}" + 500 * "x"
        ts = BASE + i - rng.randrange(2000)
        yield k.encode(), b'{"k":"%s","v":%d,"ts":%d}' % (k.encode(), rng.randrange(1000), ts)


def command(name, *more, size="7s", out=None):
    file = s.file("local.yaml", TOPOLOGY.replace("SIZE", size).replace("BACKEND", backend).replace("LIMIT", LIMIT[backend]))
    out = [x for topic in OUTPUTS for x in ("--set", f"streams.{topic}.to.topic={s.name(f'{out or name}-{topic}')}")]
    return ["run", file, "--log-level", "info", "--set", f"name={s.name(name)}", "--set", f"state.dir={s.dir}/state",
            "--set", f"streams.rows.from.topic={s.name('in')}", *out, *more]


def to_end(name, *more, status=0, **of):
    """Reads to the end and stops; its messages. One lane: no task moves."""
    return s.klamm(*command(name, "--until-end", "--set", "lanes=1", *more, **of), status=status, seconds=300)[1]


def results(name):
    """By output, all that committed readers see, sorted: the lanes write side by side."""
    found = {}
    for topic in OUTPUTS:
        s.wait_decided(f"{name}-{topic}")
        found[topic] = sorted((r.partition, r.key, r.value, r.timestamp) for r in s.read(f"{name}-{topic}"))
    return found


def compare(name, calm):
    found, expected = results(name), results(calm)
    for topic in OUTPUTS:
        check(len(expected[topic]) > 100, f"{topic}: only {len(expected[topic])} rows")
        same(f"{name}: {topic}", found[topic], expected[topic])
    say(f"{name}: the same {sum(map(len, expected.values()))} rows as {calm}")


def replayed(errors):
    """Changes read again by changelog and partition, where a checkpoint was used; all others."""
    tail = [int(n) for n in re.findall(r"partition \d+: (\d+) changes since its checkpoint", errors)]
    whole = [int(n) for n in re.findall(r"partition \d+: (\d+) changes, ", errors)]
    return tail, whole


def tables(name):
    files = "*.sst" if backend == "rocksdb" else "*-changelog-*"
    return glob.glob(f"{s.dir}/state/{s.name(name)}/{FOLDER[backend]}/{files}")


def in_memory():
    return ["--set", "state.backend=memory", "--set", "memory.limit=256MB"]


def killed(rng):
    seconds = KILLS * 1.2
    feeding = threading.Thread(target=lambda: s.produce("in", list(records(rng, RECORDS, 0)), seconds=seconds))
    feeding.start()
    begin, tails = time.monotonic(), []
    for moment in sorted(rng.uniform(0.4, seconds) for _ in range(KILLS)):
        p = s.start(*command("killed"))
        time.sleep(max(0, begin + moment - time.monotonic()))
        check(p.running(), f"ended by itself\n{p.errors()}")
        p.kill()
        tails.append(replayed(p.errors()))
    feeding.join()
    errors = to_end("killed")
    to_end("calm", *in_memory())
    compare("killed", "calm")
    check("damaged" not in errors, errors)


def stopped(rng):
    send(rng, 2000)
    to_end("killed")
    send(rng, 500)
    errors = to_end("killed")
    tail, whole = replayed(errors)
    check(len(tail) == 4 * PARTITIONS, f"not all checkpoints were used:\n{errors}")
    check(sum(tail) == 0 and not whole, f"changelogs were read after a clean stop:\n{errors}")
    say("stopped: nothing was read again")


def crashed(rng):
    """The disk of one moment under a changelog of later: what kill -9 leaves of it."""
    state = f"{s.dir}/state/{s.name('killed')}"
    shutil.copytree(f"{state}/{FOLDER[backend]}", f"{s.dir}/earlier")
    send(rng, 3000)
    to_end("killed")
    send(rng, 500)
    shutil.rmtree(f"{state}/{FOLDER[backend]}")
    shutil.move(f"{s.dir}/earlier", f"{state}/{FOLDER[backend]}")
    errors = to_end("killed")
    tail, whole = replayed(errors)
    check(len(tail) == 4 * PARTITIONS and not whole, f"not all checkpoints were used:\n{errors}")
    changes = sum(s.ends(f"killed-{t}-changelog")[p] for t in ("windows-window", "totals-aggregate",
                  "before-running", "first-dedupe") for p in range(PARTITIONS))
    check(0 < sum(tail) < 3000 * 5, f"{sum(tail)} changes were read, of {changes}")
    say(f"crashed: {sum(tail)} changes read again, of {changes}")


def damaged(rng):
    def overwrite():
        for path in tables("killed"):
            with open(path, "r+b") as f:
                f.write(b"x" * min(4096, os.path.getsize(path)))

    def remove():
        for path in tables("killed"):
            os.unlink(path)
    for what in (overwrite, remove):
        check(tables("killed"), "no table files")
        what()
        send(rng, 1000)
        errors = to_end("killed")
        is_told = "damaged" in errors or (backend == "memory" and what == remove)
        check(is_told and sum(replayed(errors)[1]) > 0, f"{what.__name__}: not noticed\n{errors}")
        say(f"damaged: {what.__name__}: noticed, and rebuilt")
    to_end("calm", *in_memory())
    compare("killed", "calm")


def tool(*arguments):
    done = subprocess.run([os.path.join(HERE, "kafka-tools"), *arguments], text=True, env=s.env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode == 0, f"{arguments}: {done.stdout}")


def foreign(rng):
    send(rng, 1000)
    errors = to_end("killed", status=2, size="9s")
    check("saved by other settings" in errors, errors)
    to_end("killed")  # undone
    to_end("calm", *in_memory())

    group, topic = f"klamm-{s.name('killed')}", s.name("killed")
    tool("groups", "--delete", "--group", group)
    tool("topics", "--delete", "--topic", f"{topic}-.*-changelog")
    s.wait_until("the changelogs are gone", lambda: not [t for t in s.topics() if re.match(f"{topic}-.*-changelog", t)])
    errors = to_end("killed", out="reset")
    check("of another changelog" in errors, f"a foreign disk was not noticed:\n{errors}")
    compare("reset", "calm")
    say("foreign: not used")


say(f"seed {SEED}")
for backend in os.environ.get("KLAMM_LOCAL_BACKEND", "rocksdb memory").split():
    say(f"-- {backend}")
    rng = random.Random(SEED)
    written = RECORDS
    with Scratch(f"local-{backend}") as s:
        s.topic("in", PARTITIONS)
        killed(rng)
        stopped(rng)
        crashed(rng)
        damaged(rng)
        foreign(rng)
