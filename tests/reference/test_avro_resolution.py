#!/usr/bin/env python3
"""Schema resolution beside fastavro: the same columns, the same refusals.

Hand-written cases name each rule of the Avro specification with the columns they must give; then
random pairs of a writer's schema and a reader's made from it by edits (promotions, fields dropped,
added, renamed, reordered, unions made and unmade, symbols lost) are written and read by fastavro and
read by klamm (build/.../avro_resolve). fastavro's Python values are laid out as columns here, by the
rules of schemas/avro_columns.c.

fastavro comes with the Python that ctest puts in front of the path; where it is missing, a virtual
environment is made under $KLAMM_CACHE (default ~/.cache/klamm). Skipped (77) where that fails.
"""
import base64
import copy
import io
import json
import math
import os
import random
import struct
import subprocess
import sys
import venv

SOURCE = os.environ.get("KLAMM_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("KLAMM_BUILD", os.path.join(SOURCE, "build", "dev"))
CACHE = os.environ.get("KLAMM_CACHE", os.path.expanduser("~/.cache/klamm"))
ENVIRONMENT = os.path.join(CACHE, "venv-avro")
PAIRS = int(os.environ.get("KLAMM_PAIRS", "1500"))
SEED = int(os.environ.get("KLAMM_SEED", "7"))

try:
    import fastavro
    import fastavro.schema
except ImportError:
    if os.environ.get("KLAMM_IN_VENV"):
        print("skipped: fastavro cannot be imported")
        sys.exit(77)
    try:
        PYTHON = os.path.join(ENVIRONMENT, "bin", "python")
        if not os.path.exists(PYTHON) or subprocess.run(
                [PYTHON, "-c", "import fastavro"], stderr=subprocess.DEVNULL).returncode != 0:
            venv.create(ENVIRONMENT, with_pip=True, clear=True)
            subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "fastavro==1.9.7"],
                           check=True, timeout=500)
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"skipped: fastavro cannot be installed ({problem})")
        sys.exit(77)
    os.environ["KLAMM_IN_VENV"] = "1"
    os.execv(PYTHON, [PYTHON, *sys.argv])

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
NUMBERS = {"int": "long", "long": "long", "float": "double", "double": "double"}


# ---- columns, as schemas/avro_columns.c makes them ----------------------------------------------

class Text:
    """A value that klamm keeps as JSON text."""

    def __init__(self, value):
        self.value = value


def kind(schema):
    return schema["type"] if isinstance(schema, dict) else "union" if isinstance(schema, list) \
        else schema


def without_null(schema):
    if isinstance(schema, list):
        others = [s for s in schema if kind(s) != "null"]
        return others[0] if len(others) == 1 else schema if others else "null"
    return schema


def basic(schema):
    """boolean, long, double, string or bytes; None for what needs a look inside."""
    k = kind(schema)
    if k == "union":
        types = {basic(s) for s in schema if kind(s) != "null"}
        if len(types) == 1:
            return types.pop()
        return "double" if types == {"long", "double"} else None
    if k in ("record", "array", "map"):
        return None
    return {"null": "string", "enum": "string", "fixed": "bytes"}.get(k, NUMBERS.get(k, k))


