"""What bench/run measures: the rows of its table, each with its job and the command that does it.

A command is made of a `run`: its id, the input topics, the output topic, a folder for state, the number of
records that lie on the input topics, the brokers, and options for klamm.
"""
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.environ.get("KLAMM_BUILD", os.path.join(ROOT, "build", "release"))
KLAMM = os.environ.get("KLAMM", os.path.join(BUILD, "klamm"))
BARE = os.path.join(BUILD, "bench_bare")
JOIN = os.path.join(ROOT, "build", "peers")

INPUTS = {"j1": ["metrics"], "j2": ["metrics"], "j3": ["metrics"], "j4": ["sessions"], "j6": ["left", "right"],
          "j7": ["wide"]}
OUTPUTS = {"j1": "projected", "j2": "load", "j3": "load", "j4": "load", "j6": "joined", "j7": "load"}
FLUSHED = 4  # records behind those that go into windows, which close them

# Avro types of the columns that a job writes, in the words of bench_check. Klamm's aggregates but for the count
# are nullable.
WINDOW, NULLABLE = "sllldddd~", "slll?d?d?d?d?~"
FIELDS = {"j1": "sld", "j2": WINDOW, "j3": WINDOW, "j4": WINDOW, "j6": "sldld", "j7": WINDOW}
OWN_FIELDS = {**FIELDS, "j2": NULLABLE, "j3": NULLABLE, "j4": NULLABLE, "j7": NULLABLE}

JAVA = ["java", "-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        "-Dorg.apache.avro.specific.use_custom_coders=true"]
OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED"
         for package in ("java.util", "java.lang", "java.util.concurrent")]


def klamm(job, topology=None, *settings):
    """A topology of this folder; settings: "name=value"."""
    def command(run):
        streams = {"metrics": run["in"][0]} if len(run["in"]) == 1 else dict(zip(INPUTS[job], run["in"]))
        topics = [word for name, topic in streams.items() for word in ("--set", f"streams.{name}.from.topic={topic}")]
        return [KLAMM, "run", os.path.join(HERE, f"{topology or job}.yaml"), "--until-end", "--set", f"name={run['id']}", *topics,
                "--set", f"streams.{OUTPUTS[job]}.to.topic={run['out']}", "--set", f"state.dir={run['dir']}",
                *(word for setting in settings for word in ("--set", setting)),
                "--log-level", "debug", *run["options"]]
    return command


def words(run, **more):
    named = {"app": run["id"], "out": run["out"], "state": run["dir"], "brokers": run["kafka"], **more}
    return [f"{key}={value}" for key, value in named.items()]


def peer(folder, system, main, job, **more):
    """A job of the peers' own programs (../shared/peers)."""
    def command(run):
        target = os.path.join(folder, "jvm", system, "target")
        return [*JAVA, *(OPENS if system == "flink" else []), "-cp", f"{target}/{system}-1.jar:{target}/libs/*", main,
                *words(run, job=job.upper(), n=run["n"] + FLUSHED, **{"in": run["in"][0]}, **more)]
    return command


def join_peer(system, main, **more):
    """The join, by the programs of bench/peers."""
    def command(run):
        target = os.path.join(JOIN, system)
        return [*JAVA, *(OPENS if system == "flink" else []), "-cp", f"{target}/{system}-1.jar:{target}/libs/*", main,
                *words(run, n=run["n"], left=run["in"][0], right=run["in"][1], **more)]
    return command


# Only by name: the window store in memory looks at each ms of the interval for each row, 10,000 of them.
SLOW = {"memory-j6"}

OWN = {
    "klamm-j1": ("j1", klamm("j1")),
    "bare-j1": ("j1", lambda run: [BARE, "j1", *run["in"], run["out"]]),
    "klamm-j2": ("j2", klamm("j2")),
    "klamm-j3": ("j3", klamm("j3")),
    "klamm-j4": ("j4", klamm("j4")),
    "klamm-j6": ("j6", klamm("j6")),
    "klamm-j7": ("j7", klamm("j7", "j2", "state.backend=rocksdb", "memory.limit=64MB")),
    "plain-j2": ("j2", klamm("j2", "j2", "guarantee=at_least_once")),
    "bare-count": (None, lambda run: [BARE, "count", *run["in"]]),
}


def peers(folder):
    """Rows of the other systems; `folder` has the built programs of J1 to J4."""
    rows = {}
    kafka = {"j1": {"eos": 1, "commit": 100}, "j2": {"store": "mem"}, "j3": {"store": "mem"},
             "j4": {"store": "mem", "cache": 0}}
    for job, more in kafka.items():
        rows[f"streams-{job}"] = (job, peer(folder, "kstreams", "peers.StreamsPeer", job, threads=1, **more))
        rows[f"flink-{job}"] = (job, peer(folder, "flink", "peers.FlinkPeer", job, par=1))
    rows["streams-j7"] = ("j7", peer(folder, "kstreams", "peers.StreamsPeer", "j2", threads=1, store="rocksdb"))
    rows["streams-j6"] = ("j6", join_peer("streams", "klamm.bench.JoinStreams", store="rocksdb"))
    rows["memory-j6"] = ("j6", join_peer("streams", "klamm.bench.JoinStreams", store="mem"))
    rows["flink-j6"] = ("j6", join_peer("flink", "klamm.bench.JoinFlink"))
    return rows


def build_peers(folder):
    """Builds the join for them; what is wrong with J1 to J4, or None."""
    subprocess.run(["mvn", "-B", "-q", "-f", os.path.join(HERE, "peers", "pom.xml"), "package"], check=True)
    for system in ("kstreams", "flink"):
        if not os.path.exists(os.path.join(folder, "jvm", system, "target", f"{system}-1.jar")):
            return f"peers: {system} is not built; see README.md in {folder}"
    return None
