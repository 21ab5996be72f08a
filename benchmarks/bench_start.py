"""How quickly the window is there, and how long it ever stands still while torch loads.

    .venv/bin/python benchmarks/bench_start.py [--rounds 5]

Each round is a fresh process with a fresh home folder. ``first paint`` is CPU time of the whole
process from the interpreter's start to the first paint of the window with the starter workflow;
``longest stall`` is the longest gap between two turns of the GUI's event loop from then until
the engine is ready. Needs a display, or QT_QPA_PLATFORM=offscreen.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

BUDGETS = {"first paint, CPU s": 0.5, "longest stall, ms": 150.0}
TICK_MS = 2


def measure() -> None:
    """Run in the child: print the figures of one start."""
    import gc

    gc.disable()  # as app.main does
    from app.main import Options, Program, make_application

    with tempfile.TemporaryDirectory() as home:
        application = make_application()
        options = Options(base_dir=home)
        program = Program(application, options)
        from PySide6.QtCore import QTimer

        gaps: list[float] = []
        last = [0.0]

        def tick() -> None:
            now = time.perf_counter()
            gaps.append(now - last[0])
            last[0] = now

        timer = QTimer()
        timer.setInterval(TICK_MS)
        timer.timeout.connect(tick)

        def painted() -> None:
            print(f"paint {time.process_time():.4f}", flush=True)
            last[0] = time.perf_counter()
            timer.start()

        def ready() -> None:
            tick()
            print(f"stall {max(gaps) * 1000:.1f}", flush=True)
            timer.stop()
            program.window.close_for_good()

        program.window.painted.connect(painted)
        program.worker.ready.connect(ready)
        program.run()


def main() -> int:
    """Print a table of medians against the budgets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure()
        return 0
    environment = {**os.environ}
    if not environment.get("DISPLAY"):
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    figures: dict[str, list[float]] = {name: [] for name in BUDGETS}
    for _ in range(options.rounds):
        result = subprocess.run(
            [sys.executable, __file__, "--child"],
            env=environment, capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        words = dict(line.split() for line in result.stdout.splitlines() if " " in line)
        figures["first paint, CPU s"].append(float(words["paint"]))
        figures["longest stall, ms"].append(float(words["stall"]))
    print(f"{'':<22}{'median':>9}{'least':>9}{'most':>9}{'budget':>9}{'ratio':>8}")
    for name, values in figures.items():
        median = statistics.median(values)
        budget = BUDGETS[name]
        print(
            f"{name:<22}{median:>9.3g}{min(values):>9.3g}{max(values):>9.3g}"
            f"{budget:>9.3g}{median / budget:>8.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
