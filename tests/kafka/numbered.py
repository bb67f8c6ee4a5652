"""Numbered rows through bench/soak.yaml, exactly_once, for tests of faults: the soak's load, which waits for what
is slow, and its checker, which judges every record that comes out (bench/soak_load.c, soak_check.c).

  load = Numbered(s)            s: the Scratch; topics are made, rows begin to come
  w = load.start(folder)        a worker
  load.wait_on(…), wait_all(…)  until more has come out; until all that was sent has
  load.finish(workers)          the rest must come out and the workers end in order: then the verdict
"""
import os
import subprocess
import sys

from kafkatest import ROOT, check, say

sys.path.insert(0, os.path.join(ROOT, "bench"))
from soak_run import Helper  # noqa: E402

BUILD = os.environ.get("KLAMM_BUILD", os.path.join(ROOT, "build", "dev"))
PARTITIONS, RATE, BACKLOG = 4, 1500, 8000


class Numbered:
    def __init__(self, s):
        tool = lambda name: os.path.join(BUILD, f"bench_soak_{name}")
        log = lambda name: os.path.join(s.dir, name)
        self.s, self.at, self.sent, self.total, self.is_complete = s, [0] * 4, 0, None, False
        subprocess.run([tool("load"), "create", s.prefix, str(PARTITIONS)], env=s.env, check=True)
        self.judge = Helper([tool("check"), s.prefix, str(PARTITIONS)], s.env, log("check"), self.on_check)
        self.load = Helper([tool("load"), "load", s.prefix, str(PARTITIONS), str(RATE)], s.env, log("load"), self.on_load)

    def start(self, state, more=(), env=None, streams=""):
        """A worker with its state in that folder; streams: others, which the topology has besides."""
        with open(os.path.join(ROOT, "bench", "soak.yaml")) as f:
            file = self.s.file("soak.yaml", f.read() + streams)
        sets = {"name": self.s.prefix, "state.dir": state, "streams.rows.from.topic": f"{self.s.prefix}-in",
                **{f"streams.{out}.to.topic": f"{self.s.prefix}-{out}" for out in ("passed", "counted", "windowed")}}
        words = [word for k, v in {**sets, **dict(more)}.items() for word in ("--set", f"{k}={v}")]
        return self.s.start("run", file, "--log-level", "debug", *words, env=env)

    def on_load(self, words):
        self.sent = int(words[1])
        if words[0] == "total":
            self.total = self.sent

    def on_check(self, words):
        if words[0] == "complete":
            self.is_complete = True
            return
        self.at = [int(w) for w in words[1:5]]
        self.load.order(f"limit {min(self.at[1:3]) + BACKLOG}")

    def end(self):
        self.load.end()
        self.judge.end()

    def wait_on(self, what, alive, n=1000):
        """Until so many more have come out; whose, nobody asks."""
        begin = self.at[1]
        self.s.wait_until(what, lambda: self.at[1] >= begin + n, alive=alive)

    def wait_all(self, what, alive):
        """Until all that has been sent so far has come out, which takes every worker's partitions."""
        sent = self.sent
        self.s.wait_until(what, lambda: min(self.at[1:3]) >= sent, alive=alive)

    def finish(self, workers):
        self.load.order(f"limit {1 << 62}")
        self.load.order("stop")
        self.s.wait_until("the load ends", lambda: self.total is not None, alive=workers)
        self.judge.order(f"total {self.total}")
        self.s.wait_until("everything has come out", lambda: self.is_complete, alive=workers)
        for w in workers:
            check(w.stop() == 0, f"status {w.process.returncode}\n{w.errors()}")
        self.judge.order("finish")
        code = self.judge.process.wait()
        with open(os.path.join(self.s.dir, "check")) as f:
            check(code == 0, f"the checker ended with {code}\n{f.read()}")
        say(f"{self.total} records: each once and in order")