def plain(value, schema):
    """A value as JSON text shows it."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        fields = {}
        if kind(schema) == "record":
            fields = {f["name"]: f["type"] for f in schema["fields"]}
        return {k: plain(v, fields.get(k, "null")) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v, "null") for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def convert(schema, value):
    schema = without_null(schema)
    if value is None:
        return None
    b = basic(schema)
    if b == "double":
        return plain(float(value), schema)
    if b == "bytes":
        return plain(value.encode("latin-1") if isinstance(value, str) else value, schema)
    if b:
        return value
    if kind(schema) == "union":
        return Text(plain(value, schema))
    if kind(schema) == "array":
        return [convert(schema["items"], v) for v in value]
    if kind(schema) == "map":
        return {k: convert(schema["values"], v) for k, v in value.items()}
    return {f["name"]: convert(f["type"], value[f["name"]]) for f in schema["fields"]}


def flatten(schema, value, name="", out=None):
    out = {} if out is None else out
    s = without_null(schema)
    if kind(s) != "record":
        out[name or "_value"] = convert(schema, value)
        return out
    for f in s["fields"]:
        inner = None if value is None else value[f["name"]]
        flatten(f["type"], inner, f"{name}.{f['name']}" if name else f["name"], out)
    return out


def same(want, got):
    if isinstance(want, Text):
        return isinstance(got, str) and same(want.value, json.loads(got))
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, (int, float)) and isinstance(got, (int, float)):
        narrow = struct.unpack("f", struct.pack("f", float(want)))[0]
        return want == got or narrow == got
    if isinstance(want, dict):
        return isinstance(got, dict) and want.keys() == got.keys() and \
            all(same(want[k], got[k]) for k in want)
    if isinstance(want, list):
        return isinstance(got, list) and len(want) == len(got) and all(map(same, want, got))
    return want == got


# ---- random schemas, values and edits -------------------------------------------------------------

class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.names = 0

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def schema(self, depth):
        kinds = ["int", "long", "float", "double", "string", "boolean", "bytes", "enum", "fixed"]
        if depth > 0:
            kinds += ["record", "record", "array", "map", "union", "union"]
        return self.of_kind(self.r.choice(kinds), depth)

    def of_kind(self, k, depth):
        if k == "record":
            return self.record(depth)
        if k == "enum":
            symbols = [f"S{i}" for i in range(self.r.randint(1, 4))]
            return {"type": "enum", "name": self.name("E"), "symbols": symbols}
        if k == "fixed":
            return {"type": "fixed", "name": self.name("X"), "size": self.r.randint(1, 5)}
        if k == "array":
            return {"type": "array", "items": self.schema(depth - 1)}
        if k == "map":
            return {"type": "map", "values": self.schema(depth - 1)}
        if k == "union":
            return self.union(depth)
        return k

    def union(self, depth):
        branches = ["null"] if self.r.random() < 0.8 else []
        for _ in range(self.r.choice([1, 1, 2, 3])):
            b = self.schema(depth - 1)
            if kind(b) != "union" and self.allowed(branches, b):
                branches.append(b)
        self.r.shuffle(branches)
        return branches if branches else ["null", "long"]

    @staticmethod
    def allowed(branches, b):
        """No second branch of a kind; of string and bytes only one, since which of them takes the
        other's data is a matter of taste; and no more than one named type or map, since values do
        not say which they are."""
        groups = [{"string", "bytes", "enum", "fixed"}, {"record", "map"}]
        k = kind(b)
        for other in branches:
            o = kind(other)
            if o == k or any(k in g and o in g for g in groups):
                return False
        return True

    def record(self, depth):
        fields = [{"name": f"f{i}", "type": self.schema(depth - 1)}
                  for i in range(self.r.randint(1, 4))]
        return {"type": "record", "name": self.name("R"), "fields": fields}

    def value(self, s):
        r = self.r
        k = kind(s)
        if k == "union":
            return self.value(r.choice(s))
        if k == "record":
            return {f["name"]: self.value(f["type"]) for f in s["fields"]}
        if k == "enum":
            return r.choice(s["symbols"])
        if k == "fixed":
            return bytes(r.randrange(256) for _ in range(s["size"]))
        if k == "array":
            return [self.value(s["items"]) for _ in range(r.randint(1, 3))]
        if k == "map":
            return {f"k{i}": self.value(s["values"]) for i in range(r.randint(1, 3))}
        return {"null": None, "boolean": r.random() < 0.5, "int": r.randint(-10**6, 10**6),
                "long": r.choice([r.randint(-100, 100), r.randint(-2**23, 2**23)]),
                "float": r.choice([0.5, -2.25, 1e10, 3.0]), "double": r.uniform(-1e6, 1e6),
                "string": r.choice(["", "a", "hello", "twelve bytes", "thirteen bytes",
                                    "\u00e4\u4e2d\U0001f600", 'q"\\\n']),
                "bytes": r.choice([b"", b"abc", b"longer than twelve bytes"])}[k]

    def default(self, s):
        """A default for a schema, or None when there is no simple one."""
        k = kind(s)
        if k == "union":
            return self.default(s[0]) if kind(s[0]) not in ("bytes", "fixed", "record", "map",
                                                            "array") else None
        simple = {"null": [None], "boolean": [True], "int": [7], "long": [-9], "float": [0.25],
                  "double": [1.5], "string": ["d\u00fc"], "bytes": [""]}
        if k in simple:
            return simple[k]
        if k == "enum":
            return [s["symbols"][-1]]
        if k == "array":
            inner = self.default(s["items"])
            return [[] if inner is None or basic(s["items"]) is None else [inner[0]]]
        if k == "map":
            return [{}]
        return None

    def edit(self, s):
        """A reader's schema that is mostly, but not always, able to read what s wrote."""
        r = self.r
        k = kind(s)
        if r.random() < 0.03:
            return self.schema(1)
        if k == "union":
            return self.edit_union(s)
        wide = {"int": ["long", "float", "double"], "long": ["float", "double"],
                "float": ["double"], "string": ["bytes"], "bytes": ["string"]}
        if k in wide and r.random() < 0.3:
            s = r.choice(wide[k])
        elif k == "record":
            s = self.edit_record(s)
        elif k == "enum":
            s = self.edit_enum(s)
        elif k == "fixed":
            s = self.edit_name(dict(s, size=s["size"] + (r.random() < 0.05)))
        elif k == "array":
            s = dict(s, items=self.edit(s["items"]))
        elif k == "map":
            s = dict(s, values=self.edit(s["values"]))
        if r.random() < 0.15 and kind(s) not in ("union", "null"):
            s = r.choice([["null", s], [s, "null"], [s]])
        return s

    def edit_union(self, s):
        r = self.r
        if len(s) > 1 and r.random() < 0.15:
            return self.edit(r.choice(s))
        out = []
        for b in s:
            e = b if r.random() < 0.7 else self.edit(b)
            for x in e if isinstance(e, list) else [e]:
                if self.allowed(out, x):
                    out.append(x)
        if r.random() < 0.1:
            out.pop(r.randrange(len(out)))
        if r.random() < 0.3:
            r.shuffle(out)
        return out or ["null"]

    def edit_name(self, s):
        r = self.r
        chance = r.random()
        if chance < 0.15:
            s = dict(s, aliases=[s["name"]], name=self.name("A"))
        elif chance < 0.18:
            s = dict(s, name=self.name("A"))
        elif chance < 0.3:
            s = dict(s, namespace="other.space")
        return s

    def edit_enum(self, s):
        r = self.r
        symbols = list(s["symbols"])
        if r.random() < 0.3:
            symbols.append("NEW")
        if len(symbols) > 1 and r.random() < 0.3:
            symbols.pop(r.randrange(len(symbols)))
        r.shuffle(symbols)
        s = dict(s, symbols=symbols)
        if r.random() < 0.5:
            s["default"] = symbols[0]
        return self.edit_name(s)

    def edit_record(self, s):
        r = self.r
        fields = []
        for f in s["fields"]:
            if len(s["fields"]) > 1 and r.random() < 0.1:
                continue
            f = {"name": f["name"], "type": self.edit(f["type"])}
            if r.random() < 0.15:
                f["aliases"] = [f["name"], "unused"]
                f["name"] = self.name("g")
            fields.append(f)
        if r.random() < 0.4:
            t = self.schema(1)
            f = {"name": self.name("n"), "type": t}
            d = self.default(t)
            if d is not None and r.random() < 0.9:
                f["default"] = d[0]
            if d is not None or r.random() < 0.1:
                fields.append(f)
        if r.random() < 0.3:
            r.shuffle(fields)
        return self.edit_name(dict(s, fields=fields)) if fields else s


