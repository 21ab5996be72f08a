"""Weight patches: what a LoRA file adds to one weight (rules D-191 to D-195)."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from app.engine.models.replaceable import replaceable

log = logging.getLogger("easel.models")

Tensor = torch.Tensor
Slice = tuple[int, int, int]
"""Axis, start and length of the part of a weight that a patch is for."""


class WeightAdapter(ABC):
    """What one kind of patch adds to a weight."""

    @abstractmethod
    def difference(self, weight: Tensor) -> Tensor:
        """Return what is added at strength 1, scaled, in the shape of ``weight`` and float32."""

    @property
    def dora_scale(self) -> Tensor | None:
        """Magnitudes of a DoRA, or None."""
        return None

    def apply(self, weight: Tensor, strength: float) -> Tensor:
        """Return the patched weight (float32)."""
        scale = self.dora_scale
        if scale is None:
            return weight + strength * self.difference(weight)
        return _apply_dora(weight, self.difference(weight), scale.to(weight), strength)


def _apply_dora(weight: Tensor, difference: Tensor, scale: Tensor, strength: float) -> Tensor:
    """Return the weight with direction and magnitude changed apart (arXiv:2402.09353; D-194)."""
    changed = weight + difference
    if scale.shape[0] == changed.shape[0]:
        norm = weight.flatten(1).norm(dim=1).reshape(-1, *[1] * (weight.ndim - 1))
    else:
        norm = changed.transpose(0, 1).flatten(1).norm(dim=1)
        norm = norm.reshape(-1, 1, *[1] * (weight.ndim - 2)).transpose(0, 1)
    changed = changed * (scale / (norm + torch.finfo(weight.dtype).eps))
    result: Tensor = weight + strength * (changed - weight)
    return result


def _product(up: Tensor, down: Tensor) -> Tensor:
    return up.float().flatten(1) @ down.float().flatten(1)


@dataclass(frozen=True, slots=True)
class Lora(WeightAdapter):
    """A product of two narrow matrices (arXiv:2106.09685).

    Attributes:
        up: ``(out, rank, ...)``.
        down: ``(rank, in, ...)``.
        alpha: Scale times rank, or None for scale 1.
        mid: ``(rank, rank, kernel...)`` of a Tucker-decomposed convolution, or None.
        dora: Magnitudes, or None.
        reshape: Shape of the weight after patching, when the patch enlarges it.
    """

    up: Tensor
    down: Tensor
    alpha: float | None = None
    mid: Tensor | None = None
    dora: Tensor | None = None
    reshape: tuple[int, ...] | None = None

    @property
    def dora_scale(self) -> Tensor | None:
        """Magnitudes of a DoRA, or None."""
        return self.dora

    def difference(self, weight: Tensor) -> Tensor:
        """Return ``(alpha / rank) * up @ down`` in the weight's shape."""
        scale = 1.0 if self.alpha is None else self.alpha / self.down.shape[0]
        up, down = self.up.to(weight.device), self.down.to(weight.device)
        if self.mid is not None:
            mid = self.mid.to(weight.device).float()
            # down is (rank, in, 1, 1): its rank axis is contracted with the mid's second one.
            down = torch.einsum("pr...,ri->pi...", mid, down.float().flatten(1))
        return (_product(up, down) * scale).reshape(weight.shape)

    def apply(self, weight: Tensor, strength: float) -> Tensor:
        """Return the patched weight; a weight that grows is filled up with zeros first."""
        if self.reshape is not None and tuple(weight.shape) != self.reshape:
            larger = weight.new_zeros(self.reshape)
            larger[tuple(slice(0, length) for length in weight.shape)] = weight
            weight = larger
        return WeightAdapter.apply(self, weight, strength)


@dataclass(frozen=True, slots=True)
class Loha(WeightAdapter):
    """An elementwise product of two low-rank products (arXiv:2108.06098).

    Attributes:
        w1a: ``(out, rank)``, or ``(rank, out)`` with ``t1``.
        w1b: ``(rank, in)``.
        w2a: As ``w1a``.
        w2b: As ``w1b``.
        alpha: Scale times rank, or None for scale 1.
        t1: Core of a convolution ``(rank, rank, kernel...)``, or None.
        t2: The second core.
        dora: Magnitudes, or None.
    """

    w1a: Tensor
    w1b: Tensor
    w2a: Tensor
    w2b: Tensor
    alpha: float | None = None
    t1: Tensor | None = None
    t2: Tensor | None = None
    dora: Tensor | None = None

    @property
    def dora_scale(self) -> Tensor | None:
        """Magnitudes of a DoRA, or None."""
        return self.dora

    def difference(self, weight: Tensor) -> Tensor:
        """Return the scaled elementwise product in the weight's shape."""
        parts = []
        for a, b, core in ((self.w1a, self.w1b, self.t1), (self.w2a, self.w2b, self.t2)):
            a, b = a.to(weight.device).float(), b.to(weight.device).float()
            if core is None:
                parts.append(a @ b)
            else:
                core = core.to(weight.device).float()
                parts.append(torch.einsum("ijkl,jr,ip->prkl", core, b, a))
        scale = 1.0 if self.alpha is None else self.alpha / self.w1b.shape[0]
        return (parts[0] * parts[1] * scale).reshape(weight.shape)


