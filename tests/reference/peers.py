"""What the tests beside Python libraries share: their virtual environment, the data sets, and
learner_driver, the program that runs a learner of klamm over a data set.

  peers.enter_environment()            River and scikit-learn can be imported from here on; exits with 77
                                       (skipped) where they cannot be installed
  path = peers.find("elec2")           None: not on this machine
  x, y = peers.load(path, "boolean")   rows as River wants them: a list of dicts; labels
  lines, scores = peers.drive("logistic_regression", "standard", "boolean", {"lr": 0.1}, path)

The environment is made once, under $KLAMM_CACHE (default: ~/.cache/klamm). Iris is part of the tree;
the other data sets are read from $KLAMM_DATA (default: ../shared/data).
"""
import csv
import os
import subprocess
import sys
import venv

SOURCE = os.environ.get("KLAMM_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("KLAMM_BUILD", os.path.join(SOURCE, "build", "dev"))
CACHE = os.environ.get("KLAMM_CACHE", os.path.expanduser("~/.cache/klamm"))
DATA = os.environ.get("KLAMM_DATA", os.path.join(SOURCE, "..", "shared", "data"))
ENVIRONMENT = os.path.join(CACHE, "venv-ml")
PYTHON = os.path.join(ENVIRONMENT, "bin", "python")
PACKAGES = ["river==0.26.1", "scikit-learn"]


def enter_environment():
    """Runs the calling script again under the environment's Python, which is made if need be."""
    if sys.prefix == os.path.realpath(ENVIRONMENT) or sys.prefix == ENVIRONMENT:
        return
    check = [PYTHON, "-c", "import river, sklearn; assert river.__version__ == '0.26.1'"]
    try:
        if subprocess.run(check, stderr=subprocess.DEVNULL).returncode != 0:
            raise FileNotFoundError
    except FileNotFoundError:
        try:
            os.makedirs(CACHE, exist_ok=True)
            venv.create(ENVIRONMENT, with_pip=True, clear=True)
            subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *PACKAGES], check=True,
                           timeout=500)
        except (OSError, subprocess.SubprocessError) as problem:
            print(f"skipped: River cannot be installed ({problem})")
            sys.exit(77)
    os.execv(PYTHON, [PYTHON, os.path.abspath(sys.argv[0]), *sys.argv[1:]])


def find(name):
    for folder in (os.path.join(SOURCE, "tests", "reference", "data"), DATA):
        path = os.path.join(folder, name + ".csv")
        if os.path.exists(path):
            return path
    return None


def load(path, label, most=None):
    """The first `most` rows; label: boolean ("1" is True), string or value."""
    of = {"boolean": lambda text: text == "1", "string": str, "value": float}[label]
    with open(path, newline="") as file:
        rows = csv.reader(file)
        names = next(rows)[:-1]
        rows = list(rows)[:most]
    return [dict(zip(names, map(float, row[:-1]))) for row in rows], [of(row[-1]) for row in rows]


def yaml(value):
    """An option as learner_driver takes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(yaml, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def drive(algorithm, scale, label, options, path, most=None, seed=1):
    """The lines of learner_driver (see there), and the numbers of its last one."""
    command = [os.path.join(BUILD, "learner_driver"), algorithm, scale, label, yaml(options), path]
    command += [str(most or 0), str(seed)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    scores = list(map(float, lines.pop()[2:].split()))
    return lines, scores


def classes(lines):
    """Lines of a classifier as pairs: the predicted class and the probabilities by class."""
    rows = []
    for line in lines:
        predicted, *probabilities = line.split("\t")
        pairs = (p.rsplit("=", 1) for p in probabilities)
        rows.append((predicted, {name: float(p) for name, p in pairs}))
    return rows