# ---- hand-written rules -----------------------------------------------------------------------------

def rec(*fields, name="R", **more):
    return {"type": "record", "name": name, "fields": [
        dict(zip(("name", "type", "default"), f)) if isinstance(f, tuple) else f for f in fields],
        **more}


def enum(*symbols, name="E", **more):
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def logical(t, name, **more):
    return {"type": t, "logicalType": name, **more}


ERROR = object()
LIST = rec(("v", "int"), ("next", ["null", "R"]))
NESTED_LIST = rec(("v", "long"), ("next", ["null", "R"]), ("w", "string", "x"))

# (rule, writer, value, reader, columns or ERROR). Values of logical types are given as raw numbers.
RULES = [
    ("int to long", "int", 5, "long", {"_value": 5}),
    ("int to float", "int", 5, "float", {"_value": 5.0}),
    ("int to double", "int", -7, "double", {"_value": -7.0}),
    ("long to float rounds", "long", 2**24 + 1, "float", {"_value": float(2**24)}),
    ("long to double", "long", 2**40, "double", {"_value": float(2**40)}),
    ("float to double", "float", 0.5, "double", {"_value": 0.5}),
    ("string to bytes", "string", "ab", "bytes", {"_value": "YWI="}),
    ("bytes to string", "bytes", b"ab", "string", {"_value": "ab"}),
    ("bytes to string, not UTF-8", "bytes", b"\xff", "string", ERROR),
    ("long to int", "long", 5, "int", ERROR),
    ("double to float", "double", 5.0, "float", ERROR),
    ("int to string", "int", 5, "string", ERROR),
    ("boolean to int", "boolean", True, "int", ERROR),
    ("fields in another order", rec(("a", "int"), ("b", "string")), {"a": 1, "b": "x"},
     rec(("b", "string"), ("a", "int")), {"b": "x", "a": 1}),
    ("field dropped", rec(("a", "int"), ("b", "string")), {"a": 1, "b": "x"},
     rec(("b", "string")), {"b": "x"}),
    ("field added with default", rec(("a", "int")), {"a": 1},
     rec(("a", "int"), ("b", "string", "new")), {"a": 1, "b": "new"}),
    ("field added without default", rec(("a", "int")), {"a": 1},
     rec(("a", "int"), ("b", "string")), ERROR),
    ("default of a record with defaults inside", rec(("a", "int")), {"a": 1},
     rec(("a", "int"), ("r", rec(("x", "int", 3), ("y", "string"), name="S"), {"y": "t"})),
     {"a": 1, "r.x": 3, "r.y": "t"}),
    ("default of an array", rec(("a", "int")), {"a": 1},
     rec(("a", "int"), ("b", {"type": "array", "items": "double"}, [1, 2.5])),
     {"a": 1, "b": [1.0, 2.5]}),
    ("default of a union is of its first branch", rec(("a", "int")), {"a": 1},
     rec(("a", "int"), ("b", ["long", "null"], 4)), {"a": 1, "b": 4}),
    ("default of bytes is code points", rec(("a", "int")), {"a": 1},
     rec(("a", "int"), ("b", "bytes", "\u0001\u00ff")), {"a": 1, "b": "Af8="}),
    ("field alias", rec(("old", "int")), {"old": 1},
     rec({"name": "new", "type": "int", "aliases": ["older", "old"]}), {"new": 1}),
    ("a field's own name comes before aliases", rec(("a", "int"), ("b", "int")), {"a": 1, "b": 2},
     rec({"name": "a", "type": "int"}, {"name": "b", "type": "int", "aliases": ["a"]}),
     {"a": 1, "b": 2}),
    ("record alias", rec(("a", "int"), name="Old"), {"a": 1},
     rec(("a", "int"), name="New", aliases=["Old"]), {"a": 1}),
    ("record alias with namespace", rec(("a", "int"), name="Old", namespace="x.y"), {"a": 1},
     rec(("a", "int"), name="New", namespace="z", aliases=["x.y.Old"]), {"a": 1}),
    ("record of another name", rec(("a", "int"), name="Old"), {"a": 1},
     rec(("a", "int"), name="New"), ERROR),
    ("record of another namespace", rec(("a", "int"), namespace="x"), {"a": 1},
     rec(("a", "int"), namespace="y"), {"a": 1}),
    ("enum by symbol", enum("A", "B"), "B", enum("B", "A"), {"_value": "B"}),
    ("enum symbol lost", enum("A", "B"), "B", enum("A"), ERROR),
    ("enum symbol lost, not used", enum("A", "B"), "A", enum("A"), {"_value": "A"}),
    ("enum default", enum("A", "B"), "B", enum("A", "U", default="U"), {"_value": "U"}),
    ("enum alias", enum("A", name="E1"), "A", enum("A", name="E2", aliases=["E1"]),
     {"_value": "A"}),
    ("enum of another name", enum("A", name="E1"), "A", enum("A", name="E2"), ERROR),
    ("fixed", {"type": "fixed", "name": "X", "size": 2}, b"ab",
     {"type": "fixed", "name": "X", "size": 2}, {"_value": "YWI="}),
    ("fixed of another size", {"type": "fixed", "name": "X", "size": 2}, b"ab",
     {"type": "fixed", "name": "X", "size": 3}, ERROR),
    ("fixed alias", {"type": "fixed", "name": "X", "size": 2}, b"ab",
     {"type": "fixed", "name": "Y", "size": 2, "aliases": ["X"]}, {"_value": "YWI="}),
    ("array items promoted", {"type": "array", "items": "int"}, [1, 2],
     {"type": "array", "items": "double"}, {"_value": [1.0, 2.0]}),
    ("map values promoted", {"type": "map", "values": "int"}, {"k": 1},
     {"type": "map", "values": ["null", "long"]}, {"_value": {"k": 1}}),
    ("array to map", {"type": "array", "items": "int"}, [1], {"type": "map", "values": "int"},
     ERROR),
    ("reader becomes union", "int", 3, ["null", "int"], {"_value": 3}),
    ("reader union by promotion", "int", 3, ["null", "string", "long"], {"_value": Text(3)}),
    ("reader union without match", "boolean", True, ["null", "int"], ERROR),
    ("writer union, reader not", ["null", "int"], 3, "long", {"_value": 3}),
    ("writer union, reader not, wrong branch", ["null", "int"], None, "long", ERROR),
    ("both unions, reordered", ["null", "int"], 3, ["int", "null"], {"_value": 3}),
    ("both unions, branch gone", ["null", "int", "string"], "x", ["null", "int"], ERROR),
    ("both unions, branch gone, not used", ["null", "int", "string"], 4, ["null", "int"],
     {"_value": 4}),
    ("union of numbers is the widest", ["int", "double"], 4, ["int", "double"], {"_value": 4.0}),
    ("union of records by name", [rec(("a", "int"), name="A"), rec(("b", "int"), name="B")],
     ("B", {"b": 2}), [rec(("b", "long"), name="B"), rec(("a", "int"), name="A")],
     {"_value": Text({"b": 2})}),
    ("nullable record flattens", rec(("r", ["null", rec(("x", "int"), name="S")])),
     {"r": {"x": 1}}, rec(("r", ["null", rec(("x", "int"), name="S")])), {"r.x": 1}),
    ("nullable record, null", rec(("r", ["null", rec(("x", "int"), name="S")])),
     {"r": None}, rec(("r", ["null", rec(("x", "int"), name="S")])), {"r.x": None}),
    ("array of records", {"type": "array", "items": rec(("a", "int"), ("b", "string"))},
     [{"a": 1, "b": "x"}],
     {"type": "array", "items": rec(("c", "long", 9), ("b", "string"), ("a", "long"))},
     {"_value": [{"c": 9, "b": "x", "a": 1}]}),
    ("named type used twice", rec(("a", enum("A", "B")), ("b", "E")), {"a": "A", "b": "B"},
     rec(("b", enum("B", "A")), ("a", "E")), {"a": "A", "b": "B"}),
    ("recursion", LIST, {"v": 1, "next": {"v": 2, "next": None}}, NESTED_LIST,
     {"v": 1, "w": "x", "next.v": 2, "next.w": "x", "next.next.v": None}),
    ("micros stay micros: rounded to ms", "long", 1234567, logical("long", "timestamp-micros"),
     {"_value": 1234}),
    ("micros before the epoch round down", "long", -1, logical("long", "timestamp-micros"),
     {"_value": -1}),
    ("micros read as millis", logical("long", "timestamp-micros"), 5_000_999,
     logical("long", "timestamp-millis"), {"_value": 5000}),
    ("millis read as micros", logical("long", "timestamp-millis"), 5000,
     logical("long", "timestamp-micros"), {"_value": 5000}),
    ("millis read as a plain long", logical("long", "timestamp-millis"), 5000, "long",
     {"_value": 5000}),
    ("time-millis read as time-micros", logical("int", "time-millis"), 7,
     logical("long", "time-micros"), {"_value": 7000}),
    ("decimal", logical("bytes", "decimal", precision=6, scale=2), b"\xfe\xd4",
     logical("bytes", "decimal", precision=6, scale=2), {"_value": -3.0}),
    ("decimal of another scale", logical("bytes", "decimal", precision=6, scale=2), b"\x01",
     logical("bytes", "decimal", precision=6, scale=3), ERROR),
    ("decimal of plain bytes", "bytes", b"\x01\x00",
     logical("bytes", "decimal", precision=6, scale=1), {"_value": 25.6}),
    ("logical type on a wrong base is ignored", "int", 5, logical("int", "timestamp-millis"),
     {"_value": 5}),
]


