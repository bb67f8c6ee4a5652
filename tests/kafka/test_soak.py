#!/usr/bin/env python3
"""bench/soak in short: two workers and three brokers, three kills, a zombie, a broker that goes and comes, a network
that fails.

  test_soak.py [SEED]     KLAMM_SOAK_BACKEND rocksdb (or memory)

The load waits for what is slow, so it takes as long as it must; the hour is described in bench/README.md.
"""
import os
import subprocess
import sys
import time

from kafkatest import ROOT

BUILD = os.environ.get("KLAMM_BUILD", os.path.join(ROOT, "build", "dev"))
seed = sys.argv[1] if len(sys.argv) > 1 else str(int(time.time()))
backend = os.environ.get("KLAMM_SOAK_BACKEND", "rocksdb")
command = [sys.executable, os.path.join(ROOT, "bench", "soak"), "--minutes", "0.3", "--rate", "4000", "--workers", "2",
           "--partitions", "4", "--kills", "3", "--pauses", "1", "--bounces", "1", "--cuts", "1", "--session", "4",
           "--backlog", "50000", "--backend", backend, "--seed", seed, "--dir", os.path.join(BUILD, "soak")]
sys.exit(subprocess.run(command, env=dict(os.environ, KLAMM_BUILD=BUILD)).returncode)
