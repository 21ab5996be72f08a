"""``comfy.comfy_types``: types for typed V1 nodes, and a few names for annotations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypedDict

from comfy.comfy_types.node_typing import (
    IO,
    CheckLazyMixin,
    ComfyNodeABC,
    FileLocator,
    InputTypeDict,
)

__all__ = [
    "IO",
    "CheckLazyMixin",
    "ComfyNodeABC",
    "FileLocator",
    "InputTypeDict",
    "UnetApplyConds",
    "UnetApplyFunction",
    "UnetParams",
    "UnetWrapperFunction",
]


class UnetApplyFunction(Protocol):
    """Applies a diffusion network to a noisy latent at a time step."""

    def __call__(self, x: Any, t: Any, **kwargs: Any) -> Any:
        """Return what the network predicts."""


class UnetApplyConds(TypedDict, total=False):
    """Further arguments of :class:`UnetApplyFunction`."""

    c_concat: Any
    c_crossattn: Any
    control: Any
    transformer_options: dict[str, Any] | None


class UnetParams(TypedDict):
    """What a network wrapper is given."""

    input: Any
    timestep: Any
    c: UnetApplyConds
    cond_or_uncond: Any


UnetWrapperFunction = Callable[[UnetApplyFunction, UnetParams], Any]
