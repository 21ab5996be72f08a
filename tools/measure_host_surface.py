"""Measure how much of what node packs import from their host is real here.

.venv/bin/python tools/measure_host_surface.py [--missing]

A name counts as real when it resolves to something other than a stand-in. The names and how
often packs use them are in tests/data/host_surface.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.engine import compat  # noqa: E402 - the path comes first
from app.engine.compat.standins import StandInMeta  # noqa: E402
from app.engine.node_types.registry import Registry  # noqa: E402

SYMBOLS: Final = ROOT / "tests" / "data" / "host_surface" / "symbols.json"

TIERS: Final[dict[str, tuple[str, ...]]] = {
    "1 host modules": (
        "folder_paths", "nodes", "server", "execution", "node_helpers", "latent_preview",
        "comfy_execution", "comfy_api", "comfy.utils", "comfy.model_management",
        "comfy.cli_args", "comfy.comfy_types", "comfy.options", "comfyui_version",
    ),
    "2 model internals": (
        "comfy.samplers", "comfy.sample", "comfy.sampler_helpers", "comfy.k_diffusion",
        "comfy.model_patcher", "comfy.sd", "comfy.lora", "comfy.controlnet",
        "comfy.clip_vision", "comfy.latent_formats", "comfy.model_sampling", "comfy.conds",
        "comfy.patcher_extension", "comfy.hooks", "comfy.ldm.modules.attention",
    ),
    "core extras": ("comfy_extras",),
    "3 deep internals": ("comfy",),
}  # fmt: skip
"""Modules by tier; the first that fits counts."""

FROM_PACKS: Final = (
    "_orig", ".original_sample", ".original_apply_control", "._automatic_cfg_decorated",
    "sampler.init", "torch.init", ".VHSLoadFormats", "VHSLoadFormats.get", "samplers.get",
    "samplers.items", "SAMPLERS.get", "args.get",
)  # fmt: skip
"""Ends of names that packs put there themselves; hosts do not have them."""


def tier_of(name: str) -> str:
    """Return the tier of a dotted name."""
    for tier, modules in TIERS.items():
        if any(name == module or name.startswith(module + ".") for module in modules):
            return tier
    return "other"


def resolve(name: str) -> Any:
    """Return what a dotted name stands for.

    Raises:
        ImportError: No module of that name exists.
        AttributeError: The module lacks it.
    """
    parts = name.split(".")
    module, used = importlib.import_module(parts[0]), 1
    while used < len(parts):
        try:
            module = importlib.import_module(".".join(parts[: used + 1]))
        except ImportError:
            break
        used += 1
    found: Any = module
    for part in parts[used:]:
        found = getattr(found, part)
    return found


def state_of(name: str) -> str:
    """Tell whether a name is ``real``, a ``stand-in`` or ``missing``."""
    try:
        found = resolve(name)
    except (ImportError, AttributeError):
        return "missing"
    if isinstance(found, StandInMeta):
        return "stand-in"
    if name.startswith("comfy") and getattr(found, "__spec__", None) is not None:
        return "real" if _has_something(found) else "stand-in"
    return "real"


def _has_something(module: Any) -> bool:
    """Tell whether a module has a name of its own that is no stand-in."""
    if getattr(module, "__path__", None) is not None or getattr(module, "__file__", None):
        return True
    return any(state_of(f"{module.__name__}.{name}") == "real" for name in dir(module))


def measure() -> dict[str, tuple[int, list[int], str]]:
    """Return tier-independent results: name -> packs, counts, state."""
    symbols: dict[str, list[int]] = json.loads(SYMBOLS.read_text(encoding="utf-8"))["symbols"]
    with tempfile.TemporaryDirectory() as home:
        engine: Any = SimpleNamespace(
            base_dir=Path(home), registry=Registry(), queue=None, history=None, emit=print
        )
        with compat.installed(engine):
            return {
                name: (counts[0], counts, state_of(name))
                for name, counts in symbols.items()
                if not name.endswith(FROM_PACKS)
            }


def table(results: dict[str, tuple[int, list[int], str]]) -> list[tuple[str, int, int, int, int]]:
    """Return rows of tier, real names, all names, uses of real names, all uses."""
    rows = []
    for tier in TIERS:
        mine = [entry for name, entry in results.items() if tier_of(name) == tier]
        real = [entry for entry in mine if entry[2] == "real"]
        rows.append(
            (tier, len(real), len(mine), sum(e[1][1] for e in real), sum(e[1][1] for e in mine))
        )
    return rows


def main() -> None:
    """Print the table, and with ``--missing`` what is not real."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", action="store_true", help="list what is not real")
    wants = parser.parse_args()
    results = measure()
    print(f"{'tier':20} {'names':>12} {'share':>7} {'uses':>12} {'share':>7}")
    for tier, real, names, real_uses, uses in table(results):
        print(
            f"{tier:20} {f'{real}/{names}':>12} {real / names:>7.1%} "
            f"{f'{real_uses}/{uses}':>12} {real_uses / uses:>7.1%}"
        )
    if wants.missing:
        for name, (_, counts, state) in results.items():
            if state != "real":
                print(f"{state:9} {tier_of(name)[:1]} {name} {counts}")


if __name__ == "__main__":
    main()
