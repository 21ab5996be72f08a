"""``comfy.utils``: progress bars, tensor resizing, and work on state dicts."""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import torch
from comfy._unet_names import (
    TRANSFORMER_BLOCKS,
    UNET_MAP_ATTENTIONS,
    UNET_MAP_BASIC,
    UNET_MAP_RESNET,
    unet_to_diffusers,
)

from app.engine.execution.context import get_executing_context
from app.engine.execution.progress import report_progress
from app.engine.imaging.batches import repeat_to_batch_size, resize_to_batch_size
from app.engine.imaging.masks import reshape_mask
from app.engine.imaging.resize import bislerp, common_upscale, lanczos
from app.engine.imaging.tiling import get_tiled_scale_steps, tiled_scale, tiled_scale_multidim

__all__ = [
    "PROGRESS_BAR_ENABLED",
    "PROGRESS_BAR_HOOK",
    "TRANSFORMER_BLOCKS",
    "UNET_MAP_ATTENTIONS",
    "UNET_MAP_BASIC",
    "UNET_MAP_RESNET",
    "ProgressBar",
    "bislerp",
    "calculate_parameters",
    "common_upscale",
    "copy_to_param",
    "get_attr",
    "get_tiled_scale_steps",
    "lanczos",
    "load_torch_file",
    "pack_latents",
    "repeat_to_batch_size",
    "reshape_mask",
    "resize_to_batch_size",
    "safetensors_header",
    "save_torch_file",
    "set_attr",
    "set_attr_buffer",
    "set_attr_param",
    "set_progress_bar_enabled",
    "set_progress_bar_global_hook",
    "state_dict_key_replace",
    "state_dict_prefix_replace",
    "tiled_scale",
    "tiled_scale_multidim",
    "unet_to_diffusers",
    "unpack_latents",
    "weight_dtype",
]

log = logging.getLogger("easel.packs")

ProgressHook = Callable[..., Any]

PROGRESS_BAR_ENABLED = True
"""Whether samplers should show bars on a terminal; packs switch it off for inner loops."""

PROGRESS_BAR_HOOK: ProgressHook | None = report_progress
"""Called as ``hook(value, total, preview, node_id=...)`` by every progress bar."""


def set_progress_bar_enabled(enabled: bool) -> None:
    """Switch bars on a terminal on or off."""
    global PROGRESS_BAR_ENABLED
    PROGRESS_BAR_ENABLED = enabled


def set_progress_bar_global_hook(function: ProgressHook | None) -> None:
    """Report every progress bar's updates to ``function`` from now on."""
    global PROGRESS_BAR_HOOK
    PROGRESS_BAR_HOOK = function


class ProgressBar:
    """Reports how far a node is, and stops it when the artist asked for that (E-089).

    Attributes:
        total: Steps in all.
        current: Steps done; never above ``total``.
        node_id: The node reported for; the running one when None.
    """

    def __init__(self, total: float, node_id: str | None = None) -> None:
        self.total = total
        self.current: float = 0
        self.hook = PROGRESS_BAR_HOOK
        self.node_id = node_id

    def update_absolute(
        self, value: float, total: float | None = None, preview: Any = None
    ) -> None:
        """Say that ``value`` steps are done.

        Args:
            value: Steps done.
            total: A new number of steps in all, or None.
            preview: ``("JPEG" or "PNG", PIL image, largest side or None)``, or None.

        Raises:
            InterruptProcessingException: The prompt is to stop.
        """
        if total is not None:
            self.total = total
        self.current = min(value, self.total)
        if self.hook is not None:
            node_id = self.node_id
            if node_id is None:
                context = get_executing_context()
                node_id = context.node_id if context is not None else None
            self.hook(self.current, self.total, preview, node_id=node_id)

    def update(self, value: float) -> None:
        """Say that ``value`` more steps are done."""
        self.update_absolute(self.current + value)


def load_torch_file(
    ckpt: str,
    safe_load: bool = False,
    device: torch.device | None = None,
    return_metadata: bool = False,
) -> Any:
    """Read weights from a file; only weights, never code.

    Args:
        ckpt: A ``.safetensors`` or ``.sft`` file, or one that torch wrote.
        safe_load: Ignored; loading is always safe here.
        device: Where the tensors shall be; the CPU when None.
        return_metadata: Return a pair with the file's metadata, or None.

    Raises:
        ModelFileError: The file is corrupt, or holds more than weights.
    """
    from app.engine.errors import ModelFileError, describe

    target = device or torch.device("cpu")
    metadata = None
    try:
        if str(ckpt).lower().endswith((".safetensors", ".sft")):
            import safetensors

            with safetensors.safe_open(ckpt, framework="pt", device=str(target)) as file:
                weights: Any = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                metadata = file.metadata() if return_metadata else None
        else:
            weights = _inner_state(torch.load(ckpt, map_location=target, weights_only=True))
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ModelFileError(
            f'"{ckpt}" cannot be read as weights. It may be damaged, incomplete, or hold more '
            "than weights.",
            details=describe(error),
        ) from error
    return (weights, metadata) if return_metadata else weights


