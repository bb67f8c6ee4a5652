#!/usr/bin/env python3
"""Schemas of what comes in and goes out, with the topic _klamm_schemas and with a schema registry.

  incompatible   a change of the output's type is refused at start, whether or not there is input, and
                 nothing is written; a compatible change goes on under a new id
  ids            stay what they were: every record of the output can be read by the id it carries
  registry       over HTTP with basic auth; reads what other writers registered, registers its own output;
                 a wrong password and a refusal are clear errors of the configuration, an
                 unreachable registry one of the run
"""
import base64
import http.server
import json
import os
import threading

import fastavro

from kafkatest import Scratch, check, decode, encode, same, say

SCHEMA = {"type": "record", "name": "Sample", "fields": [
    {"name": "host", "type": "string"}, {"name": "a", "type": "int"}]}
NEWER = {"type": "record", "name": "Sample", "fields": [
    {"name": "host", "type": "string"}, {"name": "extra", "type": {"type": "array", "items": "int"}, "default": []},
    {"name": "a", "type": "long"}]}
TOPOLOGY = """
name: schema
kafka: {bootstrap.servers: "${env:KAFKA}"}
REGISTRY
streams:
  samples:
    from: {topic: in}
  made:
    from: samples
    steps:
      - select: host, COLUMNS
    to: out
"""


def command(name, columns, registry="", topic="in"):
    file = s.file(f"{name}.yaml", TOPOLOGY.replace("COLUMNS", columns).replace("REGISTRY", registry))
    return ["run", file, "--until-end", "--set", f"name={s.name(name)}", "--set", f"state.dir={s.dir}/state",
            "--set", f"streams.samples.from.topic={s.name(topic)}", "--set", f"streams.made.to={s.name(name + '-out')}"]


def refused(words, arguments, status=2, env=None):
    _, errors = s.klamm(*arguments, status=status, env=env)
    for word in words:
        check(word in errors, f"no \"{word}\" in\n{errors}")
    say(next(line for line in errors.splitlines() if "error" in line))


def send(first, last, schema_id, schema, topic="in"):
    parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))
    rows = [{"host": f"h{i}", "a": i, "extra": [i, i]} for i in range(first, last)]
    s.produce(topic, [(r["host"].encode(), encode(r, parsed, schema_id)) for r in rows])


def without_registry():
    file = s.file("sample.avsc", json.dumps(SCHEMA))
    s.klamm("produce", s.name("in"), "--schema", file, os.devnull)
    first_id = s.schema_id(s.name("in") + "-value")
    send(0, 10, first_id, SCHEMA)
    s.klamm(*command("plain", "a"))
    subject = s.name("plain-out") + "-value"
    old = s.schema_id(subject)

    refused([subject, "incompatible", "a: long"], command("plain", "'x' || host as a"))
    send(10, 20, first_id, SCHEMA)
    refused([subject, "incompatible"], command("plain", "'x' || host as a"))
    same("output after the refusals", len(s.read("plain-out")), 10)
    same("id after the refusals", s.schema_id(subject), old)

    s.klamm(*command("plain", "a, nullif(a, 15) as b"))
    new = s.schema_id(subject)
    check(new != old, "a changed schema has the id of the old one")
    schemas = s.schemas()
    rows = [(int.from_bytes(r.value[1:5], "big"), decode(r.value, schemas)) for r in s.read("plain-out")]
    rows.sort(key=lambda r: r[1]["a"])
    same("rows", rows, [(old, {"host": f"h{i}", "a": i}) for i in range(10)] +
         [(new, {"host": f"h{i}", "a": i, "b": None if i == 15 else i}) for i in range(10, 20)])

    # Another writer's schema for the input, and back to it: ids of the same text are the same.
    newer = s.file("newer.avsc", json.dumps(NEWER))
    s.klamm("produce", s.name("in"), "--schema", newer, os.devnull)
    second_id = s.schema_id(s.name("in") + "-value")
    check(second_id not in (first_id, old, new), "ids are not unique")
    send(20, 30, second_id, NEWER)
    s.klamm(*command("plain", "a, nullif(a, 15) as b"))
    same("rows of both writers", sorted(row["a"] for _, row in s.rows("plain-out")), list(range(30)))
    same("id of the output", s.schema_id(subject), new)
    s.klamm("produce", s.name("other"), "--schema", file, os.devnull)
    same("id of the same schema elsewhere", s.schema_id(s.name("other") + "-value"), first_id)
    say("_klamm_schemas keeps its ids")


