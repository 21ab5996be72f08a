"""Where models compute and wait, and who must go when memory is short (D-220, D-221).

The policy is small: a model computes on the best device; on a CPU in float32, on a graphics
card in half precision where that is fast. Models that are asked for are loaded, the ones unused
longest go first, and what does not fit at all is streamed layer by layer.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import torch

from app.engine import allocator, garbage
from app.engine.device import compute_settings
from app.engine.models.patcher import ModelPatcher

log = logging.getLogger("easel.models")

T = TypeVar("T")

GIGABYTE: Final = 1024**3
CPU_RESERVE: Final = 1 * GIGABYTE
"""Main memory left to other programs."""
GPU_RESERVE: Final = GIGABYTE // 2
"""Graphics memory left to the system and to fragments."""
_FAST_HALF_CAPABILITY: Final = 7

current_loaded_models: list[LoadedModel] = []
"""Most recently used first."""


settings = compute_settings
"""What the artist chose; read at each loading."""


class LoadedModel:
    """A network that is loaded; it is not kept alive by this.

    Attributes:
        device: Where it computes.
        currently_used: Whether the last loading asked for it.
    """

    def __init__(self, patcher: ModelPatcher) -> None:
        self._network = weakref.ref(patcher.model)
        self.device = patcher.load_device
        self.currently_used = True

    @property
    def model(self) -> ModelPatcher | None:
        """The patcher that the network is loaded with, or None when it is gone."""
        network = self._network()
        patcher = None if network is None else network.current_patcher
        return patcher if isinstance(patcher, ModelPatcher) else None

    def model_memory(self) -> int:
        """Return the bytes of its weights."""
        return 0 if self.model is None else self.model.model_size()

    def model_loaded_memory(self) -> int:
        """Return the bytes that are loaded."""
        return 0 if self.model is None else self.model.loaded_size()

    def is_dead(self) -> bool:
        """Tell whether the network is gone."""
        return self.model is None


def _alive() -> list[tuple[LoadedModel, ModelPatcher]]:
    """Return what is loaded, most recently used first, and forget what is gone."""
    pairs = [(loaded, loaded.model) for loaded in current_loaded_models]
    found = [(loaded, patcher) for loaded, patcher in pairs if patcher is not None]
    current_loaded_models[:] = [loaded for loaded, _ in found]
    return found


def get_torch_device() -> torch.device:
    """Return the device that computes."""
    if settings.force_cpu:
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def offload_device() -> torch.device:
    """Return where models wait."""
    return torch.device("cpu")


def is_device_cpu(device: torch.device) -> bool:
    """Tell whether a device is the CPU."""
    return torch.device(device).type == "cpu"


def unet_dtype(
    device: torch.device, supported: Sequence[torch.dtype] = (torch.float16, torch.bfloat16)
) -> torch.dtype:
    """Return the type that a diffusion model computes in on ``device``.

    A CPU never computes in float16: it is a hundred times slower there.
    """
    if is_device_cpu(device):
        return torch.bfloat16 if settings.fast_cpu else torch.float32
    if device.type == "cuda":
        if torch.cuda.get_device_capability(device)[0] >= _FAST_HALF_CAPABILITY:
            return supported[0]
        return torch.float32
    return torch.float16 if torch.float16 in supported else torch.float32


def vae_dtype(device: torch.device) -> torch.dtype:
    """Return the type that a VAE computes in on ``device``."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return torch.float32


def text_encoder_dtype() -> torch.dtype:
    """Return the type that text encoders' weights are rounded to (D-156)."""
    return torch.float16


def get_free_memory(device: torch.device | None = None) -> int:
    """Return the bytes that are free for models on a device."""
    device = get_torch_device() if device is None else torch.device(device)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        stats = torch.cuda.memory_stats(device)
        cached = stats.get("reserved_bytes.all.current", 0) - stats.get(
            "active_bytes.all.current", 0
        )
        return int(free + cached)
    import psutil

    return int(psutil.virtual_memory().available)


