"""Tables of bench/run: results.json and RESULTS.md from the list of its measurements."""
import json
import os
import platform
import statistics
import subprocess
import time

from systems import ROOT

COLUMNS = [("rate/s", "rate", "{:,.0f}"), ("steady/s", "steady", "{:,.0f}"), ("end to end s", "end_s", "{:.2f}"),
           ("first output s", "first_output_s", "{:.2f}"), ("CPU s per million", "cpu_per_million", "{:.2f}"),
           ("peak MB", "rss_mb", "{:.0f}"), ("broker CPU s", "broker_s", "{:.1f}"),
           ("allocations a row", "allocations", "{:.5f}")]
OTHERS = "## Faults and restarts"  # from there on RESULTS.md is written by hand
MODES = {"free": "Broker and job on all cores", "pinned": "Broker on one core, job on another"}


def spread(values, form):
    values = [v for v in values if v is not None]
    if not values:
        return "–"
    middle = form.format(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({form.format(min(values))}–{form.format(max(values))})"


def table(results):
    lines = ["| | records | " + " | ".join(title for title, _, _ in COLUMNS) + " | ok |",
             "|---" * (len(COLUMNS) + 3) + "|"]
    for name in dict.fromkeys(r["name"] for r in results):
        rows = [r for r in results if r["name"] == name]
        cells = [spread([r.get(key) for r in rows], form) for _, key, form in COLUMNS]
        lines.append(f"| {name} | {rows[0]['records']:,} | " + " | ".join(cells) +
                     f" | {sum(r['ok'] for r in rows)}/{len(rows)} |")
    return lines


def pairs(names):
    """Whose rate is divided by whose: our rows by the floor, then each job by the other systems that did it."""
    found = [("klamm-j1", ["bare-j1"]), ("klamm-j2", ["bare-count"]), ("klamm-j2", ["plain-j2"]), ("klamm-j3", ["klamm-j2"])]
    for mine in names:
        system, job = mine.split("-")
        others = [name for name in names if name.endswith(f"-{job}") and name.split("-")[0] not in ("klamm", "plain", "bare")]
        if system == "klamm":
            found += [(mine, [other]) for other in others]
            found += [(mine, others)] if len(others) > 1 else []
    return [(mine, others) for mine, others in found if mine in names and all(o in names for o in others)]


def ratios(results):
    def values(name, key):
        return [r.get(key) or None for r in results if r["name"] == name]

    def divided(mine, others, key):
        for x, *rest in zip(values(mine, key), *(values(other, key) for other in others)):
            if x and any(rest):
                yield x / max(y for y in rest if y)

    found = pairs(list(dict.fromkeys(r["name"] for r in results)))
    if not found:
        return []
    lines = ["", "| round by round | end to end | steady |", "|---|---|---|"]
    for mine, others in found:
        other = others[0] if len(others) == 1 else "the best of them"
        lines.append(f"| {mine} / {other} | " + " | ".join(
            spread(divided(mine, others, key), "{:.2f}") for key in ("rate", "steady")) + " |")
    return lines


def write(results, command, folder):
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if "model name" in line),
               platform.machine())
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.strip()
    lines = ["# Results", "",
             f"`{command}`, {time.strftime('%Y-%m-%d')}, commit {commit}, {os.cpu_count()} cores of {cpu}, "
             "broker on the same machine.",
             "Median of the rounds (range). What the rows and columns are: the head of `bench/run`."]
    for mode, title in MODES.items():
        rows = [r for r in results if r["mode"] == mode]
        if rows:
            lines += ["", f"## {title}", "", *table(rows), *ratios(rows)]
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "RESULTS.md")
    others = ""
    if os.path.exists(path):
        with open(path) as f:
            _, found, rest = f.read().partition(OTHERS)
            others = "\n" + found + rest if found else ""
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n" + others)
    with open(os.path.join(folder, "results.json"), "w") as f:
        json.dump({"command": command, "commit": commit, "cpu": cpu,
                   "results": [{k: round(v, 3) if isinstance(v, float) else v for k, v in r.items()}
                               for r in results]}, f, indent=1)
        f.write("\n")