def raw(schema):
    """The schema without logical types, to write raw numbers with."""
    if isinstance(schema, dict):
        return {k: raw(v) for k, v in schema.items() if k != "logicalType"}
    return [raw(s) for s in schema] if isinstance(schema, list) else schema


def write(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(raw(schema))), value)
    return out.getvalue()


def read(writer, reader, data):
    return fastavro.schemaless_reader(io.BytesIO(data), fastavro.parse_schema(copy.deepcopy(writer)),
                                      fastavro.parse_schema(copy.deepcopy(reader)))


def klamm(cases):
    lines = "".join(f"{json.dumps(w)}\n{json.dumps(r)}\n{d.hex()}\n" for w, r, d in cases)
    done = subprocess.run([os.path.join(BUILD, "avro_resolve")], input=lines, check=True, text=True,
                          capture_output=True)
    answers = done.stdout.split("\n")[:-1]
    assert len(answers) == len(cases), f"{len(answers)} answers to {len(cases)} cases"
    return answers


def check_rules(problems):
    cases = [(w, r, write(w, v)) for _, w, v, r, _ in RULES]
    for (rule, *_, want), answer in zip(RULES, klamm(cases)):
        if want is ERROR:
            fine = answer.startswith("error: ")
        else:
            got = {} if answer.startswith("error") else json.loads(answer)
            got = {k: v for k, v in got.items() if k in want} if rule == "recursion" else got
            fine = same(want, got) and not answer.startswith("error")
        if not fine:
            problems.append(f"{rule}: {answer}")


