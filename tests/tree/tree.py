"""What the tests of the tree share: the list of files, and how to end."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ["engine", "schemas", "operators", "windows", "ml", "connectors", "worker"]


def files(*suffixes, below=None):
    """Paths, from the root, of files that are committed or about to be, with one of the suffixes."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True).stdout.decode().split("\0")
    listed = sorted({f for f in listed if f and os.path.isfile(os.path.join(ROOT, f))})
    if suffixes:
        listed = [f for f in listed if f.endswith(suffixes)]
    if below:
        listed = [f for f in listed if f.split("/")[0] in below]
    return listed


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def code_only(source):
    """The C source with comments and literals blanked, lines kept."""
    return TOKEN.sub(blank, source)


def without_literals(source):
    """The C source with literals blanked: code and comments."""
    return TOKEN.sub(lambda m: m.group() if m.group().startswith("/") else blank(m), source)


def finish(problems, fix=""):
    for p in problems:
        print(p)
    if problems and fix:
        print(fix)
    print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)