def get_total_memory(device: torch.device | None = None) -> int:
    """Return the bytes of memory that a device has."""
    device = get_torch_device() if device is None else torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    import psutil

    return int(psutil.virtual_memory().total)


def _reserve(device: torch.device) -> int:
    return CPU_RESERVE if is_device_cpu(device) else GPU_RESERVE


def loaded_models(only_currently_used: bool = False) -> list[ModelPatcher]:
    """Return the patchers that are loaded, most recently used first."""
    return [
        patcher for loaded, patcher in _alive() if loaded.currently_used or not only_currently_used
    ]


def free_memory(
    memory_required: float, device: torch.device, keep_loaded: Iterable[Any] = ()
) -> list[ModelPatcher]:
    """Unload models, unused longest first, until enough memory is free.

    Args:
        memory_required: Bytes that must be free.
        device: Where.
        keep_loaded: Patchers (or clones of them) that stay.

    Returns:
        The patchers that were unloaded.
    """
    kept = list(keep_loaded)
    gone = []
    for loaded, patcher in reversed(_alive()):
        if get_free_memory(device) >= memory_required:
            break
        if loaded.device != device or any(patcher.is_clone(model) for model in kept):
            continue
        _unload(loaded, patcher)
        gone.append(patcher)
    if gone:
        soft_empty_cache()
    return gone


def make_room(keep: Iterable[Any] = ()) -> None:
    """Unload every model but ``keep`` and clones of them, on all devices."""
    kept = list(keep)
    for loaded, patcher in _alive():
        if not any(patcher.is_clone(model) for model in kept):
            _unload(loaded, patcher)
    soft_empty_cache()


def _unload(loaded: LoadedModel, patcher: ModelPatcher) -> None:
    if loaded in current_loaded_models:
        current_loaded_models.remove(loaded)
    patcher.detach()
    log.info("Unloaded %s.", type(patcher.model).__name__)


def load_models_gpu(
    models: Sequence[Any],
    memory_required: float = 0,
    force_patch_weights: bool = False,
    minimum_memory_required: float | None = None,
    force_full_load: bool = False,
) -> None:
    """Load models for computing, and let others go when memory is short.

    Args:
        models: Patchers; their additional models are loaded too.
        memory_required: Bytes of working memory that must stay free.
        force_patch_weights: For packs; patches are always applied.
        minimum_memory_required: Bytes that must stay free even when layers are streamed.
        force_full_load: Whether no layer may be streamed.

    Raises:
        MemoryError: There is not enough even when layers are streamed.
    """
    wanted: list[ModelPatcher] = []
    for model in models:
        for patcher in (model, *model.get_nested_additional_models()):
            if not any(patcher.is_clone(other) for other in wanted):
                wanted.append(patcher)
    for loaded, _ in _alive():
        loaded.currently_used = False
    for patcher in wanted:
        _load(patcher, wanted, memory_required, minimum_memory_required, force_full_load)


def _load(
    patcher: ModelPatcher,
    wanted: Sequence[ModelPatcher],
    working: float,
    minimum: float | None,
    force_full_load: bool,
) -> None:
    device = patcher.load_device
    if is_device_cpu(device):
        allocator.keep_freed_memory()
    previous = next((pair for pair in _alive() if pair[1].is_clone(patcher)), None)
    reserve = working + _reserve(device)
    limit = patcher.resident_limit
    size = patcher.model_size() if limit is None else min(limit, patcher.model_size())
    missing = size - patcher.loaded_size()
    if missing > 0 and get_free_memory(device) < missing + reserve:
        free_memory(missing + reserve, device, wanted)
    if missing > 0 and settings.budget is not None:
        _keep_budget(settings.budget - size, wanted)
    if previous is not None:
        current_loaded_models.remove(previous[0])
    budget = 0
    if (missing > 0 or limit is not None) and not force_full_load:
        reserve = (working if minimum is None else minimum) + _reserve(device)
        room = get_free_memory(device) - reserve + patcher.loaded_size()
        if settings.budget is not None:
            others = sum(other.loaded_size() for _, other in _alive())
            room = min(room, settings.budget - others + patcher.loaded_size())
        room = min(room, size)
        if room < patcher.model_size():
            budget = max(1, int(room))
            log.info("Streaming part of %s.", type(patcher.model).__name__)
    _patch(patcher, device, budget, wanted)
    current_loaded_models.insert(0, LoadedModel(patcher))