class Registry(http.server.ThreadingHTTPServer):
    """What klamm needs of Confluent's registry, behind basic auth."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.schemas, self.subjects = {}, {}
        self.requests, self.refuse = [], False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def register(self, subject, schema):
        known = [i for i, text in self.schemas.items() if json.loads(text) == json.loads(schema)]
        new = known[0] if known else 100 + len(self.schemas)
        self.schemas[new] = schema
        if new not in self.subjects.setdefault(subject, []):
            self.subjects[subject].append(new)
        return new


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def allowed(self):
        known = "Basic " + base64.b64encode(b"klamm:geheim:1").decode()
        if self.headers.get("Authorization") == known:
            return True
        self.answer(401, {"error_code": 401, "message": "Unauthorized"})
        return False

    def do_GET(self):
        server = self.server
        server.requests.append(("GET", self.path))
        part = self.path.split("?")[0].strip("/").split("/")
        if not self.allowed():
            return
        if part[:2] == ["schemas", "ids"] and int(part[2]) in server.schemas:
            self.answer(200, {"schema": server.schemas[int(part[2])]})
        elif part[0] == "subjects" and part[2:] == ["versions", "latest"] and part[1] in server.subjects:
            ids = server.subjects[part[1]]
            self.answer(200, {"subject": part[1], "version": len(ids), "id": ids[-1],
                              "schema": server.schemas[ids[-1]]})
        else:
            self.answer(404, {"error_code": 40403, "message": "not found"})

    def do_POST(self):
        server = self.server
        server.requests.append(("POST", self.path))
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        part = self.path.strip("/").split("/")
        if not self.allowed():
            return
        if server.refuse:
            self.answer(409, {"error_code": 409, "message": "Schema being registered is incompatible"})
        elif part[0] == "subjects" and part[2:] == ["versions"]:
            self.answer(200, {"id": server.register(part[1], body["schema"])})
        else:
            self.answer(404, {"error_code": 404, "message": "not found"})

    def log_message(self, *_):
        pass


def with_registry():
    registry = Registry()
    s.topic("registered", 2)
    subject = s.name("registered") + "-value"
    first, second = registry.register(subject, json.dumps(SCHEMA)), registry.register(subject, json.dumps(NEWER))
    send(0, 100, first, SCHEMA, "registered")
    send(100, 200, second, NEWER, "registered")
    options = f"schema_registry: {{url: \"{registry.url}\", user_info: \"${{env:REGISTRY_USER}}\"}}"
    known = lambda entries: len([r for r in entries if s.prefix in str(r.value)])
    before = known(s.read("_klamm_schemas"))
    run = command("http", "a", options, "registered")
    s.klamm(*run, env={"REGISTRY_USER": "klamm:geheim:1"})
    out = registry.subjects.get(s.name("http-out") + "-value", [])
    check(len(out) == 1, f"the output's schema is registered {len(out)} times: {registry.subjects}")
    schemas = {i: fastavro.parse_schema(json.loads(text)) for i, text in registry.schemas.items()}
    rows = s.rows("http-out", schemas)
    same("rows", sorted(row["a"] for _, row in rows), list(range(200)))
    same("ids", {int.from_bytes(r.value[1:5], "big") for r, _ in rows}, set(out))
    asked = [path for verb, path in registry.requests if path.startswith("/schemas/ids/")]
    check(len(asked) <= 3, f"ids are not kept: {asked}")
    check(known(s.read("_klamm_schemas")) == before, "_klamm_schemas was written to although there is a registry")
    say(f"a registry was asked {len(registry.requests)} times for 200 records")

    _, errors = s.klamm(*run, status=2, env={"REGISTRY_USER": "klamm:falsch"})
    check("401" in errors or "nauthorized" in errors, errors)
    check("falsch" not in errors, f"the password is in the message:\n{errors}")
    say(next(line for line in errors.splitlines() if "error" in line))
    registry.refuse = True
    changed = command("http", "'x' || host as a", options, "registered")
    refused([s.name("http-out"), "incompatible"], changed, env={"REGISTRY_USER": "klamm:geheim:1"})
    registry.shutdown()
    registry.server_close()
    _, errors = s.klamm(*run, status=1, env={"REGISTRY_USER": "klamm:geheim:1"})
    lines = [line for line in errors.splitlines() if line.startswith("error")]
    check(len(lines) == 1 and registry.url[7:] in lines[0], errors)
    say(lines[0])


with Scratch("schema") as s:
    without_registry()
    with_registry()
