"""What the tests on a real broker share: a scratch folder, klamm as a child process, topics, and reading
and writing them without klamm (kcat for records, a few requests of Kafka's protocol for the rest,
fastavro for values).

  with Scratch("name") as s:
      s.topic("in", 4)                       the topic s.name("in"), as all names of one test differ
      s.produce("in", [(key, value), …])     bytes; values() makes Avro in Confluent's wire format
      s.klamm("run", file, "--until-end")    waits; start() does not
      s.read("out")                          committed records, in offset order per partition

A failed check ends the program with a message; whatever klamm wrote to stderr is shown with it.
"""
import io
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import fastavro

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KLAMM = os.path.abspath(os.environ.get("KLAMM", os.path.join(ROOT, "build", "dev", "klamm")))
BEGIN = time.monotonic()
PATIENCE = 180  # s: what takes longer hangs, even on a loaded machine


def say(text):
    print(f"{time.monotonic() - BEGIN:6.1f} s  {text}", flush=True)


def fail(text):
    raise SystemExit(f"FAILED: {text}")


def check(condition, text):
    if not condition:
        fail(text)


def same(what, found, expected):
    """Compares two lists and shows where they part."""
    if found == expected:
        return
    for i, (f, e) in enumerate(zip(found, expected)):
        if f != e:
            fail(f"{what}: {len(found)} rows, expected {len(expected)}; row {i} is\n  {f}\nexpected\n  {e}")
    fail(f"{what}: {len(found)} rows, expected {len(expected)}; "
         f"the first {min(len(found), len(expected))} are as expected")


def broker():
    address = os.environ.get("KAFKA")
    return address or subprocess.run([os.path.join(HERE, "broker"), "address"], check=True, text=True,
                                     stdout=subprocess.PIPE).stdout.strip()


