#!/usr/bin/env python3
"""What fails for a while, what fails for good, and how a process ends then.

  retry      a schema registry that answers 500: the lane starts again after 1, 2, 4 s; once it has
             committed, the next failure begins with 1 s; nothing is lost or doubled
  stop       SIGTERM while a lane waits to start again, SIGINT while a registry does not answer at all
  others     a topology that fails for good leaves the others of the process at work
  too large  a record that the broker refuses ends the run with the remedy, which sets it aside
  names      two topologies that would share an internal topic; tail of Avro as JSON
"""
import http.server
import json
import signal
import socket
import threading
import time

import fastavro

from kafkatest import Scratch, check, encode, say

SCHEMA = {"type": "record", "name": "R", "fields": [{"name": "h", "type": "string"}, {"name": "v", "type": "long"}]}
PARSED = fastavro.parse_schema(SCHEMA)
TOPOLOGY = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}"}
state: {dir: STATE}
schema_registry: {url: "URL", timeout: 10m}
streams:
  rows:
    from: {topic: IN, schema: r.avsc}
    to: {topic: OUT, value: json}
"""
PLAIN = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}"}
state: {dir: STATE}
streams:
  STREAM:
    from: {topic: IN, value: json, columns: {h: string, v: long}}
    to: {topic: OUT, value: json}
"""


class Registry(http.server.BaseHTTPRequestHandler):
    fails = True
    asked = 0

    def do_GET(self):
        is_id = self.path.startswith("/schemas/ids/")
        Registry.asked += is_id
        status, answer = (200, {"schema": json.dumps(SCHEMA)}) if is_id else (404, {"error_code": 40401})
        status = 500 if is_id and Registry.fails else status
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def topology(name, text=TOPOLOGY, **more):
    for key, value in {"NAME": s.name(name), "STATE": s.dir + "/state", "IN": s.name(name + "-in"),
                       "OUT": s.name(name + "-out"), **more}.items():
        text = text.replace(key, value)
    s.topic(name + "-in", 1)
    return s.file(name + ".yaml", text)


def rows(topic):
    return [json.loads(r.value)["v"] for r in s.read(topic)]


def retry():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = topology("retry", URL=f"http://127.0.0.1:{server.server_port}")
    s.produce("retry-in", [(b"k", encode({"h": "a", "v": i}, PARSED, 1)) for i in range(3)])
    p = s.start("run", path)
    s.wait_until("it starts again for the third time", lambda: "starting it again in 4 s" in p.errors(), alive=[p])
    Registry.fails = False
    s.wait_until("rows", lambda: len(s.partitions("retry-out")) and rows("retry-out") == [0, 1, 2], alive=[p])
    waits = [line.split("again in ")[1] for line in p.errors().splitlines() if "again in " in line]
    check(waits == ["1 s", "2 s", "4 s"], f"waited {waits}")
    s.wait_consumed("klamm-" + s.name("retry"), "retry-in",
                    alive=[p])
    Registry.fails = True
    s.produce("retry-in", [(b"k", encode({"h": "a", "v": 3}, PARSED, 2))])
    s.wait_until("it fails again", lambda: p.errors().count("starting it again in 2 s") == 2, alive=[p])
    waits = [line.split("again in ")[1] for line in p.errors().splitlines() if "again in " in line]
    check(waits == ["1 s", "2 s", "4 s", "1 s", "2 s"], f"waited {waits}")
    say(f"waited {waits}")
    code = p.stop()
    check(code == 0, f"stopped while it waits: status {code}\n{p.errors()}")
    Registry.fails = False
    s.klamm("run", path, "--until-end")
    check(rows("retry-out") == [0, 1, 2, 3], f"{rows('retry-out')}")
    server.shutdown()


def hang():
    """Takes connections and never answers; the request's time-out is ten minutes."""
    mute = socket.create_server(("127.0.0.1", 0))
    path = topology("hang", URL=f"http://127.0.0.1:{mute.getsockname()[1]}")
    s.produce("hang-in", [(b"k", encode({"h": "a", "v": 1}, PARSED, 1))])
    p = s.start("run", path)
    connection, _ = mute.accept()
    request = connection.recv(1000)
    while b"/schemas/ids/" not in request:  # others are asked at the start
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
        request = connection.recv(1000)
        if not request:
            connection, _ = mute.accept()
            request = connection.recv(1000)
    begin = time.monotonic()
    p.process.send_signal(signal.SIGINT)
    code = p.wait()
    say(f"ended {time.monotonic() - begin:.1f} s after SIGINT")
    check(code == 0, f"status {code}\n{p.errors()}")
    check("stopped while it waited" in p.errors(), p.errors())
    mute.close()


def others():
    good, bad = topology("good", PLAIN, STREAM="rows"), topology("bad", PLAIN, STREAM="rows")
    s.produce("bad-in", [(b"k", b"oops")])
    p = s.start("run", bad, good)
    s.wait_until("the one has failed", lambda: "1 other goes on" in p.errors(), alive=[p])
    s.produce("good-in", [(b"k", b'{"h":"a","v":5}')])
    s.wait_until("the other goes on", lambda: rows("good-out") == [5], alive=[p])
    code = p.stop()
    check(code == 1 and f"{s.name('bad-in')} partition 0 offset 0" in p.errors(), f"status {code}\n{p.errors()}")


def too_large():
    path = topology("large", PLAIN, STREAM="rows")
    s.topic("large-out", 1, {"max.message.bytes": "3000"})
    good = [b'{"h":"a","v":%d}' % i for i in range(3)]
    s.produce("large-in", [(b"k", v) for v in (good[0], b'{"h":"%s","v":9}' % (b"x" * 9000), *good[1:])])
    errors = ("--set", "errors.tolerance=all", "--set", f"errors.dead_letter_topic={s.name('large-dead')}")
    compression = ("--set", "kafka.compression.codec=none")
    _, text = s.klamm("run", path, "--until-end", *errors, *compression, status=1)
    check("max.message.bytes" in text and s.name("large-out") in text, text)
    check(rows("large-out") in ([], [0]), "part of the transaction is visible")
    _, text = s.klamm("run", path, "--until-end", *errors, *compression, "--set", "kafka.message.max.bytes=3000")
    check(" 1 bad" in text, text)
    check(rows("large-out") == [0, 1, 2], f"{rows('large-out')}")
    letter, = s.read("large-dead")
    check(letter.headers["klamm.left.out"] == "value" and letter.value is None, f"{letter.headers}")
    say(letter.headers["__connect.errors.exception.message"])


def names():
    windows = """    steps: [{key_by: h}, {window: {tumbling: 1s, aggregate: count() as n}}]
    to:"""
    one = topology("x", PLAIN.replace("    to:", windows), STREAM="y-rows")
    two = topology("x-y", PLAIN.replace("    to:", windows), STREAM="rows")
    _, errors = s.klamm("run", one, two, status=2)
    check(f"would both keep their own rows in topic {s.name('x')}-y-rows-repartition" in errors, errors)
    _, errors = s.klamm("tail", s.name("retry-in"), "--value", "json", "--until-end", status=1)
    check("looks like Avro (magic byte 0, schema id 1): use --value avro" in errors, errors)
    _, errors = s.klamm("run", one, "--show", "nosuch", status=2)
    check("--show nosuch: no stream writes to that topic" in errors, errors)


with Scratch("stopping") as s:
    s.file("r.avsc", json.dumps(SCHEMA))
    retry()
    hang()
    others()
    too_large()
    names()