@dataclass(frozen=True, slots=True)
class Lokr(WeightAdapter):
    """A Kronecker product of two small matrices, each perhaps factored.

    Attributes:
        w1: First factor, or its two factors.
        w2: Second factor, or its two factors.
        alpha: Scale times the width of a factored part, or None for scale 1.
        t2: Core of a factored convolution, or None.
        dora: Magnitudes, or None.
    """

    w1: Tensor | tuple[Tensor, Tensor]
    w2: Tensor | tuple[Tensor, Tensor]
    alpha: float | None = None
    t2: Tensor | None = None
    dora: Tensor | None = None

    @property
    def dora_scale(self) -> Tensor | None:
        """Magnitudes of a DoRA, or None."""
        return self.dora

    def difference(self, weight: Tensor) -> Tensor:
        """Return the scaled Kronecker product in the weight's shape."""
        width = None
        if isinstance(self.w1, tuple):
            width = self.w1[1].shape[0]
            first = self._joined(self.w1, weight)
        else:
            first = self.w1.to(weight.device).float()
        if isinstance(self.w2, tuple):
            width = self.w2[1].shape[0]
            a, b = (part.to(weight.device).float() for part in self.w2)
            if self.t2 is None:
                second = a @ b
            else:
                core = self.t2.to(weight.device).float()
                second = torch.einsum("ijkl,jr,ip->prkl", core, b, a)
        else:
            second = self.w2.to(weight.device).float()
        if second.ndim == 4:
            first = first[:, :, None, None]
        scale = 1.0 if self.alpha is None or width is None else self.alpha / width
        return (torch.kron(first, second) * scale).reshape(weight.shape)

    @staticmethod
    def _joined(pair: tuple[Tensor, Tensor], weight: Tensor) -> Tensor:
        a, b = (part.to(weight.device).float() for part in pair)
        return a @ b


@dataclass(frozen=True, slots=True)
class Glora(WeightAdapter):
    """A patch that also depends on the weight (arXiv:2306.07967).

    Attributes:
        a1: First pair's inner matrix.
        a2: First pair's outer matrix.
        b1: Second pair's inner matrix.
        b2: Second pair's outer matrix.
        alpha: Scale times rank, or None for scale 1.
        dora: Magnitudes, or None.
    """

    a1: Tensor
    a2: Tensor
    b1: Tensor
    b2: Tensor
    alpha: float | None = None
    dora: Tensor | None = None

    @property
    def dora_scale(self) -> Tensor | None:
        """Magnitudes of a DoRA, or None."""
        return self.dora

    def difference(self, weight: Tensor) -> Tensor:
        """Return ``W a2 a1 + b1 b2`` or its older form, by the shapes, scaled."""
        a1, a2, b1, b2 = (
            part.to(weight.device).float().flatten(1)
            for part in (self.a1, self.a2, self.b1, self.b2)
        )
        flat = weight.flatten(1)
        older = b2.shape[1] == b1.shape[0] == a1.shape[0] == a2.shape[1]
        if older:
            rank = a1.shape[0]
            change = b2 @ b1 + (flat @ a2) @ a1
        else:
            rank = a2.shape[0]
            change = b1 @ b2 + (flat @ a1) @ a2
        scale = 1.0 if self.alpha is None else self.alpha / rank
        return (change * scale).reshape(weight.shape)


@dataclass(frozen=True, slots=True)
class Oft(WeightAdapter):
    """Rotations of blocks of output channels (arXiv:2306.07280), butterfly ones too.

    Attributes:
        blocks: ``(blocks, size, size)``, or ``(stages, blocks, size, size)`` for BOFT.
        rescale: Factor of each output channel, or None.
        alpha: Bound of the rotation; 0 or None for no bound.
    """

    blocks: Tensor
    rescale: Tensor | None = None
    alpha: float | None = None

    def apply(self, weight: Tensor, strength: float) -> Tensor:
        """Return the patched weight.

        The strength bends the rotation and scales the result as well, as the reference does.
        """
        return weight + strength * self._turned_by(weight, strength)

    def difference(self, weight: Tensor) -> Tensor:
        """Return the rotated weight less the weight."""
        return self._turned_by(weight, 1.0)

    def _turned_by(self, weight: Tensor, strength: float) -> Tensor:
        blocks = self.blocks.to(weight.device).float()
        turned = weight.float()
        stages = blocks if blocks.ndim == 4 else blocks[None]
        for stage, part in enumerate(stages):
            unit = torch.eye(part.shape[-1], device=part.device)
            rotation = strength * self._rotation(part) + (1.0 - strength) * unit
            if blocks.ndim == 4:
                turned = _butterfly(rotation, turned, stage)
            else:
                count, size, _ = rotation.shape
                split = turned.reshape(count, size, -1)
                turned = torch.einsum("knm,knr->kmr", rotation, split).reshape(weight.shape)
        if self.rescale is not None:
            turned = turned * self.rescale.to(turned).reshape(-1, *[1] * (weight.ndim - 1))
        return turned - weight

    def _rotation(self, part: Tensor) -> Tensor:
        """Return Cayley's orthogonal matrices of the skew part of ``part``."""
        skew = part - part.transpose(1, 2)
        bound = self.alpha or 0.0
        if bound > 0:
            length = skew.norm() + 1e-8
            if length > bound:
                skew = skew * (bound / length)
        unit = torch.eye(part.shape[1], device=part.device, dtype=part.dtype)
        rotation: Tensor = (unit + skew) @ torch.linalg.inv(unit - skew)
        return rotation