def _keep_budget(limit: int, wanted: Sequence[ModelPatcher]) -> None:
    """Unload models that are not wanted, unused longest first, until the rest takes ``limit``."""
    for loaded, patcher in reversed(_alive()):
        if sum(other.loaded_size() for _, other in _alive()) <= limit:
            return
        if not any(patcher.is_clone(model) for model in wanted):
            _unload(loaded, patcher)


def _patch(
    patcher: ModelPatcher, device: torch.device, budget: int, wanted: Sequence[ModelPatcher]
) -> None:
    """Load weights; when memory runs out, once more with everything else gone and streamed."""
    try:
        patcher.patch_model(device, budget)
        return
    except (RuntimeError, MemoryError) as error:
        patcher.detach()
        if not is_out_of_memory(error):
            raise
        log.warning("Memory ran out while loading a model; its layers are streamed.")
    except BaseException:
        patcher.detach()
        raise
    make_room(wanted)
    try:
        patcher.patch_model(device, 1)
    except (RuntimeError, MemoryError) as error:
        patcher.detach()
        if not is_out_of_memory(error):
            raise
        make_room()
        raise not_enough_for("loading this model") from error


def load_model_gpu(model: Any) -> None:
    """Load one model; see :func:`load_models_gpu`."""
    load_models_gpu([model])


def unload_all_models() -> None:
    """Unload everything, on all devices."""
    for loaded, patcher in _alive():
        _unload(loaded, patcher)
    soft_empty_cache()


def unload_model_and_clones(model: Any) -> None:
    """Unload a model, whichever clone of it is loaded."""
    for loaded, patcher in _alive():
        if patcher.is_clone(model):
            _unload(loaded, patcher)


def cleanup_models() -> None:
    """Forget models that nobody holds any more."""
    garbage.collect()
    _alive()


def soft_empty_cache(force: bool = False) -> None:
    """Give memory that torch keeps for later back to the device."""
    garbage.collect()
    allocator.give_back(force=True)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    words = str(error)
    return isinstance(error, RuntimeError) and (
        "DefaultCPUAllocator" in words or "out of memory" in words.lower()
    )


def not_enough_for(what: str) -> MemoryError:
    """Return the error that tells an artist what there was not enough memory for."""
    return MemoryError(
        f"There is not enough memory for {what}. Use a smaller picture or batch, or close "
        "other programs."
    )


def with_recovery(
    compute: Callable[[], T], fallback: Callable[[], T], what: str, keep: Iterable[Any] = ()
) -> T:
    """Compute; when memory runs out, unload other models and compute the thrifty way.

    Args:
        compute: The fast way.
        fallback: The way that needs less memory.
        what: Words for the log and the error.
        keep: Patchers that both ways compute with.

    Raises:
        MemoryError: The thrifty way needs too much as well.
    """
    try:
        return compute()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        log.warning("Memory ran out while %s; trying again in smaller parts.", what)
    # Outside the handler, whose traceback keeps the tensors of the failed way alive.
    make_room(keep)
    try:
        return fallback()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        unload_all_models()
        raise not_enough_for(what) from error


def memory_use() -> dict[str, int]:
    """Return what models take, for the status bar; any thread may ask.

    ``models``: bytes of loaded weights. ``streamed``: models that do not fit and are read layer
    by layer. ``free`` and ``total``: bytes of the device.
    """
    device = get_torch_device()
    patchers = [loaded.model for loaded in list(current_loaded_models)]
    alive = [patcher for patcher in patchers if patcher is not None]
    return {
        "models": sum(patcher.loaded_size() for patcher in alive),
        "streamed": sum(patcher.lowvram_patch_counter() > 0 for patcher in alive),
        "free": get_free_memory(device),
        "total": get_total_memory(device),
    }
