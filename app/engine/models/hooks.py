"""Weight changes that belong to one prompt, and may grow and fade over a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from weakref import WeakKeyDictionary

import torch

from app.engine.models.lora import (
    convert_lora,
    load_lora,
    model_lora_keys_clip,
    model_lora_keys_unet,
)

PercentToSigma = Callable[[float], float]
WeightPatches = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A strength from a place of the run on.

    Attributes:
        strength: Factor of the hook.
        start_percent: Share of the run, 0 to 1.
    """

    strength: float
    start_percent: float


Keyframes = tuple[Keyframe, ...]
"""In the order of the run; the first also counts before its place."""


def with_keyframe(keyframes: Keyframes, added: Keyframe) -> Keyframes:
    """Return keyframes with one more, in order; one at the same place is replaced."""
    kept = [frame for frame in keyframes if frame.start_percent != added.start_percent]
    return tuple(sorted([*kept, added], key=lambda frame: frame.start_percent))


def strength_at(keyframes: Keyframes, sigma: float, percent_to_sigma: PercentToSigma) -> float:
    """Return the factor at a noise level; 1 without keyframes."""
    strength = keyframes[0].strength if keyframes else 1.0
    for frame in keyframes:
        if sigma <= percent_to_sigma(frame.start_percent):
            strength = frame.strength
    return strength


def _ease(share: float, method: str) -> float:
    if method == "ease_in":
        return share**2
    if method == "ease_out":
        return 1.0 - (1.0 - share) ** 2
    if method == "ease_in_out":
        return (1.0 - math.cos(share * math.pi)) / 2.0
    return share


INTERPOLATIONS: Final = ("linear", "ease_in", "ease_out", "ease_in_out")


def interpolate(first: float, last: float, count: int, method: str = "linear") -> list[float]:
    """Return ``count`` numbers from ``first`` to ``last``, both included."""
    shares = [index / (count - 1) for index in range(count)] if count > 1 else [0.0]
    return [first + (last - first) * _ease(share, method) for share in shares]


class PatchSource:
    """Weight patches for any network, read from a file once for each."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Any, WeightPatches] = WeakKeyDictionary()

    def patches(self, model: Any, is_text: bool) -> WeightPatches:
        """Return the patches by the names of ``model``'s weights."""
        found = self._known.get(model)
        if found is None:
            found = self._known[model] = self._read(model, is_text)
        return found

    def _read(self, model: Any, is_text: bool) -> WeightPatches:
        raise NotImplementedError


class LoraSource(PatchSource):
    """A LoRA.

    Args:
        tensors: Of its file.
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self.tensors = tensors

    def _read(self, model: Any, is_text: bool) -> WeightPatches:
        keys = model_lora_keys_clip(model) if is_text else model_lora_keys_unet(model)
        return load_lora(convert_lora(self.tensors), keys, log_missing=False)


class ModelSource(PatchSource):
    """Another model's weights, as a change towards them.

    Args:
        network: Weights of a diffusion model by name.
        text: Weights of its text encoders by name.
    """

    def __init__(
        self, network: Mapping[str, torch.Tensor], text: Mapping[str, torch.Tensor]
    ) -> None:
        super().__init__()
        self.network = network
        self.text = text

    def _read(self, model: Any, is_text: bool) -> WeightPatches:
        tensors = self.text if is_text else self.network
        patches: dict[str, Any] = {
            name: ("model_as_lora", (tensor,))
            for name, tensor in tensors.items()
            if tensor.is_floating_point()
        }
        return patches


@dataclass(frozen=True, eq=False)
class WeightHook:
    """A change of weights with its strengths.

    Attributes:
        source: Where the patches come from.
        strength_model: Factor for the diffusion model.
        strength_clip: Factor for the text encoders.
        keyframes: How the factors change over the run.
    """

    source: PatchSource
    strength_model: float = 1.0
    strength_clip: float = 1.0
    keyframes: Keyframes = ()


@dataclass(frozen=True, slots=True)
class HookGroup:
    """Hooks that act together on one prompt; two groups of the same hooks are equal."""

    hooks: tuple[WeightHook, ...] = field(default=())

    def joined(self, other: HookGroup | None) -> HookGroup:
        """Return the hooks of both, each once."""
        extra = other.hooks if other is not None else ()
        return HookGroup(
            (*self.hooks, *(hook for hook in extra if all(hook is not own for own in self.hooks)))
        )

    def with_keyframes(self, keyframes: Keyframes) -> HookGroup:
        """Return the same changes with other keyframes."""
        return HookGroup(tuple(replace(hook, keyframes=keyframes) for hook in self.hooks))

    def starts(self) -> list[float]:
        """Return the places of the run at which a strength changes, 0 first."""
        places = {frame.start_percent for hook in self.hooks for frame in hook.keyframes}
        return sorted({0.0, *places})

    def model_strengths(
        self, sigma: float, percent_to_sigma: PercentToSigma
    ) -> tuple[tuple[WeightHook, float], ...]:
        """Return each hook with its factor for the diffusion model at a noise level."""
        return tuple(
            (hook, hook.strength_model * strength_at(hook.keyframes, sigma, percent_to_sigma))
            for hook in self.hooks
        )

    def clip_strengths(self, percent: float = 0.0) -> tuple[tuple[WeightHook, float], ...]:
        """Return each hook with its factor for the text encoders at a place of the run."""
        return tuple(
            (hook, hook.strength_clip * strength_at(hook.keyframes, -percent, lambda p: -p))
            for hook in self.hooks
        )


def join_groups(groups: Iterable[HookGroup | None]) -> HookGroup | None:
    """Return all hooks of several groups, or None without any."""
    result: HookGroup | None = None
    for group in groups:
        if group is not None:
            result = group if result is None else result.joined(group)
    return result


def hook_patches(
    model: Any, strengths: Sequence[tuple[WeightHook, float]], is_text: bool = False
) -> list[tuple[WeightPatches, float]]:
    """Return patches with their factors for a network; those of factor 0 are left out."""
    return [
        (hook.source.patches(model, is_text), strength)
        for hook, strength in strengths
        if strength != 0
    ]