def _inner_state(loaded: Any) -> Any:
    if not isinstance(loaded, Mapping):
        return loaded
    if "state_dict" in loaded:
        return loaded["state_dict"]
    if len(loaded) == 1:
        only = next(iter(loaded.values()))
        if isinstance(only, Mapping):
            return only
    return loaded


def save_torch_file(
    sd: Mapping[str, torch.Tensor], ckpt: str, metadata: Mapping[str, str] | None = None
) -> None:
    """Write weights as safetensors."""
    import safetensors.torch

    safetensors.torch.save_file(dict(sd), ckpt, metadata=dict(metadata) if metadata else None)


def safetensors_header(safetensors_path: str, max_size: int = 100 * 1024 * 1024) -> bytes | None:
    """Return the JSON header of a safetensors file; None when it is longer than ``max_size``."""
    with open(safetensors_path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return file.read(length) if length <= max_size else None


def calculate_parameters(sd: Mapping[str, torch.Tensor], prefix: str = "") -> int:
    """Count the numbers in the tensors whose name begins with ``prefix``."""
    return sum(tensor.nelement() for key, tensor in sd.items() if key.startswith(prefix))


def weight_dtype(sd: Mapping[str, torch.Tensor], prefix: str = "") -> torch.dtype | None:
    """Return the dtype that most numbers below ``prefix`` have; None when there are none."""
    counts: dict[torch.dtype, int] = {}
    for key, tensor in sd.items():
        if key.startswith(prefix):
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.numel()
    return max(counts, key=lambda dtype: counts[dtype]) if counts else None


def state_dict_key_replace(
    state_dict: MutableMapping[str, Any], keys_to_replace: Mapping[str, str]
) -> MutableMapping[str, Any]:
    """Rename keys in place; those that are missing are passed over."""
    for old, new in keys_to_replace.items():
        if old in state_dict:
            state_dict[new] = state_dict.pop(old)
    return state_dict


def state_dict_prefix_replace(
    state_dict: MutableMapping[str, Any],
    replace_prefix: Mapping[str, str],
    filter_keys: bool = False,
) -> MutableMapping[str, Any]:
    """Rename the beginnings of keys.

    Args:
        state_dict: The weights; changed in place unless ``filter_keys`` is set.
        replace_prefix: New beginning by old beginning.
        filter_keys: Return only what was renamed; it is taken out of ``state_dict``.
    """
    result: MutableMapping[str, Any] = {} if filter_keys else state_dict
    for old, new in replace_prefix.items():
        for key in [key for key in state_dict if key.startswith(old)]:
            result[new + key[len(old) :]] = state_dict.pop(key)
    return result


def get_attr(obj: Any, attr: str) -> Any:
    """Return a nested attribute, such as ``"block.0.weight"``."""
    for name in attr.split("."):
        obj = getattr(obj, name)
    return obj


def set_attr(obj: Any, attr: str, value: Any) -> Any:
    """Set a nested attribute and return the old value."""
    path, _, name = attr.rpartition(".")
    owner = get_attr(obj, path) if path else obj
    old = getattr(owner, name)
    setattr(owner, name, value)
    return old


def set_attr_param(obj: Any, attr: str, value: torch.Tensor) -> Any:
    """Set a nested attribute to a parameter that is not trained; return the old value."""
    return set_attr(obj, attr, torch.nn.Parameter(value, requires_grad=False))


def set_attr_buffer(obj: Any, attr: str, value: torch.Tensor) -> Any:
    """Register a nested buffer and return the old value."""
    path, _, name = attr.rpartition(".")
    owner = get_attr(obj, path) if path else obj
    old = getattr(owner, name, None)
    owner.register_buffer(name, value)
    return old


def copy_to_param(obj: Any, attr: str, value: torch.Tensor) -> None:
    """Copy numbers into a nested parameter, in place."""
    get_attr(obj, attr).data.copy_(value)


def string_to_seed(data: str | bytes) -> int:
    """Return a 32-bit seed for a text (CRC-32)."""
    import zlib

    return zlib.crc32(data if isinstance(data, bytes) else data.encode("utf-8"))


def pack_latents(latents: list[torch.Tensor]) -> tuple[torch.Tensor, list[list[int]]]:
    """Return several latents as one of a single axis, and their shapes.

    Args:
        latents: Each ``(batch, ...)``, of one batch size.

    Returns:
        ``(batch, 1, numbers)``, and what :func:`unpack_latents` takes.
    """
    shapes = [list(latent.shape) for latent in latents]
    flat = [latent.reshape(latent.shape[0], 1, -1) for latent in latents]
    return torch.cat(flat, dim=-1), shapes


def unpack_latents(
    combined_latent: torch.Tensor, latent_shapes: list[list[int]]
) -> list[torch.Tensor]:
    """Undo :func:`pack_latents`; the batch may have changed."""
    if len(latent_shapes) < 2:
        return [combined_latent]
    sizes = [math.prod(shape[1:]) for shape in latent_shapes]
    parts = torch.split(combined_latent, sizes, dim=-1)
    return [
        part.reshape(part.shape[0], *shape[1:])
        for part, shape in zip(parts, latent_shapes, strict=True)
    ]
