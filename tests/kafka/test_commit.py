#!/usr/bin/env python3
"""Exactly once, in a loop of crashes: two processes of commit_probe share a group while they are killed
(kill -9), stopped for longer than their session (SIGSTOP, SIGCONT: zombies) and ended politely (SIGTERM).
Afterwards every input must be counted once and in order, by what a read_committed reader sees.

  test_commit.py [SECONDS [SEED [dynamic|static]]]     40 s of crashes by default, half with either
                                                        kind of members; the seed is printed
"""
import os
import random
import signal
import subprocess
import sys
import time

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 40.0
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
KINDS = sys.argv[3:] or ["dynamic", "static"]
RATE = 2000
HERE = os.path.dirname(os.path.abspath(__file__))
PROBE = os.path.join(os.environ.get("KLAMM_BUILD", os.path.join(HERE, "../../build/dev")), "commit_probe")
FENCED = 3  # the process of this id before has been replaced, or a call failed: start it again


def broker():
    return subprocess.run([os.path.join(HERE, "broker"), "address"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


class Worker:
    def __init__(self, name, prefix, env):
        self.name, self.prefix, self.env = name, prefix, env
        self.stopped = False
        self.start()

    def start(self):
        self.process = subprocess.Popen([PROBE, "work", self.prefix, self.name], env=self.env)

    def send(self, what):
        if self.process.poll() is None:
            self.process.send_signal(what)

    def resume(self):
        self.send(signal.SIGCONT)
        self.stopped = False

    def end(self, what):
        self.resume()
        self.send(what)
        try:
            return self.process.wait(180)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise SystemExit(f"{self.name} does not end")

    def revive(self):
        """Starts it again if it is gone; inconsistent state is final."""
        status = self.process.poll()
        if status is None:
            return
        if status not in (0, FENCED, -signal.SIGKILL):
            raise SystemExit(f"{self.name} ended with status {status}")
        self.start()


def crash_loop(workers, rng, until):
    counts = {"kill": 0, "stop": 0, "end": 0, "start": 0}
    while time.time() < until:
        time.sleep(rng.uniform(0.2, 1.2))
        w = rng.choice(workers)
        what = rng.choice(["kill", "kill", "kill", "kill", "stop", "stop", "end"])
        counts[what] += 1
        if what == "kill":
            w.end(signal.SIGKILL)
            time.sleep(rng.choice([0, 0, 0.2, 1.0]))
        elif what == "end":
            w.end(signal.SIGTERM)
        else:  # sometimes longer than the session (3 s): the other one takes over
            w.send(signal.SIGSTOP)
            time.sleep(rng.choice([0.1, 0.3, 0.5, 4.5]))
            w.resume()
            time.sleep(rng.uniform(0, 1))
        for other in workers:
            counts["start"] += other.process.poll() is not None
            other.revive()
    return counts


def run(probe_env, rng, kind, seconds):
    prefix = f"commit-{os.getpid()}-{kind}"
    env = dict(probe_env)
    if kind == "static":
        env["KLAMM_PROBE_STATIC"] = "1"
    subprocess.run([PROBE, "create", prefix], env=env, check=True)
    n = int(RATE * seconds)
    feed = subprocess.Popen([PROBE, "feed", prefix, str(n), str(RATE)], env=env)
    workers = [Worker(name, prefix, env) for name in ("a", "b")]
    try:
        counts = crash_loop(workers, rng, time.time() + seconds)
        if feed.wait(300) != 0:
            raise SystemExit("feed failed")
        subprocess.run([PROBE, "wait", prefix, "300"], env=env, check=True)
        for w in workers:
            status = w.end(signal.SIGTERM)
            if status not in (0, FENCED):
                raise SystemExit(f"{w.name} ended with status {status}")
    finally:
        feed.kill()
        for w in workers:
            if w.process.poll() is None:
                w.process.kill()
    subprocess.run([PROBE, "check", prefix], env=env, check=True)
    print(f"{kind} members:",
          ", ".join(f"{v} {k}" for k, v in counts.items()), flush=True)


def main():
    print(f"seed {SEED}", flush=True)
    rng = random.Random(SEED)
    env = dict(os.environ, KAFKA=os.environ.get("KAFKA") or broker())
    for kind in KINDS:
        run(env, rng, kind, SECONDS / len(KINDS))


main()
