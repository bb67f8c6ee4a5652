"""One run of bench/soak: brokers, load, check and workers as child processes, and what the plan does to them.

Worker events are done by the loop in Soak.steer, broker events by a thread of their own, since a broker takes
seconds to come back. Brokers, load and check report by lines; every line moves `last_change` if a count in
it grew, and a run in which that stands still for too long has failed.
"""
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests", "kafka"))
from proxy import Proxy  # noqa: E402

CLUSTER = os.path.join(os.path.dirname(HERE), "tests", "kafka", "cluster")
BEGIN = time.monotonic()
RETAIN_BYTES = 192 << 20  # of a partition: many times the backlog that the load allows
SLOW = (1, 2, 5, 10, 20, 30)  # s: pauses are counted by these


def say(text):
    print(f"{time.monotonic() - BEGIN:7.1f} s  {text}", flush=True)


class Failed(Exception):
    pass


class Helper:
    """bench_soak_load or bench_soak_check: orders go in, reports come out by lines."""

    def __init__(self, command, env, log, on_line):
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors)
        self.name = os.path.basename(command[0])
        self.thread = threading.Thread(target=self.listen, args=(on_line,), daemon=True)
        self.thread.start()

    def listen(self, on_line):
        for line in self.process.stdout:
            on_line(line.split())

    def order(self, text):
        try:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its exit code tells why

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Worker:
    """A `klamm run` process that comes back after it was killed."""

    def __init__(self, number, command, env, log):
        self.number, self.command, self.env, self.log = number, command, env, log
        self.process, self.back_at, self.resume_at, self.peak_mb = None, 0, None, 0

    def is_up(self):
        return self.process is not None and self.resume_at is None

    def start(self):
        with open(self.log, "ab") as log:
            log.write(f"---- {time.monotonic() - BEGIN:.1f} s: started\n".encode())
            self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)

    def kill(self, away):
        self.process.kill()
        self.process.wait()
        self.process, self.resume_at, self.back_at = None, None, time.monotonic() + away

    def pause(self, away):
        self.process.send_signal(signal.SIGSTOP)
        self.resume_at = time.monotonic() + away

    def resume(self):
        self.process.send_signal(signal.SIGCONT)
        self.resume_at = None

    def measure(self):
        try:
            with open(f"/proc/{self.process.pid}/status") as f:
                mb = [int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM")]
            self.peak_mb = max([self.peak_mb, *mb])
        except OSError:
            pass  # it has just ended

    def last_words(self):
        with open(self.log, errors="replace") as f:
            return f.read()[-600:].strip().split("\n")[-3:]


class Brokers:
    """The cluster, and the thread in which it suffers."""

    def __init__(self, folder):
        self.env = dict(os.environ, KLAMM_CLUSTER_DIR=folder, RETAIN_BYTES=str(RETAIN_BYTES))
        self.done, self.failure, self.todo = {"bounce": 0, "freeze": 0}, None, queue.Queue()

    def call(self, *arguments):
        return subprocess.run([CLUSTER, *arguments], env=self.env, text=True, check=True,
                              stdout=subprocess.PIPE).stdout.strip()

    def start(self):
        self.call("wipe")
        self.address = self.call("start")
        self.begin = time.monotonic()
        threading.Thread(target=self.suffer, daemon=True).start()

    def out_of_sync(self):
        """Partitions that lack a replica; None: nobody answers."""
        answer = subprocess.run(["kcat", "-b", self.address, "-L", "-J", "-m", "10"], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)
        if answer.returncode != 0:
            return None
        listing = json.loads(answer.stdout)
        if len(listing["brokers"]) < 3:
            return None
        return sum(len(p["isrs"]) < len(p["replicas"]) for t in listing["topics"] for p in t["partitions"])

    def wait_in_sync(self):
        begin, told = time.monotonic(), time.monotonic()
        while self.out_of_sync() != 0:
            if time.monotonic() - told > 60:
                say(f"brokers: {self.out_of_sync()} partitions not in sync after {time.monotonic() - begin:.0f} s")
                told = time.monotonic()
            time.sleep(0.5)

    def suffer(self):
        while True:
            what, details = self.todo.get()
            try:
                self.wait_in_sync()
                getattr(self, what)(str(details["broker"]), details)
                self.wait_in_sync()
                say(f"{what}: broker {details['broker']} and its replicas are back")
                self.done[what] += 1
            except subprocess.CalledProcessError as e:
                self.failure = f"{what} of broker {details['broker']}: {e}"
            self.todo.task_done()

    def bounce(self, n, details):
        say(f"bounce: broker {n} ({details['how']}), back after {details['away']} s")
        self.call(details["how"], n)
        time.sleep(details["away"])
        self.call("restart", n)

    def freeze(self, n, details):
        say(f"freeze: broker {n}, for {details['away']} s")
        self.call("pause", n)
        time.sleep(details["away"])
        self.call("resume", n)


class Soak:
    def __init__(self, a, plan, build):
        self.a, self.plan, self.build = a, list(plan), build
        shutil.rmtree(a.dir, ignore_errors=True)
        os.makedirs(a.dir)
        self.brokers = Brokers(os.path.join(a.dir, "cluster"))
        self.sent, self.total, self.complete = 0, None, False
        self.at, self.faults, self.worst, self.slow = [0, 0, 0, 0], 0, 0, dict.fromkeys(SLOW, 0)
        self.done, self.exits = {"kill": 0, "pause": 0, "cut": 0}, []
        self.last_change = time.monotonic()
        self.helpers, self.workers = [], []
        self.proxy, self.heals_at = None, {}

    # what load and check report

    def on_load(self, words):
        self.sent = int(words[1])
        if words[0] == "total":
            self.total = self.sent

    def on_check(self, words):
        if words[0] == "complete":
            self.complete = True
            return
        at = [int(w) for w in words[1:5]]
        if at != self.at:
            self.at, self.last_change = at, time.monotonic()
        self.faults = int(words[6])
        self.worst = max(self.worst, int(words[8]) / 1000)
        for s in SLOW:
            self.slow[s] += int(words[8]) >= 1000 * s

    # the run

    def prepare(self):
        a = self.a
        self.brokers.start()
        say(f"brokers at {self.brokers.address}")
        env = dict(os.environ, KAFKA=self.brokers.address)
        load, check = (os.path.join(self.build, f"bench_soak_{x}") for x in ("load", "check"))
        log = lambda name: os.path.join(a.dir, name + ".log")
        subprocess.run([load, "create", "soak", str(a.partitions)], env=env, check=True)
        self.check = Helper([check, "soak", str(a.partitions)], env, log("check"), self.on_check)
        self.load = Helper([load, "load", "soak", str(a.partitions), str(a.rate)], env, log("load"), self.on_load)
        self.helpers = [self.check, self.load]
        command = [os.path.join(self.build, "klamm"), "run", self.topology(),
                   "--log-level", "info", "--set", f"state.dir={a.dir}/state", "--set", f"state.backend={a.backend}",
                   "--set", f"lanes={a.lanes}", "--set", f"commit_interval={a.commit}"]
        own = lambda n: [*command, "--set", f"kafka.client.id=worker-{n}"]
        env = self.behind_proxy(env) if a.cuts else env
        self.workers = [Worker(n, own(n), env, log(f"worker-{n}")) for n in range(1, a.workers + 1)]

    def behind_proxy(self, env):
        routes = [tuple(map(int, route.split("="))) for route in self.brokers.call("proxied").split()]
        self.proxy = Proxy(routes)
        return dict(env, KAFKA=",".join(f"127.0.0.1:{port}" for port, _ in routes))

    def topology(self):
        path = os.path.join(self.a.dir, "soak.yaml")
        with open(os.path.join(HERE, "soak.yaml")) as f:
            text = f.read().replace("linger.ms: 40", f"linger.ms: 40, session.timeout.ms: {self.a.session * 1000:.0f}")
        with open(path, "w") as f:
            f.write(text)
        return path

    def look(self):
        """What may go wrong at any time; and what is due again."""
        now = time.monotonic()
        for w in self.workers:
            if w.resume_at is not None and now >= w.resume_at:
                w.resume()
                say(f"pause: worker {w.number} goes on")
            if w.process is not None and w.process.poll() is not None:
                code, words = w.process.returncode, w.last_words()
                say(f"EXIT: worker {w.number} ended by itself with {code}: " + " | ".join(words))
                self.exits.append({"worker": w.number, "code": code, "words": words})
                w.process, w.resume_at, w.back_at = None, None, now + 1
            if w.process is None and now >= w.back_at:
                w.start()
            if w.process is not None:
                w.measure()
        for n in [n for n, at in self.heals_at.items() if now >= at]:
            self.heal(n)
        for h in self.helpers:
            if h.process.poll() not in (None, 0):
                raise Failed(f"{h.name} ended with {h.process.returncode}; see its log in {self.a.dir}")
        if self.brokers.failure:
            raise Failed(self.brokers.failure)
        if now - self.last_change > self.a.patience:
            self.stacks()
            raise Failed(f"nothing has moved for {self.a.patience:g} s: sent {self.sent}, came {self.at}")

    def stacks(self):
        for w in self.workers:
            if w.process is not None and shutil.which("gdb"):
                with open(os.path.join(self.a.dir, f"stacks-{w.number}"), "w") as out:
                    subprocess.run(["gdb", "-p", str(w.process.pid), "-batch", "-ex", "thread apply all bt"],
                                   stdout=out, stderr=subprocess.STDOUT)

    def strike(self, what, details):
        """Whether it could be done now: there must be a worker that is up."""
        if what in ("bounce", "freeze"):
            self.brokers.todo.put((what, details))
            return True
        up = [w for w in self.workers if w.is_up()]
        if not up:
            return False
        w = up[int(details["victim"] * len(up))]
        if what == "cut" and w.number in self.heals_at:
            return False
        say(f"{what}: worker {w.number}, for {details['away']} s" + (f" ({details['how']})" if what == "cut" else ""))
        self.cut(w.number, **details) if what == "cut" else getattr(w, what)(details["away"])
        self.done[what] += 1
        return True

    def cut(self, n, how, away, **_):
        self.proxy.order(f"{how} worker-{n}" + (" 200 50000" if how == "slow" else ""))
        self.heals_at[n] = time.monotonic() + away

    def heal(self, n):
        del self.heals_at[n]
        self.proxy.order(f"pass worker-{n}")
        say(f"cut: worker {n} has its network again")

    def steer(self):
        begin = time.monotonic()
        told = begin
        while self.plan or self.heals_at or self.brokers.todo.unfinished_tasks or self.sent < self.a.records or \
                time.monotonic() < begin + self.a.minutes * 60:
            self.look()
            now = time.monotonic()
            if self.plan and now - begin >= self.plan[0][0] and self.strike(*self.plan[0][1:]):
                self.plan.pop(0)
            self.load.order(f"limit {min(self.at[1:3]) + self.a.backlog}")
            if now - told > 10:
                self.progress()
                told = now
            time.sleep(0.1)

    def progress(self):
        say(f"sent {self.sent}, passed {self.at[1]}, counted {self.at[2]}, windows {self.at[3]}, faults {self.faults}, "
            f"kills {self.done['kill']}, pauses {self.done['pause']}, bounces {self.brokers.done['bounce']}, "
            f"freezes {self.brokers.done['freeze']}, cuts {self.done['cut']}, exits {len(self.exits)}, worst pause {self.worst:.1f} s, "
            f"load {os.getloadavg()[0]:.1f}")

    def wait_for(self, what, condition):
        say(what)
        told = time.monotonic()
        while not condition():
            self.look()
            time.sleep(0.1)
            if time.monotonic() - told > 10:
                self.progress()
                told = time.monotonic()

    def finish(self):
        self.load.order(f"limit {1 << 62}")
        self.load.order("stop")
        self.wait_for("the load ends", lambda: self.total is not None)
        self.check.order(f"total {self.total}")
        self.wait_for(f"all of {self.total} must come out", lambda: self.complete)
        self.wait_for("all workers are up", lambda: all(w.is_up() for w in self.workers))
        for w in self.workers:
            w.process.terminate()
        for w in self.workers:
            code = w.process.wait(self.a.patience)
            if code != 0:
                say(f"EXIT: worker {w.number} was told to end and did so with {code}: " + " | ".join(w.last_words()))
                self.exits.append({"worker": w.number, "code": code, "words": w.last_words()})
            w.process = None
        self.check.order("finish")
        say("reads to the ends of all partitions")
        code = self.check.process.wait(self.a.patience)
        self.check.thread.join()
        if code > 1:
            raise Failed(f"{self.check.name} ended with {code}; see its log in {self.a.dir}")
        self.faults = max(self.faults, code)

    def run(self):
        begin, failure = time.monotonic(), None
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
        try:
            self.prepare()
            self.steer()
            self.finish()
        except (Failed, subprocess.SubprocessError) as e:
            failure = str(e)
            say(f"FAILED: {failure}")
        finally:
            self.end()
        seconds = time.monotonic() - begin
        good = failure is None and self.faults == 0 and not self.exits
        if good and not self.a.keep:
            shutil.rmtree(self.a.dir)
        else:
            self.show_faults()
            say(f"data and logs are in {self.a.dir}")
        self.progress()
        settings = {k: v for k, v in vars(self.a).items() if k not in ("dir", "to", "keep")}
        return {"verdict": "passed" if good else "failed", "failure": failure, "faults": self.faults,
                "exits": self.exits, "records": self.total, "came": self.at, "seconds": round(seconds),
                "kills": self.done["kill"], "pauses": self.done["pause"], "bounces": self.brokers.done["bounce"],
                "freezes": self.brokers.done["freeze"], "cuts": self.done["cut"], "worst_pause_s": round(self.worst, 1),
                "seconds_with_a_pause_over_s": self.slow,
                "peak_mb": round(max([w.peak_mb for w in self.workers], default=0)), "settings": settings}

    def show_faults(self):
        for h in ("check", "load"):
            path = os.path.join(self.a.dir, h + ".log")
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    for line in f.read().split("\n")[:20]:
                        if line:
                            say(line)

    def end(self):
        for w in self.workers:
            if w.process is not None:
                w.process.kill()
                w.process.wait()
        for h in self.helpers + ([self.proxy] if self.proxy else []):
            h.end()
        try:
            self.brokers.call("stop")
        except subprocess.CalledProcessError as e:
            say(f"brokers: {e}")
