"""The examples of docs/scripting.md run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/scripting.md").read_text(), re.S)


@pytest.mark.parametrize("number", [n for n, code in enumerate(EXAMPLES) if "Engine(" in code])
def test_an_example_prints_what_its_comments_say(number):
    code = EXAMPLES[number]

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    for expected in re.findall(r"print\(.*?\)\s+# ([\w({].*)", code):
        if not expected.startswith("what"):
            assert expected in done.stdout


def test_ctrl_c_stops_a_run_rather_than_the_script(tmp_path):
    code = (
        "import os, signal, threading, time\n"
        "from app.engine import Engine\n"
        "class Busy:\n"
        "    RETURN_TYPES = (); FUNCTION = 'run'; OUTPUT_NODE = True\n"
        "    INPUT_TYPES = classmethod(lambda cls: {})\n"
        "    def run(self):\n"
        "        while True: pass\n"
        f"engine = Engine({str(tmp_path)!r})\n"
        "engine.registry.classes['Busy'] = Busy\n"
        + EXAMPLES[-1]
        + "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "print(engine.run({'1': {'class_type': 'Busy', 'inputs': {}}}).status)\n"
        "engine.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout.strip()) == (0, "interrupted")