def make_pairs():
    cases, wants = [], []
    seed = SEED * 1000000
    while len(cases) < PAIRS:
        seed += 1
        m = Maker(seed)
        writer = m.record(3) if m.r.random() < 0.8 else m.schema(3)
        reader = m.edit(writer)
        value = m.value(writer)
        data = write(writer, value)
        try:
            want = flatten(reader, read(writer, reader, data))
        except (fastavro.schema.SchemaParseException, TypeError, AttributeError):
            continue
        except Exception as problem:  # fastavro raises errors of many kinds
            want = problem
        cases.append((writer, reader, data))
        wants.append((seed, want))
    return cases, wants


def main():
    problems = []
    check_rules(problems)
    cases, wants = make_pairs()
    refused = 0
    for case, (seed, want), answer in zip(cases, wants, klamm(cases)):
        if isinstance(want, Exception):
            refused += 1
            fine = answer.startswith("error: ")
        else:
            fine = not answer.startswith("error: ") and same(want, json.loads(answer))
        if not fine:
            shown = repr(want) if isinstance(want, Exception) else json.dumps(
                want, default=lambda t: {"text": t.value})
            problems.append(f"seed {seed}\n  writer {json.dumps(case[0])}\n  reader "
                            f"{json.dumps(case[1])}\n  data {case[2].hex()}\n  fastavro {shown}\n"
                            f"  klamm {answer}")
    for p in problems[:20]:
        print(p)
    print(f"{len(RULES)} rules, {len(cases)} pairs ({refused} refused), {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
