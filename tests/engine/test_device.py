"""torch's threads wait asleep, unless the artist says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, sys, tempfile
from app.engine.engine import Engine

engine = Engine(tempfile.mkdtemp())
assert "torch" not in sys.modules
print(os.environ.get("GOMP_SPINCOUNT"))
engine.close()
"""


@pytest.mark.parametrize(
    ("own", "expected"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "None")],
)
def test_idle_threads_sleep_from_before_torch_is_loaded(own, expected):
    plain = {name: value for name, value in os.environ.items() if "OMP" not in name}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=plain | own, capture_output=True, text=True, check=True)

    assert done.stdout.split() == [expected]
