#!/usr/bin/env python3
"""klamm check --against: what becomes of the state of another topology, as text and JSON, with the exit code that goes
with it (worker/commands/check.c). What happens then: tests/property/test_state_change.c, tests/kafka/test_state_change.py."""

import json
import os
import subprocess
import sys
import tempfile

KLAMM = os.path.abspath(os.environ.get("KLAMM") or "build/dev/klamm")
TOPOLOGY = """name: load
streams:
  samples:
    from: {topic: metrics, value: json, key: {host: string}, columns: {host: string, value: double, up: boolean}}
  means:
    from: samples
    steps:
      - window: {tumbling: 1m, aggregate: "avg(value) as mean"}
    to: {topic: means, value: json}
  guesses:
    from: samples
    steps:
      - classify: {algorithm: logistic_regression, per: key, features: value, label: up, as: guess}
    to: {topic: guesses, value: json}
"""
problems = []


def check(new, code, *says, options=(), old=TOPOLOGY):
    """Both files, the new one against the old one; all of `says` stands in what it prints, or, behind a !, does not."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("new.yaml", new), ("old.yaml", old)):
            if text is not None:
                with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                    f.write(text)
        done = subprocess.run([KLAMM, "check", "new.yaml", "--against", "old.yaml", *options], cwd=folder, timeout=60,
                              text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = done.stdout + done.stderr
    wrong = [text for text in says if (text[1:] in said if text[0] == "!" else text not in said)]
    if done.returncode != code or wrong:
        problems.append(f"exit {done.returncode}, not {code}; wrong: {wrong}\n{said}")
    return done.stdout


check(TOPOLOGY, 0, "topology load: new.yaml against old.yaml\n", "keep     state load-means-window-changelog\n",
      "new.yaml:8:9: streams.means.steps[1].window\n", "keep     state load-guesses-classify-changelog\n",
      "the new topology goes on where the old one has stopped", "!to do")
check(TOPOLOGY.replace("avg(value) as mean", "max(host) as most, avg(value) * 2 as mean"), 0,
      "migrate  state load-means-window-changelog\n", ": + max(host) (from the change on)\n")
check(TOPOLOGY.replace("1m", "2m"), 2, "rebuild  state load-means-window-changelog\n",
      "tumbling=60000 is now tumbling=120000 (before: old.yaml:8:9)\n", "to do: undo the change; or give the topology",
      "keep     state load-guesses", "something is to be done first")
check(TOPOLOGY.replace("as: guess", "as: guess, options: {lr: 0.5}"), 0, "keep     state load-guesses", "!rebuild")
check(TOPOLOGY.replace("features: value", "features: value, scale: standard"), 2,
      "rebuild  state load-guesses-classify-changelog\n", "was saved by other settings of the step")
check(TOPOLOGY.replace("as: guess", "as: guess, options: {l1: 0.1}"), 2, "rebuild  state load-guesses")
check(TOPOLOGY.replace("  means:", "  averages:"), 2, "new      state load-averages-window-changelog\n",
      "gone     state load-means-window-changelog\n", "was stream means, now averages, renamed?")
check(TOPOLOGY.replace("name: load", "name: other"), 2, "gone     offsets klamm-load\n",
      "group klamm-other reads its inputs from the beginning", "was topology load, now other, renamed?")

found = json.loads(check(TOPOLOGY.replace("1m", "2m"), 2, options=("--plan", "json")))
fates = {c["name"]: c["fate"] for c in found["changes"]}
if fates != {"load-means-window-changelog": "rebuild", "load-guesses-classify-changelog": "keep"} or found["goes_on"]:
    problems.append(f"JSON: {found}")

# --set is for both
check(TOPOLOGY, 0, "keep     state x-means-window-changelog\n", options=("--set", "name=x"))
# problems of either file; what does not go together
check(TOPOLOGY, 2, "old.yaml:8:44:", "!keep", old=TOPOLOGY.replace("avg(value)", "average(value)"))
check(TOPOLOGY.replace("avg(value)", "average(value)"), 2, "new.yaml:8:44:", "!keep")
check(TOPOLOGY, 2, "old.yaml", "!keep", old=None)
check(TOPOLOGY, 2, "--against compares one topology with another", options=("--time",))
check(TOPOLOGY, 2, "--against compares one topology with another", options=("--plan", "dot"))
check(TOPOLOGY, 2, "--against compares one topology with another", options=("old.yaml",))

print("\n".join(problems) or "what becomes of state is told before")
sys.exit(len(problems) > 0)
