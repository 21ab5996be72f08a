"""Opens, converts, saves and draws all templates of ComfyUI's package in one process.

Run it with ``python benchmarks/bench_templates.py [--draw-to FOLDER] [--scale 1]``. The package
``comfyui-workflow-templates-json`` (MIT) must be installed; it is a test dependency. The result
is the number of files, the seconds of each step, the slowest files and the memory at the end.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from app.cli.known_types import known_types
from app.engine.workflow.bind import bind_graph
from app.engine.workflow.reader import read_workflow
from app.engine.workflow.to_prompt import convert
from app.engine.workflow.writer import serialize, snapshot
from app.picture import render
from app.ui import theme


def template_files() -> list[Path]:
    """Return the workflows of the package, or nothing when it is not installed."""
    spec = importlib.util.find_spec("comfyui_workflow_templates_json")
    folders = (spec.submodule_search_locations if spec is not None else None) or []
    return sorted(
        path
        for folder in folders
        for path in Path(folder, "templates").glob("*.json")
        if not path.name.startswith("index") and path.name != "fuse_options.json"
    )


def main() -> int:
    """Run all steps for all files and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw-to", type=Path, help="keep the pictures in this folder")
    parser.add_argument("--scale", type=float, default=1.0, help="pixels per unit")
    parser.add_argument("--all-graphs", action="store_true", help="draw subgraphs too")
    parser.add_argument("--object-info", help="node definitions saved from another install")
    options = parser.parse_args()
    files = template_files()
    if not files:
        print("The package comfyui-workflow-templates-json is not installed.")
        return 1
    application = QApplication([])
    theme.load_fonts()
    definitions = known_types(options.object_info, None)
    seconds: defaultdict[str, float] = defaultdict(float)
    slowest: list[tuple[float, str]] = []
    pictures, pixels, failures = 0, 0, []
    for path in files:
        begin = time.perf_counter()
        try:
            data = path.read_bytes()
            at = time.perf_counter()
            workflow = read_workflow(data, name=path.name)
            seconds["open"] += time.perf_counter() - at
            at = time.perf_counter()
            for graph in workflow.graphs():
                bind_graph(workflow, graph, definitions)
            seconds["bind"] += time.perf_counter() - at
            at = time.perf_counter()
            convert(workflow, definitions, first_choice=True)
            seconds["convert"] += time.perf_counter() - at
            at = time.perf_counter()
            saved = serialize(snapshot(workflow))
            seconds["save"] += time.perf_counter() - at
            if json.loads(saved) != json.loads(data, parse_constant=lambda _: None):
                failures.append(f"{path.name}: the saved file differs")
            at = time.perf_counter()
            for graph in workflow.graphs() if options.all_graphs else [workflow.root]:
                image = render(workflow, definitions, graph_id=graph.id, scale=options.scale)
                pictures += 1
                pixels += image.width() * image.height()
                if options.draw_to:
                    image.save(str(options.draw_to / f"{path.stem}{graph.id[:8]}.png"))
            application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            seconds["draw"] += time.perf_counter() - at
        except Exception as error:  # noqa: BLE001 - the benchmark reports what breaks and goes on
            failures.append(f"{path.name}: {type(error).__name__}: {error}")
        slowest.append((time.perf_counter() - begin, path.name))
    total = sum(took for took, _ in slowest)
    print(f"{len(files)} files, {pictures} pictures, {pixels / 1e6:,.0f} megapixels: {total:.1f} s")
    for name, took in seconds.items():
        print(f"  {name:<8}{took:7.2f} s")
    for took, name in sorted(slowest, reverse=True)[:5]:
        print(f"  slowest {took * 1000:6.0f} ms  {name}")
    _print_memory()
    for line in failures:
        print(f"FAILED {line}")
    return 1 if failures else 0


def _print_memory() -> None:
    try:
        import resource
    except ImportError:
        return
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(f"  most memory {peak / 2**20:.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
