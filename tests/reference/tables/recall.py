"""Results of the Python peers, which are slow and never change: computed once, then read.

  call = Call(function, args, files)     function(*args), a function of a module; the files it reads
  for result in results(calls): …        in the calls' order; what is missing is computed, in processes

A result is kept under $KLAMM_CACHE/peers (default: ~/.cache/klamm) by the source of the function, its
arguments (of a function its source), the contents of the files and the versions of River, scikit-learn and statsmodels. What is timed beside
klamm is never taken from there (speed.py).
"""
import collections
import concurrent.futures
import functools
import gzip
import hashlib
import importlib.metadata
import inspect
import os
import pickle
import sys
import time

import peers
import test_forecasts

FOLDER = os.path.join(peers.CACHE, "peers")
JOBS = os.cpu_count() or 1

Call = collections.namedtuple("Call", "function args files", defaults=[()])


@functools.cache
def content(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


@functools.cache
def versions():
    here = [f"{name} {importlib.metadata.version(name)}" for name in ("river", "scikit-learn")]
    return [*here, *test_forecasts.ENVIRONMENTS["statsmodels"][1]]


def place(call):
    names = {path: os.path.basename(path) for path in call.files}
    shown = [names.get(arg, arg) if isinstance(arg, str) else inspect.getsource(arg) if callable(arg) else arg
             for arg in call.args]
    key = [versions(), inspect.getsource(call.function), repr(shown), [content(p) for p in call.files]]
    return os.path.join(FOLDER, hashlib.sha256(repr(key).encode()).hexdigest() + ".gz")


def read(path):
    try:
        with gzip.open(path) as file:
            return True, pickle.load(file)
    except (OSError, EOFError, pickle.UnpicklingError):
        return False, None


def compute(call):
    """In a process of its own: the result goes to its file, and only there."""
    path = place(call)
    start = time.monotonic()
    result = call.function(*call.args)
    if result is None:  # a library that cannot be installed now
        return 0
    os.makedirs(FOLDER, exist_ok=True)
    with gzip.open(f"{path}.{os.getpid()}", "wb", compresslevel=1) as file:
        pickle.dump(result, file)
    os.replace(f"{path}.{os.getpid()}", path)
    return time.monotonic() - start


def told(call):
    return f"{call.function.__name__}({', '.join(str(arg) for arg in call.args)})".replace(peers.DATA, "DATA")


def results(calls):
    missing = {place(call): call for call in calls if not os.path.exists(place(call))}
    if missing:
        with concurrent.futures.ProcessPoolExecutor(JOBS) as pool:
            waiting = {pool.submit(compute, call): call for call in missing.values()}
            for n, done in enumerate(concurrent.futures.as_completed(waiting), 1):
                print(f"  {n} of {len(missing)}: {told(waiting[done])}, {done.result():.1f} s",
                      file=sys.stderr, flush=True)
    for call in calls:
        is_there, result = read(place(call))
        if not is_there:
            compute(call)
            is_there, result = read(place(call))
        yield result if is_there else None
