"""``easel doctor``: what Easel found on this machine, and what to do about it."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app import __version__
from app.cli.messages import Console, ExitCode
from app.engine.files import home_folder

_LOW_DISK_BYTES = 5 << 30
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        text: What was found.
        advice: What to do; empty when all is well.
        stops: Whether Easel cannot work until the advice is followed.
    """

    name: str
    text: str
    advice: str = ""
    stops: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command; it has none of its own."""


def run(options: argparse.Namespace, console: Console) -> int:
    """Print all findings.

    Returns:
        0, or 1 when something keeps Easel from working.
    """
    home = home_folder(options.base_dir)
    findings = [found for check in _checks(home) for found in check()]
    width = max(len(found.name) for found in findings)
    for found in findings:
        mark = "!" if found.advice else " "
        console.give(f"{mark} {found.name:<{width}}  {found.text}")
        if found.advice:
            console.give(f"  {'':<{width}}  -> {found.advice}")
    return ExitCode.FAILED if any(found.stops for found in findings) else ExitCode.OK


def _checks(home: Path) -> list[Callable[[], Iterator[Finding]]]:
    return [
        _check_program,
        _check_window,
        _check_torch,
        _check_upscaling,
        _check_memory,
        lambda: _check_home(home),
        lambda: _check_models(home),
    ]


def _check_program() -> Iterator[Finding]:
    yield Finding("Easel", __version__)
    version = platform.python_version()
    too_old = sys.version_info < (3, 11)
    advice = "Install Python 3.11 or newer and run launch.py with it." if too_old else ""
    yield Finding("Python", f"{version}, {sys.executable}", advice, stops=too_old)
    yield Finding("System", f"{platform.system()} {platform.release()}, {platform.machine()}")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _check_window() -> Iterator[Finding]:
    version = _version("PySide6-Essentials") or _version("PySide6")
    if version is None:
        yield Finding("Qt", "not installed", "Run: python3 launch.py --setup", stops=True)
        return
    # PySide 6.12 loses references to None below Python 3.12 and crashes within seconds.
    numbers = tuple(int(part) for part in version.split(".")[:2])
    is_bad = numbers >= (6, 12) and sys.version_info < (3, 12)
    advice = "This version crashes on this Python. Run: python3 launch.py --setup" if is_bad else ""
    yield Finding("Qt", f"PySide6 {version}", advice, stops=is_bad)
    if sys.platform.startswith("linux"):
        display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
        advice = "" if display else "The window needs a desktop; easel run works without one."
        yield Finding("Display", display or "none", advice)


def _check_torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        advice = "Run: python3 launch.py --setup"
        yield Finding("torch", f"cannot be loaded: {error}", advice, stops=True)
        return
    driver = _nvidia_driver()
    if torch.version.cuda:
        build = f"CUDA {torch.version.cuda}"
    elif getattr(torch.version, "hip", None):
        build = f"ROCm {torch.version.hip}"
    else:
        build = "CPU" if sys.platform != "darwin" else "CPU and Metal"
    yield Finding("torch", f"{torch.__version__}, build for {build}")
    if driver is not None:
        yield Finding("Driver", f"NVIDIA {driver}")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            size = f"{card.total_memory / _GIB:.1f} GiB"
            yield Finding("Device", f"cuda:{index} {card.name}, {size}")
        return
    if torch.backends.mps.is_available():
        yield Finding("Device", "Metal (mps)")
        return
    threads = torch.get_num_threads()
    yield Finding("Device", f"CPU, {threads} threads", _cpu_advice(driver, torch.version.cuda))


def _check_upscaling() -> Iterator[Finding]:
    version = _version("spandrel")
    if version is None or _version("einops") is None:
        advice = "Upscale models do not work without it. Run: python3 launch.py --setup"
        yield Finding("spandrel", "not installed", advice)
        return
    yield Finding("spandrel", f"{version}, for upscale models")


def _cpu_advice(driver: str | None, cuda: str | None) -> str:
    if driver is None:
        return ""
    if cuda is None:
        return (
            "There is an NVIDIA card, but this torch is built for the CPU. "
            "Delete .venv and run: python3 launch.py --setup"
        )
    return (
        f"There is an NVIDIA card, but torch cannot use it. Its build needs CUDA {cuda}; "
        "update the NVIDIA driver."
    )


def _nvidia_driver() -> str | None:
    """Return the version of the NVIDIA driver, or None where there is no card."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.split()
    return lines[0] if answer.returncode == 0 and lines else None


def _check_memory() -> Iterator[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    text = f"{memory.total / _GIB:.1f} GiB, {memory.available / _GIB:.1f} GiB free"
    yield Finding("Memory", text)


def _check_home(home: Path) -> Iterator[Finding]:
    existing = home
    while not existing.exists():
        existing = existing.parent
    text = str(home) if home.exists() else f"{home} (made at the first start)"
    writable = os.access(existing, os.W_OK)
    advice = "" if writable else "It may not be written. Choose another with --base-dir."
    yield Finding("Home", text, advice, stops=not writable)
    free = shutil.disk_usage(existing).free
    advice = "Make room: models and pictures take gigabytes." if free < _LOW_DISK_BYTES else ""
    yield Finding("Disk", f"{free / _GIB:.1f} GiB free", advice)


def _check_models(home: Path) -> Iterator[Finding]:
    from app.engine.model_folders import ModelFolders

    folders = ModelFolders(home)
    counts = {
        kind: len(folders.get_filename_list(kind))
        for kind in ("checkpoints", "diffusion_models", "loras", "vae", "controlnet")
    }
    found = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    yield Finding("Models", found or f"none yet in {home / 'models'}")
    packs = home / "custom_nodes"
    names = sorted(each.name for each in packs.iterdir()) if packs.is_dir() else []
    shown = [name for name in names if not name.startswith((".", "__"))]
    yield Finding("Node packs", ", ".join(shown) or "none")
