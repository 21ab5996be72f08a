"""Freed memory is kept while models compute, and goes back to the system afterwards."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import numpy as np
from app.engine import allocator

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def blocks():
    before = faults()
    for _ in range(20):
        parts = [np.empty(3 * 1024**2, np.uint8) for _ in range(8)]
        for part in parts:
            part.fill(1)
        del part, parts
    return faults() - before

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

plain = blocks()
assert allocator.keep_freed_memory()
blocks()
kept = blocks()
parts = [np.full(100 * 1024**2, 1, np.uint8) for _ in range(4)]
del parts
high = resident()
allocator.give_back()
low = resident()
parts = [np.full(100 * 1024**2, 1, np.uint8) for _ in range(4)]
del parts
with allocator.apart():
    inside = resident()
    parts = [np.full(100 * 1024**2, 1, np.uint8) for _ in range(4)]
    del parts
print(plain, kept, high, low, inside, resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux is meant")
def test_blocks_are_kept_and_given_back() -> None:
    plain_env = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=plain_env, capture_output=True, text=True, check=True)
    plain, kept, high, low, inside, after = map(int, done.stdout.split())

    assert plain > 20_000
    assert kept < plain / 10
    assert low < high - 300 * 1024**2
    assert inside < high - 300 * 1024**2
    assert after < high - 300 * 1024**2