class Protocol:
    """Requests to a cluster of one node, in versions without tagged fields."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), 10)
        self.socket.settimeout(PATIENCE)
        self.correlation = 0

    def call(self, api, version, body):
        self.correlation += 1
        head = struct.pack(">hhi", api, version, self.correlation) + text("kafkatest")
        self.socket.sendall(struct.pack(">i", len(head + body)) + head + body)
        answer = Answer(self.exactly(struct.unpack(">i", self.exactly(4))[0]))
        check(answer.number("i") == self.correlation, "an answer to another request")
        return answer

    def exactly(self, n):
        data = b""
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            check(part, "the broker closed the connection")
            data += part
        return data


def text(s):
    return struct.pack(">h", -1) if s is None else struct.pack(">h", len(s.encode())) + s.encode()


def many(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class Answer:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, kind):
        size = struct.calcsize(">" + kind)
        self.at += size
        return struct.unpack(">" + kind, self.data[self.at - size:self.at])[0]

    def text(self):
        n = self.number("h")
        self.at += max(n, 0)
        return None if n < 0 else self.data[self.at - n:self.at].decode()

    def blob(self):
        n = self.number("i")
        self.at += max(n, 0)
        return None if n < 0 else self.data[self.at - n:self.at]

    def many(self, read):
        return [read() for _ in range(self.number("i"))]


class Record:
    def __init__(self, fields):
        self.partition, self.offset, self.timestamp = fields["partition"], fields["offset"], fields["ts"]
        self.key = as_bytes(fields["key"])
        self.value = as_bytes(fields["payload"])
        names = fields.get("headers", [])
        self.headers = dict(zip(names[::2], names[1::2]))


def as_bytes(s):
    """kcat writes bytes over 0x7f as they are, which latin-1 keeps apart."""
    return None if s is None else s.encode("latin-1")


def functions(report):
    """The frames of a crash report, by name and line."""
    frames = re.findall(r"klamm\(\+(0x[0-9a-f]+)\)", report)
    done = subprocess.run(["addr2line", "-fise", KLAMM, *frames], stdout=subprocess.PIPE, text=True)
    return done.stdout


class Process:
    """klamm in the background; its stderr goes to a file."""

    def __init__(self, command, cwd, env, log):
        self.log = log
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=errors)

    def running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def wait(self, seconds=PATIENCE):
        try:
            self.out = self.process.communicate(timeout=seconds)[0].decode()
        except subprocess.TimeoutExpired:
            self.kill()
            fail(f"klamm still runs after {seconds} s\n{self.errors()}")
        return self.process.returncode

    def stop(self, seconds=PATIENCE):
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def errors(self):
        with open(self.log, errors="replace") as f:
            text = f.read()
        return text + functions(text) if ": a defect of klamm" in text else text


class Scratch:
    def __init__(self, name):
        self.prefix = f"{name}-{os.getpid()}"
        self.address = broker()
        self.protocol = Protocol(self.address)
        self.dir = tempfile.mkdtemp(prefix=f"klamm-{self.prefix}-")
        self.env = dict(os.environ, KAFKA=self.address)
        self.started = []
        self.runs = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for p in self.started:
            if p.running():
                p.kill()
        if kind is None:
            shutil.rmtree(self.dir)
        else:
            print(f"left in {self.dir}", file=sys.stderr)

    def name(self, topic):
        return topic if topic.startswith("_") else f"{self.prefix}-{topic}"

    def file(self, name, content):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(content)
        return path

    # klamm

    def start(self, *arguments, env=None):
        self.runs += 1
        log = os.path.join(self.dir, f"stderr-{self.runs}")
        p = Process([KLAMM, *arguments], self.dir, dict(self.env, **(env or {})), log)
        self.started.append(p)
        return p

    def klamm(self, *arguments, status=0, seconds=PATIENCE, env=None):
        """Waits for the end; returns (stdout, stderr)."""
        p = self.start(*arguments, env=env)
        code = p.wait(seconds)
        check(code == status, f"klamm {' '.join(arguments)}: status {code}, expected {status}\n{p.errors()}")
        return p.out, p.errors()

    # topics

    def topic(self, topic, partitions=1, config=()):
        settings = many([text(k) + text(v) for k, v in dict(config).items()])
        body = many([text(self.name(topic)) + struct.pack(">ih", partitions, 1) + many([]) + settings])
        answer = self.protocol.call(19, 2, body + struct.pack(">i?", 10000, False))  # CreateTopics
        answer.number("i")
        for name, code, reason in answer.many(lambda: (answer.text(), answer.number("h"), answer.text())):
            check(code == 0, f"cannot create {name}: {reason}")

    def topics(self):
        """Replicas of each partition, by topic."""
        listing = json.loads(subprocess.run(["kcat", "-b", self.address, "-L", "-J"], check=True,
                                            stdout=subprocess.PIPE).stdout)
        return {t["topic"]: [len(p["replicas"]) for p in t["partitions"]] for t in listing["topics"]}

    def partitions(self, topic):
        """Replicas of each partition; [] when there is no such topic."""
        return self.topics().get(self.name(topic), [])

    def config(self, topic):
        body = many([struct.pack(">b", 2) + text(self.name(topic)) + struct.pack(">i", -1)])
        answer = self.protocol.call(32, 1, body + b"\0")  # DescribeConfigs
        answer.number("i")
        check(answer.number("i") == 1 and answer.number("h") == 0, f"no settings of {topic}")
        answer.text(), answer.number("b"), answer.text()

        def setting():
            name, value = answer.text(), answer.text()
            answer.number("?"), answer.number("b"), answer.number("?")
            answer.many(lambda: (answer.text(), answer.text(), answer.number("b")))
            return name, value
        return dict(answer.many(setting))

    def ends(self, topic, isolation=1):
        """Last stable offsets by partition; isolation 0: where the log ends."""
        n = len(self.partitions(topic))
        body = struct.pack(">ib", -1, isolation) + many(
            [text(self.name(topic)) + many([struct.pack(">iq", p, -1) for p in range(n)])])
        answer = self.protocol.call(2, 2, body)  # ListOffsets
        answer.number("i")
        found = answer.many(lambda: (answer.text(), answer.many(lambda: (
            answer.number("i"), answer.number("h"), answer.number("q"), answer.number("q")))))
        return {p: offset for _, parts in found for p, _, _, offset in parts}

    def wait_decided(self, topic):
        """Until no transaction is open: a broker writes their markers after it has answered."""
        self.wait_until(f"the transactions of {topic} are decided",
                        lambda: self.ends(topic) == self.ends(topic, 0))

    def committed(self, group, topic):
        """Committed offsets by partition; -1: none."""
        parts = many([struct.pack(">i", p) for p in range(len(self.partitions(topic)))])
        answer = self.protocol.call(9, 1, text(group) + many([text(self.name(topic)) + parts]))  # OffsetFetch
        found = answer.many(lambda: (answer.text(), answer.many(lambda: (
            answer.number("i"), answer.number("q"), answer.text(), answer.number("h")))))
        return {p: offset for _, parts in found for p, offset, _, _ in parts}

    def members(self, group):
        """State of a group and how many partitions each member has."""
        answer = self.protocol.call(15, 0, many([text(group)]))  # DescribeGroups
        answer.number("i"), answer.number("h"), answer.text()
        state = answer.text()
        answer.text(), answer.text()

        def member():
            name = answer.text()
            answer.text(), answer.text(), answer.blob()
            assignment = answer.blob()
            return name, assigned(assignment) if assignment else 0
        return state, dict(answer.many(member))

    def wait_until(self, what, condition, seconds=PATIENCE, alive=()):
        end = time.monotonic() + seconds
        while not condition():
            for p in alive:
                check(p.running(), f"klamm ended while waiting: {what}\n{p.errors()}")
            logs = "\n".join(p.errors() for p in alive)
            check(time.monotonic() < end, f"not after {seconds} s: {what}\n{logs}")
            time.sleep(0.05)

    def wait_consumed(self, group, topic, seconds=PATIENCE, alive=()):
        end = self.ends(topic)
        self.wait_until(f"{group} has read {topic}",
                        lambda: all(self.committed(group, topic)[p] >= n for p, n in end.items() if n), seconds,
                        alive)

    # records

    def produce(self, topic, records, partition=None, seconds=0):
        """records: (key, value) bytes, None or empty: null; a key goes where a Java client would put it.
        seconds: how long to take over it."""
        mark, gap = b"\x01\xfe=key=\xfe\x01", b"\x01\xfe=next=\xfe\x01"
        command = [b"kcat", b"-b", self.address.encode(), b"-P", b"-t", self.name(topic).encode(), b"-D", gap,
                   b"-K", mark, b"-X", b"partitioner=murmur2_random", b"-X", b"linger.ms=20", b"-Z"]
        if partition is not None:
            command += [b"-p", b"%d" % partition]
        feed = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        slices = max(1, int(seconds * 20))
        begin, size = time.monotonic(), len(records) // slices + 1
        for i in range(slices):
            lines = [(k or b"") + mark + (v or b"") + gap for k, v in records[i * size:(i + 1) * size]]
            feed.stdin.write(b"".join(lines))
            feed.stdin.flush()
            time.sleep(max(0, begin + seconds * (i + 1) / slices - time.monotonic()))
        feed.stdin.close()
        check(feed.wait() == 0, f"kcat could not write to {topic}")

    def read(self, topic, isolation="read_committed"):
        """All records of a topic, by partition and offset."""
        result = subprocess.run(["kcat", "-b", self.address, "-C", "-t", self.name(topic), "-e", "-q", "-J",
                                 "-o", "beginning", "-X", f"isolation.level={isolation}",
                                 "-X", "queued.min.messages=1000000"], check=True, stdout=subprocess.PIPE)
        records = [Record(json.loads(line.decode("latin-1"))) for line in result.stdout.split(b"\n") if line]
        return sorted(records, key=lambda r: (r.partition, r.offset))

    # Avro

    def schemas(self):
        """Schemas by id, out of the topic where klamm keeps them without a registry."""
        found = {}
        for r in self.read("_klamm_schemas"):
            entry = json.loads(r.value) if r.value else {}
            if "schema" in entry and entry["id"] not in found:
                found[entry["id"]] = fastavro.parse_schema(json.loads(entry["schema"]))
        return found

    def schema_id(self, subject):
        """The newest id of a subject."""
        entries = [json.loads(r.value) for r in self.read("_klamm_schemas") if r.value]
        ids = [e["id"] for e in sorted(entries, key=lambda e: e.get("version", 0))
               if e.get("subject") == subject]
        check(ids, f"no schema of {subject} in _klamm_schemas")
        return ids[-1]

    def rows(self, topic, schemas=None):
        """(record, value) of all committed records, decoded with the schema of their id."""
        schemas = schemas or self.schemas()
        return [(r, decode(r.value, schemas)) for r in self.read(topic)]


def assigned(data):
    a = Answer(data)
    a.number("h")
    return sum(a.many(lambda: (a.text(), len(a.many(lambda: a.number("i"))))[1]))


def decode(value, schemas):
    check(value[0] == 0, f"not in Confluent's wire format: {value[:8]!r}")
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), schemas[struct.unpack(">i", value[1:5])[0]], None)


def encode(value, schema, schema_id):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return b"\0" + struct.pack(">i", schema_id) + out.getvalue()
