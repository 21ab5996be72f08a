"""How long a workflow file takes to show, and how long saving one holds the window up.

    .venv/bin/python benchmarks/bench_files.py [--nodes 1000,2000,5000,10000] [--rounds 3]

Each round is a fresh process with the real window, a fresh home folder and the engine loaded.
``open`` is the whole way from the path of a file to the end of the first paint with its nodes.
``stall`` is the longest gap between two turns of the window's event loop, which a timer of one
millisecond counts, while a file is saved, or its recovery copy is written after an edit.

Wall time is what an artist waits; beside it stands the CPU time of the whole process, which other
programs on the machine do not lengthen. Needs a display, or QT_QPA_PLATFORM=offscreen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from app.ui.documents import OpenDocument
    from app.ui.main_window import MainWindow

OPEN_BUDGET_S = 1.5
STALL_BUDGET_MS = 16.0
BUDGET_NODES = 5000
SAVES = 5
TICK_MS = 1
IDLE_S = 1.0

UNIT = (
    ("CheckpointLoaderSimple", [], ["MODEL", "CLIP", "VAE"], ["model.safetensors"]),
    ("CLIPTextEncode", [("clip", "CLIP", 0, 1)], ["CONDITIONING"], ["a river in a forest " * 8]),
    ("CLIPTextEncode", [("clip", "CLIP", 0, 1)], ["CONDITIONING"], ["blurry"]),
    ("EmptyLatentImage", [], ["LATENT"], [512, 512, 1]),
    (
        "KSampler",
        [("model", "MODEL", 0, 0), ("positive", "CONDITIONING", 1, 0),
         ("negative", "CONDITIONING", 2, 0), ("latent_image", "LATENT", 3, 0)],
        ["LATENT"],
        [7, "fixed", 20, 8.0, "euler", "normal", 1.0],
    ),
    ("VAEDecode", [("samples", "LATENT", 4, 0), ("vae", "VAE", 0, 2)], ["IMAGE"], []),
    ("SaveImage", [("images", "IMAGE", 5, 0)], [], ["picture"]),
)  # fmt: skip
"""One text-to-image workflow: type, inputs ``(name, type, node, output)``, outputs, values."""


def make_file(path: Path, count: int) -> None:
    """Write a file of ``count`` nodes: many text-to-image workflows side by side."""
    nodes: list[dict[str, Any]] = []
    links: list[list[Any]] = []
    columns = max(1, round((count / len(UNIT)) ** 0.5))
    for index in range(count):
        unit, place = divmod(index, len(UNIT))
        kind, inputs, outputs, values = UNIT[place]
        node: dict[str, Any] = {
            "id": index + 1,
            "type": kind,
            "pos": [unit % columns * 2600 + place * 360, unit // columns * 700 + place % 2 * 320],
            "size": [315, 270],
            "flags": {},
            "order": index,
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": name, "type": name, "links": []} for name in outputs],
            "properties": {"Node name for S&R": kind, "cnr_id": "comfy-core", "ver": "0.3.40"},
            "widgets_values": values,
        }
        for slot, (name, type_name, origin, output) in enumerate(inputs):
            number = len(links) + 1
            source = nodes[unit * len(UNIT) + origin]
            source["outputs"][output]["links"].append(number)
            node["inputs"].append({"name": name, "type": type_name, "link": number})
            links.append([number, source["id"], output, node["id"], slot, type_name])
        nodes.append(node)
    data = {
        "version": 0.4, "last_node_id": count, "last_link_id": len(links), "nodes": nodes,
        "links": links, "groups": [], "config": {}, "extra": {},
    }  # fmt: skip
    path.write_text(json.dumps(data))


class Heartbeat:
    """Counts the gaps between turns of the event loop.

    Attributes:
        wall: The longest gap, in seconds.
        cpu: The most CPU time that the whole process used during one gap, in seconds.
    """

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self.wall = self.cpu = 0.0

    def start(self) -> None:
        """Begin to count."""
        self.wall = self.cpu = 0.0
        self._last = (time.perf_counter(), time.process_time())
        self._timer.start()

    def _tick(self) -> None:
        now = (time.perf_counter(), time.process_time())
        self.wall = max(self.wall, now[0] - self._last[0])
        self.cpu = max(self.cpu, now[1] - self._last[1])
        self._last = now

    def stop(self) -> None:
        """Stop counting; the last gap counts too."""
        self._tick()
        self._timer.stop()


async def _painted(window: MainWindow, count: int) -> None:
    """Wait for the end of the first paint of a canvas with ``count`` nodes."""
    from PySide6.QtCore import QEvent, QObject, QTimer
    from PySide6.QtWidgets import QApplication

    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    application = QApplication.instance()
    assert isinstance(application, QApplication)

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
            view = window.view
            if (
                event.type() == QEvent.Type.Paint
                and view is not None
                and watched is view.viewport()
                and len(view.canvas.nodes) >= count
                and not done.done()
            ):
                QTimer.singleShot(0, lambda: done.done() or done.set_result(None))
            return False

    watch = Watch()
    application.installEventFilter(watch)
    try:
        await done
    finally:
        application.removeEventFilter(watch)


async def measure_open(window: MainWindow, path: Path, count: int) -> dict[str, float]:
    """Open a file in the window and wait for its first frame."""
    beat = Heartbeat()
    beat.start()
    start = (time.perf_counter(), time.process_time())
    window.open_paths([path])
    await _painted(window, count)
    wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    beat.stop()
    return {"open": wall, "open_cpu": cpu, "open_stall": beat.wall, "open_stall_cpu": beat.cpu}


async def measure_stalls(
    window: MainWindow, item: OpenDocument, work: Callable[[], Awaitable[object]], name: str
) -> dict[str, float]:
    """Return the median of the longest gaps while ``work`` runs after an edit."""
    from app.engine.workflow import edits
    from app.ui.words import tr

    walls, cpus, times = [], [], []
    document = item.document
    for number in range(SAVES):
        place = {next(iter(document.bound.nodes)): (float(number), 1.0)}
        patch = edits.move_nodes(document.workflow, document.bound, place)
        document.apply(patch, tr("Move nodes"))
        await asyncio.sleep(0.2)
        beat = Heartbeat()
        beat.start()
        before = time.perf_counter()
        await work()
        times.append(time.perf_counter() - before)
        # What follows the end of the writing counts too: tabs, menus, the recovery copy.
        await asyncio.sleep(0.2)
        beat.stop()
        walls.append(beat.wall)
        cpus.append(beat.cpu)
    middle = statistics.median
    return {name: middle(walls), f"{name}_cpu": middle(cpus), f"{name}_time": middle(times)}


def measure(count: int) -> None:
    """Run in the child: print the figures of one process as JSON."""
    import gc

    gc.disable()  # as app.main does
    from app.main import Options, Program, make_application

    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "bench.json"
        make_file(path, count)
        program = Program(make_application(), Options(base_dir=home, no_packs=True))
        window = program.window
        figures: dict[str, float] = {}

        async def work() -> None:
            await asyncio.sleep(IDLE_S)
            figures.update(await measure_open(window, path, count))
            await asyncio.sleep(IDLE_S)
            item = window.documents.current
            assert item is not None
            figures.update(
                await measure_stalls(window, item, lambda: window.files.save(item), "save")
            )
            figures.update(await measure_stalls(window, item, window.journal.flush, "recovery"))
            print(json.dumps(figures), flush=True)
            item.document.mark_saved()
            window.close_for_good()

        program.worker.ready.connect(lambda: window.background.run(work()))
        program.run()


def _child(count: int, environment: dict[str, str]) -> dict[str, float]:
    result = subprocess.run(
        [sys.executable, __file__, "--child", str(count)],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    for line in result.stdout.splitlines():
        if line.startswith("{"):
            figures: dict[str, float] = json.loads(line)
            return figures
    raise SystemExit(result.stderr[-2000:] or "the child printed nothing")


def main() -> int:
    """Print a table of medians, the target beside."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", default="1000,2000,5000,10000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure(options.child)
        return 0
    environment = {**os.environ}
    if not environment.get("DISPLAY"):
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    print(f"{'':<24}{'nodes':>7}{'wall':>10}{'CPU':>10}{'target':>10}")
    per_node: list[tuple[int, float]] = []
    for count in (int(number) for number in options.nodes.split(",")):
        rounds = [_child(count, environment) for _ in range(options.rounds)]

        def middle(name: str, rounds: list[dict[str, float]] = rounds) -> float:
            return statistics.median(figures[name] for figures in rounds)

        is_target = count == BUDGET_NODES
        per_node.append((count, middle("open_cpu") / count * 1e6))
        target = f"{OPEN_BUDGET_S:.2f} s" if is_target else ""
        print(f"{'open to first frame':<24}{count:>7}{middle('open'):>8.2f} s"
              f"{middle('open_cpu'):>8.2f} s{target:>10}")  # fmt: skip
        for name, words in (
            ("open_stall", "stall while opening"),
            ("save", "stall while saving"),
            ("recovery", "stall, recovery copy"),
        ):
            is_saving = is_target and name != "open_stall"
            target = f"{STALL_BUDGET_MS:.0f} ms" if is_saving else ""
            print(f"{words:<24}{count:>7}{middle(name) * 1000:>7.1f} ms"
                  f"{middle(name + '_cpu') * 1000:>7.1f} ms{target:>10}")  # fmt: skip
        print(f"{'save, whole':<24}{count:>7}{middle('save_time') * 1000:>7.0f} ms", flush=True)
    print("\nopening, CPU per node: " + ", ".join(f"{n}: {us:.0f} us" for n, us in per_node))
    return 0


if __name__ == "__main__":
    sys.exit(main())
