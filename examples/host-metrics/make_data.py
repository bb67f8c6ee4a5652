#!/usr/bin/env python3
"""Writes data/samples.jsonl: 2,000 samples of five hosts for `klamm replay`, as the topology's generator
makes them for twenty. Always the same bytes."""
import json
import math
import os

HOSTS, ROWS, START = 5, 2000, 1_700_000_000_000


def noise(row):
    x = math.sin(row * 12.9898) * 43758.5453
    return x - math.floor(x) - 0.5


def sample(row):
    wave = math.sin(row * 20 / HOSTS / 127.32 + row % HOSTS)
    return {
        "host": f"host-{row % HOSTS}",
        "metric": "memory" if row // HOSTS % 5 == 4 else "cpu",
        "value": None if row % 97 == 0 else round(50 + 25 * wave + 20 * noise(row), 3),
        "ts": START + row * 2000 // HOSTS,
    }


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "samples.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        for row in range(ROWS):
            file.write(json.dumps({"value": sample(row)}) + "\n")


if __name__ == "__main__":
    main()
