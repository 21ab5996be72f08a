"""torch on this machine: loading it without a freeze, and what it computes on.

Nothing here imports torch before it is asked to; the window's engine thread calls it after the
first paint.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger("easel.engine")

_SPINS = "1000"
"""A few microseconds: what waking a sleeping thread costs."""


@dataclass(slots=True)
class ComputeSettings:
    """What the artist may choose; read whenever a model is loaded.

    Attributes:
        fast_cpu: Compute diffusion models in bfloat16 on a CPU: faster, another picture.
        force_cpu: Use no graphics card.
        budget: Bytes for the weights of all models together, or None for what is free.
    """

    fast_cpu: bool = False
    force_cpu: bool = False
    budget: int | None = None


compute_settings = ComputeSettings()
"""The one of this process; no torch is needed to change it."""


def choose_compute(device: str, fast_cpu: bool, budget_gb: float) -> bool:
    """Choose how models that are loaded from now on compute.

    Args:
        device: ``"cpu"``, or ``"auto"`` for the best device there is.
        fast_cpu: Whether a CPU computes diffusion models in bfloat16.
        budget_gb: GB for the weights of all models together; 0 for what is free.

    Returns:
        Whether models that are loaded now compute in another way than chosen.
    """
    chosen = compute_settings
    before = (chosen.force_cpu, chosen.fast_cpu)
    chosen.force_cpu, chosen.fast_cpu = device == "cpu", fast_cpu
    chosen.budget = round(budget_gb * 2**30) or None
    return (chosen.force_cpu, chosen.fast_cpu) != before


def load_torch() -> None:
    """Import torch without freezing the window, and keep one core free for it.

    Loading torch's libraries inside ``import torch`` holds the interpreter lock for up to a
    second. Loading them beforehand through ctypes, which lets go of the lock, leaves stalls of
    about a tenth of that (measured on Linux; elsewhere it falls back to the plain import).
    """
    let_idle_threads_sleep()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        _preload_torch_libraries()
        import torch

        cores = os.cpu_count() or 2
        torch.set_num_threads(max(1, cores - 1))
    finally:
        sys.setswitchinterval(interval)


def let_idle_threads_sleep() -> None:
    """Have torch's threads wait for work asleep, after a moment; before its libraries load.

    By default GNU OpenMP lets them spin for milliseconds. Between the thousands of small
    conversions while a model is loaded that costs three times the processor time of the
    conversions themselves, and it is taken from the window.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


def _preload_torch_libraries() -> None:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "lib"
    if sys.platform == "win32":
        names = ("c10.dll", "torch_cpu.dll", "c10_cuda.dll", "torch_cuda.dll")
    else:
        ending = "dylib" if sys.platform == "darwin" else "so"
        names = tuple(
            f"lib{name}.{ending}" for name in ("c10", "torch_cpu", "c10_cuda", "torch_cuda")
        )
    for name in names:
        path = folder / name
        if path.exists() and not _open_library(path):
            log.debug("preloading %s failed", name)
            return


def _open_library(path: Path) -> bool:
    """Load a shared library through a foreign call, during which other threads go on.

    ``ctypes.CDLL(path)`` would hold the interpreter lock while the system reads the file.
    """
    if sys.platform == "win32":
        load = ctypes.windll.kernel32.LoadLibraryW
        load.argtypes, load.restype = [ctypes.c_wchar_p], ctypes.c_void_p
        return bool(load(str(path)))
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes, dlopen.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    return bool(dlopen(os.fsencode(path), os.RTLD_NOW | os.RTLD_GLOBAL))


def device_facts() -> dict[str, Any]:
    """Return what the status bar shows: device name, kind, note, and memory in bytes.

    ``models`` is what the loaded models take, ``streamed`` how many of them are read layer by
    layer because they do not fit.
    """
    import psutil
    import torch

    memory = psutil.virtual_memory()
    models, streamed = _models_in_memory()
    facts: dict[str, Any] = {
        "name": "CPU",
        "kind": "cpu",
        "ram_total": memory.total,
        "ram_used": memory.total - memory.available,
        "vram_total": 0,
        "vram_used": 0,
        "models": models,
        "streamed": streamed,
        "note": "bfloat16" if compute_settings.fast_cpu else "",
        "torch": torch.__version__,
    }
    if compute_settings.force_cpu:
        return facts
    if torch.cuda.is_available():
        facts["note"] = ""
        free, total = torch.cuda.mem_get_info()
        facts.update(
            name=torch.cuda.get_device_name(),
            kind="cuda",
            vram_total=total,
            vram_used=total - free,
        )
    elif torch.backends.mps.is_available():
        facts.update(name="Apple GPU", kind="mps", note="")
    return facts


def _models_in_memory() -> tuple[int, int]:
    """Return bytes of loaded weights and the number of streamed models; any thread may ask."""
    keeper = sys.modules.get("app.engine.models.memory")
    if keeper is None:
        return 0, 0
    use = keeper.memory_use()
    return use["models"], use["streamed"]
