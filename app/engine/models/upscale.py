"""Upscaling and restoring pictures with networks that spandrel knows.

spandrel (MIT) recognises some forty kinds of networks by their tensors. It is installed without
its declared dependencies (see ``requirements-extra.lock``), imported when the first such file is
loaded, and given tensors that this program has read itself, never a path.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
from collections.abc import Callable
from typing import Any, Final

import torch

from app.engine.errors import ModelFileError
from app.engine.imaging.tiling import ProgressSink, get_tiled_scale_steps, tiled_scale
from app.engine.models import memory
from app.engine.models.detect import describe
from app.engine.models.stopping import Check, stop_between_blocks
from app.engine.models.torchvision_stand_in import torchvision_stand_in
from app.engine.models.weights import read_weights

log = logging.getLogger("easel.models")

TILE: Final = 512
"""Side of a tile of the source, in px."""
SMALLEST_TILE: Final = 128
"""Tiles are not halved below this."""
OVERLAP: Final = 32
"""Source px that neighbouring tiles share."""
_CHANNELS: Final = 64
"""Channels that common networks compute with; for the estimate of memory."""

_NEEDED_PACKAGES: Final = ("spandrel", "einops")
_import_lock = threading.Lock()


def missing_packages() -> list[str]:
    """Return the packages that upscale models need and that are not installed."""
    return [name for name in _NEEDED_PACKAGES if importlib.util.find_spec(name) is None]


def import_spandrel() -> Any:
    """Return the module ``spandrel``.

    Raises:
        ModelFileError: It is not installed, or does not work here; the message says what to do.
    """
    missing = missing_packages()
    if missing:
        raise ModelFileError(
            f"Upscale models need {' and '.join(missing)}, which is not installed here. Run "
            '"python3 launch.py --setup" in the folder of Easel and start Easel again.'
        )
    with _import_lock, torchvision_stand_in():
        try:
            import spandrel
        except ImportError as error:
            raise ModelFileError(f"The package spandrel does not work here: {error}") from error
    return spandrel


def load_upscale_model(path: str | os.PathLike[str]) -> Any:
    """Load a network that makes pictures larger or better.

    Args:
        path: A safetensors file, or a torch file that holds weights only.

    Returns:
        A ``spandrel.ImageModelDescriptor`` on the CPU, in float32.

    Raises:
        ModelFileError: The file cannot be read, is no such network, or spandrel is missing.
    """
    tensors = read_weights(path).tensors
    spandrel = import_spandrel()
    shown = os.path.basename(os.fspath(path))
    try:
        model = spandrel.ModelLoader().load_from_state_dict(tensors)
    except spandrel.UnsupportedModelError:
        found = describe(tensors)
        raise ModelFileError(
            f'"{shown}" is not an upscale model that is known here: it looks like {found}.'
        ) from None
    except (RuntimeError, KeyError, ValueError, TypeError, AssertionError, IndexError) as error:
        if memory.is_out_of_memory(error):
            raise
        raise ModelFileError(
            f'"{shown}" cannot be used as an upscale model: its weights are not complete.',
            details=str(error),
        ) from error
    if not isinstance(model, spandrel.ImageModelDescriptor):
        raise ModelFileError(
            f'"{shown}" is a {model.architecture.name} network, which fills in masked parts; it '
            "does not upscale."
        )
    if model.input_channels != 3:
        raise ModelFileError(
            f'"{shown}" is made for pictures with {model.input_channels} channels; only colour '
            "pictures with 3 can be upscaled here."
        )
    model.model.requires_grad_(False)
    return model.eval().float()


def working_bytes(tile: int, scale: int) -> int:
    """Estimate the working memory of one tile, in bytes.

    Args:
        tile: Side of the tile in px.
        scale: How much longer the result is.
    """
    return tile * tile * _CHANNELS * 4 * (3 + 2 * scale * scale)


def first_tile(width: int, height: int, scale: int, free: int) -> int:
    """Return the largest tile, at most :data:`TILE`, for which memory should suffice.

    Args:
        width: Of the picture, in px.
        height: Of the picture, in px.
        scale: How much longer the result is.
        free: Free bytes.
    """
    tile = TILE
    while tile > SMALLEST_TILE and working_bytes(min(tile, max(width, height)), scale) > free:
        tile //= 2
    return tile


@torch.no_grad()
def upscale(
    model: Any,
    images: torch.Tensor,
    progress: Callable[[int], ProgressSink] | None = None,
    check: Check | None = None,
) -> torch.Tensor:
    """Run pictures through an upscale model, tile by tile.

    Neighbouring tiles overlap and fade into each other. When memory runs out the tiles are
    halved, down to :data:`SMALLEST_TILE`.

    Args:
        model: From :func:`load_upscale_model`.
        images: ``(batch, height, width, 3 or more)`` from 0 to 1; the first three channels count.
        progress: Called with the number of tiles, gives what is told of each finished one.
        check: Called before each tile and between the network's blocks; raises to stop.

    Returns:
        ``(batch, height * scale, width * scale, 3)`` from 0 to 1, float32 on the CPU.

    Raises:
        MemoryError: The smallest tile needs too much memory.
        BaseException: What ``check`` raises.
    """
    samples = images[..., :3].movedim(-1, -3)
    count, _, height, width = samples.shape
    device = memory.get_torch_device()
    scale = int(model.scale)
    weights = sum(tensor.nbytes for tensor in model.model.parameters())
    memory.free_memory(weights + working_bytes(min(TILE, max(width, height)), scale), device)
    tile = first_tile(width, height, scale, memory.get_free_memory(device) - weights)

    def one(part: torch.Tensor) -> torch.Tensor:
        if check is not None:
            check()
        result: torch.Tensor = model(part.to(device))
        return result.float()

    try:
        model.to(device)
        with stop_between_blocks(model.model, check):
            while True:
                steps = count * get_tiled_scale_steps(width, height, tile, tile, OVERLAP)
                bar = None if progress is None else progress(steps)
                try:
                    enlarged = tiled_scale(
                        samples, one, tile, tile, OVERLAP, scale, model.output_channels,
                        memory.offload_device(), bar,
                    )  # fmt: skip
                    break
                except (RuntimeError, MemoryError) as error:
                    if not memory.is_out_of_memory(error):
                        raise
                    if tile <= SMALLEST_TILE:
                        raise memory.not_enough_for("upscaling this picture") from error
                tile //= 2
                log.warning("Memory ran out while upscaling; trying tiles of %d px.", tile)
                memory.unload_all_models()
    finally:
        model.to(memory.offload_device())
    return enlarged.movedim(-3, -1).clamp(0.0, 1.0)