def _butterfly(rotation: Tensor, weight: Tensor, stage: int) -> Tensor:
    """Rotate blocks whose channels lie ``2 ** stage`` apart (arXiv:2311.06243)."""
    count, size, _ = rotation.shape
    half = size // 2
    stride = 2**stage * half
    channels = weight.shape[0]
    split = weight.reshape(channels // (2 * stride), 2, stride, -1)
    ordered = split.transpose(1, 2).reshape(count, size, -1)
    turned = torch.einsum("bij,bjr->bir", rotation, ordered)
    back = turned.reshape(channels // (2 * stride), stride, 2, -1).transpose(1, 2)
    return back.reshape(weight.shape)


@dataclass(frozen=True, slots=True)
class Patch:
    """One entry of a patcher's list for one weight.

    Attributes:
        strength: Factor of the patch.
        value: An adapter, or ``(kind, arguments)`` as packs write it, or a nested list.
        strength_model: Factor of the weight before the patch.
        offset: Part of the weight that is patched, or None for all of it.
        function: Applied to what is added, or None.
    """

    strength: float
    value: Any
    strength_model: float = 1.0
    offset: Slice | None = None
    function: Callable[[Tensor], Tensor] | None = None

    def __iter__(self) -> Any:
        """Unpack as the tuple that packs expect."""
        return iter((self.strength, self.value, self.strength_model, self.offset, self.function))

    def __getitem__(self, index: int) -> Any:
        """Return a part by its place in that tuple."""
        return tuple(self)[index]


@replaceable("calculate_weight")
def calculate_weight(
    patches: Iterable[Any],
    weight: Tensor,
    key: str,
    intermediate_dtype: torch.dtype = torch.float32,
    original_weights: Any = None,
) -> Tensor:
    """Return a weight with patches applied in order (D-195).

    Args:
        patches: :class:`Patch` objects or the tuples that packs write.
        weight: The weight, float32; it is not changed.
        key: Its name, for warnings.
        intermediate_dtype: Type to compute in.
        original_weights: For packs; unused.
    """
    for patch in patches:
        strength, value, strength_model, offset, function = patch
        if strength_model != 1.0:
            weight = weight * strength_model
        whole = weight
        if offset is not None:
            weight = weight.narrow(*offset)
        try:
            changed = _patched(weight, strength, value, key, intermediate_dtype)
        except (RuntimeError, ValueError, IndexError) as error:
            log.warning("A patch does not fit %s %s: %s", key, tuple(weight.shape), error)
            changed = weight
        if function is not None:
            changed = weight + function(changed - weight)
        if offset is not None:
            whole = whole.clone()
            whole.narrow(*offset).copy_(changed)
            weight = whole
        else:
            weight = changed
    return weight


def _patched(weight: Tensor, strength: float, value: Any, key: str, dtype: torch.dtype) -> Tensor:
    if isinstance(value, WeightAdapter):
        return value.apply(weight, strength)
    if isinstance(value, list):
        base, *rest = value
        tensor = base[0] if isinstance(base, tuple) else base
        if callable(base) and not isinstance(base, torch.Tensor):
            tensor = base(weight)
        merged = calculate_weight(rest, tensor.to(weight), key, dtype)
        return weight + strength * merged
    kind, arguments = ("diff", value) if len(value) == 1 else value
    if kind == "set":
        replaced: Tensor = arguments[0].to(weight).reshape(weight.shape).clone()
        return replaced
    if kind == "diff":
        return _add_difference(weight, strength, arguments, key)
    if kind == "model_as_lora":
        target: Tensor = arguments[0].to(weight)
        return weight + strength * (target - weight)
    log.warning('The patch kind "%s" of %s is not known.', kind, key)
    return weight


def _add_difference(weight: Tensor, strength: float, arguments: Any, key: str) -> Tensor:
    if arguments[0] is None:
        # Packs write this where only the factor of the weight itself matters.
        return weight
    difference: Tensor = arguments[0].to(weight)
    if len(arguments) > 1 and arguments[1].get("pad_weight") and weight.shape != difference.shape:
        shape = [max(pair) for pair in zip(weight.shape, difference.shape, strict=True)]
        larger = weight.new_zeros(shape)
        larger[tuple(slice(0, length) for length in weight.shape)] = weight
        weight = larger
    if strength == 0.0:
        return weight
    if difference.shape != weight.shape:
        log.warning(
            "A patch does not fit %s: %s meets %s.", key, tuple(difference.shape),
            tuple(weight.shape),
        )  # fmt: skip
        return weight
    return weight + strength * difference
